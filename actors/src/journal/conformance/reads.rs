//! Pages both ways, heads, lists.

use std::sync::Arc;

use super::writer::{ALL, Writer, of_kind, room};
use super::{Place, Store, Verdict, Violation, ensure, ensure_eq};
use crate::ids::{EntityId, EntityKind, Sequence};
use crate::journal::{Head, PageLimit, Range, Row};

fn limits() -> impl Iterator<Item = PageLimit> {
    let bounds = [(1, usize::MAX), (3, usize::MAX), (10, 150), (1000, 1)];
    let more = [(1000, 700), (usize::MAX, usize::MAX)];
    let all = bounds.into_iter().chain(more);
    all.map(|(records, bytes)| PageLimit { records, bytes })
}

fn keeps(page: &[Row], limit: PageLimit) -> bool {
    let records: usize = page.iter().map(|row| row.records.len()).sum();
    let bytes: usize = page.iter().map(Row::encoded_len).sum();
    page.len() <= 1 || (records <= limit.records && bytes <= limit.bytes)
}

pub(super) async fn ascending_pages_cover_everything_once(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let writer = neighbours(&store).await?;
    for from in 0..=writer.head.sequence.0 + 2 {
        let from = Sequence(from);
        let expected = writer.rows.iter().filter(|row| row.last() > from);
        let expected: Vec<_> = expected.cloned().collect();
        for limit in limits() {
            let mut found: Vec<Row> = Vec::new();
            loop {
                let after = found.last().map_or(from, Row::last);
                let page = store.read(&writer.entity, Range::After(after), limit);
                let page = page.await?;
                ensure!(keeps(&page, limit), "{limit:?} was exceeded after {after}");
                if page.is_empty() {
                    break;
                }
                found.extend(page);
                ensure!(found.len() <= expected.len(), "too much after {from}");
            }
            ensure_eq!(found, expected, "everything after {from} by {limit:?}");
        }
    }
    Ok(())
}

pub(super) async fn descending_pages_cover_everything_once(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let writer = neighbours(&store).await?;
    for from in 0..=writer.head.sequence.0 + 2 {
        let from = Sequence(from);
        let expected = writer.rows.iter().rev().filter(|row| row.first < from);
        let expected: Vec<_> = expected.cloned().collect();
        for limit in limits() {
            let mut found: Vec<Row> = Vec::new();
            loop {
                let before = found.last().map_or(from, |row| row.first);
                let page = store.read(&writer.entity, Range::Before(before), limit);
                let page = page.await?;
                ensure!(
                    keeps(&page, limit),
                    "{limit:?} was exceeded before {before}"
                );
                if page.is_empty() {
                    break;
                }
                found.extend(page);
                ensure!(found.len() <= expected.len(), "too much before {from}");
            }
            ensure_eq!(found, expected, "everything before {from} by {limit:?}");
        }
    }
    let last = Range::Before(Sequence(u64::MAX));
    let page = store.read(&writer.entity, last, ALL).await?;
    ensure_eq!(page.len(), writer.rows.len(), "rows from the very end");
    let beyond = Range::After(Sequence(u64::MAX));
    let page = store.read(&writer.entity, beyond, ALL).await?;
    ensure!(page.is_empty(), "something lies after the last sequence");
    Ok(())
}

/// A journal of rows of different sizes between two others.
async fn neighbours(store: &Arc<dyn Store>) -> Result<Writer, Violation> {
    for id in ["a", "c"] {
        Writer::new(store, room(id)?).write(3).await?;
    }
    let mut writer = Writer::new(store, room("b")?);
    writer.write(9).await?;
    Ok(writer)
}

pub(super) async fn an_unknown_journal_is_empty(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    Writer::new(&store, room("known")?).write(2).await?;
    let none = room("unknown")?;
    ensure_eq!(store.head(&none).await?, Head::default(), "its head");
    for range in [Range::After(Sequence::ZERO), Range::Before(Sequence(9))] {
        let rows = store.read(&none, range, ALL).await?;
        ensure!(rows.is_empty(), "it has rows by {range:?}");
    }
    let overlays = store.overlays(&none, Sequence(0), Sequence(u64::MAX));
    ensure!(overlays.await?.is_empty(), "it has overlays");
    ensure_eq!(store.snapshot(&none).await?, None, "its snapshot");
    let first = store.first_retained(&none).await?;
    ensure_eq!(first, Sequence(1), "its first retained");
    let trimmed = store.trim(&none, Sequence(100)).await?;
    ensure_eq!(trimmed, Sequence(1), "what trimming it answers");
    let listed = store.entities(EntityKind::Room, None, 10).await?;
    ensure_eq!(listed, vec![room("known")?], "the journals there are");
    Ok(())
}

pub(super) async fn journals_are_listed_once_in_order_by_kind(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let ids = ["b", "a", "ab", "a\u{1}", "c c", "ä", "B", "aa"];
    for id in ids {
        Writer::new(&store, room(id)?).write(2).await?;
        let user = of_kind(EntityKind::User, &format!("{id}!"))?;
        Writer::new(&store, user).write(1).await?;
    }
    let mut rooms = ids.map(room).into_iter().collect::<Result<Vec<_>, _>>()?;
    rooms.sort();
    let listed = store.entities(EntityKind::Room, None, 100).await?;
    ensure_eq!(listed, rooms, "all rooms");
    for page in 1..=3 {
        let mut found: Vec<EntityId> = Vec::new();
        loop {
            let after = found.last().map(|id| id.id().to_owned());
            let more = store.entities(EntityKind::Room, after, page).await?;
            ensure!(more.len() <= page, "more than {page} at once");
            if more.is_empty() {
                break;
            }
            found.extend(more);
            ensure!(found.len() <= rooms.len(), "a room comes twice");
        }
        ensure_eq!(found, rooms, "rooms by pages of {page}");
    }
    let between = store.entities(EntityKind::Room, Some("abc".into()), 2);
    let expected = [room("b")?, room("c c")?];
    ensure_eq!(between.await?, expected, "rooms after one that is none");
    let requests = store.entities(EntityKind::Request, None, 10).await?;
    ensure!(requests.is_empty(), "requests from nowhere");
    let users = store.entities(EntityKind::User, None, 100).await?;
    ensure_eq!(users.len(), ids.len(), "users");
    Ok(())
}
