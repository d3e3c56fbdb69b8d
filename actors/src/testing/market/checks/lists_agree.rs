//! The index of musicians, the requests of each user and the open requests are what users and requests have come to.

use std::collections::BTreeMap;

use crate::ids::{RequestId, UserId};
use crate::journal::{Table, TableRow};
use crate::machines::matching::card::MusicianCard;
use crate::machines::request::cards::{
    open_request_key, pending_request_key, requests_of_user_key,
};
use crate::machines::request::{
    Inside, Request, RequestCard, RequestCommand, RequestLimits, RequestReply, RequestState,
    RequestView, Standing,
};
use crate::machines::terms::{Caller, PlatformRole};
use crate::machines::user::User;
use crate::machines::{Context, Machine};
use crate::testing::market::books::Books;

/// Compares rows and last states.
pub fn check(books: &Books<'_>) -> Result<(), String> {
    musicians(books)?;
    let mut of_users = Rows::of(books, Table::RequestsOfUser);
    let mut open = Rows::of(books, Table::OpenRequests);
    for (id, request) in &books.requests {
        let Some(view) = seen(&request.last) else {
            return Err(format!("{id} shows itself to nobody"));
        };
        of_organizer(id, &view, &mut of_users)?;
        of_musicians(id, &view, &mut of_users)?;
        listed(id, &view, &mut open)?;
    }
    of_users.nothing_left()?;
    open.nothing_left()
}

/// Rows of one table that are not accounted for yet.
struct Rows<'a>(Table, BTreeMap<&'a [u8], &'a TableRow>);

impl<'a> Rows<'a> {
    fn of(books: &Books<'a>, table: Table) -> Self {
        let rows = books.history.rows.iter();
        let rows = rows.filter(|((of, _), _)| *of == table);
        Self(table, rows.map(|((_, key), row)| (&key[..], row)).collect())
    }

    fn take(&mut self, key: &[u8]) -> Option<&'a TableRow> {
        self.1.remove(key)
    }

    fn card(&mut self, key: &[u8]) -> Result<Option<RequestCard>, String> {
        let row = self.take(key);
        let card = row.map(|row| RequestCard::decode(&row.value));
        card.transpose().map_err(|error| error.to_string())
    }

    fn nothing_left(&self) -> Result<(), String> {
        match self.1.first_key_value() {
            Some((key, _)) => {
                let key = String::from_utf8_lossy(key);
                Err(format!(
                    "nothing accounts for the row {key:?} of {:?}",
                    self.0
                ))
            }
            None => Ok(()),
        }
    }
}

fn musicians(books: &Books<'_>) -> Result<(), String> {
    let mut rows = Rows::of(books, Table::Musicians);
    for (id, user) in &books.users {
        for key in user.last.index_keys() {
            let row = rows.take(&key);
            let row = row.ok_or_else(|| format!("{id} is not in the index"))?;
            let card = MusicianCard::decode(&row.value).map_err(|error| error.to_string())?;
            says_so(books, id, &user.last, &card)?;
        }
    }
    rows.nothing_left()
}

fn says_so(books: &Books<'_>, id: &UserId, user: &User, card: &MusicianCard) -> Result<(), String> {
    let is = user.card(books.history.ended);
    let is = is.ok_or_else(|| format!("{id} has no card, and the index has one"))?;
    // As it is when it was written and read.
    let is = MusicianCard::decode(&is.encode()).map_err(|error| error.to_string())?;
    if is.head != card.head || is.instruments != card.instruments {
        return Err(format!("the index says of {id} {card:?}, but it is {is:?}"));
    }
    let mut slots = user
        .slots()
        .filter(|slot| slot.window.to > books.history.ended);
    match slots.find(|slot| card.is_free(&slot.window)) {
        Some(slot) => Err(format!(
            "by the index {id} is free for {}, whose time is taken",
            slot.request
        )),
        None => Ok(()),
    }
}

/// The request as an admin sees it: everything.
fn seen(request: &Request) -> Option<RequestView> {
    let limits = RequestLimits::default();
    let context = Context {
        now: crate::ids::Timestamp(0),
        limits: &limits,
    };
    let by = Caller {
        user: UserId::parse("auditor").ok()?,
        role: PlatformRole::Admin,
    };
    match request
        .decide(&context, &RequestCommand::View { by })
        .ok()?
        .reply
    {
        RequestReply::View(view) => Some(*view),
        _ => None,
    }
}

fn of_organizer(id: &RequestId, view: &RequestView, rows: &mut Rows<'_>) -> Result<(), String> {
    let card = rows.card(&requests_of_user_key(&view.organizer, id))?;
    let assigned = view
        .inside
        .as_ref()
        .and_then(|inside| inside.assigned.clone());
    let says = card.map(|card| (card.state, card.assigned));
    if says.as_ref() == Some(&(view.state, assigned)) {
        return Ok(());
    }
    let state = view.state;
    Err(format!(
        "{id} is {state:?}, and its organizer is shown {says:?}"
    ))
}

fn of_musicians(id: &RequestId, view: &RequestView, rows: &mut Rows<'_>) -> Result<(), String> {
    let parts = view.inside.as_deref().map(|inside: &Inside| &inside.parts);
    for part in parts.into_iter().flatten() {
        let gone = matches!(part.standing, Standing::Declined | Standing::Lapsed);
        let card = rows.card(&requests_of_user_key(&part.musician, id))?;
        let says = card.map(|card| (card.state, card.standing));
        let is = (!gone).then_some((view.state, Some(part.standing)));
        if says != is {
            let who = &part.musician;
            return Err(format!("of {id} {who} is shown {says:?}, and it is {is:?}"));
        }
    }
    Ok(())
}

fn listed(id: &RequestId, view: &RequestView, rows: &mut Rows<'_>) -> Result<(), String> {
    let key = match view.state {
        RequestState::Active => open_request_key(&view.gig, id),
        RequestState::Pending => pending_request_key(id),
        _ => return Ok(()),
    };
    let card = rows.card(&key)?;
    if card.is_some_and(|card| card.state == view.state) {
        return Ok(());
    }
    Err(format!("{id} is {:?} and in no list of such", view.state))
}
