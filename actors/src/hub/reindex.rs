//! Makes the index of musicians anew from the journals of the users: for an operator, while the hub runs or not.

use std::collections::HashSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{AppendError, Journal, ReadError, Table, TableRow, TableWrite};
use crate::machines::matching::card::user_of_key;
use crate::machines::user::User;
use crate::runtime::recovery::{RecoverError, recover};

/// Users or rows in one page.
const PAGE: usize = 512;
/// Users that are read at the same time.
const AT_ONCE: usize = 16;

/// Why the index could not be made anew; what was done so far is right, and it may be begun again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReindexError {
    /// A list could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A user could not be read.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// A row could not be written.
    #[error(transparent)]
    Write(#[from] AppendError),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reindexed {
    /// Users that were read.
    pub users: u64,
    /// Those of them who are in the index.
    pub musicians: u64,
    /// Rows that are as they should be now.
    pub rows: u64,
    /// Rows that belonged to nobody any more and are removed.
    pub removed: u64,
}

/// Reads all users and writes their rows, then removes the rows that none of them has. Rows bear the rank of the head that
/// they were made from, so that whatever happens meanwhile wins.
pub async fn rebuild(journal: &dyn Journal, now: Timestamp) -> Result<Reindexed, ReindexError> {
    let mut done = Reindexed::default();
    // Digests of keys, lest the index of a big platform be held in memory: two that meet would only keep an old row.
    let mut right = HashSet::new();
    let mut after = None;
    loop {
        let page = journal.entities(EntityKind::User, after, PAGE).await?;
        let Some(last) = page.last() else {
            break;
        };
        after = Some(last.id().to_owned());
        let users = stream::iter(page).map(|entity| rows_of(journal, entity, now));
        let users: Vec<_> = users.buffer_unordered(AT_ONCE).try_collect().await?;
        done.users += users.len() as u64;
        let listed = users.iter().filter(|rows| !rows.is_empty());
        done.musicians += listed.count() as u64;
        let rows: Vec<TableWrite> = users.into_iter().flatten().collect();
        done.rows += rows.len() as u64;
        right.extend(rows.iter().map(|row| xxh3_64(&row.key)));
        journal.put_rows(rows).await?;
    }
    done.removed = remove_others(journal, &right).await?;
    Ok(done)
}

async fn rows_of(
    journal: &dyn Journal,
    entity: EntityId,
    now: Timestamp,
) -> Result<Vec<TableWrite>, ReindexError> {
    let user = Box::pin(recover::<User>(journal, &entity)).await?;
    Ok(user.machine.index_rows(user.head.sequence, now))
}

async fn remove_others(journal: &dyn Journal, right: &HashSet<u64>) -> Result<u64, ReindexError> {
    let (mut after, mut removed) = (None, 0);
    loop {
        let page = journal
            .scan_rows(Table::Musicians, Vec::new(), after, PAGE)
            .await?;
        let Some(last) = page.last() else {
            return Ok(removed);
        };
        after = Some(last.key.clone());
        let others = page.into_iter();
        let others = others.filter(|row| !right.contains(&xxh3_64(&row.key)));
        let checked = stream::iter(others).map(|row| unless_held(journal, row));
        let checked: Vec<_> = checked.buffer_unordered(AT_ONCE).try_collect().await?;
        let gone: Vec<TableWrite> = checked.into_iter().flatten().collect();
        removed += gone.len() as u64;
        journal.put_rows(gone).await?;
    }
}

/// The removal of a row, unless its user has come to have it since the users were read.
async fn unless_held(
    journal: &dyn Journal,
    row: TableRow,
) -> Result<Option<TableWrite>, ReindexError> {
    let mut head = Sequence::ZERO;
    if let Some(user) = user_of_key(&row.key) {
        let entity = EntityId::user(&user);
        let user = Box::pin(recover::<User>(journal, &entity)).await?;
        if user.machine.index_keys().contains(&row.key) {
            return Ok(None);
        }
        head = user.head.sequence;
    }
    Ok(Some(TableWrite {
        table: Table::Musicians,
        key: row.key,
        rank: row.rank.max(head.0),
        value: None,
    }))
}
