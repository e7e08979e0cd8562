//! The head of the chain: how many links there are, in a row of its own under a MAC, so that a cut
//! tail shows.
//!
//! It is there before the first link, so a head that is missing is damage like one that is forged:
//! else whoever takes away head and links together would have the log sealed anew.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use licentia_entity::{audit_link, server_setting};
use licentia_types::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use super::chain::{Chain, Head, Link};
use crate::database::WriteTx;
use crate::failure::Failure;

const NAME: &str = "audit_head";

/// What stands in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    /// No such row.
    Missing,
    /// Not written by this server.
    Forged,
    Good(Head),
}

pub(super) async fn load(db: &impl ConnectionTrait, chain: Chain<'_>) -> Result<Stored, DbErr> {
    let row = server_setting::Entity::find_by_id(NAME.to_owned()).one(db).await?;
    Ok(row.map_or(Stored::Missing, |row| parse(&row.value, chain).map_or(Stored::Forged, Stored::Good)))
}

/// Writes the head of the empty chain. One that is there already is of another key, and stays: it
/// tells every check that the key is not the first one.
pub(super) async fn begin(tx: &WriteTx, chain: Chain<'_>, now: Timestamp) -> Result<(), DbErr> {
    let keep = OnConflict::column(server_setting::Column::Name).do_nothing().to_owned();
    let row = row(chain, &Head::NONE, now);
    server_setting::Entity::insert(row).on_conflict(keep).exec_without_returning(tx).await?;
    Ok(())
}

pub(super) async fn store(tx: &WriteTx, chain: Chain<'_>, head: &Head, now: Timestamp) -> Result<(), DbErr> {
    let replace = OnConflict::column(server_setting::Column::Name)
        .update_columns([server_setting::Column::Value, server_setting::Column::CreatedAt])
        .to_owned();
    let row = row(chain, head, now);
    server_setting::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

fn row(chain: Chain<'_>, head: &Head, now: Timestamp) -> server_setting::ActiveModel {
    server_setting::ActiveModel {
        name: Set(NAME.to_owned()),
        value: Set(format(head, chain)),
        created_at: Set(now),
    }
}

/// Where the next link goes. What is missing or forged is never mended: the chain goes on behind
/// it, and leaves a gap that every check will find.
pub(super) async fn end(tx: &WriteTx, chain: Chain<'_>) -> Result<Head, Failure> {
    let last = last(tx).await?;
    let last_position = last.as_ref().map_or(0, |link| link.position);
    match load(tx, chain).await? {
        Stored::Good(head) if head.position >= last_position => Ok(head),
        Stored::Missing | Stored::Forged | Stored::Good(_) => {
            let digest = last.and_then(|link| Link::from_bytes(&link.link)).map(|link| link.head);
            let position = last_position.saturating_add(1);
            Ok(Head { position, digest: digest.unwrap_or(Head::NONE.digest) })
        }
    }
}

pub(super) async fn last(db: &impl ConnectionTrait) -> Result<Option<audit_link::Model>, DbErr> {
    audit_link::Entity::find().order_by_desc(audit_link::Column::Position).one(db).await
}

fn format(head: &Head, chain: Chain<'_>) -> String {
    let encode = |bytes: [u8; 32]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", head.position, encode(head.digest), encode(chain.length(head)))
}

fn parse(text: &str, chain: Chain<'_>) -> Option<Head> {
    let mut parts = text.split('.');
    let position = parts.next()?.parse().ok()?;
    let digest = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
    let head = Head { position, digest };
    (format(&head, chain) == text).then_some(head)
}

#[cfg(test)]
mod tests {
    use licentia_crypto::digests::DigestKey;

    use super::*;

    #[test]
    fn only_what_this_server_wrote_is_read() {
        let key = DigestKey::from_bytes([1; 32]);
        let head = Head { position: 12, digest: [7; 32] };
        let text = format(&head, Chain(&key));
        assert_eq!(parse(&text, Chain(&key)), Some(head));
        assert_eq!(parse(&text, Chain(&DigestKey::from_bytes([2; 32]))), None);
        for other in
            [text.replacen("12", "11", 1), text.replacen("12", "+12", 1), format!("{text}."), String::new()]
        {
            assert_eq!(parse(&other, Chain(&key)), None, "{other}");
        }
    }
}
