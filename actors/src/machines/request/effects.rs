//! What is written along with each event: the rows of everybody who has a part, and the row among the open requests.

use std::collections::BTreeSet;

use super::cards::{self, RequestCard};
use super::event::RequestEvent;
use super::state::{Facts, Part};
use super::{Request, RequestEntry, RequestState, Standing, Trigger};
use crate::ids::{Sequence, UserId};
use crate::journal::{SideWrites, Table, TableWrite};

impl Request {
    pub(super) fn effects_of(&self, sequence: Sequence, entry: &RequestEntry) -> SideWrites {
        let mut side = SideWrites::default();
        let Some(facts) = self.facts.as_deref() else {
            return side;
        };
        let all = entry.from != entry.to
            || matches!(entry.event.trigger(), Trigger::Create | Trigger::Edit);
        if all {
            side.table.push(self.organizers_row(facts, sequence));
            let rows = facts.parts.iter();
            side.table
                .extend(rows.map(|(user, part)| self.musicians_row(facts, user, part, sequence)));
            self.open_rows(facts, entry, sequence, &mut side.table);
        } else {
            let rows = concerned(entry).into_iter();
            let rows = rows.filter_map(|user| Some((user, facts.parts.get(user)?)));
            side.table
                .extend(rows.map(|(user, part)| self.musicians_row(facts, user, part, sequence)));
        }
        side
    }

    fn organizers_row(&self, facts: &Facts, sequence: Sequence) -> TableWrite {
        let card = self.card(facts, sequence, None, facts.assigned.clone());
        TableWrite {
            table: Table::RequestsOfUser,
            key: cards::requests_of_user_key(&facts.organizer, &self.id),
            rank: sequence.0,
            value: Some(card.encode()),
        }
    }

    /// Who does not want an offer, or never answered one, is not shown the request among the own ones any more.
    fn musicians_row(
        &self,
        facts: &Facts,
        user: &UserId,
        part: &Part,
        sequence: Sequence,
    ) -> TableWrite {
        let gone = matches!(part.standing, Standing::Declined | Standing::Lapsed);
        let card = (!gone).then(|| {
            let assigned = facts.assigned.clone().filter(|musician| musician == user);
            self.card(facts, sequence, Some(part.standing), assigned)
        });
        TableWrite {
            table: Table::RequestsOfUser,
            key: cards::requests_of_user_key(user, &self.id),
            rank: sequence.0,
            value: card.map(|card| card.encode()),
        }
    }

    /// The request enters the list of its state and leaves that of the one before. What the key is made of changes in drafts
    /// only, which are in no list.
    fn open_rows(
        &self,
        facts: &Facts,
        entry: &RequestEntry,
        sequence: Sequence,
        out: &mut Vec<TableWrite>,
    ) {
        for state in [RequestState::Active, RequestState::Pending] {
            if entry.from == entry.to || (entry.from != state && entry.to != state) {
                continue;
            }
            let key = match state {
                RequestState::Active => cards::open_request_key(&facts.brief.gig, &self.id),
                _ => cards::pending_request_key(&self.id),
            };
            let card = (entry.to == state).then(|| self.card(facts, sequence, None, None));
            out.push(TableWrite {
                table: Table::OpenRequests,
                key,
                rank: sequence.0,
                value: card.map(|card| card.encode()),
            });
        }
    }

    fn card(
        &self,
        facts: &Facts,
        sequence: Sequence,
        standing: Option<Standing>,
        assigned: Option<UserId>,
    ) -> RequestCard {
        RequestCard {
            id: self.id.clone(),
            state: facts.state,
            title: facts.brief.texts.title.clone(),
            gig: facts.brief.gig.clone(),
            organizer: facts.organizer.clone(),
            mode: facts.brief.mode,
            assigned,
            deadline: facts.deadline,
            created_at: facts.created_at,
            updated_at: facts.updated_at,
            updated: sequence,
            standing,
        }
    }
}

/// Whose standing an entry changes that leaves the state as it is.
fn concerned(entry: &RequestEntry) -> BTreeSet<&UserId> {
    let mut users: BTreeSet<&UserId> = entry.by.iter().collect();
    users.extend(entry.event.musician());
    match &entry.event {
        RequestEvent::Offered { candidates, .. } => {
            users.extend(candidates.iter().map(|one| &one.user));
        }
        RequestEvent::LetGo { next, .. } | RequestEvent::SlotRefused { next, .. } => {
            users.extend(next.iter().map(|next| &next.musician));
        }
        _ => {}
    }
    users
}
