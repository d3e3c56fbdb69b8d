//! Fields in a row, of which only the first are known: what follows them is passed over.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

/// The known ones, a tuple.
pub(super) struct Fields<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Known(PhantomData))
    }
}

struct Known<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Known<T> {
    type Value = Fields<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of a message")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let known = T::deserialize(SeqAccessDeserializer::new(&mut fields))?;
        while fields.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Fields(known))
    }
}
