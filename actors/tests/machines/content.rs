//! What a message may say: texts and metadata at their bounds.

use actors::machines::Wish;
use actors::machines::room::{
    Content, Location, Media, MessageKind, Metadata, RoomCommand, RoomKind, RoomRejection,
};

use crate::hall::{Hall, message, user, words};

fn field(content: Content) -> Result<(), &'static str> {
    let mut hall = Hall::group();
    let head = hall.room.head();
    match hall.send_content("bob", "m", content, None) {
        Ok(_) => Ok(()),
        Err(RoomRejection::Invalid { field, problem }) => {
            assert!(!problem.is_empty() && hall.room.head() == head);
            Err(field)
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn media(kind: MessageKind, change: impl FnOnce(&mut Media)) -> Result<(), &'static str> {
    let mut media = Media {
        file_url: "https://files.example/a.bin".into(),
        file_name: Some("a.bin".into()),
        ..Media::default()
    };
    change(&mut media);
    field(Content {
        kind,
        text: String::new(),
        metadata: Some(Metadata::Media(media)),
    })
}

fn place(lat: f64, lng: f64, address: Option<&str>) -> Result<(), &'static str> {
    field(Content {
        kind: MessageKind::Location,
        text: " the old hall ".into(),
        metadata: Some(Metadata::Location(Location {
            lat,
            lng,
            address: address.map(str::to_owned),
        })),
    })
}

#[test]
fn a_text_has_one_to_a_thousand_characters_after_trimming() {
    assert_eq!(field(words("x")), Ok(()));
    assert_eq!(field(words(&format!("  {}\n", "🎷".repeat(1_000)))), Ok(()));
    assert_eq!(field(words(&"🎷".repeat(1_001))), Err("text"));
    assert_eq!(field(words("")), Err("text"));
    assert_eq!(field(words(" \u{2003}\n\t ")), Err("text"));
}

#[test]
fn a_text_has_lines_and_tabs_but_no_other_control_characters() {
    assert_eq!(field(words("a\nb\r\nc\td")), Ok(()));
    for control in ["\0", "\u{8}", "\u{1b}", "\u{7f}", "\u{85}"] {
        assert_eq!(
            field(words(&format!("a{control}b"))),
            Err("text"),
            "{control:?}"
        );
    }
}

#[test]
fn metadata_fits_the_kind() {
    let mut text = words("hi");
    text.metadata = Some(Metadata::Media(Media::default()));
    assert_eq!(field(text), Err("metadata"));
    for kind in [
        MessageKind::Image,
        MessageKind::Audio,
        MessageKind::File,
        MessageKind::Location,
    ] {
        let mut bare = words("hi");
        bare.kind = kind;
        assert_eq!(field(bare), Err("metadata"), "{kind:?}");
    }
    assert_eq!(media(MessageKind::Location, |_| {}), Err("metadata"));
    let mut wrong = words("hi");
    wrong.kind = MessageKind::Image;
    wrong.metadata = Some(Metadata::Location(Location {
        lat: 0.0,
        lng: 0.0,
        address: None,
    }));
    assert_eq!(field(wrong), Err("metadata"));
}

#[test]
fn a_caption_may_be_empty_but_not_too_long() {
    assert_eq!(media(MessageKind::Image, |_| {}), Ok(()));
    let content = Content {
        kind: MessageKind::Image,
        text: "x".repeat(1_001),
        metadata: Some(Metadata::Media(Media {
            file_url: "/a.png".into(),
            ..Media::default()
        })),
    };
    assert_eq!(field(content), Err("text"));
}

#[test]
fn a_file_lies_at_an_http_address_or_a_path() {
    let url = |url: &str| media(MessageKind::File, |media| media.file_url = url.into());
    for good in [
        "https://a",
        "HTTP://a.example/b?c#d",
        "/a",
        "/",
        "http://[::1]:80/x",
    ] {
        assert_eq!(url(good), Ok(()), "{good}");
    }
    let long = format!("/{}", "x".repeat(2_048));
    for bad in [
        "",
        " ",
        "a.png",
        "ftp://a",
        "javascript:alert(1)",
        "https:/a",
        "https://",
        "https:///a",
        "//evil.example/a",
        "/a b",
        "/a\nb",
        "data:text/plain,x",
        "http",
        "ｈttp://a",
        &long,
    ] {
        assert_eq!(url(bad), Err("metadata.fileUrl"), "{bad}");
    }
}

#[test]
fn a_file_says_its_name_and_its_size_within_bounds() {
    let file = |change: fn(&mut Media)| media(MessageKind::File, change);
    assert_eq!(file(|m| m.file_name = None), Err("metadata.fileName"));
    assert_eq!(
        file(|m| m.file_name = Some(" ".into())),
        Err("metadata.fileName")
    );
    assert_eq!(
        file(|m| m.file_name = Some("x".repeat(2_049))),
        Err("metadata.fileName")
    );
    assert_eq!(media(MessageKind::Image, |m| m.file_name = None), Ok(()));
    assert_eq!(file(|m| m.file_size = Some(10 * 1_024 * 1_024)), Ok(()));
    assert_eq!(
        file(|m| m.file_size = Some(10 * 1_024 * 1_024 + 1)),
        Err("metadata.fileSize")
    );
}

#[test]
fn media_types_and_durations_fit_the_kind() {
    let mime = |kind, mime: &str| media(kind, |media| media.mime_type = Some(mime.into()));
    assert_eq!(mime(MessageKind::Image, "image/png"), Ok(()));
    assert_eq!(mime(MessageKind::Image, "Image/WebP"), Ok(()));
    assert_eq!(mime(MessageKind::Audio, "audio/mpeg"), Ok(()));
    assert_eq!(mime(MessageKind::File, "application/pdf"), Ok(()));
    for (kind, bad) in [
        (MessageKind::Image, "audio/mpeg"),
        (MessageKind::Image, "image/"),
        (MessageKind::Image, "imagé/png"),
        (MessageKind::Audio, "image/png"),
        (MessageKind::File, "pdf"),
        (MessageKind::File, "/pdf"),
        (MessageKind::File, ""),
    ] {
        assert_eq!(mime(kind, bad), Err("metadata.mimeType"), "{kind:?} {bad}");
    }
    let lasts = |kind, seconds| media(kind, |media| media.duration = Some(seconds));
    assert_eq!(lasts(MessageKind::Audio, 0.0), Ok(()));
    assert_eq!(lasts(MessageKind::File, 61.5), Ok(()));
    for bad in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(lasts(MessageKind::Audio, bad), Err("metadata.duration"));
    }
    assert_eq!(lasts(MessageKind::Image, 1.0), Err("metadata.duration"));
}

#[test]
fn a_place_is_on_earth() {
    assert_eq!(place(-90.0, 180.0, Some("South")), Ok(()));
    assert_eq!(place(90.1, 0.0, None), Err("metadata.lat"));
    assert_eq!(place(f64::NAN, 0.0, None), Err("metadata.lat"));
    assert_eq!(place(0.0, -180.1, None), Err("metadata.lng"));
    assert_eq!(place(0.0, f64::INFINITY, None), Err("metadata.lng"));
    assert_eq!(place(0.0, 0.0, Some("")), Err("metadata.address"));
}

#[test]
fn only_messages_with_text_are_edited() {
    let mut hall = Hall::group();
    let mut image = Content {
        kind: MessageKind::Image,
        text: String::new(),
        metadata: Some(Metadata::Media(Media {
            file_url: "/a.png".into(),
            ..Media::default()
        })),
    };
    let bare = hall
        .send_content("bob", "m1", image.clone(), None)
        .expect("sent");
    image.text = "us".into();
    let captioned = hall.send_content("bob", "m2", image, None).expect("sent");
    let refused = hall.edit("bob", bare.sequence, "us");
    assert!(matches!(
        refused,
        Err(RoomRejection::Invalid {
            field: "sequence",
            ..
        })
    ));
    hall.edit("bob", captioned.sequence, "")
        .expect("a caption may become empty");
    hall.edit("bob", captioned.sequence, "all of us")
        .expect("and come back");
}

#[test]
fn a_command_weighs_no_less_than_what_it_carries() {
    let long = "x".repeat(10_000);
    let media = Media {
        file_url: long.clone(),
        file_name: Some(long.clone()),
        ..Media::default()
    };
    let send = RoomCommand::Send {
        by: user("bob"),
        id: message("m"),
        content: Content {
            kind: MessageKind::File,
            text: long.clone(),
            metadata: Some(Metadata::Media(media)),
        },
        reply_to: None,
    };
    assert!(send.weight() >= 30_000);
    let create = RoomCommand::Create {
        by: user("bob"),
        kind: RoomKind::Group,
        name: Some(long),
        members: vec![user("a"); 1_000],
    };
    assert!(create.weight() >= 11_000);
    assert!(RoomCommand::Quit { by: user("bob") }.weight() >= 64);
}
