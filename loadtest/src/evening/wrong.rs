//! What contradicted a promise beside deliveries and acknowledgements, counted by name, the first ones in words.

use std::collections::BTreeMap;

/// Examples that are kept in words.
const EXAMPLES: usize = 10;

/// Contradictions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wrong {
    counts: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Wrong {
    /// One more.
    pub fn count(&mut self, name: &'static str, words: impl FnOnce() -> String) {
        *self.counts.entry(name).or_default() += 1;
        self.example(name, words);
    }

    /// Keeps the first ones in words, whatever counts them.
    pub fn example(&mut self, name: &'static str, words: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{name}: {}", words()));
        }
    }

    /// How many of a name.
    #[cfg(test)]
    pub fn of(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or_default()
    }

    /// All names that occurred, as a record has them.
    pub fn by_name(&self) -> BTreeMap<String, u64> {
        let all = self.counts.iter();
        all.map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }
}
