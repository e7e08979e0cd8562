//! What is kept in memory, of the database and of what was computed: only what never changes under its name.
//!
//! A catalogue is named by its revision, what a licence grants by the versions of everything that it
//! follows from, a consumer's key by its thumbprint, what a token says by the token's digest. Nothing here is ever stale, so that nothing is
//! ever taken out but to make room. Machines are never kept: they change with every contact.
//!
//! A database that is restored under a running server gives versions a second time: restart it then.

use std::sync::Arc;

use licentia_crypto::jwe::ConsumerKey;
use licentia_entity::product;
use licentia_types::ids::ProductId;
use licentia_types::tokens::LicenseClaims;
use quick_cache::sync::Cache;

use crate::licenses::grants::{GrantName, Granted, ProductName};
use crate::status_lists::{ListNumber, Shuffle};
use crate::tiers::Catalogue;
use crate::tokens::TokenDigest;

/// A large one takes some 100 KB.
const CATALOGUES: usize = 64;
/// One takes about 1 KB.
const PRODUCTS: usize = 256;
/// One takes about 2 KB.
const GRANTS: usize = 4_096;
/// One takes about 1 KB.
const CONSUMER_KEYS: usize = 2_048;
/// One takes 6 KB, for 131,072 machines.
const SHUFFLES: usize = 4_096;
/// One takes about 2 KB.
const VERIFIED: usize = 4_096;

/// What is kept in memory.
pub(crate) struct Caches {
    /// By product and revision.
    pub(crate) catalogues: Cache<(ProductId, i64), Arc<Catalogue>>,
    /// By everything that can change of them.
    pub(crate) products: Cache<ProductName, Arc<product::Model>>,
    /// What licences grant.
    pub(crate) grants: Cache<GrantName, Arc<Granted>>,
    /// By thumbprint.
    pub(crate) consumer_keys: Cache<String, Arc<ConsumerKey>>,
    /// The orders of status lists.
    pub(crate) shuffles: Cache<ListNumber, Arc<Shuffle>>,
    /// What tokens say of which the signature was verified.
    pub(crate) verified: Cache<TokenDigest, Arc<LicenseClaims>>,
}

impl Default for Caches {
    fn default() -> Self {
        Self {
            catalogues: Cache::new(CATALOGUES),
            products: Cache::new(PRODUCTS),
            grants: Cache::new(GRANTS),
            consumer_keys: Cache::new(CONSUMER_KEYS),
            shuffles: Cache::new(SHUFFLES),
            verified: Cache::new(VERIFIED),
        }
    }
}

impl std::fmt::Debug for Caches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caches")
            .field("catalogues", &self.catalogues.len())
            .field("products", &self.products.len())
            .field("grants", &self.grants.len())
            .field("consumer_keys", &self.consumer_keys.len())
            .field("shuffles", &self.shuffles.len())
            .field("verified", &self.verified.len())
            .finish()
    }
}
