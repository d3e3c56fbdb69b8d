//! Send queues and their flusher on real sockets, turn by turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actors::delivery::Pushed;
use bytes::Bytes;
use mussikon_hub::gateway::flusher::{Flusher, Turn};
use mussikon_hub::gateway::send_queue::{Phase, QueueBounds, SendQueue};
use mussikon_hub::gateway::{CoarseClock, GatewayMetrics};
use protocol::HubMessage;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use crate::server::SOON;

const BOUNDS: QueueBounds = QueueBounds {
    soft: 100_000,
    hard: 200_000,
    low: 20_000,
    unacknowledged: 50_000,
};

fn flusher(bounds: QueueBounds) -> Arc<Flusher> {
    let clock = Arc::new(CoarseClock::start());
    Flusher::new(bounds, clock, GatewayMetrics::new())
}

/// A connected pair with small buffers, so that some ten kilobytes are too much.
async fn sockets() -> (Arc<TcpStream>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap());
    let (peer, accepted) = tokio::join!(peer, listener.accept());
    let (stream, peer) = (accepted.unwrap().0, peer.unwrap());
    stream.set_nodelay(true).unwrap();
    SockRef::from(&stream)
        .set_send_buffer_size(8 * 1024)
        .unwrap();
    SockRef::from(&peer)
        .set_recv_buffer_size(32 * 1024)
        .unwrap();
    (Arc::new(stream), peer)
}

async fn queue(flusher: &Arc<Flusher>) -> (Arc<SendQueue>, TcpStream) {
    let (stream, peer) = sockets().await;
    (SendQueue::new(flusher.clone(), stream), peer)
}

/// A frame that says which one it is, and is `len` bytes long.
fn numbered(number: usize, len: usize) -> Bytes {
    format!("{number:len$}").into()
}

async fn read(peer: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let reading = peer.read_exact(&mut bytes);
    tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
    bytes
}

async fn read_to_end(peer: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let reading = peer.read_to_end(&mut bytes);
    tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
    bytes
}

fn numbers(bytes: &[u8], len: usize) -> Vec<usize> {
    let texts = bytes
        .chunks(len)
        .map(|chunk| std::str::from_utf8(chunk).unwrap());
    texts.map(|text| text.trim().parse().unwrap()).collect()
}

/// A drain callback that counts its calls.
fn counted(calls: &Arc<AtomicUsize>) -> Box<dyn FnOnce() + Send> {
    let calls = calls.clone();
    Box::new(move || {
        calls.fetch_add(1, Ordering::SeqCst);
    })
}

/// Offers frames until one is refused; returns how many were taken.
fn fill(queue: &SendQueue, len: usize) -> usize {
    let offers = (0..).map(|number| queue.offer(&numbered(number, len), 1));
    offers
        .take_while(|pushed| *pushed == Pushed::Accepted)
        .count()
}

async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, met).await.unwrap();
}

#[tokio::test]
async fn one_turn_writes_once_to_every_connection_that_is_dirty() {
    let flusher = flusher(BOUNDS);
    let (a, mut to_a) = queue(&flusher).await;
    let (b, mut to_b) = queue(&flusher).await;
    let (idle, _to_idle) = queue(&flusher).await;
    for number in 0..4 {
        assert_eq!(a.offer(&numbered(number, 8), 1), Pushed::Accepted);
        assert!(number % 2 == 0 || b.send(numbered(number, 8), 1));
    }
    assert_eq!((a.bytes(), b.bytes(), idle.bytes()), (32, 16, 0));

    let written = Turn {
        connections: 2,
        frames: 6,
        bytes: 48,
    };
    assert_eq!(flusher.turn(), written);
    assert_eq!((a.bytes(), b.bytes()), (0, 0));
    assert_eq!(numbers(&read(&mut to_a, 32).await, 8), [0, 1, 2, 3]);
    assert_eq!(numbers(&read(&mut to_b, 16).await, 8), [1, 3]);
    assert_eq!(flusher.turn(), Turn::default(), "all is written");
}

#[tokio::test]
async fn a_running_flusher_is_woken_by_the_first_frame_after_every_pause() {
    let flusher = flusher(BOUNDS);
    let running = tokio::spawn(flusher.clone().run());
    let (queue, mut peer) = queue(&flusher).await;
    for round in 0..50 {
        assert!(queue.send(numbered(round, 8), 1));
        assert_eq!(numbers(&read(&mut peer, 8).await, 8), [round]);
    }
    running.abort();
}

#[tokio::test]
async fn short_writes_keep_the_order_of_frames_that_come_before_and_after() {
    let flusher = flusher(QueueBounds {
        soft: usize::MAX,
        hard: usize::MAX,
        ..BOUNDS
    });
    let (queue, mut peer) = queue(&flusher).await;
    let (len, first, all) = (1_000, 400, 800);
    for number in 0..first {
        assert_eq!(queue.offer(&numbered(number, len), 1), Pushed::Accepted);
    }
    let written = flusher.turn();
    assert!(written.bytes < first * len, "the socket took everything");
    assert_eq!(queue.bytes(), first * len - written.bytes);

    for number in first..all {
        assert!(queue.send(numbered(number, len), 1));
    }
    let kept_off = flusher.turn();
    assert_eq!(kept_off.bytes, 0, "a task waits for the socket now");
    let seen = numbers(&read(&mut peer, all * len).await, len);
    assert_eq!(seen, (0..all).collect::<Vec<_>>());
    until(|| queue.bytes() == 0).await;

    assert!(queue.send(numbered(all, len), 1));
    assert_eq!(
        flusher.turn().connections,
        1,
        "the flusher is in charge again"
    );
    assert_eq!(numbers(&read(&mut peer, len).await, len), [all]);
}

#[tokio::test]
async fn a_slow_reader_is_held_back_and_told_once_when_there_is_room() {
    let flusher = flusher(BOUNDS);
    let (queue, mut peer) = queue(&flusher).await;
    let calls = Arc::new(AtomicUsize::new(0));
    queue.on_drain(counted(&calls));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "there is room already");

    let len = 1_000;
    let mut taken = fill(&queue, len);
    assert_eq!(taken, BOUNDS.soft / len, "held back at the soft bound");
    assert!(queue.send(numbered(taken, len), 1), "an answer still fits");
    taken += 1;
    flusher.turn();
    let unwritten = queue.bytes();
    assert!(unwritten > BOUNDS.low);
    queue.on_drain(counted(&calls));
    queue.on_drain(counted(&calls));

    let seen = numbers(&read(&mut peer, taken * len).await, len);
    assert_eq!(seen.len(), taken);
    until(|| calls.load(Ordering::SeqCst) == 2).await;
    until(|| queue.bytes() == 0).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2, "the later callback, once");
    assert_eq!(queue.offer(&numbered(0, len), 1), Pushed::Accepted);
}

#[tokio::test]
async fn room_is_waited_for_by_tasks_and_ends_with_the_connection() {
    let flusher = flusher(BOUNDS);
    let (queue, mut peer) = queue(&flusher).await;
    let taken = fill(&queue, 1_000);
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.wait_for_room(1_000).await }
    });
    flusher.turn();
    read(&mut peer, taken * 1_000).await;
    assert!(waiting.await.unwrap(), "drained");

    fill(&queue, 1_000);
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.wait_for_room(1_000).await }
    });
    tokio::task::yield_now().await;
    queue.abort();
    assert!(!waiting.await.unwrap(), "closed");
    let calls = Arc::new(AtomicUsize::new(0));
    queue.on_drain(counted(&calls));
    assert_eq!(calls.load(Ordering::SeqCst), 1, "told at once when closed");
}

#[tokio::test]
async fn a_long_frame_waits_although_the_queue_is_at_its_low_mark() {
    let flusher = flusher(BOUNDS);
    let (queue, mut peer) = queue(&flusher).await;
    let bytes = |count| Bytes::from(vec![b'x'; count]);
    assert_eq!(queue.offer(&bytes(BOUNDS.low), 1), Pushed::Accepted);
    let long = bytes(BOUNDS.soft - BOUNDS.low + 1);
    assert_eq!(queue.offer(&long, 1), Pushed::Full);
    let waiting = tokio::spawn({
        let (queue, len) = (queue.clone(), long.len());
        async move { queue.wait_for_room(len).await }
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(!waiting.is_finished(), "there is no room yet");
    flusher.turn();
    read(&mut peer, BOUNDS.low).await;
    assert!(waiting.await.unwrap());
    assert_eq!(queue.offer(&long, 1), Pushed::Accepted);
}

#[tokio::test]
async fn answers_that_pile_up_beyond_the_hard_bound_end_the_connection() {
    let flusher = flusher(BOUNDS);
    let (queue, mut peer) = queue(&flusher).await;
    let calls = Arc::new(AtomicUsize::new(0));
    assert!(
        queue.send(vec![b'x'; BOUNDS.hard + 1].into(), 1),
        "alone it may be long"
    );
    queue.on_drain(counted(&calls));
    assert!(!queue.send(numbered(1, 1), 1));
    assert_eq!(queue.phase(), Phase::Closed);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(queue.offer(&numbered(2, 1), 1), Pushed::Closed);
    assert_eq!(flusher.turn().bytes, 0);
    assert_eq!(read_to_end(&mut peer).await, b"");
}

#[tokio::test]
async fn closing_writes_what_waits_and_the_last_frame_then_ends_the_stream() {
    let flusher = flusher(BOUNDS);
    let (queue, mut peer) = queue(&flusher).await;
    let len = 1_000;
    let taken = fill(&queue, len);
    assert!(queue.close_with(|_| numbered(taken, len)));
    assert_eq!(queue.phase(), Phase::Closing);
    assert_eq!(queue.offer(&numbered(0, len), 1), Pushed::Closed);
    assert!(!queue.send(numbered(0, len), 1));
    assert!(
        !queue.close_with(|_| numbered(0, len)),
        "there is one last frame"
    );

    flusher.turn();
    assert_eq!(queue.phase(), Phase::Closing, "not all is written");
    let seen = numbers(&read_to_end(&mut peer).await, len);
    assert_eq!(seen, (0..=taken).collect::<Vec<_>>());
    assert_eq!(queue.phase(), Phase::Closed);
}

#[tokio::test]
async fn a_peer_that_is_gone_closes_the_queue() {
    let flusher = flusher(BOUNDS);
    let (queue, peer) = queue(&flusher).await;
    SockRef::from(&peer)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
    drop(peer);
    let calls = Arc::new(AtomicUsize::new(0));
    fill(&queue, 1_000);
    queue.on_drain(counted(&calls));
    until(|| {
        flusher.turn();
        queue.send(numbered(0, 1), 1);
        queue.phase() == Phase::Closed
    })
    .await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn another_transport_gets_everything_that_was_not_acknowledged() {
    let flusher = flusher(BOUNDS);
    let (queue, mut first) = queue(&flusher).await;
    queue.keep_for_replay();
    for number in 1..=5 {
        assert!(queue.send(numbered(number, 8), 1));
    }
    assert!(queue.send(Bytes::from_static(b"a pong.."), 0));
    flusher.turn();
    read(&mut first, 48).await;
    queue.acknowledge(2);
    queue.detach();
    assert_eq!(queue.offer(&numbered(6, 8), 1), Pushed::Accepted);
    assert_eq!(flusher.turn(), Turn::default());

    let (stream, mut second) = sockets().await;
    let opening = |message: &HubMessage| {
        assert_eq!(*message, HubMessage::Sequence { sequence_id: 3 });
        numbered(3_333, 8)
    };
    assert!(queue.attach(stream, opening));
    assert!(queue.send(numbered(7, 8), 1));
    flusher.turn();
    let seen = numbers(&read(&mut second, 48).await, 8);
    assert_eq!(seen, [3_333, 3, 4, 5, 6, 7]);
    assert_eq!(
        read_to_end(&mut first).await,
        b"",
        "the first one is shut down"
    );

    let taken = fill(&queue, 1_000);
    flusher.turn();
    let before = taken * 1_000 + 5 * 8;
    assert!(before <= BOUNDS.unacknowledged && before + 1_000 > BOUNDS.unacknowledged);
    read(&mut second, taken * 1_000).await;
    assert_eq!(
        queue.offer(&numbered(0, 1_000), 1),
        Pushed::Full,
        "unacknowledged"
    );
    queue.acknowledge(7 + taken as u64);
    assert_eq!(queue.offer(&numbered(0, 1_000), 1), Pushed::Accepted);
}
