//! Tables of small rows. A partition, called a family, holds the rows whose keys agree up to the first zero
//! byte: so the rooms of a user lie together, and the cursors of a room.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use scylla::response::PagingState;
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::prepared::PreparedStatement;

use super::values;
use super::{Store, errors};
use crate::journal::{AppendError, ReadError, Table, TableRow, TableWrite};

/// Families that are found by one pass over all of them.
const FAMILIES: usize = 256;
/// Most bytes of rows that are written by one request, unless one row alone is larger: others on the same connection wait
/// for it.
const BATCH_BYTES: usize = 16 * 1024;
/// Bytes of a statement in a request besides the values.
const VERSION_BYTES: usize = 40;
/// Before a value: it is there, or it is removed.
const PRESENT: u8 = 1;
const REMOVED: u8 = 0;

impl Store {
    pub(super) async fn put_rows(&self, rows: Vec<TableWrite>) -> Result<(), AppendError> {
        self.all(self.row_writes(rows)).await
    }

    /// The requests that write these rows: what fits together goes in one.
    pub(super) fn row_writes(
        &self,
        rows: Vec<TableWrite>,
    ) -> Vec<BoxFuture<'_, Result<(), AppendError>>> {
        let batches = in_batches(rows.into_iter().map(Version::new).collect());
        let writes = batches.into_iter().map(|batch| self.put(batch).boxed());
        writes.collect()
    }

    /// Writes versions of one family, and removes the lower ones of each row.
    async fn put(&self, versions: Vec<Version>) -> Result<(), AppendError> {
        let each = [&self.statements.put_row, &self.statements.drop_row];
        let statements = versions.iter().flat_map(|_| each);
        let steps = versions.iter().flat_map(|v| [Step::Put(v), Step::Drop(v)]);
        let steps: Vec<_> = steps.collect();
        self.together("put_row", statements, steps).await
    }

    pub(super) async fn get_rows(
        &self,
        table: Table,
        keys: Vec<Vec<u8>>,
    ) -> Result<Vec<Option<TableRow>>, ReadError> {
        let reads = keys.into_iter().map(|key| self.get_row(table, key).boxed());
        let running = stream::iter(reads).buffered(self.options.concurrent_writes);
        running.try_collect().await
    }

    async fn get_row(&self, table: Table, key: Vec<u8>) -> Result<Option<TableRow>, ReadError> {
        let family = family(table, &key);
        let asked = (&family, &key);
        let rows = self.few("get_row", &self.statements.get_row, asked).await?;
        let row = rows.maybe_first_row::<(i64, Vec<u8>)>();
        match row.map_err(errors::read)? {
            None => Ok(None),
            Some((rank, sealed)) => parse(&family, key, rank, sealed),
        }
    }

    pub(super) async fn scan_rows(
        &self,
        table: Table,
        prefix: Vec<u8>,
        after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<TableRow>, ReadError> {
        let mut from = prefix.clone();
        if let Some(mut after) = after.filter(|after| *after >= prefix) {
            after.push(0);
            from = after;
        }
        let mut found = Vec::new();
        if prefix.contains(&0) {
            let family = family(table, &prefix);
            self.scan_family(&family, &prefix, &from, limit, &mut found)
                .await?;
            return Ok(found);
        }
        // Families in order of their names hold keys in order: a zero byte is the lowest of all.
        let mut lowest = family(table, &from);
        while found.len() < limit {
            let mut named = vec![table as u8];
            named.extend_from_slice(&prefix);
            let wanted = |family: &[u8]| family >= &lowest[..] && family.starts_with(&named);
            let statement = &self.statements.families;
            let families = self.smallest(statement, wanted, FAMILIES).await?;
            for family in &families {
                if found.len() < limit {
                    self.scan_family(family, &prefix, &from, limit, &mut found)
                        .await?;
                }
            }
            match families.last() {
                Some(last) if families.len() == FAMILIES => {
                    lowest = last.clone();
                    lowest.push(0);
                }
                _ => break,
            }
        }
        Ok(found)
    }

    /// Rows of one family from a key on, until there are so many; of several versions the highest.
    async fn scan_family(
        &self,
        family: &[u8],
        prefix: &[u8],
        from: &[u8],
        limit: usize,
        found: &mut Vec<TableRow>,
    ) -> Result<(), ReadError> {
        let mut before: Option<Vec<u8>> = None;
        let mut state = Some(PagingState::start());
        while let Some(paging) = state {
            let statement = &self.statements.scan_rows;
            let page = self.page("scan_rows", statement, (family, from), paging);
            let (rows, next) = page.await?;
            let rows = rows.rows::<(Vec<u8>, i64, Vec<u8>)>();
            for row in rows.map_err(errors::read)? {
                let (key, rank, sealed) = row.map_err(errors::read)?;
                if found.len() >= limit || !key.starts_with(prefix) {
                    return Ok(());
                }
                if before.as_ref() != Some(&key) {
                    before = Some(key.clone());
                    found.extend(parse(family, key, rank, sealed)?);
                }
            }
            state = next;
        }
        Ok(())
    }

    /// The smallest of the blobs that a statement lists, in order. It looks at all of them: for lists that
    /// an operator asks for, not for what a client does.
    pub(super) async fn smallest(
        &self,
        statement: &PreparedStatement,
        wanted: impl Fn(&[u8]) -> bool,
        most: usize,
    ) -> Result<Vec<Vec<u8>>, ReadError> {
        let mut kept = BTreeSet::new();
        let mut state = Some(PagingState::start());
        while let Some(paging) = state {
            let (rows, next) = self.page("list", statement, (), paging).await?;
            for row in rows.rows::<(Vec<u8>,)>().map_err(errors::read)? {
                let (blob,) = row.map_err(errors::read)?;
                if wanted(&blob) {
                    kept.insert(blob);
                    if kept.len() > most {
                        kept.pop_last();
                    }
                }
            }
            state = next;
        }
        Ok(kept.into_iter().collect())
    }
}

/// A version of a row as it is stored.
struct Version {
    family: Vec<u8>,
    key: Vec<u8>,
    rank: i64,
    value: Vec<u8>,
}

impl Version {
    fn new(write: TableWrite) -> Self {
        let family = family(write.table, &write.key);
        let rank = values::ordered(write.rank);
        let mut content = vec![match write.value {
            Some(_) => PRESENT,
            None => REMOVED,
        }];
        content.extend_from_slice(write.value.as_deref().unwrap_or_default());
        let value = values::seal(&[&family, &write.key, &rank.to_be_bytes()], content);
        Self {
            family,
            key: write.key,
            rank,
            value,
        }
    }

    /// What it takes in a request, roughly.
    fn bytes(&self) -> usize {
        2 * (self.family.len() + self.key.len() + VERSION_BYTES) + self.value.len()
    }
}

/// The statement about a version that these values belong to.
enum Step<'a> {
    Put(&'a Version),
    Drop(&'a Version),
}

impl SerializeRow for Step<'_> {
    fn serialize(
        &self,
        context: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Result<(), SerializationError> {
        match self {
            Self::Put(v) => (&v.family, &v.key, v.rank, &v.value).serialize(context, writer),
            Self::Drop(v) => (&v.family, &v.key, v.rank).serialize(context, writer),
        }
    }

    fn is_empty(&self) -> bool {
        false
    }
}

/// Versions of one family together, in the order in which they came, within [`BATCH_BYTES`].
fn in_batches(versions: Vec<Version>) -> Vec<Vec<Version>> {
    let mut open: BTreeMap<Vec<u8>, (usize, Vec<Version>)> = BTreeMap::new();
    let mut full = Vec::new();
    for version in versions {
        let bytes = version.bytes();
        let (held, batch) = open.entry(version.family.clone()).or_default();
        if *held + bytes > BATCH_BYTES && !batch.is_empty() {
            full.push(std::mem::take(batch));
            *held = 0;
        }
        *held += bytes;
        batch.push(version);
    }
    full.extend(open.into_values().map(|(_, batch)| batch));
    full
}

fn family(table: Table, key: &[u8]) -> Vec<u8> {
    let group = key.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut family = Vec::with_capacity(group.len() + 1);
    family.push(table as u8);
    family.extend_from_slice(group);
    family
}

fn parse(
    family: &[u8],
    key: Vec<u8>,
    rank: i64,
    sealed: Vec<u8>,
) -> Result<Option<TableRow>, ReadError> {
    let damaged = |reason: String| ReadError::CorruptRow {
        place: format!("table row {:?}", String::from_utf8_lossy(&key)),
        reason,
    };
    let parts = [family, &key, &rank.to_be_bytes()];
    let mut content: Bytes = values::open(&parts, sealed).map_err(damaged)?;
    match content.first() {
        Some(&PRESENT) => {
            let value = content.split_off(1);
            let rank = values::unordered(rank);
            Ok(Some(TableRow { key, rank, value }))
        }
        Some(&REMOVED) if content.len() == 1 => Ok(None),
        _ => Err(damaged("neither present nor removed".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(key: &str, rank: u64, bytes: usize) -> Version {
        Version::new(TableWrite {
            table: Table::ReadCursors,
            key: key.into(),
            rank,
            value: Some(vec![7; bytes].into()),
        })
    }

    fn places(versions: Vec<Version>) -> Vec<Vec<(String, u64)>> {
        let place = |v: Version| {
            let key = String::from_utf8(v.key).expect("a text");
            (key, values::unordered(v.rank))
        };
        let batches = in_batches(versions).into_iter();
        batches
            .map(|batch| batch.into_iter().map(place).collect())
            .collect()
    }

    fn at(key: &str, rank: u64) -> (String, u64) {
        (key.to_owned(), rank)
    }

    #[test]
    fn rows_of_one_family_go_together_in_their_order() {
        let rows = [("a\0x", 1), ("b\0x", 2), ("a\0y", 3), ("a\0x", 4)];
        let rows = rows.map(|(key, rank)| version(key, rank, 8));
        let expected = vec![
            vec![at("a\0x", 1), at("a\0y", 3), at("a\0x", 4)],
            vec![at("b\0x", 2)],
        ];
        assert_eq!(places(rows.into()), expected);
    }

    #[test]
    fn a_request_is_small_unless_one_row_is_large() {
        let large = 2 * BATCH_BYTES;
        let rows = [("a\0x", 1, 8), ("a\0y", 2, large), ("a\0z", 3, 8)];
        let rows = rows.map(|(key, rank, bytes)| version(key, rank, bytes));
        let expected = vec![
            vec![at("a\0x", 1)],
            vec![at("a\0y", 2)],
            vec![at("a\0z", 3)],
        ];
        assert_eq!(places(rows.into()), expected);
        let many = (0..1_000).map(|number| version(&format!("a\0{number}"), 1, 8));
        let batches = in_batches(many.collect());
        assert!(batches.len() < 30, "{} requests", batches.len());
        let sizes = batches
            .iter()
            .map(|b| b.iter().map(Version::bytes).sum::<usize>());
        assert!(sizes.max().is_some_and(|most| most <= BATCH_BYTES));
    }
}
