//! Bounds on what a notification is made of: what comes from entities is cut to them, what an operator writes is refused.

use super::patch::error;
use super::{InboxLimits, InboxRejection};
use crate::machines::notice::{Notice, NoticeKind};

/// The fact that is the title of what operators write.
pub const TITLE: &str = "title";
/// The fact that is the message of what operators write.
pub const MESSAGE: &str = "message";

/// Characters of a wrong name that are repeated in what is said about it.
const NAMED: usize = 40;

/// The notice within its bounds: facts that are too many or have too long a name are left out, in the order of their
/// names; what is too long is cut.
pub(super) fn cut(notice: &Notice, limits: &InboxLimits) -> Notice {
    let named = |name: &str| name.len() <= limits.data_key_bytes;
    let kept = notice.data.iter().filter(|(name, _)| named(name));
    let kept = kept.take(limits.data_entries).map(|(name, fact)| {
        let fact = clip(fact, limits.data_value_chars);
        (name.clone(), fact)
    });
    Notice {
        kind: notice.kind,
        priority: notice.priority,
        data: kept.collect(),
    }
}

/// A text of at most so many characters; one that was longer ends with an ellipsis.
pub(super) fn clip(text: &str, chars: usize) -> String {
    if text.len() <= chars || text.chars().nth(chars).is_none() {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(chars.saturating_sub(1)).collect();
    if chars > 0 {
        cut.push('…');
    }
    cut
}

/// All that is wrong with a notice of an operator.
pub(super) fn check(notice: &Notice, limits: &InboxLimits) -> Result<(), InboxRejection> {
    let mut wrong = Vec::new();
    if notice.data.len() > limits.data_entries {
        let problem = format!("must have at most {} entries", limits.data_entries);
        return Err(InboxRejection::Invalid(vec![error("data", problem)]));
    }
    for (name, fact) in &notice.data {
        let field = || format!("data.{}", clip(name, NAMED));
        if name.is_empty() || name.len() > limits.data_key_bytes {
            let problem = format!("must have a name of 1 to {} bytes", limits.data_key_bytes);
            wrong.push(error(field(), problem));
        }
        let most = match name.as_str() {
            TITLE => limits.title_chars,
            MESSAGE => limits.message_chars.min(limits.data_value_chars),
            _ => limits.data_value_chars,
        };
        if fact.len() > most && fact.chars().nth(most).is_some() {
            wrong.push(error(
                field(),
                format!("must have at most {most} characters"),
            ));
        }
        if fact.chars().chain(name.chars()).any(forbidden) {
            wrong.push(error(field(), "must not contain control characters"));
        }
    }
    let own_words = matches!(
        notice.kind,
        NoticeKind::System | NoticeKind::Security | NoticeKind::Marketing
    );
    let message = notice.data.get(MESSAGE);
    if own_words && message.is_none_or(|message| message.trim().is_empty()) {
        let field = format!("data.{MESSAGE}");
        wrong.push(error(
            field,
            format!("must be given with type {}", notice.kind.as_str()),
        ));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(InboxRejection::Invalid(wrong))
    }
}

/// Line ends of any platform and tabs are text; other control characters are not.
fn forbidden(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::machines::notice::Priority;

    fn notice(kind: NoticeKind, data: &[(&str, &str)]) -> Notice {
        let data = data.iter().map(|(n, f)| ((*n).to_owned(), (*f).to_owned()));
        Notice {
            kind,
            priority: Priority::Normal,
            data: data.collect::<BTreeMap<_, _>>(),
        }
    }

    fn limits() -> InboxLimits {
        InboxLimits {
            data_entries: 3,
            data_key_bytes: 8,
            data_value_chars: 5,
            title_chars: 3,
            ..InboxLimits::default()
        }
    }

    #[test]
    fn what_entities_send_is_cut_and_never_refused() {
        let long = notice(
            NoticeKind::NewRequest,
            &[
                ("a", "ñandúes"),
                ("b", "short"),
                ("c", ""),
                ("d", "one too many"),
                ("a name too long", "x"),
            ],
        );
        let cut = cut(&long, &limits());
        let expected = notice(
            NoticeKind::NewRequest,
            &[("a", "ñand…"), ("b", "short"), ("c", "")],
        );
        assert_eq!(cut, expected);
        assert_eq!(clip("abc", 0), "");
        assert_eq!(clip("ab", 1), "…");
    }

    #[test]
    fn everything_that_is_wrong_with_a_post_is_said_at_once() {
        let wrong = notice(
            NoticeKind::System,
            &[
                ("a name too long", "x"),
                ("b", "123456"),
                ("title", "a\u{7}bc"),
            ],
        );
        let Err(InboxRejection::Invalid(errors)) = check(&wrong, &limits()) else {
            panic!("a post with five mistakes was taken");
        };
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "data.a name too long",
                "data.b",
                "data.title",
                "data.title",
                "data.message"
            ]
        );
        let right = notice(NoticeKind::System, &[("message", "a\nb")]);
        assert_eq!(check(&right, &limits()), Ok(()));
        let blank = notice(NoticeKind::Security, &[("message", " ")]);
        assert!(check(&blank, &limits()).is_err());
        assert_eq!(
            check(&notice(NoticeKind::EventReminder, &[]), &limits()),
            Ok(())
        );
        let many = notice(
            NoticeKind::System,
            &[("a", ""), ("b", ""), ("c", ""), ("d", "")],
        );
        assert!(check(&many, &limits()).is_err());
    }
}
