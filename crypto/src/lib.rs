//! Bytes in, bytes out: everything Licentia does with keys, signatures and secrets.
//!
//! Nothing here reads a clock, a database or a network, and nothing depends on Licentia's other crates. All
//! primitives are aws-lc's, but for signatures in lanes ([`multi_buffer`]); this crate adds the formats, the checks and the names. Errors carry no key material and
//! no input; types that hold secrets redact their `Debug`.

mod crockford;
mod hashing;

pub mod armour;
pub mod digests;
pub mod jwe;
pub mod jws;
pub mod license_keys;
pub mod machine_keys;
pub mod multi_buffer;
pub mod nonces;
pub mod passwords;
pub mod recovery_codes;
pub mod rsa_keys;
pub mod sealing;
pub mod totp;
