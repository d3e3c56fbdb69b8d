//! Whether texts, names, emoji and metadata are within bounds, before anything else looks at them.

use super::{Content, Location, Media, MessageKind, Metadata, RoomLimits, RoomRejection};

/// `field` of the input is out of bounds.
pub(super) fn invalid(field: &'static str, problem: impl Into<String>) -> RoomRejection {
    RoomRejection::Invalid {
        field,
        problem: problem.into(),
    }
}

/// Trims and checks text and metadata of a message.
pub(super) fn content(content: &Content, limits: &RoomLimits) -> Result<Content, RoomRejection> {
    let text = text(content.kind, &content.text, limits)?;
    match (&content.metadata, content.kind) {
        (None, MessageKind::Text) => {}
        (Some(Metadata::Location(place)), MessageKind::Location) => location(place, limits)?,
        (
            Some(Metadata::Media(file)),
            MessageKind::Image | MessageKind::Audio | MessageKind::File,
        ) => media(content.kind, file, limits)?,
        (Some(_), MessageKind::Text) => {
            return Err(invalid("metadata", "does not belong to a text message"));
        }
        (_, kind) => {
            let problem = format!("must be given and fit a message of kind {}", kind.as_str());
            return Err(invalid("metadata", problem));
        }
    }
    Ok(Content {
        kind: content.kind,
        text: text.to_owned(),
        metadata: content.metadata.clone(),
    })
}

/// Trims and checks a text: needed for text messages, a caption that may be empty for the others.
pub(super) fn text<'a>(
    kind: MessageKind,
    text: &'a str,
    limits: &RoomLimits,
) -> Result<&'a str, RoomRejection> {
    let text = text.trim();
    if text.is_empty() && kind == MessageKind::Text {
        return Err(invalid("text", "must not be empty"));
    }
    if longer_than(text, limits.text_chars) {
        let problem = format!("must have at most {} characters", limits.text_chars);
        return Err(invalid("text", problem));
    }
    // Line ends of any platform and tabs are text; other control characters are not.
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return Err(invalid("text", "must not contain control characters"));
    }
    Ok(text)
}

/// Trims and checks a room's name.
pub(super) fn name<'a>(name: &'a str, limits: &RoomLimits) -> Result<&'a str, RoomRejection> {
    let name = name.trim();
    if name.is_empty() || longer_than(name, limits.name_chars) {
        let problem = format!("must have 1 to {} characters", limits.name_chars);
        return Err(invalid("name", problem));
    }
    if name.chars().any(char::is_control) {
        return Err(invalid("name", "must not contain control characters"));
    }
    Ok(name)
}

/// Checks an emoji: a short word without blanks.
pub(super) fn emoji(emoji: &str, limits: &RoomLimits) -> Result<(), RoomRejection> {
    if emoji.is_empty() || emoji.len() > limits.emoji_bytes {
        let problem = format!("must have 1 to {} bytes", limits.emoji_bytes);
        return Err(invalid("emoji", problem));
    }
    if emoji.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(invalid("emoji", "must not contain blanks"));
    }
    Ok(())
}

/// Looks at no more than `max` characters, whatever the length.
fn longer_than(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some()
}

fn media(kind: MessageKind, media: &Media, limits: &RoomLimits) -> Result<(), RoomRejection> {
    file_url(&media.file_url, limits)?;
    match &media.file_name {
        Some(name) => word("metadata.fileName", name, limits)?,
        None if kind == MessageKind::File => {
            return Err(invalid("metadata.fileName", "must be given for a file"));
        }
        None => {}
    }
    if media.file_size.is_some_and(|size| size > limits.file_bytes) {
        let problem = format!("must be at most {} bytes", limits.file_bytes);
        return Err(invalid("metadata.fileSize", problem));
    }
    if let Some(mime) = &media.mime_type {
        mime_type(kind, mime, limits)?;
    }
    match media.duration {
        Some(seconds) if !seconds.is_finite() || seconds < 0.0 => Err(invalid(
            "metadata.duration",
            "must be a number of seconds, 0 or more",
        )),
        Some(_) if kind == MessageKind::Image => {
            Err(invalid("metadata.duration", "does not belong to an image"))
        }
        _ => Ok(()),
    }
}

fn file_url(url: &str, limits: &RoomLimits) -> Result<(), RoomRejection> {
    const FIELD: &str = "metadata.fileUrl";
    word(FIELD, url, limits)?;
    if url.chars().any(char::is_whitespace) {
        return Err(invalid(FIELD, "must not contain blanks"));
    }
    // A second slash would make the "path" a reference to another host.
    let path = url.starts_with('/') && !url.starts_with("//");
    let absolute = ["https://", "http://"].iter().any(|scheme| {
        let head = url.get(..scheme.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
            && !matches!(
                url[scheme.len()..].chars().next(),
                None | Some('/' | '?' | '#')
            )
    });
    if path || absolute {
        return Ok(());
    }
    Err(invalid(
        FIELD,
        "must be an http or https address, or a path that begins with /",
    ))
}

fn mime_type(kind: MessageKind, mime: &str, limits: &RoomLimits) -> Result<(), RoomRejection> {
    const FIELD: &str = "metadata.mimeType";
    word(FIELD, mime, limits)?;
    let prefix = match kind {
        MessageKind::Image => "image/",
        MessageKind::Audio => "audio/",
        _ => "",
    };
    let (major, minor) = mime.split_once('/').unwrap_or((mime, ""));
    let fits = mime
        .get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    if major.is_empty() || minor.is_empty() || !fits {
        let problem = format!("must be a media type such as {prefix}…");
        return Err(invalid(FIELD, problem));
    }
    Ok(())
}

fn location(place: &Location, limits: &RoomLimits) -> Result<(), RoomRejection> {
    // A comparison with NaN is false, so that only numbers pass.
    if !(-90.0..=90.0).contains(&place.lat) {
        return Err(invalid("metadata.lat", "must be between -90 and 90"));
    }
    if !(-180.0..=180.0).contains(&place.lng) {
        return Err(invalid("metadata.lng", "must be between -180 and 180"));
    }
    match &place.address {
        Some(address) => word("metadata.address", address, limits),
        None => Ok(()),
    }
}

fn word(field: &'static str, word: &str, limits: &RoomLimits) -> Result<(), RoomRejection> {
    if word.trim().is_empty() || word.len() > limits.metadata_bytes {
        let problem = format!("must have 1 to {} bytes", limits.metadata_bytes);
        return Err(invalid(field, problem));
    }
    if word.chars().any(char::is_control) {
        return Err(invalid(field, "must not contain control characters"));
    }
    Ok(())
}
