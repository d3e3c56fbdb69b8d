//! Words of a command line as a shell reads them: for commands that are shown to be run again.

use std::borrow::Cow;
use std::ffi::OsStr;

/// A path or an argument as one word.
pub fn word(text: impl AsRef<OsStr>) -> String {
    let text = text.as_ref().to_string_lossy();
    // What no shell can read as a word, a zero byte, is in none of them.
    shlex::try_quote(&text).map_or_else(|_| text.to_string(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_as_it_is_unless_a_shell_would_see_more_in_it() {
        assert_eq!(word("target/release/hub-2"), "target/release/hub-2");
        for path in ["my builds/hub", "it's/hub", "$HOME/hub", "a;b", "~/hub"] {
            let read: Vec<_> = shlex::Shlex::new(&word(path)).collect();
            assert_eq!(read, [path]);
            assert_ne!(word(path), path);
        }
    }
}
