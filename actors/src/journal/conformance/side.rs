//! What is written beside rows: overlays, erasures, table rows, wake-ups.

use super::writer::{Writer, read_all, records, room};
use super::{Place, Verdict, ensure, ensure_eq};
use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{AppendError, Head, OverlayWrite, SideWrites, Table, TableRow, TableWrite};

const EVERYTHING: (Sequence, Sequence) = (Sequence(0), Sequence(u64::MAX));

fn overlay(sequence: u64, applied: u64, state: &str) -> OverlayWrite {
    OverlayWrite {
        sequence: Sequence(sequence),
        applied: Sequence(applied),
        state: state.to_owned().into(),
    }
}

fn overlays(of: &[OverlayWrite]) -> SideWrites {
    SideWrites {
        overlays: of.to_vec(),
        ..SideWrites::default()
    }
}

fn write(key: &str, rank: u64, value: Option<&str>) -> TableWrite {
    TableWrite {
        table: Table::RoomsOfUser,
        key: key.into(),
        rank,
        value: value.map(|value| value.to_owned().into()),
    }
}

fn row(key: &str, rank: u64, value: &str) -> TableRow {
    TableRow {
        key: key.into(),
        rank,
        value: value.to_owned().into(),
    }
}

pub(super) async fn the_overlay_that_applies_more_wins(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer
        .append(records("old", 8), SideWrites::default())
        .await?;
    let steps: [(&[OverlayWrite], &str); 5] = [
        (&[overlay(2, 4, "two"), overlay(7, 4, "seven")], "first"),
        (&[overlay(2, 6, "two again")], "a higher one"),
        (
            &[overlay(2, 5, "late"), overlay(3, 5, "three")],
            "a lower one",
        ),
        (&[overlay(7, 4, "seven, repeated")], "an equal one"),
        (
            &[overlay(3, 9, "nine"), overlay(3, 8, "eight")],
            "two at once",
        ),
    ];
    for (step, what) in steps {
        let side = overlays(step);
        writer.append(records(what, 1), side).await?;
    }
    let (first, last) = EVERYTHING;
    let expected = vec![
        overlay(2, 6, "two again"),
        overlay(3, 9, "nine"),
        overlay(7, 4, "seven, repeated"),
    ];
    let found = store.overlays(&writer.entity, first, last).await?;
    ensure_eq!(found, expected, "all overlays");
    for (first, last) in [(3, 7), (3, 3), (4, 6), (8, 2), (0, 2)] {
        let within = |o: &&OverlayWrite| first <= o.sequence.0 && o.sequence.0 <= last;
        let expected: Vec<_> = expected.iter().filter(within).cloned().collect();
        let found = store.overlays(&writer.entity, Sequence(first), Sequence(last));
        ensure_eq!(found.await?, expected, "overlays of {first}..={last}");
    }
    let ahead = overlays(&[overlay(99, 99, "of nothing")]);
    let outcome = writer.append(records("more", 1), ahead).await;
    let refused = matches!(outcome, Err(AppendError::Invalid(_)));
    ensure!(refused, "an overlay ahead of the row: {outcome:?}");
    let other = store.overlays(&room("b")?, EVERYTHING.0, EVERYTHING.1);
    ensure!(other.await?.is_empty(), "another room has overlays");
    writer.verify().await
}

pub(super) async fn erased_bodies_are_gone_and_the_chain_holds(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer.write(4).await?;
    let total = writer.head.sequence.0;
    // Two of one row, one of another, one without a body, and one of the row that erases.
    let erasures: Vec<_> = [2, 4, 5, 6, total + 1].map(Sequence).into();
    let mut expected = writer.rows.clone();
    let side = SideWrites {
        erasures: erasures.clone(),
        ..SideWrites::default()
    };
    writer.append(records("eraser", 2), side).await?;
    expected.extend(writer.rows.last().cloned());
    for row in &mut expected {
        erasures.iter().for_each(|sequence| row.erase(*sequence));
    }
    writer.rows = expected;
    writer.verify().await?;
    let gone = writer.rows.iter().flat_map(|row| &row.records);
    let gone = gone.filter(|record| record.is_erased()).count();
    ensure!(gone >= 3, "only {gone} bodies were there to erase");

    let again = SideWrites {
        erasures: vec![Sequence(2), Sequence(1)],
        ..SideWrites::default()
    };
    writer.append(records("again", 1), again).await?;
    writer.rows[0].erase(Sequence(1));
    writer.verify().await?;
    read_all(&store, &writer.entity).await?;
    let ahead = SideWrites {
        erasures: vec![Sequence(99)],
        ..SideWrites::default()
    };
    let outcome = writer.append(records("ahead", 1), ahead).await;
    let refused = matches!(outcome, Err(AppendError::Invalid(_)));
    ensure!(refused, "an erasure ahead of the row: {outcome:?}");
    writer.verify().await
}

pub(super) async fn the_higher_rank_wins_and_removal_keeps_its_rank(
    place: &mut dyn Place,
) -> Verdict {
    let store = place.open().await?;
    let steps: [(TableWrite, Option<TableRow>); 8] = [
        (write("k", 5, Some("five")), Some(row("k", 5, "five"))),
        (write("k", 4, Some("four")), Some(row("k", 5, "five"))),
        (write("k", 5, Some("again")), Some(row("k", 5, "again"))),
        (write("k", 4, None), Some(row("k", 5, "again"))),
        (write("k", 7, None), None),
        (write("k", 6, Some("late")), None),
        (write("k", 7, Some("equal")), Some(row("k", 7, "equal"))),
        (write("k", u64::MAX, Some("")), Some(row("k", u64::MAX, ""))),
    ];
    for (step, expected) in steps {
        let what = format!("after {step:?}");
        store.put_rows(vec![step]).await?;
        let keys = ["other", "k", "k"].map(|k| k.into()).into();
        let found = store.get_rows(Table::RoomsOfUser, keys).await?;
        ensure_eq!(found, vec![None, expected.clone(), expected], "{what}");
    }
    // The same through an append, and several writes to one row at once.
    let mut writer = Writer::new(&store, room("a")?);
    let side = SideWrites {
        table: vec![
            write("m", 2, Some("two")),
            write("m", 3, Some("three")),
            write("m", 1, None),
            write("k", 1, None),
        ],
        ..SideWrites::default()
    };
    writer.append(records("x", 1), side).await?;
    let keys = vec![b"m".to_vec(), b"k".to_vec()];
    let found = store.get_rows(Table::RoomsOfUser, keys.clone()).await?;
    let expected = vec![Some(row("m", 3, "three")), Some(row("k", u64::MAX, ""))];
    ensure_eq!(found, expected, "rows written with an append");
    let other = store.get_rows(Table::RoomCards, keys).await?;
    ensure_eq!(other, vec![None, None], "the same keys in another table");
    ensure!(
        store.put_rows(Vec::new()).await.is_ok(),
        "writing nothing fails"
    );
    Ok(())
}

pub(super) async fn scans_follow_prefix_and_position(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let keys = [
        "",
        "a",
        "a\0",
        "a\0x",
        "a\0y",
        "a\0z",
        "aa\0x",
        "b\0x",
        "\u{10ffff}",
    ];
    let rows = keys.map(|key| write(key, 1, Some(key)));
    let neighbour = TableWrite {
        table: Table::ReadCursors,
        ..write("a\0other table", 1, Some("no"))
    };
    store
        .put_rows(rows.into_iter().chain([neighbour]).collect())
        .await?;
    store.put_rows(vec![write("a\0y", 2, None)]).await?;
    let live: Vec<_> = keys.into_iter().filter(|key| *key != "a\0y").collect();
    let afters = [None, Some(""), Some("a\0x"), Some("a\0yy"), Some("z")];
    for prefix in ["", "a", "a\0", "a\0x", "b", "nothing"] {
        for after in afters {
            for limit in [0, 1, 2, 100] {
                let expected = live.iter().filter(|key| key.starts_with(prefix));
                let expected = expected.filter(|key| after.is_none_or(|after| **key > after));
                let expected: Vec<_> = expected.take(limit).map(|key| row(key, 1, key)).collect();
                let after = after.map(|after| after.as_bytes().to_vec());
                let what = format!("{prefix:?} after {after:?}, {limit} at most");
                let found = store.scan_rows(Table::RoomsOfUser, prefix.into(), after, limit);
                ensure_eq!(found.await?, expected, "{what}");
            }
        }
    }
    Ok(())
}

pub(super) async fn a_refused_append_leaves_no_side_writes(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer.write(3).await?;
    let mut late = writer.clone();
    late.head = Head::default();
    let side = SideWrites {
        table: vec![write("k", 1, Some("from a refused append"))],
        ..SideWrites::default()
    };
    let outcome = late.append(records("late", 1), side).await;
    let lost = matches!(outcome, Err(AppendError::Conflict { .. }));
    ensure!(lost, "a late append: {outcome:?}");
    late.head = writer.rows[0].head();
    let side = SideWrites {
        overlays: vec![overlay(1, 2, "refused")],
        erasures: vec![Sequence(1)],
        ..SideWrites::default()
    };
    let outcome = late.append(records("late", 1), side).await;
    let lost = matches!(outcome, Err(AppendError::Conflict { .. }));
    ensure!(lost, "a late append: {outcome:?}");
    let rows = store.get_rows(Table::RoomsOfUser, vec![b"k".to_vec()]);
    ensure_eq!(rows.await?, vec![None], "its table row");
    let found = store.overlays(&writer.entity, EVERYTHING.0, EVERYTHING.1);
    ensure!(found.await?.is_empty(), "its overlay is there");
    writer.verify().await
}

pub(super) async fn wake_ups_come_due_in_order_until_cleared(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let at = Timestamp;
    let user = super::writer::of_kind(EntityKind::User, "a")?;
    let (a, b) = (room("a")?, room("ab")?);
    let mut armed = vec![
        (b.clone(), at(256)),
        (a.clone(), at(300)),
        (a.clone(), at(255)),
        (user.clone(), at(300)),
        (b.clone(), at(u64::MAX)),
        (a.clone(), at(0)),
    ];
    for (entity, due) in &armed {
        store.arm(entity, *due).await?;
        store.arm(entity, *due).await?;
    }
    armed.sort_by_key(|(_, due)| *due);
    for now in [0, 254, 255, 299, 300, u64::MAX] {
        let mut found = store.due(at(now), None, 100).await?;
        let order: Vec<_> = found.iter().map(|(_, due)| *due).collect();
        ensure!(order.is_sorted(), "not oldest first: {found:?}");
        let mut expected = armed.clone();
        expected.retain(|(_, due)| due.0 <= now);
        found.sort();
        expected.sort();
        ensure_eq!(found, expected, "what is due at {now}");
    }
    let first = store.due(at(u64::MAX), None, 2).await?;
    ensure_eq!(first, armed[..2].to_vec(), "the oldest two");
    let mut paged: Vec<(EntityId, Timestamp)> = Vec::new();
    loop {
        let after = paged.last().cloned();
        let page = store.due(at(u64::MAX), after, 1).await?;
        if page.is_empty() {
            break;
        }
        ensure!(paged.len() < armed.len(), "pages without end");
        paged.extend(page);
    }
    ensure_eq!(
        paged,
        store.due(at(u64::MAX), None, 100).await?,
        "page by page"
    );
    store.clear(&a, at(0)).await?;
    store.clear(&a, at(0)).await?;
    store.clear(&b, at(300)).await?;
    let left = store.due(at(300), None, 100).await?;
    ensure_eq!(left.len(), 4, "what is left of {left:?}");
    store.arm(&a, at(0)).await?;
    let again = store.due(at(0), None, 100).await?;
    ensure_eq!(again, vec![(a, at(0))], "armed again");
    Ok(())
}
