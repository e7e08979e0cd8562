//! Letters that are to be sent, and those that were.

use licentia_types::ids::{CustomerId, MailId};
use licentia_types::mails::{MailStatus, MailTemplate};
use licentia_types::text::Email;
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "mail")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: MailId,
    pub template: MailTemplate,
    pub recipient: Email,
    pub customer_id: Option<CustomerId>,
    pub event_id: Option<i64>,
    pub status: MailStatus,
    pub urgent: bool,
    pub letter: Option<Vec<u8>>,
    pub attempts: i32,
    pub doubtful: i32,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub give_up_at: Timestamp,
    pub sent_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
