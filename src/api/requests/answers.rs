//! What a step of a request is answered with.

use actors::ids::{RequestId, Sequence, UserId};
use actors::machines::request::{Done, RequestView, Standing};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::words;

/// A step was made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step<'a> {
    #[schema(value_type = words::RequestId)]
    request_id: &'a str,
    /// Of the event, or for a repeat of the first one.
    #[schema(value_type = words::Sequence)]
    sequence: Sequence,
    /// The state now.
    state: &'static str,
    /// How the caller stands now, if the caller is a musician with a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    standing: Option<&'static str>,
}

impl<'a> Step<'a> {
    /// The wire form of what a request answers.
    pub fn new(id: &'a RequestId, done: &Done) -> Self {
        Self {
            request_id: id.as_str(),
            sequence: done.sequence,
            state: done.state.as_str(),
            standing: done.standing.map(Standing::as_str),
        }
    }
}

/// How a wish to be assigned, or to have somebody assigned, ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assigned<'a> {
    pub step: Step<'a>,
    /// `assigned`; `taken` by another one, or not to be had any more; `conflicted` with another time of the musician's; or
    /// `waiting`.
    pub outcome: &'static str,
}

impl<'a> Assigned<'a> {
    /// How it ended, as the request shows the musician.
    pub fn settled(view: &'a RequestView, musician: &UserId) -> Self {
        let inside = view.inside.iter().flat_map(|inside| &inside.parts);
        let mut parts = inside.chain(&view.mine);
        let part = parts.find(|part| part.musician == *musician);
        let standing = part.map(|part| part.standing);
        let step = Step {
            request_id: view.id.as_str(),
            sequence: view.sequence,
            state: view.state.as_str(),
            standing: standing.map(Standing::as_str),
        };
        let outcome = match standing {
            Some(Standing::Assigned) => "assigned",
            Some(Standing::Conflicted) => "conflicted",
            _ => "taken",
        };
        Self { step, outcome }
    }
}
