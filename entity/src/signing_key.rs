//! Signing keys; the private part is sealed.

use licentia_types::text::Note;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_key")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kid: String,
    pub purpose: Purpose,
    pub public_spki: Vec<u8>,
    pub private_sealed: Vec<u8>,
    pub published_at: Timestamp,
    pub active_from: Option<Timestamp>,
    pub retiring_from: Option<Timestamp>,
    pub signs_until: Timestamp,
    pub retired_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub revocation_reason: Option<Note>,
    pub imported: bool,
}

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub enum Purpose {
    #[sea_orm(string_value = "token")]
    Token,
    #[sea_orm(string_value = "document")]
    Document,
    #[sea_orm(string_value = "session")]
    Session,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
