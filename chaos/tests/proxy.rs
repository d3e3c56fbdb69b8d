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

/// What one side says reaches the other.
async fn passes(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"word").await.unwrap();
    let mut word = [0; 4];
    timeout(SOON, to.read_exact(&mut word))
        .await
        .expect("nothing came through in time")
        .unwrap();
    assert_eq!(&word, b"word");
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
async fn a_dropped_direction_loses_what_it_is_given_and_the_other_goes_on() {
    // Counts what arrives, and speaks without being asked.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = through(&proxy).await;
    let (mut server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    passes(&mut client, &mut server).await;
    passes(&mut server, &mut client).await;

    proxy.set(|faults| faults.upstream.dropped = true);
    client.write_all(b"lost").await.unwrap();
    is_silent(&mut server).await;
    passes(&mut server, &mut client).await;

    // A stream with a hole stays cut; a new connection is whole, and the fault works the other way round too.
    proxy.heal();
    client.write_all(b"after the hole").await.unwrap();
    is_silent(&mut server).await;
    passes(&mut server, &mut client).await;
    let mut client = through(&proxy).await;
    let (mut server, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
    passes(&mut client, &mut server).await;
    proxy.set(|faults| faults.downstream.dropped = true);
    server.write_all(b"lost").await.unwrap();
    is_silent(&mut client).await;
    passes(&mut client, &mut server).await;
    drop(server);
    is_silent(&mut client).await;
}

#[tokio::test]
async fn with_both_directions_dropped_new_connections_are_accepted_and_swallowed() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    proxy.set(|faults| (faults.upstream.dropped, faults.downstream.dropped) = (true, true));
    let mut swallowed = through(&proxy).await;
    let much = vec![0; 4 << 20];
    timeout(SOON, swallowed.write_all(&much))
        .await
        .expect("swallowed")
        .unwrap();
    is_silent(&mut swallowed).await;
    proxy.heal();
    says(&mut through(&proxy).await, "healed").await;
}

#[tokio::test]
async fn a_server_that_is_cut_off_is_reached_by_nobody_until_it_is_healed() {
    let proxy = Proxy::start(echo().await).await.unwrap();
    let mut old = through(&proxy).await;
    says(&mut old, "one").await;
    proxy.cut_off();
    is_reset(&mut old).await;
    if let Ok(mut new) = TcpStream::connect(proxy.address()).await {
        is_reset(&mut new).await;
    }
    proxy.heal();
    says(&mut through(&proxy).await, "two").await;
}

#[tokio::test]
async fn what_waits_in_a_slow_direction_is_bounded() {
    // A server that never reads.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
    proxy.set(|faults| faults.upstream.delay = Duration::from_secs(600));
    let mut client = through(&proxy).await;
    let chunk = vec![0; 1 << 16];
    let mut taken = 0;
    while let Ok(written) = timeout(SILENCE, client.write(&chunk)).await {
        taken += written.unwrap();
        assert!(taken < 64 << 20, "the proxy takes without bound");
    }
    assert!(taken > 1 << 16, "{taken} bytes only");
}

#[tokio::test]
async fn a_server_that_is_down_is_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(server).await.unwrap();
    if let Ok(mut client) = TcpStream::connect(proxy.address()).await {
        is_reset(&mut client).await;
    }
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

    // A minute's worth at this rate, which is not what a healed connection takes.
    proxy.set(|faults| faults.upstream.bytes_per_second = Some(50));
    proxy.heal();
    says(&mut stream, &"x".repeat(3_000)).await;
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
