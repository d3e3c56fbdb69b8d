//! The steps of stories as HTTP requests.

use serde_json::json;

use super::cast::Cast;
use super::client::Call;
use super::ledger::Books;
use super::operation::{Operation, Verb};
use super::plan::{Slot, Story};
use super::script::{Step, Who};

/// What the people of a story know by now.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// What was acknowledged.
    pub books: Books,
    /// Musicians who were offered the request.
    pub offered: Vec<u32>,
    /// Whom the organizer wishes to have.
    pub chosen: Option<u32>,
    /// What a visitor found, to be looked at.
    pub found: Option<String>,
    /// The last sequence of the inbox that was read last.
    pub inbox_head: u64,
}

/// Somebody takes a step.
#[derive(Clone, Copy)]
pub struct Turn<'a> {
    /// Everybody.
    pub cast: &'a Cast,
    /// The story.
    pub story: &'a Story,
    /// Where in the plan.
    pub slot: Slot,
    /// What.
    pub step: Step,
}

impl Turn<'_> {
    /// The request of this step; `None` if what came before leaves nothing to do, as an empty list does.
    pub fn call(&self, scene: &mut Scene) -> Option<Call> {
        let user = self.who(scene)?;
        let path = self.path(scene, user)?;
        let body = self.body(scene, user)?;
        let verb = self.step.operation.verb();
        let Slot {
            story, stage, step, ..
        } = self.slot;
        Some(Call {
            verb,
            path,
            user,
            key: (verb == Verb::Post)
                .then(|| format!("{}-{story}-{stage}-{step}", self.cast.nonce)),
            body,
        })
    }

    /// What is asked instead, so that the rate is kept.
    pub fn instead(&self) -> Call {
        let user = match self.story.kind.is_of_request() {
            true => self.cast.organizer(self.story.person),
            false => self.visitor(),
        };
        Call::get(user, Operation::Unread.route().to_owned())
    }

    fn visitor(&self) -> u32 {
        match self.story.kind.visits_as_organizer() {
            true => self.cast.organizer(self.story.person),
            false => self.story.person,
        }
    }

    fn who(&self, scene: &Scene) -> Option<u32> {
        match self.step.who {
            Who::Organizer => Some(self.cast.organizer(self.story.person)),
            Who::Offered(at) => scene.offered.get(usize::from(at)).copied(),
            Who::Winner => scene.books.winner,
            Who::Visitor => Some(self.visitor()),
        }
    }

    fn path(&self, scene: &Scene, user: u32) -> Option<String> {
        let Story { person, number, .. } = *self.story;
        let route = self.step.operation.route();
        Some(match self.step.operation {
            Operation::Inbox => format!("{route}?limit=20"),
            Operation::MyRequests | Operation::MyRooms => format!("{route}?limit=20"),
            Operation::OpenRequests => format!("{route}?{}", self.cast.open_query(user)),
            Operation::SearchMusicians => format!("{route}?{}", self.cast.search_query(number)),
            // Whoever found nobody looks at somebody known.
            Operation::LookAtMusician => {
                let found = scene.found.clone();
                let known = || self.cast.musician(person % self.cast.musicians);
                route.replace("{id}", &found.unwrap_or_else(known))
            }
            Operation::LookAtRequest if self.step.who == Who::Visitor => {
                route.replace("{id}", scene.found.as_deref()?)
            }
            Operation::History => format!("{}?limit=20", self.in_room(scene)?),
            Operation::Send | Operation::MarkRead => self.in_room(scene)?,
            _ if route.contains("{id}") => route.replace("{id}", scene.books.id.as_deref()?),
            _ => route.to_owned(),
        })
    }

    fn in_room(&self, scene: &Scene) -> Option<String> {
        let room = format!("request-{}", scene.books.id.as_deref()?);
        Some(self.step.operation.route().replace("{id}", &room))
    }

    /// The body, if the operation has one; `None` if there is nothing to be said.
    fn body(&self, scene: &mut Scene, user: u32) -> Option<Option<String>> {
        let Story { kind, number, .. } = *self.story;
        let body = match self.step.operation {
            Operation::Create => self.cast.draft(number, kind.mode()),
            Operation::Decline => json!({ "reason": "I am on the road then" }),
            Operation::Apply => {
                let rate = 100 + user % 20 * 5;
                json!({ "rate": rate, "words": "With pleasure; I know the place." })
            }
            Operation::Reject => {
                // Not the first one, who is to be chosen.
                let [_, .., last] = scene.books.applied[..] else {
                    return None;
                };
                json!({ "musicianId": self.cast.musician(last), "reason": "We found another sound" })
            }
            Operation::Choose => {
                let chosen = *scene.books.applied.first()?;
                scene.chosen = Some(chosen);
                json!({ "musicianId": self.cast.musician(chosen) })
            }
            Operation::Cancel => json!({ "reason": "The venue is closed" }),
            Operation::Send => {
                // Told apart by its place in the plan: a text that is there twice is a message that is there twice.
                let Slot { stage, step, .. } = self.slot;
                let text = format!("Shall we meet at the stage at five? ({stage}.{step})");
                json!({ "kind": "text", "text": text })
            }
            Operation::ReadAll => json!({ "upTo": scene.inbox_head }),
            Operation::MarkRead => json!({ "upTo": scene.books.said.last()?.0 }),
            Operation::SetHours => self.cast.hours(user, number),
            _ => return Some(None),
        };
        Some(Some(body.to_string()))
    }
}

/// The text of a message as it was sent.
pub fn text_of(call: &Call) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(call.body.as_deref()?).ok()?;
    Some(body["text"].as_str()?.to_owned())
}
