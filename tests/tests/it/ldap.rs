//! Admins whom a directory knows.

mod slapd;
