//! What only somebody inside can do to a store: take rows away behind its back.

use std::sync::Arc;

use tempfile::TempDir;

use super::keys::{self, Space};
use super::options::FjallOptions;
use super::store::Store;
use crate::ids::{EntityId, Sequence};
use crate::journal::conformance::writer::{ALL, records, room};
use crate::journal::{Head, Range, ReadError, Row};

/// An engine with one journal of rows of so many records each.
fn engine(rows: &[usize]) -> (TempDir, Arc<Store>, EntityId, Vec<Row>) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(directory.path(), &FjallOptions::default()).expect("it opens");
    let entity = room("a").expect("a valid id");
    let mut made: Vec<Row> = Vec::new();
    for count in rows {
        let after = made.last().map_or(Head::default(), Row::head);
        let row = Row::seal(after, 0, records("x", *count));
        let key = keys::at(Space::Row, &entity, row.last());
        let value = keys::row_value(&key, &row);
        store.data.insert(key, value).expect("inserted");
        made.push(row);
    }
    (directory, Arc::new(store), entity, made)
}

fn remove(store: &Store, entity: &EntityId, row: &Row) {
    let key = keys::at(Space::Row, entity, row.last());
    store.data.remove(key).expect("removed");
}

#[test]
fn a_hole_is_noticed_in_both_directions_and_from_within() {
    // 1 to 5, 6 and 7, 8 to 10.
    let (_directory, store, entity, rows) = engine(&[2, 3, 2, 1, 2]);
    let read = |range| store.read(&entity, range, ALL);
    let whole = read(Range::Before(Sequence(8))).expect("a whole journal");
    assert_eq!(whole, [&rows[2], &rows[1], &rows[0]].map(Clone::clone));
    remove(&store, &entity, &rows[2]);

    for range in [
        Range::After(Sequence(5)),
        Range::After(Sequence(6)),
        Range::After(Sequence(0)),
        Range::Before(Sequence(7)),
        Range::Before(Sequence(8)),
        Range::Before(Sequence(9)),
        Range::Before(Sequence(99)),
    ] {
        let found = read(range);
        assert!(
            matches!(found, Err(ReadError::Corrupt { .. })),
            "{range:?} answers {found:?}"
        );
    }
    let below = read(Range::Before(Sequence(6)));
    assert_eq!(below, Ok(vec![rows[1].clone(), rows[0].clone()]));
    let above = read(Range::After(Sequence(7)));
    assert_eq!(above, Ok(vec![rows[3].clone(), rows[4].clone()]));
}

#[test]
fn what_was_trimmed_is_no_hole() {
    let (_directory, store, entity, rows) = engine(&[2, 3, 2]);
    let key = keys::of_entity(Space::FirstRetained, &entity);
    let first = keys::ranked(&key, 6, &[]);
    store.data.insert(key, first).expect("inserted");
    rows[..2]
        .iter()
        .for_each(|row| remove(&store, &entity, row));
    for before in 0..=6 {
        let found = store.read(&entity, Range::Before(Sequence(before)), ALL);
        assert_eq!(found, Ok(Vec::new()), "before {before}");
    }
    let found = store.read(&entity, Range::Before(Sequence(7)), ALL);
    assert_eq!(found, Ok(vec![rows[2].clone()]));
}
