//! Sessions of admins and customers; one that was ended is deleted.

use licentia_types::ids::{AdminId, CustomerId, SessionId};
use licentia_types::time::Timestamp;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub admin_id: Option<AdminId>,
    pub customer_id: Option<CustomerId>,
    pub generation: i64,
    pub created_at: Timestamp,
    pub refreshed_at: Timestamp,
    pub ends_at: Timestamp,
    pub ip: Option<String>,
    pub user_agent: Option<String>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::admin::Entity", from = "Column::AdminId", to = "super::admin::Column::Id")]
    Admin,
    #[sea_orm(
        belongs_to = "super::customer_account::Entity",
        from = "Column::CustomerId",
        to = "super::customer_account::Column::CustomerId"
    )]
    Customer,
}

impl Related<super::admin::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Admin.def()
    }
}

impl Related<super::customer_account::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Customer.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
