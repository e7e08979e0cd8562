//! The binary `licentia` as an operator meets it: its commands, exit codes, files and signals.

mod admins;
mod audit;
mod configuration;
mod crash;
mod demonstration;
mod help;
pub(crate) mod installation;
mod key_file;
mod keys;
mod serving;
mod signing_keys;
mod tls;
