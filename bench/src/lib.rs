//! What drives real servers: their processes, a client of HTTP that costs little, what Linux tells of them, medians.
//!
//! The load (`main.rs`) measures with it, and `licentia-faults` breaks servers with it.
#![forbid(unsafe_code)]

pub mod http;
pub mod proc_files;
pub mod process;
pub mod statistics;
