//! Snapshots and trimming.

use super::writer::{ALL, Writer, read_all, records, room};
use super::{Place, Verdict, ensure, ensure_eq};
use crate::ids::Sequence;
use crate::journal::{AppendError, Digest, Head, OverlayWrite, Range, SideWrites, Snapshot};

pub(super) async fn an_older_snapshot_never_replaces_a_newer_one(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    let mut other = Writer::new(&store, room("ab")?);
    other.write(1).await?;
    other.snapshot("of another").await?;
    writer.write(2).await?;
    let early = writer.clone();
    early.snapshot("early").await?;
    let stored = |head, state: &str| {
        let state = state.to_owned().into();
        Some(Snapshot { head, state })
    };
    let found = store.snapshot(&writer.entity).await?;
    ensure_eq!(found, stored(early.head, "early"), "the first snapshot");
    writer.write(300).await?;
    writer.snapshot("newer").await?;
    early.snapshot("late").await?;
    let found = store.snapshot(&writer.entity).await?;
    ensure_eq!(found, stored(writer.head, "newer"), "after a late one");
    writer.snapshot("").await?;
    let found = store.snapshot(&writer.entity).await?;
    ensure_eq!(found, stored(writer.head, ""), "the same head again");
    let found = store.snapshot(&other.entity).await?;
    ensure_eq!(found, stored(other.head, "of another"), "another room's");
    Ok(())
}

pub(super) async fn a_snapshot_ahead_of_its_journal_is_refused(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer.write(2).await?;
    let ahead = Snapshot {
        head: Head {
            sequence: writer.head.sequence.next(),
            digest: Digest::of(b"?"),
        },
        state: "ahead".into(),
    };
    for entity in [&writer.entity, &room("none")?] {
        let outcome = store.put_snapshot(entity, ahead.clone()).await;
        let refused = matches!(outcome, Err(AppendError::Invalid(_)));
        ensure!(refused, "a snapshot ahead of {entity}: {outcome:?}");
        ensure_eq!(store.snapshot(entity).await?, None, "of {entity}");
    }
    Ok(())
}

pub(super) async fn trimming_stays_behind_the_snapshot_and_never_goes_back(
    place: &mut dyn Place,
) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("b")?);
    writer.write(12).await?;
    let everything = Sequence(u64::MAX);
    let answer = store.trim(&writer.entity, everything).await?;
    ensure_eq!(answer, Sequence(1), "trimming without a snapshot");
    writer.verify().await?;
    let covered = writer.head.sequence;
    writer.snapshot("covers twelve rows").await?;
    writer.write(12).await?;
    let mut retained = Sequence(1);
    for first in [
        4,
        2,
        9,
        covered.0,
        3,
        covered.0 + 1,
        covered.0 + 5,
        u64::MAX,
    ] {
        let first = Sequence(first);
        let answer = store.trim(&writer.entity, first).await?;
        ensure!(answer >= retained, "{retained} came back as {answer}");
        ensure!(answer <= first.max(retained), "beyond {first}: {answer}");
        ensure!(answer <= covered.next(), "beyond the snapshot: {answer}");
        retained = answer;
        let found = store.first_retained(&writer.entity).await?;
        ensure_eq!(found, retained, "first retained after trimming to {first}");
        let rows = read_all(&store, &writer.entity).await?;
        let expected = writer.rows.iter().filter(|row| row.last() >= retained);
        let expected: Vec<_> = expected.cloned().collect();
        ensure_eq!(rows, expected, "rows after trimming to {first}");
        let below = Range::Before(Sequence(u64::MAX));
        let mut rows = store.read(&writer.entity, below, ALL).await?;
        rows.reverse();
        ensure_eq!(rows, expected, "the same from the end");
    }
    let head = store.head(&writer.entity).await?;
    ensure_eq!(head, writer.head, "the head after trimming");
    Ok(())
}

pub(super) async fn a_trimmed_journal_goes_on(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut neighbour = Writer::new(&store, room("a")?);
    neighbour.write(5).await?;
    let mut writer = Writer::new(&store, room("b")?);
    writer.write(8).await?;
    let overlay = |sequence: u64| OverlayWrite {
        sequence: Sequence(sequence),
        applied: Sequence(sequence),
        state: "edited".into(),
    };
    let last = writer.head.sequence.0;
    let side = SideWrites {
        overlays: vec![overlay(1), overlay(last)],
        ..SideWrites::default()
    };
    writer.append(records("edit", 1), side).await?;
    writer.snapshot("at the head").await?;
    let retained = store.trim(&writer.entity, Sequence(u64::MAX)).await?;
    ensure!(retained > Sequence(1), "nothing was trimmed");
    // Whatever went, the head stays, and an erasure of what is gone does no harm.
    ensure_eq!(store.head(&writer.entity).await?, writer.head, "the head");
    let listed = store.entities(writer.entity.kind, None, 10).await?;
    ensure_eq!(listed.len(), 2, "journals listed");
    let side = SideWrites {
        erasures: vec![Sequence(1)],
        ..SideWrites::default()
    };
    writer.append(records("eraser", 1), side).await?;
    writer.write(3).await?;
    let overlays = store.overlays(&writer.entity, Sequence(0), Sequence(u64::MAX));
    let overlays: Vec<_> = overlays.await?.iter().map(|o| o.sequence.0).collect();
    let kept: Vec<_> = [1, last].into_iter().filter(|s| *s >= retained.0).collect();
    ensure_eq!(overlays, kept, "overlays of what is left");
    writer.rows.retain(|row| row.last() >= retained);
    writer.verify().await?;
    neighbour.verify().await
}
