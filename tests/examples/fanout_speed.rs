//! How many deliveries per second the send queues and flushers bring onto loopback sockets.
//!
//! `cargo run --release --example fanout_speed -- [CONNECTIONS] [ROOMS] [SECONDS] [WORKERS]`
//!
//! The connections are spread over the rooms. Every room gets one message per round, pushed to each of its
//! members; a round begins when all queues have room. Readers run on a thread of their own and only count.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::delivery::{Block, Delivery, Outlet, Payload, Pushed, Shown};
use actors::ids::{EntityId, MessageId, RoomId, Sequence, Timestamp, UserId};
use actors::machines::room::view::MessageView;
use actors::machines::room::{Content, Message, MessageKind, MessageState};
use mussikon_hub::gateway::flusher::Flusher;
use mussikon_hub::gateway::send_queue::{QueueBounds, SendQueue};
use mussikon_hub::gateway::{CoarseClock, GatewayMetrics};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::time::Instant;

const BOUNDS: QueueBounds = QueueBounds {
    soft: 256 * 1024,
    hard: 1024 * 1024,
    low: 64 * 1024,
    unacknowledged: 256 * 1024,
};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let mut next = |default| arguments.next().map_or(default, Result::unwrap);
    let (connections, rooms, seconds, workers) = (next(500), next(1), next(3), next(1));

    let runtime = Builder::new_multi_thread()
        .worker_threads(workers)
        .event_interval(1024)
        .max_io_events_per_tick(4096)
        .enable_all()
        .build()
        .unwrap();
    let received = Arc::new(AtomicU64::new(0));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let counting = received.clone();
    std::thread::spawn(move || {
        let readers = Builder::new_current_thread().enable_all().build().unwrap();
        readers.block_on(async move {
            let mut tasks = Vec::new();
            for _ in 0..connections {
                let stream = TcpStream::connect(address).await.unwrap();
                tasks.push(tokio::spawn(count(stream, counting.clone())));
            }
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    let publish = publish(listener, connections, rooms, seconds, workers);
    let (pushed, frame, took) = runtime.block_on(async { tokio::spawn(publish).await.unwrap() });
    let delivered = received.load(Ordering::Relaxed) / frame;
    let rate = delivered as f64 / took.as_secs_f64();
    println!(
        "{connections} connections, {rooms} rooms, {workers} workers: {:.2} M deliveries/s \
         ({frame} bytes each; {pushed} pushed, {delivered} received in {took:.1?})",
        rate / 1e6
    );
}

async fn count(stream: TcpStream, received: Arc<AtomicU64>) {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        stream.readable().await.unwrap();
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                received.fetch_add(count as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// Pushes for some seconds; returns deliveries pushed, bytes of one, and the time.
async fn publish(
    listener: TcpListener,
    connections: usize,
    rooms: usize,
    seconds: usize,
    workers: usize,
) -> (u64, u64, Duration) {
    let clock = Arc::new(CoarseClock::start());
    let flushers: Vec<_> = (0..workers)
        .map(|_| Flusher::new(BOUNDS, clock.clone(), GatewayMetrics::new()))
        .collect();
    for flusher in &flushers {
        tokio::spawn(flusher.clone().run());
    }
    let mut members = vec![Vec::new(); rooms];
    for number in 0..connections {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let home = flushers[number % workers].clone();
        members[number % rooms].push(SendQueue::new(home, Arc::new(stream)));
    }
    let begun = Instant::now();
    let mut pushed = 0;
    let mut frame = 0;
    while begun.elapsed() < Duration::from_secs(seconds as u64) {
        for room in &members {
            let delivery = delivery(pushed);
            for queue in room {
                while queue.push(&delivery) == Pushed::Full {
                    queue.wait_for_room(frame as usize).await;
                }
                pushed += 1;
            }
            frame = delivery.frame(0, |_| unreachable!("pushed already")).len() as u64;
        }
        tokio::task::yield_now().await;
    }
    (pushed, frame, begun.elapsed())
}

/// A message of about 200 bytes.
fn delivery(number: u64) -> Arc<Delivery> {
    let kind = MessageKind::Text;
    let message = Arc::new(Message {
        number: 1_000_000 + number % 1_000_000,
        id: MessageId::parse("0191d7a0-7c00-7000-8000-000000000000").unwrap(),
        sender: UserId::parse("anna").unwrap(),
        kind,
        content: Some(Content {
            kind,
            text: "How about a slow blues in G?".into(),
            metadata: None,
        }),
        reply_to: None,
        sent_at: Timestamp(1_709_251_199_007),
        fingerprint: 0,
    });
    let state = MessageState::default();
    Delivery::new(Payload::Events(Block {
        entity: EntityId::room(&RoomId::parse("jazz").unwrap()),
        first: Sequence(1_000_000 + number % 1_000_000),
        events: vec![Shown::Message(Arc::new(MessageView { message, state }))],
    }))
}
