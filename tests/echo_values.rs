//! Values pass through the hub byte for byte: widths, extension types and digits that client libraries would not even show.
#![allow(clippy::unwrap_used)]

mod common;

use chaos::client::{Client, Settings};
use common::TestHub;
use protocol::{Encoding, Limits, Raw};

async fn come_back(encoding: Encoding, values: &[Vec<u8>]) {
    let hub = TestHub::start().await;
    let settings = Settings::new(format!("{}/hubs/echo", hub.url()), encoding, None);
    let client = Client::connect(&settings).await.unwrap();
    for value in values {
        let raw = Raw::parse(encoding, value.clone().into(), &Limits::default()).unwrap();
        let answer = client
            .caller()
            .invoke_raw("EchoComplexObject", vec![raw])
            .await;
        let answer = answer.unwrap_or_else(|error| panic!("{value:02x?}: {error}"));
        assert_eq!(answer.as_bytes(), value, "{value:02x?}");
    }
    client.stop().await;
}

#[tokio::test]
async fn messagepack_keeps_widths_bytes_and_extension_types() {
    let mut values: Vec<Vec<u8>> = vec![
        vec![0xc0],
        vec![0xc2],
        vec![0x7f],
        vec![0xe0],
        vec![0xcc, 1],
        vec![0xcd, 0, 1],
        vec![0xce, 0, 0, 0, 1],
        [&[0xcf][..], &u64::MAX.to_be_bytes()].concat(),
        [&[0xd3][..], &i64::MIN.to_be_bytes()].concat(),
        vec![0xd0, 1],
        [&[0xca][..], &1.5f32.to_be_bytes()].concat(),
        [&[0xcb][..], &f64::NAN.to_be_bytes()].concat(),
        vec![0xd9, 1, b'a'],
        vec![0xdb, 0, 0, 0, 1, b'a'],
        vec![0xc4, 2, 0xff, 0xfe],
        vec![0xc5, 0, 1, 7],
        vec![0xdc, 0, 2, 1, 0xa1, b'b'],
        vec![0xde, 0, 1, 5, 0x91, 0x80],
        vec![0xc7, 3, 42, 1, 2, 3],
        // Timestamps of 4, 8 and 12 bytes.
        vec![0xd6, 0xff, 1, 2, 3, 4],
        vec![0xd7, 0xff, 1, 2, 3, 4, 5, 6, 7, 8],
        [&[0xc7, 12, 0xff][..], &[9; 12]].concat(),
    ];
    for (marker, length) in [(0xd4, 1), (0xd5, 2), (0xd6, 4), (0xd7, 8), (0xd8, 16)] {
        values.push([&[marker, 99][..], &vec![7; length]].concat());
    }
    let all = values
        .iter()
        .fold(vec![0xdc, 0, values.len() as u8], |mut array, value| {
            array.extend_from_slice(value);
            array
        });
    values.push(all);
    come_back(Encoding::MessagePack, &values).await;
}

#[tokio::test]
async fn json_keeps_every_digit_and_every_member() {
    let values = [
        "123456789012345678901234567890",
        "-9223372036854775809",
        "0.1000000000000000055511151231257827",
        "1e-400",
        "1.10",
        "-0",
        r#"{"z":1,"a":[1,2.50,{"":null}],"ñ":"🎸"}"#,
        r#"[[],{},"",false]"#,
    ];
    let values: Vec<Vec<u8>> = values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect();
    come_back(Encoding::Json, &values).await;
}
