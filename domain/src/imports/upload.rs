//! Receiving what is to be imported: it is stored in sealed pieces of whole rows as it comes, each in a
//! transaction of its own, and the job begins when the last one is there.

use licentia_crypto::sealing::Place;
use licentia_entity::{import, import_chunk};
use licentia_types::ids::{GroupId, ImportId};
use licentia_types::imports::{ImportPreset, ImportResponse, ImportStatus};
use sea_orm::ActiveValue::Set;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel};
use serde_json::json;

use super::error::ImportError;
use super::records::Records;
use super::{ImportOptions, render, store};
use crate::actors::{Actor, Caller};
use crate::context::Context;
use crate::database::Lane;
use crate::failure::Failure;
use crate::groups::Placing;
use crate::products::{self, ProductName, Visible};
use crate::scope::Scope;
use crate::{audit, once};

/// Most rows of a piece: what one transaction takes in.
const ROWS: usize = 250;
/// About the most bytes of a piece.
const BYTES: usize = 262_144;

/// How the rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// RFC 4180, with a head.
    Csv,
}

/// Begin an import.
#[derive(Clone, Debug)]
pub struct Begin {
    /// What holds for all rows.
    pub options: ImportOptions,
    /// How they are written.
    pub format: Format,
    /// Nothing is written but the results.
    pub dry_run: bool,
    /// The group into which all of it is put.
    pub group: Option<GroupId>,
}

/// An import whose rows are coming.
pub struct Upload<'a> {
    ctx: &'a Context,
    caller: Caller,
    id: ImportId,
    records: Records,
    waiting: Vec<String>,
    bytes_waiting: usize,
    bytes: u64,
    rows: i64,
    pieces: i64,
}

impl std::fmt::Debug for Upload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("id", &self.id).field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// Begins an import; its rows are to follow. Of one that was begun before, under the same key, they are only compared.
///
/// # Errors
/// When the rows cannot be written so, or there is no such product or group.
pub async fn begin<'a>(ctx: &'a Context, caller: &Caller, command: Begin) -> Result<Upload<'a>, ImportError> {
    expect_readable(command.options.preset, command.format)?;
    let id = ImportId::new(ctx.moment().new_uuid()?);
    let upload = Upload::of(ctx, caller.clone(), id, command.format);
    if !upload.is_repeated() {
        write(ctx, caller, id, command).await?;
    }
    Ok(upload)
}

async fn write(ctx: &Context, caller: &Caller, id: ImportId, command: Begin) -> Result<(), ImportError> {
    if let Some(slug) = &command.options.product {
        let named = ProductName::Slug(slug.clone());
        products::store::find(&ctx.db, Visible::All, &named).await?.ok_or(ImportError::ProductUnknown)?;
    }
    let moment = ctx.moment();
    let tx = ctx.db.write(Lane::Ordinary).await?;
    let group_id = Placing::of(&tx, &caller.actor, command.group).await?.place(command.group)?;
    let options =
        serde_json::to_value(&command.options).map_err(|_| Failure::Corrupt("options of an import"))?;
    let import = import::Model {
        id,
        status: ImportStatus::Receiving,
        options,
        api_key_id: match &caller.actor {
            Actor::ApiKey { id, .. } => Some(*id),
            _ => None,
        },
        admin_id: match &caller.actor {
            Actor::Admin { id, .. } => Some(*id),
            _ => None,
        },
        session_id: match &caller.actor {
            Actor::Admin { session, .. } => Some(*session),
            _ => None,
        },
        ip: caller.ip.map(|ip| ip.to_string()),
        request_id: caller.request_id.clone(),
        rows: 0,
        rows_done: 0,
        rows_created: 0,
        rows_refused: 0,
        chunks: 0,
        chunks_done: 0,
        created_at: moment.now,
        updated_at: moment.now,
        finished_at: None,
        dry_run: command.dry_run,
        group_id,
    };
    import::Entity::insert(import.into_active_model().reset_all()).exec_without_returning(&tx).await?;
    let detail = json!({"preset": command.options.preset, "dryRun": command.dry_run});
    let event = audit::Event::new("import.begun", &id, detail).in_group(group_id);
    audit::record(&tx, &moment, caller, event).await?;
    Ok(tx.commit().await?)
}

fn expect_readable(preset: ImportPreset, format: Format) -> Result<(), ImportError> {
    match (preset, format) {
        (ImportPreset::Native | ImportPreset::Keygen, Format::Csv) => Err(ImportError::CsvNative),
        (ImportPreset::Gumroad, Format::JsonLines) => Err(ImportError::GumroadJson),
        _ => Ok(()),
    }
}

impl<'a> Upload<'a> {
    fn of(ctx: &'a Context, caller: Caller, id: ImportId, format: Format) -> Self {
        Self {
            ctx,
            caller,
            id,
            records: Records::of(format),
            waiting: Vec::new(),
            bytes_waiting: 0,
            bytes: 0,
            rows: 0,
            pieces: 0,
        }
    }

    /// Whether it was begun before, under the same key.
    fn is_repeated(&self) -> bool {
        self.caller.once.as_ref().is_some_and(|once| once.is_answered())
    }

    /// Takes some bytes, cut anywhere.
    ///
    /// # Errors
    /// When they are too many, or no records.
    pub async fn take(&mut self, bytes: &[u8]) -> Result<(), ImportError> {
        let most = self.ctx.settings.import_bytes;
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if self.bytes > most {
            return Err(ImportError::TooLarge { most });
        }
        if let Some(once) = &self.caller.once {
            once.take(bytes);
        }
        if self.is_repeated() {
            return Ok(());
        }
        let mut found = Vec::new();
        self.records.take(bytes, &mut found)?;
        self.keep(found).await
    }

    /// All has come: the job may begin.
    ///
    /// # Errors
    /// When there are no rows, or the last one is no record.
    pub async fn finish(&mut self) -> Result<ImportResponse, ImportError> {
        if let Some(answer) = once::answered_whole(self.ctx, &self.caller)? {
            return Ok(answer);
        }
        let mut found = Vec::new();
        self.records.end(&mut found)?;
        self.keep(found).await?;
        self.store().await?;
        if self.rows == 0 {
            return Err(ImportError::Empty);
        }
        let moment = self.ctx.moment();
        let tx = once::begin(self.ctx, &self.caller).await?;
        if !store::start(&tx, self.id, moment.now).await? {
            return Err(ImportError::NotFound);
        }
        let import = store::find(&tx, Scope::Everything, self.id).await?.ok_or(ImportError::NotFound)?;
        let shown = render(&import)?;
        once::commit(self.ctx, &moment, &self.caller, tx, &shown).await?;
        Ok(shown)
    }

    /// Nothing more will come; what came is forgotten.
    ///
    /// # Errors
    /// When the database fails; the import is given up later, then.
    pub async fn abandon(self) -> Result<(), Failure> {
        let tx = self.ctx.db.write(Lane::Ordinary).await?;
        store::fail(&tx, &[self.id], self.ctx.moment().now).await?;
        Ok(tx.commit().await?)
    }

    async fn keep(&mut self, found: Vec<String>) -> Result<(), ImportError> {
        for record in found {
            self.bytes_waiting += record.len();
            self.waiting.push(record);
            if self.waiting.len() >= ROWS || self.bytes_waiting >= BYTES {
                self.store().await?;
            }
        }
        Ok(())
    }

    /// What waits becomes a piece.
    async fn store(&mut self) -> Result<(), ImportError> {
        let records = std::mem::take(&mut self.waiting);
        self.bytes_waiting = 0;
        let Ok(rows @ 1..) = i32::try_from(records.len()) else { return Ok(()) };
        let piece = import_chunk::ActiveModel {
            import_id: Set(self.id),
            number: Set(self.pieces),
            first_row: Set(self.rows + 1),
            rows: Set(rows),
            sealed: Set(seal(self.ctx, self.id, self.pieces, &records)?),
        };
        let tx = self.ctx.db.write(Lane::Ordinary).await?;
        let (now, rows) = (self.ctx.moment().now, i64::from(rows));
        if !store::add_piece(&tx, piece, (self.id, rows), now).await? {
            return Err(ImportError::NotFound);
        }
        tx.commit().await?;
        self.rows += rows;
        self.pieces += 1;
        Ok(())
    }
}

fn seal(ctx: &Context, id: ImportId, number: i64, records: &[String]) -> Result<Vec<u8>, Failure> {
    let json = serde_json::to_vec(records).map_err(|_| Failure::Corrupt("piece of an import"))?;
    Ok(ctx.kek.seal(place(&row_name(id, number)), &json)?.into_bytes())
}

/// The records of a piece.
pub(super) fn open(ctx: &Context, piece: &import_chunk::Model) -> Result<Vec<String>, Failure> {
    let json = ctx.kek.open(place(&row_name(piece.import_id, piece.number)), &piece.sealed)?;
    serde_json::from_slice(&json).map_err(|_| Failure::Corrupt("piece of an import"))
}

fn row_name(id: ImportId, number: i64) -> String {
    format!("{id}:{number}")
}

fn place(row: &str) -> Place<'_> {
    Place { table: "import_chunk", column: "sealed", row }
}
