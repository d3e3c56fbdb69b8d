//! The proxy carries bytes faithfully, and each fault does what its name says and no more.
#![allow(clippy::unwrap_used)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use chaos::proxy::{Fault, Proxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(150);

/// A server that sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.ok();
                write.shutdown().await.ok();
            });
        }
    });
    address
}

async fn through(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

async fn says(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut answer))
        .await
        .expect("no echo in time")
        .unwrap();
    assert_eq!(answer, text.as_bytes());
}

async fn is_silent(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(SILENCE, stream.read(&mut byte)).await;
    assert!(read.is_err(), "expected silence, got {read:?}");
}

async fn is_reset(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(SOON, stream.read(&mut byte))
        .await
        .expect("no reset in time");
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn bytes_pass_both_ways_and_the_end_is_passed_on() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = through(&proxy).await;
    let sent: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let (mut read, mut write) = stream.split();
    let (_, received) = tokio::join!(
        async {
            write.write_all(&sent).await.unwrap();
            write.shutdown().await.unwrap();
        },
        async {
            let mut received = Vec::new();
            read.read_to_end(&mut received).await.unwrap();
            received
        }
    );
    assert!(
        received == sent,
        "{} bytes came back of {}",
        received.len(),
        sent.len()
    );
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test]
async fn a_cut_resets_what_runs_and_spares_what_comes() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let (mut first, mut second) = (through(&proxy).await, through(&proxy).await);
    says(&mut first, "one").await;
    says(&mut second, "two").await;
    proxy.cut();
    is_reset(&mut first).await;
    is_reset(&mut second).await;
    says(&mut through(&proxy).await, "three").await;
}

#[tokio::test]
async fn a_half_open_connection_is_silent_for_ever_and_new_ones_work() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut old = through(&proxy).await;
    says(&mut old, "one").await;
    proxy.half_open();
    old.write_all(b"lost").await.unwrap();
    is_silent(&mut old).await;
    says(&mut through(&proxy).await, "two").await;
    proxy.heal();
    is_silent(&mut old).await;
}

#[tokio::test]
async fn a_paused_direction_keeps_its_bytes_and_leaves_the_other_alone() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = through(&proxy).await;
    says(&mut stream, "one").await;
    proxy.set(|faults| faults.downstream.paused = true);
    stream.write_all(b"two").await.unwrap();
    is_silent(&mut stream).await;
    proxy.set(|faults| faults.downstream.paused = false);
    let mut answer = [0; 3];
    timeout(SOON, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"two");
}

#[tokio::test]
async fn delay_and_throttle_take_their_time() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut stream = through(&proxy).await;
    says(&mut stream, "one").await;

    let delay = Duration::from_millis(60);
    let slow = Fault {
        delay,
        ..Fault::default()
    };
    proxy.set(|faults| (faults.upstream, faults.downstream) = (slow, slow));
    let start = Instant::now();
    says(&mut stream, "two").await;
    assert!(
        start.elapsed() >= 2 * delay,
        "both ways took {:?}",
        start.elapsed()
    );

    proxy.heal();
    proxy.set(|faults| faults.upstream.bytes_per_second = Some(10_000));
    let start = Instant::now();
    says(&mut stream, &"x".repeat(3_000)).await;
    assert!(
        start.elapsed() >= Duration::from_millis(280),
        "took {:?}",
        start.elapsed()
    );

    proxy.heal();
    let start = Instant::now();
    says(&mut stream, &"x".repeat(3_000)).await;
    assert!(
        start.elapsed() < Duration::from_millis(250),
        "healed, it took {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn refused_connections_are_reset_and_running_ones_live() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut old = through(&proxy).await;
    says(&mut old, "one").await;
    proxy.set(|faults| faults.refuse = true);
    // The reset may strike during the connect already.
    if let Ok(mut new) = TcpStream::connect(proxy.address()).await {
        is_reset(&mut new).await;
    }
    says(&mut old, "two").await;
}
