//! When the owner of a licence was written to last, of what others can bring about as often as they like.

use licentia_types::ids::LicenseId;
use licentia_types::mails::MailTemplate;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "license_notice")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub license_id: LicenseId,
    #[sea_orm(primary_key, auto_increment = false)]
    pub template: MailTemplate,
    pub told_at: Timestamp,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
