//! Rebuilds a machine from snapshot and tail, verifying the hash chain on the way.

use thiserror::Error;

use crate::ids::{EntityId, Sequence};
use crate::journal::{
    AppendError, Head, Journal, OverlayWrite, PageLimit, Range, ReadError, Record, Row, SideWrites,
    Table,
};
use crate::machines::Machine;
use crate::mutation::{self, Mutation};
use crate::runtime::pipeline::chores::done_key;

/// A machine at a durable head.
pub struct Recovered<M> {
    /// The machine.
    pub machine: M,
    /// The head it is at.
    pub head: Head,
    /// Sequence of the snapshot it began with.
    pub snapshot: Sequence,
    /// Size of that snapshot's state, in bytes.
    pub snapshot_bytes: usize,
}

/// Why an entity could not be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecoverError {
    /// Not now.
    #[error("cannot recover {entity}: {reason}")]
    Unavailable {
        /// The entity.
        entity: EntityId,
        /// Why.
        reason: String,
    },
    /// The stored journal is no chain, or holds what this version cannot read: the entity must not serve.
    #[error("{entity} is corrupt at {sequence}: {reason}")]
    Corrupt {
        /// The entity.
        entity: EntityId,
        /// Where.
        sequence: Sequence,
        /// What is wrong.
        reason: String,
    },
}

impl From<(EntityId, ReadError)> for RecoverError {
    fn from((entity, error): (EntityId, ReadError)) -> Self {
        match error {
            ReadError::Unavailable(reason) => RecoverError::Unavailable { entity, reason },
            ReadError::CorruptRow { place, reason } => RecoverError::Corrupt {
                entity,
                sequence: Sequence::ZERO,
                reason: format!("{place}: {reason}"),
            },
            ReadError::Corrupt {
                entity,
                sequence,
                reason,
            } => RecoverError::Corrupt {
                entity,
                sequence,
                reason,
            },
        }
    }
}

const PAGE: PageLimit = PageLimit {
    records: 1_024,
    bytes: 1_024 * 1_024,
};

/// Reads an entity's state. With a provider whose side writes are not atomic, those of the tail are
/// written again, since their writer may have died before it did.
pub async fn recover<M: Machine>(
    journal: &dyn Journal,
    entity: &EntityId,
) -> Result<Recovered<M>, RecoverError> {
    let fail = |error: ReadError| RecoverError::from((entity.clone(), error));
    let target = journal.head(entity).await.map_err(fail)?;
    let stored = journal.snapshot(entity).await.map_err(fail)?;
    if stored.is_some() {
        metrics::counter!("mussikon_recoveries_from_snapshot_total").increment(1);
    }
    let (machine, head, snapshot_bytes) = match stored {
        None => (M::new(entity), Head::default(), 0),
        Some(snapshot) => {
            let machine = M::restore(entity, &snapshot.state)
                .map_err(|e| corrupt(entity, snapshot.head.sequence, e.to_string()))?;
            (machine, snapshot.head, snapshot.state.len())
        }
    };
    let from = Recovered {
        snapshot: head.sequence,
        machine,
        head,
        snapshot_bytes,
    };
    read_on(journal, entity, from, target).await
}

/// Brings a state that was recovered before, and on which nothing was decided since, to the head.
pub async fn catch_up<M: Machine>(
    journal: &dyn Journal,
    entity: &EntityId,
    from: Recovered<M>,
) -> Result<Recovered<M>, RecoverError> {
    let target = journal.head(entity).await;
    let target = target.map_err(|error| RecoverError::from((entity.clone(), error)))?;
    if target == from.head {
        return Ok(from);
    }
    read_on(journal, entity, from, target).await
}

async fn read_on<M: Machine>(
    journal: &dyn Journal,
    entity: &EntityId,
    from: Recovered<M>,
    target: Head,
) -> Result<Recovered<M>, RecoverError> {
    let Recovered {
        mut machine,
        mut head,
        snapshot,
        snapshot_bytes,
    } = from;
    let began_at = head.sequence;
    loop {
        let rows = journal
            .read(entity, Range::After(head.sequence), PAGE)
            .await
            .map_err(|error| RecoverError::from((entity.clone(), error)))?;
        if rows.is_empty() {
            break;
        }
        if rows[0].first > head.sequence.next() {
            return Err(hole(journal, entity, began_at, head).await);
        }
        for row in rows {
            replay(journal, entity, &mut machine, head, &row).await?;
            head = row.head();
        }
    }
    if head.sequence < target.sequence {
        return Err(RecoverError::Unavailable {
            entity: entity.clone(),
            reason: format!("read up to {head}, the head is {target}"),
        });
    }
    forget_done(journal, entity, &mut machine).await?;
    Ok(Recovered {
        machine,
        head,
        snapshot,
        snapshot_bytes,
    })
}

/// Errands that are written down as done do not wait any more.
async fn forget_done<M: Machine>(
    journal: &dyn Journal,
    entity: &EntityId,
    machine: &mut M,
) -> Result<(), RecoverError> {
    let Some(outbox) = machine.outbox_mut().filter(|outbox| !outbox.is_empty()) else {
        return Ok(());
    };
    let keys = vec![done_key(entity)];
    let rows = journal.get_rows(Table::ErrandsDone, keys).await;
    let rows = rows.map_err(|error| RecoverError::from((entity.clone(), error)))?;
    if let Some(row) = rows.into_iter().next().flatten() {
        outbox.done_up_to(row.rank);
    }
    Ok(())
}

/// Rows are missing after a head. Another owner may have trimmed them behind a newer snapshot while we
/// read, which is no damage: then the next try begins there.
async fn hole(
    journal: &dyn Journal,
    entity: &EntityId,
    began_at: Sequence,
    head: Head,
) -> RecoverError {
    match journal.snapshot(entity).await {
        Ok(Some(newer)) if newer.head.sequence > began_at => RecoverError::Unavailable {
            entity: entity.clone(),
            reason: "trimmed while it was read".into(),
        },
        Ok(_) => corrupt(entity, head.sequence.next(), "rows are missing".into()),
        Err(error) => RecoverError::from((entity.clone(), error)),
    }
}

async fn replay<M: Machine>(
    journal: &dyn Journal,
    entity: &EntityId,
    machine: &mut M,
    head: Head,
    row: &Row,
) -> Result<(), RecoverError> {
    check_chain(entity, head, row)?;
    let repair =
        !journal.capabilities().atomic_side_writes && !mutation::is_on(Mutation::SkipRepair);
    let mut side = SideWrites::default();
    for (sequence, record) in row.entries() {
        let event = M::decode(record).map_err(|e| corrupt(entity, sequence, e.to_string()))?;
        if let Some(target) = machine.replay_needs(&event) {
            let (record, overlay) = load_message(journal, entity, target).await?;
            machine
                .load(target, record.as_ref(), overlay.as_ref())
                .map_err(|e| corrupt(entity, target, e.to_string()))?;
        }
        machine.apply(sequence, &event);
        if repair {
            merge(&mut side, machine.effects(sequence, &event));
        }
    }
    if !side.is_empty() {
        let outcome = self::repair(journal, entity, side).await;
        outcome.map_err(|error| RecoverError::Unavailable {
            entity: entity.clone(),
            reason: error.to_string(),
        })?;
    }
    Ok(())
}

/// Writes side data of durable rows again.
pub(crate) async fn repair(
    journal: &dyn Journal,
    entity: &EntityId,
    side: SideWrites,
) -> Result<(), AppendError> {
    metrics::counter!("mussikon_repairs_total").increment(1);
    journal.repair(entity, side).await
}

/// The row must follow the head by number and by digest.
pub fn check_chain(entity: &EntityId, head: Head, row: &Row) -> Result<(), RecoverError> {
    if row.first != head.sequence.next() {
        let reason = format!("the row begins at {}", row.first);
        return Err(corrupt(entity, head.sequence.next(), reason));
    }
    if row.previous != head.digest {
        let reason = "the row follows another history (broken hash chain)".to_owned();
        return Err(corrupt(entity, row.first, reason));
    }
    Ok(())
}

/// One journaled record and its overlay; `None` if it is not retained or never was.
pub async fn load_message(
    journal: &dyn Journal,
    entity: &EntityId,
    target: Sequence,
) -> Result<(Option<Record>, Option<OverlayWrite>), RecoverError> {
    let fail = |error: ReadError| RecoverError::from((entity.clone(), error));
    if target == Sequence::ZERO {
        return Ok((None, None));
    }
    let one = PageLimit {
        records: 1,
        bytes: 1,
    };
    let rows = journal
        .read(entity, Range::After(Sequence(target.0 - 1)), one)
        .await
        .map_err(fail)?;
    let record = rows.first().and_then(|row| row.record(target)).cloned();
    let overlays = journal
        .overlays(entity, target, target)
        .await
        .map_err(fail)?;
    Ok((record, overlays.into_iter().next()))
}

/// Adds the later side writes to the earlier ones.
pub(crate) fn merge(into: &mut SideWrites, later: SideWrites) {
    into.overlays.extend(later.overlays);
    into.erasures.extend(later.erasures);
    into.table.extend(later.table);
}

fn corrupt(entity: &EntityId, sequence: Sequence, reason: String) -> RecoverError {
    RecoverError::Corrupt {
        entity: entity.clone(),
        sequence,
        reason,
    }
}
