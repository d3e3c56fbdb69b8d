//! Steps that are none, deadlines that nobody keeps, errands that nobody does, lists that lie.

use super::story::{later, organizer, request, story, user};
use super::{noticed, noticed_after, notices};
use crate::ids::{EntityId, Timestamp};
use crate::journal::Table;
use crate::machines::request::{Actor, RequestEntry, RequestEvent, RequestState};

/// A step of the other request, by the hub.
fn entry(event: RequestEvent, from: RequestState, to: RequestState, at: Timestamp) -> RequestEntry {
    RequestEntry {
        event,
        from,
        to,
        at,
        by: None,
        role: Actor::System,
        key: None,
    }
}

#[test]
fn a_request_that_expires_too_early_is_noticed() {
    noticed(&["follows_the_table"], |town| {
        let at = later(town.now);
        let (from, to) = (RequestState::Active, RequestState::Expired);
        let expired = entry(RequestEvent::Expired, from, to, at);
        town.forge_request(&request("other"), vec![expired]);
    });
}

#[test]
fn a_step_by_whom_the_table_does_not_allow_is_noticed() {
    noticed(&["follows_the_table"], |town| {
        let (from, to) = (RequestState::Active, RequestState::Cancelled);
        let reason = "none".into();
        let mut cancelled = entry(RequestEvent::Cancelled { reason }, from, to, town.now);
        (cancelled.by, cancelled.role) = (Some(user("max")), Actor::Musician);
        town.forge_request(&request("other"), vec![cancelled]);
    });
}

#[test]
fn a_step_out_of_another_state_is_noticed() {
    // It is taken off the list of those that wait for a moderator, and stays in that of the open ones.
    noticed(&["follows_the_table", "lists_agree"], |town| {
        let (from, to) = (RequestState::Pending, RequestState::Cancelled);
        let reason = "none".into();
        let mut cancelled = entry(RequestEvent::Cancelled { reason }, from, to, town.now);
        (cancelled.by, cancelled.role) = (Some(organizer().user), Actor::Owner);
        town.forge_request(&request("other"), vec![cancelled]);
    });
}

#[test]
fn a_machine_that_contradicts_itself_is_noticed() {
    noticed(&["machines_are_sound"], |town| {
        let from = RequestState::Assigned;
        let musician = user("max");
        let assigned = RequestEvent::Assigned {
            musician,
            remind_at: None,
        };
        town.forge_request(&request("gig"), vec![entry(assigned, from, from, town.now)]);
    });
}

#[test]
fn a_deadline_that_nobody_keeps_is_noticed() {
    let mut town = story();
    town.now = town.now.plus_millis(72 * 3_600_000);
    let mut history = town.end();
    history.alarms.clear();
    notices(&["kept_in_time"], &history);
}

#[test]
fn an_alarm_that_is_missing_and_one_that_nobody_needs_are_noticed() {
    noticed_after(&["kept_in_time"], |history| history.alarms.clear());
    noticed_after(&["kept_in_time"], |history| {
        let long_ago = Timestamp(history.ended.0 - 3_600_000);
        let gig = EntityId::request(&request("gig"));
        history.alarms.push((gig, long_ago));
    });
    noticed_after(&["kept_in_time"], |history| {
        let gig = EntityId::request(&request("gig"));
        let soon = |n| (gig.clone(), history.ended.plus_millis(n));
        let many: Vec<_> = (0..10).map(soon).collect();
        history.alarms.extend(many);
    });
}

#[test]
fn an_errand_that_is_not_noted_as_done_is_noticed() {
    noticed_after(&["errands_done"], |history| {
        history
            .rows
            .retain(|(table, _), _| *table != Table::ErrandsDone);
    });
    // One that is young may wait.
    noticed_after(&[], |history| {
        history
            .rows
            .retain(|(table, _), _| *table != Table::ErrandsDone);
        history.ended = super::town::NOW;
    });
}

#[test]
fn a_row_that_is_missing_old_or_left_over_is_noticed() {
    for table in [Table::Musicians, Table::RequestsOfUser, Table::OpenRequests] {
        noticed_after(&["lists_agree"], |history| {
            let (id, _) = history
                .rows
                .iter()
                .find(|((of, _), _)| *of == table)
                .expect("a row");
            let id = id.clone();
            history.rows.remove(&id);
        });
        noticed_after(&["lists_agree"], |history| {
            let row = history.rows.iter().find(|((of, _), _)| *of == table);
            let row = row.expect("a row").1.clone();
            history
                .rows
                .insert((table, b"somebody\0else".to_vec()), row);
        });
    }
    noticed_after(&["lists_agree"], |history| {
        let mut rows = history.rows.iter_mut();
        let of_users = rows
            .by_ref()
            .filter(|((of, _), _)| *of == Table::RequestsOfUser);
        let mut values: Vec<_> = of_users.map(|(_, row)| &mut row.value).collect();
        values.swap(0, 1);
        let first = values[0].clone();
        *values[1] = first;
    });
}
