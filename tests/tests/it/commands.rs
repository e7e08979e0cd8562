//! The binary `licentia` as an operator meets it: its commands, exit codes, files and signals.

mod configuration;
mod demonstration;
mod help;
mod installation;
mod keys;
mod serving;
