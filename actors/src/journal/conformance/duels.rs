//! Writers at once: on one journal and on many.

use std::sync::Arc;

use futures_util::future::join_all;

use super::writer::{Writer, read_all, records, room, settled};
use super::{Place, Store, Verdict, Violation, ensure, ensure_eq};
use crate::ids::EntityId;
use crate::journal::{AppendError, Row, SideWrites};

pub(super) async fn an_append_may_rest_on_one_that_is_still_under_way(
    place: &mut dyn Place,
) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer.write(1).await?;
    for _ in 0..20 {
        let first = writer.next(records("first", 1), SideWrites::default());
        let mut ahead = writer.clone();
        ahead.head = first.row.head();
        let second = ahead.next(records("second", 2), SideWrites::default());
        let rows = [first.row.clone(), second.row.clone()];
        let (a, b) = tokio::join!(settled(&store, first), settled(&store, second));
        ensure_eq!(a, Ok(()), "the first of two");
        // The second may have come too early, but must not have been stored then.
        let taken = match b {
            Ok(()) => 2,
            Err(AppendError::Conflict { .. }) => 1,
            Err(other) => return Err(other.into()),
        };
        writer.rows.extend(rows.into_iter().take(taken));
        writer.head = writer.rows.last().map(Row::head).unwrap_or_default();
        writer.verify().await?;
    }
    Ok(())
}

pub(super) async fn two_writers_of_one_journal_make_one_chain(place: &mut dyn Place) -> Verdict {
    const ROUNDS: usize = 50;
    let store = place.open().await?;
    let entity = room("contested")?;
    let writers = ["left", "right", "third"].map(|name| duellist(&store, &entity, name, ROUNDS));
    let mut acknowledged = Vec::new();
    for won in join_all(writers).await {
        acknowledged.extend(won?);
    }
    acknowledged.sort_by_key(|row| row.first);
    let stored = read_all(&store, &entity).await?;
    ensure_eq!(stored.len(), 3 * ROUNDS, "rows stored");
    ensure_eq!(stored, acknowledged, "stored against acknowledged");
    Ok(())
}

/// Appends until it has won so often; on a conflict it goes on from the head it learnt.
async fn duellist(
    store: &Arc<dyn Store>,
    entity: &EntityId,
    name: &str,
    rounds: usize,
) -> Result<Vec<Row>, Violation> {
    let mut writer = Writer::new(store, entity.clone());
    while writer.rows.len() < rounds {
        let label = format!("{name} {}", writer.rows.len());
        match writer
            .append(records(&label, 1), SideWrites::default())
            .await
        {
            Ok(()) => {}
            Err(AppendError::Conflict { head }) => {
                ensure!(head != writer.head, "lost against its own head {head}");
                writer.head = head;
            }
            Err(other) => return Err(other.into()),
        }
        tokio::task::yield_now().await;
    }
    Ok(writer.rows)
}

pub(super) async fn many_journals_at_once_keep_every_acknowledged_row(
    place: &mut dyn Place,
) -> Verdict {
    let store = place.open().await?;
    let mut tasks = Vec::new();
    for n in 0..60 {
        let mut writer = Writer::new(&store, room(&format!("room {n}"))?);
        tasks.push(tokio::spawn(async move {
            writer.write(15 + n % 5).await?;
            Ok::<_, Violation>(writer)
        }));
    }
    for task in join_all(tasks).await {
        let writer = task.map_err(|error| Violation(error.to_string()))??;
        writer.verify().await?;
    }
    Ok(())
}
