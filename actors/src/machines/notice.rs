//! What a user is told: kinds and priorities of notifications, and the facts one is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$of])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The wire word.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)* }
            }

            /// The one with a wire word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// What a notification is about.
    NoticeKind {
        /// A request that fits the musician.
        NewRequest = "newRequest",
        /// One of the best few for a request.
        TopMatch = "topMatch",
        /// A musician applied to the organizer's request.
        MusicianApplication = "musicianApplication",
        /// The organizer took the musician.
        ApplicationAccepted = "applicationAccepted",
        /// The organizer took another one.
        ApplicationRejected = "applicationRejected",
        /// A request has found its musician: to both.
        RequestAssignment = "requestAssignment",
        /// A request came into another state.
        StatusChange = "statusChange",
        /// Nobody fits, with reasons and the nearest alternatives.
        NoMusiciansAvailable = "noMusiciansAvailable",
        /// A musician's times collide.
        ConflictWarning = "conflictWarning",
        /// A message in a room.
        NewMessage = "newMessage",
        /// An event is near.
        EventReminder = "eventReminder",
        /// The own profile changed.
        ProfileUpdated = "profileUpdated",
        /// A review was written.
        ReviewReceived = "reviewReceived",
        /// A payment came.
        PaymentReceived = "paymentReceived",
        /// A payment failed.
        PaymentFailed = "paymentFailed",
        /// A contract was signed.
        ContractSigned = "contractSigned",
        /// A contract ran out.
        ContractExpired = "contractExpired",
        /// Advertising.
        Marketing = "marketing",
        /// From the platform itself.
        System = "system",
        /// About the safety of the account.
        Security = "security",
    }
}

words! {
    /// How urgent a notification is, ascending.
    Priority {
        /// Whenever.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Soon.
        High = "high",
        /// At once, also at night.
        Critical = "critical",
    }
}

/// The facts of a notification. Its title and message are made of them in the language of whoever gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What about.
    pub kind: NoticeKind,
    /// How urgent.
    pub priority: Priority,
    /// Facts by name (`requestId`, `instrument`, `reason` …), as texts, for the client and for the message.
    pub data: BTreeMap<String, String>,
}
