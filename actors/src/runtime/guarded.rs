//! Appends and the alarms around them: armed before, cleared when nothing needs them any more.

use super::alarm::{Kind, LANDED_MS, REPAIR_SOON_MS, REPAIR_SPREAD_MS};
use super::directory::Deps;
use crate::ids::{EntityId, Timestamp};
use crate::journal::{Append, AppendError};
use crate::machines::Machine;
use crate::mutation::{self, Mutation};

pub(super) async fn clear_all<M: Machine>(deps: &Deps<M>, entity: &EntityId, alarms: &[Timestamp]) {
    for due in alarms {
        if deps.wakeups.clear(entity, *due).await.is_err() {
            tracing::debug!(%entity, "a wake-up stays armed; it is harmless");
        }
    }
}

/// Arms the alarms that an append needs, then appends. Nothing was appended if they could not be armed.
pub(super) async fn append_armed<M: Machine>(
    deps: &Deps<M>,
    append: Append,
    alarms: &[Timestamp],
    wakes: bool,
) -> Result<(), AppendError> {
    for due in alarms {
        if let Err(error) = deps.wakeups.arm(&append.entity, *due).await {
            return Err(AppendError::Unavailable(error.to_string()));
        }
    }
    append_guarded(deps, append, wakes).await
}

/// An append is covered by a wake-up if another life of the entity may have to do something about it, should this one die
/// in between: if its side writes are not atomic, or if the entity wants to be woken once it is durable and it may land
/// when the alarms for that have gone off. The alarm comes late, when the append must have landed; where rows of tables
/// are at stake, which lists are read from, it comes soon, and whoever heeds it arms the late one in its place.
async fn append_guarded<M: Machine>(
    deps: &Deps<M>,
    append: Append,
    wakes: bool,
) -> Result<(), AppendError> {
    let capabilities = deps.journal.capabilities();
    let torn = !capabilities.atomic_side_writes && !append.side.is_empty();
    let late = wakes && !capabilities.exclusive;
    if !torn && !late {
        return deps.journal.append(append).await;
    }
    let entity = append.entity.clone();
    let now = deps.clock.now();
    // Spread by node, so that one does not clear the alarm of another.
    let due = if torn && !append.side.table.is_empty() {
        let spread = deps.salt % REPAIR_SPREAD_MS;
        Kind::Repair.at(now.plus_millis(REPAIR_SOON_MS + spread))
    } else {
        Kind::Landed.at(now.plus_millis(LANDED_MS + deps.salt % 1_024))
    };
    if mutation::is_on(Mutation::SkipWakeup) {
        return deps.journal.append(append).await;
    }
    if let Err(error) = deps.wakeups.arm(&entity, due).await {
        // Nothing was appended yet.
        return Err(AppendError::Unavailable(error.to_string()));
    }
    let outcome = deps.journal.append(append).await;
    if outcome.is_ok() {
        clear_all(deps, &entity, &[due]).await;
    }
    outcome
}
