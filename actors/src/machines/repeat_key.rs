//! The number that makes a repeat known for one: which key it bears, and which wish stands behind it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::Sequence;

/// Bits of the number that tell the wish; those above tell user and key.
const WISH_BITS: u32 = 24;
const WISH: u64 = (1 << WISH_BITS) - 1;

/// A client's key for a wish. Commands carry it as one number: its high 40 bits are those of a digest of user and key, its
/// low 24 bits those of a digest of the wish. So whoever remembers keys can tell a repeat from another wish under the same
/// key, which must not be answered as if it had been granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatKey(u64);

/// The key was used before with another wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("the key was used before with another wish")]
pub struct KeyReused;

impl RepeatKey {
    /// Of 64 bits of a digest of user and key, and as many of one of the wish.
    pub fn new(key: u64, wish: u64) -> Self {
        Self(key & !WISH | wish & WISH)
    }

    /// As a command carries it.
    pub fn of(number: u64) -> Self {
        Self(number)
    }

    /// For a command.
    pub fn number(self) -> u64 {
        self.0
    }

    /// What all wishes under this key have in common.
    pub fn key(self) -> u64 {
        self.0 >> WISH_BITS
    }

    /// What tells this wish from others under the key.
    pub fn wish(self) -> u64 {
        self.0 & WISH
    }

    /// Where this wish was granted, among the numbers that are remembered, the newest first; refused if the key stands for
    /// another one.
    pub fn granted<'a>(
        self,
        newest_first: impl IntoIterator<Item = &'a (u64, Sequence)>,
    ) -> Result<Option<Sequence>, KeyReused> {
        let mut known = newest_first.into_iter();
        match known.find(|(number, _)| Self(*number).key() == self.key()) {
            Some((number, sequence)) if *number == self.0 => Ok(Some(*sequence)),
            Some(_) => Err(KeyReused),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_the_key_and_the_wish_apart() {
        let one = RepeatKey::new(u64::MAX, 0);
        let other = RepeatKey::new(u64::MAX, u64::MAX);
        assert_eq!((one.key(), one.wish()), (0xff_ffff_ffff, 0));
        assert_eq!((other.key(), other.wish()), (one.key(), 0xff_ffff));
        assert_eq!(RepeatKey::of(other.number()), other);
    }

    #[test]
    fn a_key_is_good_for_one_wish() {
        let number = |key: u64, wish| RepeatKey::new(key << WISH_BITS, wish);
        let known = [
            (number(2, 1).number(), Sequence(9)),
            (number(1, 1).number(), Sequence(4)),
        ];
        assert_eq!(number(1, 1).granted(&known), Ok(Some(Sequence(4))));
        assert_eq!(number(1, 2).granted(&known), Err(KeyReused));
        assert_eq!(number(3, 1).granted(&known), Ok(None));
    }
}
