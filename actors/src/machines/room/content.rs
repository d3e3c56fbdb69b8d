//! What a message says: text and typed metadata by kind.

use serde::{Deserialize, Serialize};

/// Kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MessageKind {
    /// Text only.
    Text,
    /// A picture by reference.
    Image,
    /// A sound by reference.
    Audio,
    /// Any file by reference.
    File,
    /// A place.
    Location,
}

impl MessageKind {
    /// The wire word.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageKind::Text => "text",
            MessageKind::Image => "image",
            MessageKind::Audio => "audio",
            MessageKind::File => "file",
            MessageKind::Location => "location",
        }
    }
}

/// Text and metadata. For `Text` the text has 1 to 1,000 characters after trimming and there is no
/// metadata; for the other kinds the text is a caption that may be empty and metadata is required.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Kind.
    pub kind: MessageKind,
    /// Trimmed text.
    pub text: String,
    /// Metadata that fits the kind.
    pub metadata: Option<Metadata>,
}

impl Content {
    /// Bytes this holds in memory beside itself.
    pub fn weight(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let metadata = match &self.metadata {
            None => 0,
            Some(Metadata::Media(media)) => {
                media.file_url.len() + optional(&media.file_name) + optional(&media.mime_type)
            }
            Some(Metadata::Location(place)) => optional(&place.address),
        };
        self.text.len() + metadata
    }
}

/// Typed metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Metadata {
    /// For image, audio and file.
    Media(Media),
    /// For location.
    Location(Location),
}

/// A file kept elsewhere.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Media {
    /// Where: absolute http(s) URL or a path beginning with `/`.
    pub file_url: String,
    /// Name to show; required for `File`.
    pub file_name: Option<String>,
    /// Bytes.
    pub file_size: Option<u64>,
    /// Media type such as `image/png`; must begin with `image/` or `audio/` for those kinds.
    pub mime_type: Option<String>,
    /// Seconds, for audio and files.
    pub duration: Option<f64>,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Location {
    /// Degrees north, −90 to 90.
    pub lat: f64,
    /// Degrees east, −180 to 180.
    pub lng: f64,
    /// Words for people.
    pub address: Option<String>,
}
