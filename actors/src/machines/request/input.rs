//! What an organizer writes, as it comes in and as it is kept once it is known to be right.

use serde::{Deserialize, Serialize};

use super::Mode;
use crate::ids::Timestamp;
use crate::machines::terms::{Budget, Gig, Place, Window};

/// A request as its organizer writes it: nothing of it is checked, trimmed or parsed yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestInput {
    /// What the event is called.
    pub title: Option<String>,
    /// The kind of event.
    pub event_type: String,
    /// The instrument that is looked for.
    pub instrument: String,
    /// Further instruments that would be welcome.
    pub more_instruments: Vec<String>,
    /// The genre, if one is wanted.
    pub genre: Option<String>,
    /// Beginning and end.
    pub window: Window,
    /// Where.
    pub place: Place,
    /// For how much.
    pub budget: Budget,
    /// What is expected. A draft may lack it.
    pub description: String,
    /// How many will listen.
    pub attendees: Option<u32>,
    /// What to wear.
    pub dress_code: Option<String>,
    /// What is there and what is to be brought.
    pub equipment: Option<String>,
    /// How it comes to its musician.
    pub mode: Mode,
    /// How far from the place the first search looks, in kilometres.
    pub radius_km: Option<f64>,
    /// Until when musicians are looked for.
    pub deadline: Option<Timestamp>,
}

impl RequestInput {
    /// Bytes of its texts.
    pub(super) fn weight(&self) -> usize {
        let optional = [&self.title, &self.genre, &self.dress_code, &self.equipment];
        let optional = optional.into_iter().flatten().map(String::len);
        let more = self.more_instruments.iter().map(|name| name.len() + 24);
        let texts = [&self.event_type, &self.instrument, &self.description];
        let texts = texts.into_iter().map(String::len);
        128 + self.place.address.len() + texts.chain(optional).chain(more).sum::<usize>()
    }
}

/// A request as its organizer wrote it, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Brief {
    /// What a search goes by.
    pub gig: Gig,
    /// How it comes to its musician.
    pub mode: Mode,
    /// How many will listen.
    pub attendees: Option<u32>,
    /// How far from the place the first search looks, in kilometres.
    pub radius_km: Option<f64>,
    /// Until when musicians are looked for, if the organizer said so.
    pub deadline: Option<Timestamp>,
    /// Free texts.
    pub texts: Texts,
}

/// The free texts of a request: they may be erased from the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Texts {
    /// What the event is called.
    pub title: Option<String>,
    /// What is expected; empty if nothing was said.
    pub description: String,
    /// What to wear.
    pub dress_code: Option<String>,
    /// What is there and what is to be brought.
    pub equipment: Option<String>,
}

impl Brief {
    /// The same as its organizer might have written it, to be checked again at another time.
    pub(super) fn written(&self) -> RequestInput {
        let (gig, texts) = (&self.gig, &self.texts);
        let more = gig.more_instruments.iter().map(ToString::to_string);
        RequestInput {
            title: texts.title.clone(),
            event_type: gig.event_type.to_string(),
            instrument: gig.instrument.to_string(),
            more_instruments: more.collect(),
            genre: gig.genre.as_ref().map(ToString::to_string),
            window: gig.window,
            place: gig.place.clone(),
            budget: gig.budget,
            description: texts.description.clone(),
            attendees: self.attendees,
            dress_code: texts.dress_code.clone(),
            equipment: texts.equipment.clone(),
            mode: self.mode,
            radius_km: self.radius_km,
            deadline: self.deadline,
        }
    }
}
