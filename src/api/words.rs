//! The small schemas that the shapes of the document are made of: ids, moments, places in lists. None is ever built: each
//! stands for a type of `actors`, or for a text.

use std::borrow::Cow;

use actors::ids::EntityKind as Kind;
use actors::machines::terms;
use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

use super::formats;
use super::gig::Money;
use super::requests::{MyRole, StateWord};
use crate::rfc3339::Rfc3339;

/// The largest whole number that every JSON reader keeps exactly.
pub const MOST: u64 = (1 << 53) - 1;

fn text(format: &str, description: &str) -> RefOr<Schema> {
    let pattern = formats::pattern(format);
    let longest = (format == formats::TERM).then_some(terms::Term::MAX_CHARS);
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .format(Some(SchemaFormat::Custom(format.into())))
        .max_length(longest)
        .pattern((!pattern.is_empty()).then_some(pattern))
        .description(Some(description))
        .into()
}

macro_rules! texts {
    ($($name:ident, $format:expr, $description:literal;)*) => {$(
        #[doc = $description]
        pub enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($format, $description)
            }
        }

        impl ToSchema for $name {}
    )*};
}

texts! {
    UserId, formats::USER_ID, "A user: the subject of a token.";
    RoomId, formats::ROOM_ID, "A room.";
    ChosenRoomId, formats::CHOSEN_ROOM_ID, "The id of a room as a client may choose it.";
    MessageId, formats::MESSAGE_ID, "A message, by the id that its sender chose.";
    RequestId, formats::REQUEST_ID, "A matching request.";
    Term, formats::TERM, "A word of a vocabulary, such as an instrument or a genre; spellings with capitals are the same word.";
    ClockTime, formats::CLOCK_TIME, "A time on the wall clock, `18:30`; `24:00` is the end of a day.";
    Date, formats::DATE, "A day, `2026-06-30`.";
    EntityId, formats::ENTITY_ID, "Any entity: a user, a room, a matching request.";
    Cursor, formats::CURSOR, "A place in a list, as a page gives it.";
}

/// A position in the journal of an entity.
pub enum Sequence {}

impl PartialSchema for Sequence {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(0))
            .maximum(Some(MOST))
            .description(Some(
                "A position in the journal of an entity: 1, 2, 3 and so on, 0 before the first.",
            ))
            .into()
    }
}

impl ToSchema for Sequence {}

impl PartialSchema for Rfc3339 {
    fn schema() -> RefOr<Schema> {
        text(
            formats::DATE_TIME,
            "A time of RFC 3339; those that are answered are in UTC, with milliseconds.",
        )
    }
}

impl ToSchema for Rfc3339 {
    fn name() -> Cow<'static, str> {
        "Time".into()
    }
}

/// Hours of every day; an end before the beginning lies on the next day.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// Beginning.
    #[schema(value_type = ClockTime)]
    pub from: String,
    /// End.
    #[schema(value_type = ClockTime)]
    pub to: String,
}

/// What operators are told: more for every version.
pub enum Account {}

impl PartialSchema for Account {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Object))
            .description(Some("What operators are told; later versions tell more."))
            .into()
    }
}

impl ToSchema for Account {}

/// The kinds of entities by their words.
pub const ENTITY_KINDS: [(&str, Kind); 4] = [
    ("room", Kind::Room),
    ("user", Kind::User),
    ("request", Kind::Request),
    ("inbox", Kind::Inbox),
];

/// A kind of entity.
pub enum EntityKind {}

impl PartialSchema for EntityKind {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .enum_values(Some(ENTITY_KINDS.map(|(word, _)| word)))
            .into()
    }
}

impl ToSchema for EntityKind {}

/// Every small schema by name: parameters refer to them, and say no more.
pub(super) fn all() -> Vec<(Cow<'static, str>, RefOr<Schema>)> {
    fn named<T: ToSchema>() -> (Cow<'static, str>, RefOr<Schema>) {
        (T::name(), T::schema())
    }
    vec![
        named::<UserId>(),
        named::<RoomId>(),
        named::<ChosenRoomId>(),
        named::<MessageId>(),
        named::<RequestId>(),
        named::<Term>(),
        named::<ClockTime>(),
        named::<Date>(),
        named::<EntityId>(),
        named::<EntityKind>(),
        named::<MyRole>(),
        named::<StateWord>(),
        named::<Money>(),
        named::<Cursor>(),
        named::<Sequence>(),
        named::<Rfc3339>(),
    ]
}
