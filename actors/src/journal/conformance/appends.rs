//! What an append may and may not do.

use super::writer::{Writer, of_kind, records, room};
use super::{Place, Verdict, ensure, ensure_eq};
use crate::ids::{EntityKind, Sequence};
use crate::journal::{AppendError, Digest, Head, Record, Row, SideWrites};

pub(super) async fn an_acknowledged_row_is_read_back_whole(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer.write(1).await?;
    writer.verify().await?;
    let odd = vec![
        Record::new("".into(), None),
        Record::new("only a header".into(), None),
        Record::new("empty body".into(), Some("".into())),
        Record::new(vec![0, 255, 10].into(), Some(vec![0; 3000].into())),
    ];
    writer.append(odd, SideWrites::default()).await?;
    writer.write(20).await?;
    writer.verify().await
}

pub(super) async fn an_append_on_an_old_head_changes_nothing_and_learns_the_head(
    place: &mut dyn Place,
) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    let mut late = writer.clone();
    writer.write(3).await?;
    let forged = Head {
        digest: Digest::of(b"another history"),
        ..writer.head
    };
    let ahead = Head {
        sequence: writer.head.sequence.plus(5),
        ..writer.head
    };
    for after in [Head::default(), writer.rows[1].head(), forged, ahead] {
        late.head = after;
        let outcome = late.append(records("late", 2), SideWrites::default()).await;
        let expected = AppendError::Conflict { head: writer.head };
        ensure_eq!(outcome, Err(expected), "an append after {after}");
    }
    writer.verify().await?;
    writer.write(1).await?;
    writer.verify().await
}

pub(super) async fn a_row_that_does_not_follow_is_never_stored(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let mut writer = Writer::new(&store, room("a")?);
    writer.write(2).await?;
    let good = writer.next(records("next", 2), SideWrites::default());
    type Spoil = fn(&mut Row);
    let spoil: [(&str, Spoil); 6] = [
        ("skips a sequence", |row| row.first = row.first.next()),
        ("repeats a sequence", |row| row.first.0 -= 1),
        ("names another predecessor", |row| {
            row.previous = Digest::of(b"other");
        }),
        ("has a wrong digest", |row| row.digest.0[0] ^= 1),
        ("has a body that is not its own", |row| {
            row.records[0].body = Some("swapped".into());
        }),
        ("has no record", |row| row.records.clear()),
    ];
    for (what, spoil) in spoil {
        let mut bad = good.clone();
        spoil(&mut bad.row);
        let outcome = store.append(bad).await;
        let refused = matches!(outcome, Err(AppendError::Invalid(_)));
        ensure!(refused, "a row that {what}: {outcome:?}");
        writer.verify().await?;
    }
    writer.append(good.row.records, good.side).await?;
    writer.verify().await
}

pub(super) async fn a_row_beyond_the_limits_is_refused(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let capabilities = store.capabilities();
    let mut writer = Writer::new(&store, room("a")?);
    let largest = |less: usize| {
        let frame = Row::seal(Head::default(), 0, vec![Record::new("".into(), None)]);
        let body = vec![7; capabilities.max_row_bytes - frame.encoded_len() - less];
        vec![Record::new("".into(), Some(body.into()))]
    };
    let mut over = largest(0);
    over[0].header = "x".into();
    let outcome = writer.append(over, SideWrites::default()).await;
    let refused = matches!(outcome, Err(AppendError::Invalid(_)));
    ensure!(refused, "a row that is too large: {outcome:?}");
    writer.verify().await?;
    writer.append(largest(0), SideWrites::default()).await?;
    writer.verify().await?;
    let Some(bucket) = capabilities.bucket else {
        return Ok(());
    };
    let left = bucket - writer.head.sequence.0 % bucket;
    let crossing = records("crossing", left as usize + 1);
    let outcome = writer.append(crossing, SideWrites::default()).await;
    let refused = matches!(outcome, Err(AppendError::Invalid(_)));
    ensure!(refused, "a row across buckets: {outcome:?}");
    let filling = records("filling", left as usize);
    writer.append(filling, SideWrites::default()).await?;
    ensure_eq!(writer.head.sequence.0 % bucket, 0, "the bucket is full");
    writer.write(2).await?;
    writer.verify().await
}

pub(super) async fn ids_that_resemble_each_other_stay_apart(place: &mut dyn Place) -> Verdict {
    let store = place.open().await?;
    let long = "x".repeat(255);
    let ids = [
        "a",
        "ab",
        "a b",
        "a\u{1}",
        "a%",
        "a/b",
        "A",
        "\u{7f}",
        "ä",
        "\u{10ffff}",
        "..",
        &long,
    ];
    let mut writers = Vec::new();
    for id in ids {
        for kind in [EntityKind::Room, EntityKind::User, EntityKind::Request] {
            writers.push(Writer::new(&store, of_kind(kind, id)?));
        }
    }
    for round in 1..=3 {
        for (n, writer) in writers.iter_mut().enumerate() {
            writer.write(1 + (n + round) % 3).await?;
        }
    }
    for writer in &writers {
        writer.verify().await?;
        let first = store.first_retained(&writer.entity).await?;
        ensure_eq!(first, Sequence(1), "first retained of {}", writer.entity);
    }
    Ok(())
}
