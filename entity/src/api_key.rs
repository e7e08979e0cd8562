//! API keys; only a digest of the secret is kept.

use std::collections::BTreeSet;

use licentia_types::ids::ApiKeyId;
use licentia_types::ip_ranges::IpRange;
use licentia_types::permissions::Permission;
use licentia_types::text::Name;
use licentia_types::time::Timestamp;
use sea_orm::FromJsonQueryResult;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: ApiKeyId,
    pub name: Name,
    pub origin: Origin,
    pub secret_digest: Vec<u8>,
    pub permissions: Permissions,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    pub ip_ranges: Option<IpRanges>,
    pub former_digest: Option<Vec<u8>>,
    pub former_until: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub bounded: bool,
}

/// A JSON array of permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
pub struct Permissions(pub BTreeSet<Permission>);

/// A JSON array of ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
pub struct IpRanges(pub BTreeSet<IpRange>);

/// Where a key comes from; production takes none that was printed for trying things out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Origin {
    #[sea_orm(string_value = "operator")]
    Operator,
    #[sea_orm(string_value = "first_start")]
    FirstStart,
    #[sea_orm(string_value = "demo")]
    Demo,
    #[sea_orm(string_value = "api")]
    Api,
    #[sea_orm(string_value = "file")]
    File,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
