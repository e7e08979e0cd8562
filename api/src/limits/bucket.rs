//! Under which name a call is counted.

use licentia_domain::context::Context;

use super::Rule;
use super::network::Network;

/// The name of a bucket: 128 bits of a keyed digest, the same for all instances on a database. Nothing that was
/// digested can be had back from it, so that it may lie in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Bucket([u8; 16]);

impl Bucket {
    /// That of a rule, a network and what was named.
    pub(super) fn of(ctx: &Context, rule: Rule, network: Option<Network>, subject: &[u8]) -> Self {
        let mut named = Vec::with_capacity(64 + subject.len());
        named.extend_from_slice(rule.name().as_bytes());
        named.push(0);
        match network {
            Some(network) => network.write(&mut named),
            None => named.push(0),
        }
        named.extend_from_slice(subject);
        let digest = ctx.secrets.digests.digest("rate_limit", &named);
        zeroize::Zeroize::zeroize(&mut named);
        let mut bucket = [0; 16];
        for (to, from) in bucket.iter_mut().zip(digest) {
            *to = from;
        }
        Self(bucket)
    }

    /// For a key of Redis.
    pub(super) fn hex(&self) -> String {
        hex::encode(self.0)
    }

    #[cfg(test)]
    pub(super) const fn numbered(number: u8) -> Self {
        Self([number; 16])
    }
}
