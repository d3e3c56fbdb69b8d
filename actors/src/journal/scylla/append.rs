//! The append: one conditional write, and what its answer means.

use super::session::Applied;
use super::values::{self, HeadColumns};
use super::{Store, errors, metrics};
use crate::ids::EntityId;
use crate::journal::{Append, AppendError, Digest, Head, Row};

impl Store {
    pub(super) async fn append(&self, append: Append) -> Result<(), AppendError> {
        let append = append.prepare(&self.capabilities())?;
        let outcome = Box::pin(self.append_prepared(append)).await;
        metrics::append_ended(&outcome);
        outcome
    }

    async fn append_prepared(&self, append: Append) -> Result<(), AppendError> {
        let entity = &append.entity;
        let bucket = values::bucket(append.row.first);
        let opens = append.after.sequence.0.is_multiple_of(values::BUCKET);
        if opens {
            self.may_open(&append, bucket).await?;
        }
        let answer = self.write_row(&append, bucket, opens).await?;
        if !answer.applied {
            self.lost(&append, bucket, answer.head).await?;
        }
        if opens && bucket > 0 {
            self.remember_bucket(entity, bucket);
            self.hint(entity, bucket).await;
        }
        let written = self.write_side(entity, append.side).await;
        written.map_err(errors::after_the_row)
    }

    /// Whether an append may be the first of a bucket: the one before must be full and end as it says.
    async fn may_open(&self, append: &Append, bucket: i64) -> Result<(), AppendError> {
        let entity = &append.entity;
        let before = if bucket == 0 {
            // So that every journal is listed, whatever happens after its first append.
            self.write_root(entity, 0).await.map_err(refused)?;
            Head::default()
        } else {
            let before = self.bucket_head(entity, bucket - 1).await;
            before.map_err(errors::unread)?
        };
        if before == append.after {
            return Ok(());
        }
        Err(self.conflict(append).await)
    }

    async fn write_row(
        &self,
        append: &Append,
        bucket: i64,
        opens: bool,
    ) -> Result<Applied, AppendError> {
        let row = &append.row;
        let key = values::entity_key(&append.entity);
        let last = values::signed(row.last());
        let sealed = values::seal(&[&key, &last.to_be_bytes()], row.encode().to_vec());
        let expected: HeadColumns = match opens {
            true => (None, None),
            false => (
                Some(values::signed(append.after.sequence)),
                Some(append.after.digest.0.to_vec()),
            ),
        };
        let written = (
            sealed,
            last,
            row.digest.0.as_slice(),
            key,
            bucket,
            last,
            expected.0,
            expected.1,
        );
        let result = self.run("append", &self.statements.append, written).await;
        // An answer that cannot be read leaves open whether it was applied.
        Applied::parse(result.map_err(errors::write)?).map_err(AppendError::InDoubt)
    }

    /// The append was not applied. If its row is there all the same, an earlier attempt was; else somebody
    /// else's is.
    async fn lost(
        &self,
        append: &Append,
        bucket: i64,
        told: HeadColumns,
    ) -> Result<(), AppendError> {
        let told = values::parse_head(told).map_err(AppendError::Broken)?;
        let here = told != Head::default() && told.sequence != values::bucket_end(bucket);
        if told == append.row.head() {
            return Ok(());
        }
        if told.sequence >= append.row.last() {
            let stored = self.stored_digest(&append.entity, &append.row).await?;
            if stored == Some(append.row.digest) {
                return Ok(());
            }
        }
        match here {
            true => Err(AppendError::Conflict { head: told }),
            false => Err(self.conflict(append).await),
        }
    }

    /// The conflict to tell of, with the head as it is now.
    async fn conflict(&self, append: &Append) -> AppendError {
        match Box::pin(self.head(&append.entity)).await {
            // The append before it landed meanwhile: the same one will be taken now.
            Ok(head) if head == append.after => {
                AppendError::Unavailable("the append came before the one it rests on".into())
            }
            Ok(head) => AppendError::Conflict { head },
            Err(error) => errors::unread(error),
        }
    }

    /// The digest of the row that ends where this one does, if there is one.
    async fn stored_digest(
        &self,
        entity: &EntityId,
        row: &Row,
    ) -> Result<Option<Digest>, AppendError> {
        let stored = self.row_ending_at(entity, row.last()).await;
        let stored = stored.map_err(errors::unread)?;
        Ok(stored.map(|(row, _)| row.digest))
    }
}

/// A write before the append failed: the append was not sent.
fn refused(error: scylla::errors::ExecutionError) -> AppendError {
    AppendError::Unavailable(error.to_string())
}
