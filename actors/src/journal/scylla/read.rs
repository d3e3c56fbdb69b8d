//! Pages of rows, both ways, across buckets; every row is verified and must follow the one before it.

use bytes::Bytes;
use scylla::response::PagingState;
use scylla::statement::prepared::PreparedStatement;

use super::values;
use super::{Store, errors};
use crate::ids::{EntityId, Sequence};
use crate::journal::page::PageFill;
use crate::journal::{PageLimit, Range, ReadError, Row};

/// A page that is being filled.
struct Filling {
    fill: PageFill,
    rows: Vec<Row>,
    /// No further row fits, or none is wanted.
    done: bool,
}

impl Filling {
    fn new(limit: PageLimit) -> Self {
        Self {
            fill: PageFill::new(limit),
            rows: Vec::new(),
            done: false,
        }
    }

    fn take(&mut self, row: Row) {
        if self.done || !self.fill.admits(&row) {
            self.done = true;
            return;
        }
        self.rows.push(row);
        self.done = self.fill.is_full();
    }
}

impl Store {
    pub(super) async fn read(
        &self,
        entity: &EntityId,
        range: Range,
        limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        let mut retained = self.root(entity).await?.retained;
        loop {
            let page = match range {
                Range::After(sequence) => self.ascend(entity, sequence, retained, limit).await?,
                Range::Before(sequence) => self.descend(entity, sequence, retained, limit).await?,
            };
            let expected = match range {
                Range::After(sequence) => sequence.next().max(retained),
                Range::Before(_) => Sequence(u64::MAX),
            };
            let holds = page.first().is_some_and(|row| row.first <= expected);
            if holds {
                return Ok(page);
            }
            // Nothing, or not what was asked: either it was removed while we read, or that is how it is.
            let now = self.root(entity).await?.retained;
            if now == retained {
                return match page.first() {
                    None => Ok(page),
                    Some(row) => {
                        let reason = format!("rows are missing before {}", row.first);
                        Err(errors::corrupt(entity, expected, reason))
                    }
                };
            }
            retained = now;
        }
    }

    async fn ascend(
        &self,
        entity: &EntityId,
        after: Sequence,
        retained: Sequence,
        limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        let mut page = Filling::new(limit);
        if after.0 >= i64::MAX as u64 {
            return Ok(page.rows);
        }
        let mut from = after.next().max(retained);
        loop {
            let bucket = values::bucket(from);
            let statement = &self.statements.rows_up;
            self.fill(entity, statement, bucket, from, &mut page)
                .await?;
            let end = page.rows.last().map(Row::last);
            match end {
                Some(end) if !page.done && end == values::bucket_end(bucket) => from = end.next(),
                _ => return Ok(page.rows),
            }
        }
    }

    async fn descend(
        &self,
        entity: &EntityId,
        before: Sequence,
        retained: Sequence,
        limit: PageLimit,
    ) -> Result<Vec<Row>, ReadError> {
        let mut page = Filling::new(limit);
        let Some(top) = self.top(entity, before, retained).await? else {
            return Ok(page.rows);
        };
        let mut bucket = values::bucket(top.first);
        let mut below = top.last();
        page.take(top);
        while !page.done {
            let statement = &self.statements.rows_down;
            self.fill(entity, statement, bucket, below, &mut page)
                .await?;
            let lowest = page.rows.last().map_or(below, |row| row.first);
            let begins = values::bucket_end(bucket - 1).next();
            if bucket == 0 || lowest != begins || lowest <= retained {
                break;
            }
            (bucket, below) = (bucket - 1, begins);
        }
        page.rows.retain(|row| row.last() >= retained);
        Ok(page.rows)
    }

    /// The row that holds the sequence before `before`, or the last row if that lies beyond the end.
    async fn top(
        &self,
        entity: &EntityId,
        before: Sequence,
        retained: Sequence,
    ) -> Result<Option<Row>, ReadError> {
        let mut wanted = Sequence(before.0.saturating_sub(1));
        if wanted < retained {
            return Ok(None);
        }
        if let Some(row) = self.row_holding(entity, wanted).await? {
            return Ok(Some(row));
        }
        wanted = wanted.min(self.head(entity).await?.sequence);
        match wanted < retained {
            true => Ok(None),
            false => self.row_holding(entity, wanted).await,
        }
    }

    /// The row that holds a sequence or is the first after it in its bucket.
    pub(super) async fn row_holding(
        &self,
        entity: &EntityId,
        sequence: Sequence,
    ) -> Result<Option<Row>, ReadError> {
        let key = values::entity_key(entity);
        let asked = (key, values::bucket(sequence), values::signed(sequence));
        let rows = self.few("row", &self.statements.row_at, asked).await?;
        let row = rows.maybe_first_row::<(i64, Option<Vec<u8>>)>();
        let found = row.map_err(errors::read)?;
        found
            .map(|(last, sealed)| parse(entity, last, sealed))
            .transpose()
    }

    /// The row that ends at a sequence, linearizable, and how often it was erased from.
    pub(super) async fn row_ending_at(
        &self,
        entity: &EntityId,
        last: Sequence,
    ) -> Result<Option<(Row, i32)>, ReadError> {
        let key = values::entity_key(entity);
        let asked = (key, values::bucket(last), values::signed(last));
        let rows = self.few("row", &self.statements.row, asked).await?;
        let row = rows.maybe_first_row::<(Option<Vec<u8>>, Option<i32>)>();
        match row.map_err(errors::read)? {
            None | Some((None, _)) => Ok(None),
            Some((sealed, erasures)) => {
                let row = parse(entity, values::signed(last), sealed)?;
                Ok(Some((row, erasures.unwrap_or_default())))
            }
        }
    }

    /// Takes rows of one bucket from or below a sequence until the page is done or the bucket is.
    async fn fill(
        &self,
        entity: &EntityId,
        statement: &PreparedStatement,
        bucket: i64,
        bound: Sequence,
        page: &mut Filling,
    ) -> Result<(), ReadError> {
        let mut from = PagingState::start();
        let key = values::entity_key(entity);
        while !page.done {
            let asked = (key.as_slice(), bucket, values::signed(bound));
            let (rows, next) = self.page("rows", statement, asked, from).await?;
            let rows = rows
                .rows::<(i64, Option<Vec<u8>>)>()
                .map_err(errors::read)?;
            for row in rows {
                let (last, sealed) = row.map_err(errors::read)?;
                let row = parse(entity, last, sealed)?;
                if let Some(before) = page.rows.last() {
                    match before.first < row.first {
                        true => follows(entity, before, &row)?,
                        false => follows(entity, &row, before)?,
                    }
                }
                page.take(row);
                if page.done {
                    break;
                }
            }
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(())
    }
}

fn parse(entity: &EntityId, last: i64, sealed: Option<Vec<u8>>) -> Result<Row, ReadError> {
    let at = values::sequence(last);
    let damaged = |reason: String| errors::corrupt(entity, at, reason);
    let key = values::entity_key(entity);
    let sealed = sealed.ok_or_else(|| damaged("the row is empty".into()))?;
    let encoded: Bytes = values::open(&[&key, &last.to_be_bytes()], sealed).map_err(damaged)?;
    let row = Row::decode(&encoded).map_err(|e| damaged(e.to_string()))?;
    if row.last() != at {
        return Err(damaged(format!("the row there ends at {}", row.last())));
    }
    Ok(row)
}

fn follows(entity: &EntityId, row: &Row, next: &Row) -> Result<(), ReadError> {
    if next.first != row.last().next() || next.previous != row.digest {
        let reason = format!("the row at {} does not follow {}", next.first, row.head());
        return Err(errors::corrupt(entity, next.first, reason));
    }
    Ok(())
}
