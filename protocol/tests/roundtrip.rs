//! What is written is read back unchanged: every message, both encodings, however the stream is cut.

use bytes::{BufMut, Bytes};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::Union;
use protocol::{
    Call, Decoder, Encoding, Headers, HubMessage, Id, Limits, Outcome, Raw, encode,
    encode_completion, encode_invocation, encode_stream_item,
};
use serde::{Deserialize, Serialize};

fn limits() -> Limits {
    Limits {
        max_message_bytes: 1 << 20,
        max_id_bytes: 2_000,
        ..Limits::default()
    }
}

/// Text with what needs escapes, several bytes, or looks like framing.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,12}",
        "\\PC{1,40}",
        "[\"\\\\/\u{0}-\u{20}\u{1e}\u{7f}é€😀]{1,20}",
        "x{250,300}",
    ]
}

fn id() -> impl Strategy<Value = Id> {
    text().prop_map(Id::from)
}

/// JSON values as other writers spell them: white space, escapes, any number.
fn json_value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?",
        text().prop_map(|value| serde_json::Value::from(value).to_string()),
        Just("\"\\u00e9\\ud83d\\uDE00\\/\\b\\ud800\"".to_owned()),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(|items| format!("[ {} ]", items.join(" ,\t"))),
            vec((text(), inner), 0..6).prop_map(|members| {
                let member = |(name, value)| format!("{}: {value}", serde_json::Value::from(name));
                format!(
                    "{{{}}}",
                    members
                        .into_iter()
                        .map(member)
                        .collect::<Vec<_>>()
                        .join(",\r\n")
                )
            }),
        ]
    })
    .prop_map(|value| value.replace("[  ]", "[]"))
}

/// MessagePack values in every format, the wasteful ones too, with extensions and floats of both sizes.
fn msgpack_value() -> impl Strategy<Value = Vec<u8>> {
    let bytes = || vec(any::<u8>(), 0..40);
    let headed = |head: Vec<u8>, body: Vec<u8>| [head, body].concat();
    let leaf = prop_oneof![
        prop::sample::select(vec![0xc0_u8, 0xc2, 0xc3, 0x00, 0x7f, 0xe0, 0xff])
            .prop_map(|b| vec![b]),
        (
            prop::sample::select(vec![
                (0xcc_u8, 1_usize),
                (0xcd, 2),
                (0xce, 4),
                (0xcf, 8),
                (0xd0, 1),
                (0xd1, 2),
                (0xd2, 4),
                (0xd3, 8),
                (0xca, 4),
                (0xcb, 8),
                (0xd4, 2),
                (0xd5, 3),
                (0xd6, 5),
                (0xd7, 9),
                (0xd8, 17)
            ]),
            vec(any::<u8>(), 17)
        )
            .prop_map(move |((marker, size), body)| headed(vec![marker], body[..size].to_vec())),
        "[a-zé]{0,15}".prop_map(move |t| headed(vec![0xa0 | t.len() as u8], t.into_bytes())),
        text().prop_map(move |t| {
            let mut head = vec![0xdb];
            head.put_u32(t.len() as u32);
            headed(head, t.into_bytes())
        }),
        bytes().prop_map(move |b| headed(vec![0xc4, b.len() as u8], b)),
        bytes().prop_map(move |b| headed(vec![0xc5, 0, b.len() as u8], b)),
        (any::<u8>(), bytes())
            .prop_map(move |(kind, b)| headed(vec![0xc7, b.len() as u8, kind], b)),
        (any::<u8>(), bytes())
            .prop_map(move |(kind, b)| headed(vec![0xc9, 0, 0, 0, b.len() as u8, kind], b)),
    ]
    // The alphabet above has two-byte letters: keep the fixed heads honest.
    .prop_filter("a fixed head that fits", |value| {
        value[0] & 0xe0 != 0xa0 || value.len() <= 32
    });
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6)
                .prop_map(|items| { [vec![0x90 | items.len() as u8], items.concat()].concat() }),
            vec(inner.clone(), 0..6).prop_map(|items| {
                [vec![0xdd, 0, 0, 0, items.len() as u8], items.concat()].concat()
            }),
            vec((inner.clone(), inner), 0..6).prop_map(|pairs| {
                let body: Vec<u8> = pairs
                    .iter()
                    .flat_map(|(k, v)| [&k[..], &v[..]].concat())
                    .collect();
                [vec![0xde, 0, pairs.len() as u8], body].concat()
            }),
        ]
    })
}

fn raw(encoding: Encoding) -> BoxedStrategy<Raw> {
    let parse = move |bytes: Vec<u8>| {
        Raw::parse(encoding, Bytes::from(bytes), &limits()).expect("generated well-formed")
    };
    match encoding {
        Encoding::Json => json_value()
            .prop_map(String::into_bytes)
            .prop_map(parse)
            .boxed(),
        Encoding::MessagePack => msgpack_value().prop_map(parse).boxed(),
    }
}

fn headers() -> impl Strategy<Value = Headers> {
    vec((id(), id()), 0..3).prop_map(Headers)
}

fn call(encoding: Encoding) -> impl Strategy<Value = Call> {
    (id(), vec(raw(encoding), 0..20), vec(id(), 0..4), headers()).prop_map(
        |(target, arguments, stream_ids, headers)| Call {
            target,
            arguments,
            stream_ids,
            headers,
        },
    )
}

fn message(encoding: Encoding) -> impl Strategy<Value = HubMessage> {
    let outcome = prop_oneof![
        Just(Outcome::Void),
        raw(encoding).prop_map(Outcome::Result),
        text().prop_map(Outcome::Error),
    ];
    Union::new([
        (proptest::option::of(id()), call(encoding))
            .prop_map(|(invocation_id, call)| HubMessage::Invocation {
                invocation_id,
                call,
            })
            .boxed(),
        (id(), call(encoding))
            .prop_map(|(invocation_id, call)| HubMessage::StreamInvocation {
                invocation_id,
                call,
            })
            .boxed(),
        (id(), raw(encoding), headers())
            .prop_map(|(invocation_id, item, headers)| HubMessage::StreamItem {
                invocation_id,
                item,
                headers,
            })
            .boxed(),
        (id(), outcome, headers())
            .prop_map(|(invocation_id, outcome, headers)| HubMessage::Completion {
                invocation_id,
                outcome,
                headers,
            })
            .boxed(),
        (id(), headers())
            .prop_map(|(invocation_id, headers)| HubMessage::CancelInvocation {
                invocation_id,
                headers,
            })
            .boxed(),
        Just(HubMessage::Ping).boxed(),
        (proptest::option::of(text()), any::<bool>())
            .prop_map(|(error, allow_reconnect)| HubMessage::Close {
                error,
                allow_reconnect,
            })
            .boxed(),
        any::<u64>()
            .prop_map(|sequence_id| HubMessage::Ack { sequence_id })
            .boxed(),
        any::<u64>()
            .prop_map(|sequence_id| HubMessage::Sequence { sequence_id })
            .boxed(),
    ])
}

fn conversation() -> impl Strategy<Value = (Encoding, Vec<HubMessage>)> {
    prop::sample::select(Encoding::ALL.to_vec())
        .prop_flat_map(|encoding| (Just(encoding), vec(message(encoding), 1..5)))
}

fn read_all(decoder: &mut Decoder) -> Vec<HubMessage> {
    std::iter::from_fn(|| decoder.next().expect("valid")).collect()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sample {
    room_id: String,
    sequence: u64,
    offset: i64,
    ratio: f64,
    reply_to: Option<u32>,
    tags: Vec<String>,
}

fn sample() -> impl Strategy<Value = Sample> {
    (
        text(),
        any::<u64>(),
        any::<i64>(),
        -1e9..1e9,
        any::<Option<u32>>(),
        vec(text(), 0..4),
    )
        .prop_map(
            |(room_id, sequence, offset, ratio, reply_to, tags)| Sample {
                room_id,
                sequence,
                offset,
                ratio,
                reply_to,
                tags,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..Default::default() })]

    #[test]
    fn messages_come_back_unchanged_however_the_stream_is_cut(
        (encoding, messages) in conversation(),
        cuts in vec(1..200_usize, 1..20),
    ) {
        let mut stream = Vec::new();
        for message in &messages {
            encode(encoding, message, &mut stream).expect("valid");
        }
        let mut decoder = Decoder::new(encoding, limits());
        decoder.push(stream.clone());
        prop_assert_eq!(&read_all(&mut decoder), &messages);
        prop_assert_eq!(decoder.buffered(), 0);

        let (mut rest, mut read) = (Bytes::from(stream), Vec::new());
        for cut in cuts.iter().cycle() {
            decoder.push(rest.split_to((*cut).min(rest.len())));
            read.extend(read_all(&mut decoder));
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(&read, &messages);
        prop_assert_eq!(decoder.buffered(), 0);
    }

    #[test]
    fn values_are_what_was_encoded_and_the_fast_paths_write_the_same_bytes(
        sample in sample(),
        id in id(),
    ) {
        for encoding in Encoding::ALL {
            let value = Raw::encode(encoding, &sample).expect("plain data");
            prop_assert_eq!(&value.decode::<Sample>().expect("same shape"), &sample);
            prop_assert_eq!(&Raw::parse(encoding, value.as_bytes().clone(), &limits()), &Ok(value.clone()));

            let invocation = HubMessage::Invocation {
                invocation_id: None,
                call: Call::new(id.clone(), vec![value.clone()]),
            };
            let item = HubMessage::StreamItem {
                invocation_id: id.clone(),
                item: value.clone(),
                headers: Headers::default(),
            };
            let completion = HubMessage::Completion {
                invocation_id: id.clone(),
                outcome: Outcome::Result(value),
                headers: Headers::default(),
            };
            let (mut slow, mut fast) = (Vec::new(), Vec::new());
            for message in [&invocation, &item, &completion] {
                encode(encoding, message, &mut slow).expect("valid");
            }
            encode_invocation(encoding, &id, &sample, &mut fast).expect("valid");
            encode_stream_item(encoding, &id, &sample, &mut fast).expect("valid");
            encode_completion(encoding, &id, &sample, &mut fast).expect("valid");
            prop_assert_eq!(slow, fast);
        }
    }
}
