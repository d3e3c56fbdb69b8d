//! "Did you mean": the nearest known word to a mistyped one.

/// The known word that is closest to `word`, if one is close enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
    known
        .into_iter()
        .map(|key| {
            // A right name in the wrong section is meant, too.
            let distance = if last(key) == word.rsplit('.').next().unwrap_or(word) {
                1
            } else {
                distance(word, key)
            };
            (distance, key)
        })
        .filter(|(distance, _)| *distance <= 1 + word.len() / 6)
        .min()
        .map(|(_, key)| key)
}

/// How many insertions, removals and replacements lead from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_recognised_and_strangers_are_not() {
        let known = ["listen", "room.text_chars", "log.level", "drain.grace_ms"];
        assert_eq!(nearest("listn", known), Some("listen"));
        assert_eq!(nearest("room.text_char", known), Some("room.text_chars"));
        assert_eq!(nearest("text_chars", known), Some("room.text_chars"));
        assert_eq!(nearest("colour", known), None);
        assert_eq!(
            (distance("abc", "abc"), distance("kitten", "sitting")),
            (0, 3)
        );
    }
}
