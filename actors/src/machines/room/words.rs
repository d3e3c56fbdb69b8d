//! Words of rejections that came from another node: each is kept once, and only so many of them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde::{Deserialize, Deserializer};

/// The machine has a few dozen; another version may have some more.
const MOST_WORDS: usize = 512;
const MOST_BYTES: usize = 256;
/// Stands for a word beyond the bound.
const OTHER: &str = "see the owner's log";

/// A word that is part of the code.
pub type Word = &'static str;

static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// Reads a word that is part of the code on the node that said it.
pub(super) fn word<'de, D: Deserializer<'de>>(from: D) -> Result<&'static str, D::Error> {
    String::deserialize(from).map(|text| kept(&text))
}

fn kept(text: &str) -> &'static str {
    let Ok(mut words) = WORDS.lock() else {
        return OTHER;
    };
    if let Some(word) = words.get(text) {
        return word;
    }
    if words.len() >= MOST_WORDS || text.len() > MOST_BYTES {
        return OTHER;
    }
    let word: &'static str = Box::leak(text.into());
    words.insert(word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_one_out_of_bounds_is_replaced() {
        let once = kept("only owners do this");
        assert!(std::ptr::eq(once, kept("only owners do this")));
        assert_eq!(kept(&"x".repeat(MOST_BYTES + 1)), OTHER);
    }
}
