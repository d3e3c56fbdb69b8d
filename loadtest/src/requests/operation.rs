//! The operations of the scenario `requests`: what users ask of the HTTP API, one row of the report each.

use serde::Serialize;

/// How an operation is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Changes nothing.
    Get,
    /// Carries an `Idempotency-Key`, and may be repeated.
    Post,
    /// Says how things are to be; again changes nothing.
    Put,
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $verb:ident $route:literal;)*) => {
        /// What a user does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// All of them, in the order of the report.
            pub const ALL: &'static [Operation] = &[$(Operation::$name),*];

            /// How it is asked for.
            pub fn verb(self) -> Verb {
                match self { $(Operation::$name => Verb::$verb,)* }
            }

            /// Its address, as the document of the API has it.
            pub fn route(self) -> &'static str {
                match self { $(Operation::$name => $route,)* }
            }
        }
    };
}

operations! {
    /// How many notifications are unread.
    Unread = Get "/api/inbox/unread";
    /// The newest notifications.
    Inbox = Get "/api/inbox";
    /// Requests around somebody that look for musicians.
    OpenRequests = Get "/api/requests/open";
    /// One request.
    LookAtRequest = Get "/api/requests/{id}";
    /// Requests that somebody has a part in.
    MyRequests = Get "/api/requests";
    /// Who was offered a request, with scores.
    Candidates = Get "/api/requests/{id}/candidates";
    /// Who applied to a request.
    Applications = Get "/api/requests/{id}/applications";
    /// Musicians who fit.
    SearchMusicians = Get "/api/musicians";
    /// The profile of a musician.
    LookAtMusician = Get "/api/musicians/{id}";
    /// Own hours.
    MyHours = Get "/api/profile/availability";
    /// Own taken times.
    MyTimes = Get "/api/profile/busy";
    /// Own rooms.
    MyRooms = Get "/api/rooms";
    /// Messages of the room of a request.
    History = Get "/api/rooms/{id}/messages";
    /// A draft.
    Create = Post "/api/requests";
    /// The draft is published.
    Submit = Post "/api/requests/{id}/submit";
    /// A musician takes a request.
    Accept = Post "/api/requests/{id}/accept";
    /// A musician does not want a request.
    Decline = Post "/api/requests/{id}/decline";
    /// A musician would play.
    Apply = Post "/api/requests/{id}/apply";
    /// The organizer does not want an applicant.
    Reject = Post "/api/requests/{id}/reject";
    /// The organizer takes an applicant.
    Choose = Post "/api/requests/{id}/choose";
    /// The event is called off.
    Cancel = Post "/api/requests/{id}/cancel";
    /// A message in the room of a request.
    Send = Post "/api/rooms/{id}/messages";
    /// All notifications so far are read.
    ReadAll = Post "/api/inbox/read-all";
    /// The room is read up to here.
    MarkRead = Put "/api/rooms/{id}/read";
    /// Other hours.
    SetHours = Put "/api/profile/availability";
}

impl Operation {
    /// Its place in [`ALL`](Self::ALL).
    pub fn index(self) -> usize {
        self as usize
    }

    /// Changes nothing.
    pub fn is_read(self) -> bool {
        self.verb() == Verb::Get
    }

    /// Verb and address.
    pub fn name(self) -> String {
        let verb = match self.verb() {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
        };
        format!("{verb} {}", self.route())
    }
}
