//! What is kept when a store ends and is opened again.

use super::writer::{Writer, records, room};
use super::{End, Place, Verdict, Violation, ensure_eq};
use crate::ids::{Sequence, Timestamp};
use crate::journal::{OverlayWrite, SideWrites, Table, TableWrite};

pub(super) async fn everything_is_there_after_a_clean_restart(place: &mut dyn Place) -> Verdict {
    everything_is_there_after(place, End::Clean).await
}

pub(super) async fn everything_acknowledged_is_there_after_a_crash(
    place: &mut dyn Place,
) -> Verdict {
    everything_is_there_after(place, End::Crash).await
}

async fn everything_is_there_after(place: &mut dyn Place, how: End) -> Verdict {
    let writers = write_everything(place).await?;
    place.end(how).await?;
    let store = place.open().await?;
    for writer in &writers {
        let writer = Writer {
            store: store.clone(),
            ..writer.clone()
        };
        writer.verify().await?;
        let snapshot = store.snapshot(&writer.entity).await?;
        let snapshot = snapshot.map(|snapshot| snapshot.head);
        ensure_eq!(snapshot, Some(writer.head), "snapshot of {}", writer.entity);
        let overlays = store.overlays(&writer.entity, Sequence(1), Sequence(9));
        let overlays = overlays.await?;
        ensure_eq!(overlays, vec![overlay()], "overlays of {}", writer.entity);
    }
    let listed = store
        .entities(crate::ids::EntityKind::Room, None, 100)
        .await?;
    ensure_eq!(listed.len(), writers.len(), "journals listed");
    let rows = store.scan_rows(Table::RoomCards, Vec::new(), None, 100);
    ensure_eq!(rows.await?.len(), writers.len(), "cards");
    let due = store.due(Timestamp(u64::MAX), None, 100).await?;
    let due: Vec<_> = due.into_iter().map(|(_, due)| due.0).collect();
    ensure_eq!(due, vec![1, 2, 3, 5], "wake-ups");
    Ok(())
}

async fn write_everything(place: &mut dyn Place) -> Result<Vec<Writer>, Violation> {
    let store = place.open().await?;
    let mut writers = Vec::new();
    for n in 0..5_u64 {
        let mut writer = Writer::new(&store, room(&format!("room {n}"))?);
        writer.write(10).await?;
        let side = SideWrites {
            overlays: vec![overlay()],
            erasures: vec![Sequence(1)],
            table: vec![TableWrite {
                table: Table::RoomCards,
                key: writer.entity.id().into(),
                rank: writer.head.sequence.0,
                value: Some("card".into()),
            }],
        };
        writer.append(records("last", 1), side).await?;
        writer.rows[0].erase(Sequence(1));
        writer.snapshot("state").await?;
        store.arm(&writer.entity, Timestamp(n + 1)).await?;
        writers.push(writer);
    }
    store.clear(&writers[3].entity, Timestamp(4)).await?;
    // The suite gives its handles back before the store ends.
    for writer in &mut writers {
        writer.store = super::writer::nowhere();
    }
    Ok(writers)
}

fn overlay() -> OverlayWrite {
    OverlayWrite {
        sequence: Sequence(2),
        applied: Sequence(3),
        state: "edited".into(),
    }
}

pub(super) async fn writers_go_on_after_every_restart(place: &mut dyn Place) -> Verdict {
    let mut writers = Vec::new();
    let ends = [End::Clean, End::Crash, End::Crash, End::Clean];
    for (round, how) in ends.into_iter().enumerate() {
        let store = place.open().await?;
        for writer in &mut writers {
            let writer: &mut Writer = writer;
            writer.store = store.clone();
            writer.verify().await?;
            writer.write(3).await?;
        }
        let mut new = Writer::new(&store, room(&format!("of round {round}"))?);
        new.write(2).await?;
        writers.push(new);
        for writer in &mut writers {
            writer.verify().await?;
            writer.store = super::writer::nowhere();
        }
        drop(store);
        place.end(how).await?;
    }
    Ok(())
}
