//! Templates: `{name}` is a fact, `{name|otherwise}` a fact or some words, `[…]` a part that is left out unless all
//! plain facts in it are there. Parts do not nest, and a plain fact stands in one.

/// The text of a template. What facts contain is not looked at again.
pub(super) fn fill(template: &str, fact: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(at) = rest.find('[') {
        let (before, part) = rest.split_at(at);
        text.push_str(&piece(before, &fact).unwrap_or_default());
        let (part, after) = part[1..].split_once(']').unwrap_or((&part[1..], ""));
        text.push_str(&piece(part, &fact).unwrap_or_default());
        rest = after;
    }
    text.push_str(&piece(rest, &fact).unwrap_or_default());
    text
}

/// `None` if a plain fact is missing.
fn piece(template: &str, fact: &impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, named)) = rest.split_once('{') {
        text.push_str(before);
        let (named, after) = named.split_once('}').unwrap_or((named, ""));
        match named.split_once('|') {
            Some((name, otherwise)) => match fact(name) {
                Some(fact) => text.push_str(&fact),
                None => text.push_str(otherwise),
            },
            None => text.push_str(&fact(named)?),
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> String {
        fill(template, |name| match name {
            "a" => Some("[A]{b}".into()),
            "b" => Some("B".into()),
            _ => None,
        })
    }

    #[test]
    fn parts_without_their_facts_are_left_out() {
        assert_eq!(filled("x[ {b}][, {c}]."), "x B.");
        assert_eq!(filled("[{b} and {c}]{c|nothing}"), "nothing");
        assert_eq!(filled("{b|nothing}"), "B");
        assert_eq!(filled("{a|-}"), "[A]{b}", "facts are no templates");
        assert_eq!(filled("no facts"), "no facts");
        assert_eq!(filled("open [ {b"), "open  B");
    }
}
