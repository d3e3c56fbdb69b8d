//! Trims what is older than the retention period, never beyond the newest snapshot.

use super::directory::Deps;
use crate::ids::{EntityId, Sequence, Timestamp};
use crate::journal::{PageLimit, Range};
use crate::machines::Machine;

const PAGE: PageLimit = PageLimit {
    records: 512,
    bytes: 256 * 1_024,
};

/// Finds the first event younger than the retention period and trims what lies before it.
pub(crate) async fn trim<M: Machine>(
    deps: &Deps<M>,
    entity: &EntityId,
    snapshot: Sequence,
) -> Result<(), String> {
    let cutoff = Timestamp(deps.clock.now().0.saturating_sub(deps.limits.retention_ms));
    let journal = &*deps.journal;
    let mut first = journal
        .first_retained(entity)
        .await
        .map_err(|e| e.to_string())?;
    'pages: while first < snapshot {
        let rows = journal
            .read(entity, Range::After(Sequence(first.0 - 1)), PAGE)
            .await
            .map_err(|e| e.to_string())?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let newest = row.records.last().map(|record| M::decode(record));
            let Some(Ok(event)) = newest else {
                break 'pages;
            };
            if M::happened_at(&event) >= cutoff || row.last() >= snapshot {
                break 'pages;
            }
            first = row.last().next();
        }
    }
    let kept = journal
        .trim(entity, first)
        .await
        .map_err(|e| e.to_string())?;
    tracing::debug!(%entity, first_retained = kept.0, "trimmed");
    Ok(())
}
