//! What a hot statement answers, read column after column.

use rusqlite::types::Value as Cell;
use sea_orm::sea_query::{ArrayType, ValueType};
use sea_orm::{DbErr, QueryResult, TryGetable, Value};
use uuid::Uuid;

/// A row of an answer.
pub(crate) enum Row {
    Direct(Vec<Cell>),
    Pooled(QueryResult),
}

impl From<QueryResult> for Row {
    fn from(row: QueryResult) -> Self {
        Self::Pooled(row)
    }
}

impl Row {
    /// Its columns from the first one on.
    pub(crate) const fn cells(&self) -> Cells<'_> {
        Cells { row: self, next: 0 }
    }
}

/// The columns of a row that were not read yet.
pub(crate) struct Cells<'a> {
    row: &'a Row,
    next: usize,
}

impl Cells<'_> {
    /// The next column.
    pub(crate) fn next<T: TryGetable + ValueType>(&mut self) -> Result<T, DbErr> {
        let place = self.next;
        self.next += 1;
        match self.row {
            Row::Pooled(row) => row.try_get_by_index(place),
            Row::Direct(cells) => cells.get(place).and_then(of_sqlite).ok_or_else(|| unread::<T>(place)),
        }
    }
}

fn unread<T: ValueType>(place: usize) -> DbErr {
    DbErr::Type(format!("column {place} is no {}", T::type_name()))
}

/// SQLite knows four kinds of values; what is wanted says which one of ours each of them is.
fn of_sqlite<T: ValueType>(cell: &Cell) -> Option<T> {
    let value = match (T::array_type(), cell) {
        (ArrayType::Bool, Cell::Null) => Value::Bool(None),
        (ArrayType::Bool, Cell::Integer(number)) => Value::Bool(Some(*number != 0)),
        (ArrayType::Int, Cell::Null) => Value::Int(None),
        (ArrayType::Int, Cell::Integer(number)) => Value::Int(Some((*number).try_into().ok()?)),
        (ArrayType::BigInt, Cell::Null) => Value::BigInt(None),
        (ArrayType::BigInt, Cell::Integer(number)) => Value::BigInt(Some(*number)),
        (ArrayType::String, Cell::Null) => Value::String(None),
        (ArrayType::String, Cell::Text(text)) => Value::String(Some(text.clone())),
        (ArrayType::Bytes, Cell::Null) => Value::Bytes(None),
        (ArrayType::Bytes, Cell::Blob(bytes)) => Value::Bytes(Some(bytes.clone())),
        (ArrayType::Json, Cell::Null) => Value::Json(None),
        (ArrayType::Json, Cell::Text(text)) => Value::Json(Some(Box::new(serde_json::from_str(text).ok()?))),
        (ArrayType::Uuid, Cell::Null) => Value::Uuid(None),
        (ArrayType::Uuid, Cell::Blob(bytes)) => Value::Uuid(Some(Uuid::from_slice(bytes).ok()?)),
        _ => return None,
    };
    T::try_from(value).ok()
}

/// What SQLite is to store of one of our values; none for kinds that no hot statement binds.
pub(super) fn to_sqlite(value: Value) -> Option<Cell> {
    let cell = match value {
        Value::Bool(value) => value.map(Cell::from),
        Value::Int(value) => value.map(Cell::from),
        Value::BigInt(value) => value.map(Cell::from),
        Value::String(value) => value.map(Cell::from),
        Value::Bytes(value) => value.map(Cell::from),
        Value::Uuid(value) => value.map(|id| Cell::Blob(id.as_bytes().to_vec())),
        _ => return None,
    };
    Some(cell.unwrap_or(Cell::Null))
}

#[cfg(test)]
mod tests {
    use licentia_types::activations::ActivationStatus;
    use licentia_types::ids::ActivationId;
    use licentia_types::text::Fingerprint;
    use licentia_types::time::Timestamp;

    use super::*;

    #[test]
    fn every_kind_comes_back_as_it_was_bound() {
        let id = ActivationId::new(Uuid::from_u128(7));
        let fingerprint: Fingerprint = "fp-1".parse().unwrap();
        let at = Timestamp::from_seconds(5);
        let bound: [Value; 9] = [
            id.into(),
            fingerprint.clone().into(),
            at.into(),
            ActivationStatus::Active.into(),
            true.into(),
            7_i32.into(),
            vec![1_u8, 2].into(),
            None::<Timestamp>.into(),
            None::<Uuid>.into(),
        ];
        let row = Row::Direct(bound.into_iter().map(|value| to_sqlite(value).unwrap()).collect());
        let mut cells = row.cells();
        assert_eq!(cells.next::<ActivationId>().unwrap(), id);
        assert_eq!(cells.next::<Fingerprint>().unwrap(), fingerprint);
        assert_eq!(cells.next::<Timestamp>().unwrap(), at);
        assert_eq!(cells.next::<ActivationStatus>().unwrap(), ActivationStatus::Active);
        assert!(cells.next::<bool>().unwrap());
        assert_eq!(cells.next::<i32>().unwrap(), 7);
        assert_eq!(cells.next::<Vec<u8>>().unwrap(), [1, 2]);
        assert_eq!(cells.next::<Option<Timestamp>>().unwrap(), None);
        assert_eq!(cells.next::<Option<ActivationId>>().unwrap(), None);
        cells.next::<i64>().unwrap_err();
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let row = Row::Direct(vec![Cell::Integer(i64::MAX), Cell::Text("x".into()), Cell::Null]);
        let mut cells = row.cells();
        cells.next::<i32>().unwrap_err();
        cells.next::<Uuid>().unwrap_err();
        cells.next::<i64>().unwrap_err();
        assert!(to_sqlite(Value::Double(Some(1.0))).is_none());
    }
}
