//! All that is wrong with an input, collected field by field.

use crate::machines::terms::{FieldError, Term};

use super::UserRejection;

/// Collects problems; an input is good if there are none in the end.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<FieldError>);

impl Problems {
    pub fn add(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            problem: problem.into(),
        });
    }

    /// Trims and checks a text of one line.
    pub fn line(&mut self, field: &str, text: &str, least: usize, most: usize) -> String {
        self.text(field, text, least, most, |c| c.is_control())
    }

    /// Trims and checks a text that may have several lines.
    pub fn lines(&mut self, field: &str, text: &str, most: usize) -> String {
        let forbidden = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        self.text(field, text, 0, most, forbidden)
    }

    fn text(
        &mut self,
        field: &str,
        text: &str,
        least: usize,
        most: usize,
        forbidden: impl Fn(char) -> bool,
    ) -> String {
        let text = text.trim();
        // Looks at no more characters than may be there.
        let chars = text.chars().take(most + 1).count();
        if chars > most && least == 0 {
            self.add(field, format!("must have at most {most} characters"));
        } else if chars > most || chars < least {
            self.add(field, format!("must have {least} to {most} characters"));
        } else if text.chars().any(forbidden) {
            self.add(field, "must not contain control characters");
        } else {
            return text.to_owned();
        }
        String::new()
    }

    /// Reads a word of a vocabulary.
    pub fn term(&mut self, field: &str, text: &str) -> Option<Term> {
        let parsed = Term::parse(text);
        parsed
            .map_err(|error| self.add(field, error.to_string()))
            .ok()
    }

    /// Whether a list is within its bound; if not, its elements need not be looked at.
    pub fn fits(&mut self, field: &str, len: usize, most: usize) -> bool {
        if len > most {
            self.add(
                field,
                format!("must have at most {most} entries, not {len}"),
            );
        }
        len <= most
    }

    pub fn done<T>(self, good: T) -> Result<T, UserRejection> {
        if self.0.is_empty() {
            Ok(good)
        } else {
            Err(UserRejection::Invalid(self.0))
        }
    }
}
