//! How much change of interest a NATS server bears: so many rooms heard by one node, so many begun and
//! ceased per second, while hints about other rooms are timed.
//!
//! `cargo run --release -p actors --example interest_churn -- nats://127.0.0.1:4222 [ROOMS] [CHANGES] [SECONDS]`
#![allow(clippy::print_stdout)] // Its output is its purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::bus::{
    Bus, BusEvent, BusLimits, Inbox, Message, NatsBus, NatsOptions, Reply, Subject, Token, Traces,
};
use actors::ids::{EntityId, EntityKind, NodeId};
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Rooms that are heard all the time and timed.
const TIMED: usize = 100;
/// Hints per second.
const HINTS: u64 = 500;

struct Heard {
    begun: Instant,
    micros: Mutex<Vec<u64>>,
    troubles: AtomicU64,
}

impl Inbox for Heard {
    fn hint(&self, _: Subject, message: Message) {
        if let Ok(sent) = message.payload[..].try_into().map(u64::from_be_bytes) {
            let now = self.begun.elapsed().as_micros() as u64;
            self.micros.lock().push(now.saturating_sub(sent));
        }
    }

    fn request(&self, message: Message, reply: Reply) {
        reply(message.payload);
    }

    fn changed(&self, event: BusEvent) {
        if event != BusEvent::Connected {
            self.troubles.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn room(number: usize) -> Result<Token, Box<dyn std::error::Error>> {
    let entity = EntityId::new(EntityKind::Room, &format!("room-{number}"))?;
    Ok(Token::of(&entity))
}

async fn join(url: &str, name: &str) -> Result<Arc<NatsBus>, Box<dyn std::error::Error>> {
    let node = NodeId::parse(name)?;
    Ok(NatsBus::connect(url, node, &NatsOptions::default(), &BusLimits::default()).await?)
}

/// Asks the hearing node itself: its answer comes after every change of interest before it.
async fn settled(from: &NatsBus, deadline: Duration) -> Option<Duration> {
    let node = NodeId::parse("hears").ok()?;
    let begun = Instant::now();
    while begun.elapsed() < deadline {
        let trace = Traces::new(2).begin();
        let asked = from.request(&node, trace, Bytes::new(), deadline).await;
        if asked.is_ok() {
            return Some(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}

fn tell(what: &str, heard: &Heard, sent: u64) {
    let mut micros = std::mem::take(&mut *heard.micros.lock());
    micros.sort_unstable();
    let at = |share: f64| {
        let index = (micros.len() as f64 * share) as usize;
        micros
            .get(index.min(micros.len().saturating_sub(1)))
            .map_or(0, |m| *m)
    };
    println!(
        "{what}: {} of {sent} hints came, p50 {} µs, p99 {} µs, longest {} µs, troubles {}",
        micros.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        heard.troubles.load(Ordering::Relaxed)
    );
}

/// Sends timed hints and makes changes at their pace; the number of hints sent and of changes made.
async fn run(
    tells: &NatsBus,
    hears: &NatsBus,
    heard: &Heard,
    window: &mut std::ops::Range<usize>,
    changes_per_second: u64,
    seconds: u64,
) -> Result<(u64, u64), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let (mut sent, mut changes) = (0, 0);
    let trace = Traces::new(1).begin();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let millis = begun.elapsed().as_millis() as u64;
        while sent < millis * HINTS / 1_000 {
            let now = heard.begun.elapsed().as_micros() as u64;
            let payload = Bytes::copy_from_slice(&now.to_be_bytes());
            let to = Subject::Entity(room(sent as usize % TIMED)?);
            tells.publish(to, trace, payload);
            sent += 1;
        }
        while changes < millis * changes_per_second / 1_000 {
            hears.unsubscribe(room(window.start)?);
            hears.subscribe(room(window.end)?);
            *window = window.start + 1..window.end + 1;
            changes += 2;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok((sent, changes))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("which server? nats://HOST:PORT")?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |n| n.parse());
    let (rooms, changes, seconds) = (number(100_000)?, number(5_000)?, number(20)?);
    let (tells, hears) = (join(&url, "tells").await?, join(&url, "hears").await?);
    let heard = Arc::new(Heard {
        begun: Instant::now(),
        micros: Mutex::default(),
        troubles: AtomicU64::new(0),
    });
    tells.attach(heard.clone());
    hears.attach(heard.clone());
    settled(&tells, Duration::from_secs(20))
        .await
        .ok_or("the nodes do not find each other")?;
    let begun = Instant::now();
    let mut window = TIMED..TIMED + rooms as usize;
    // As the hub does: a pace, so that no queue overflows.
    for first in (0..window.end).step_by(100) {
        for number in first..(first + 100).min(window.end) {
            hears.subscribe(room(number)?);
        }
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    settled(&tells, Duration::from_secs(60))
        .await
        .ok_or("the interest did not settle")?;
    println!(
        "{} rooms heard after {:.1} s",
        window.end,
        begun.elapsed().as_secs_f64()
    );
    let (sent, _) = run(&tells, &hears, &heard, &mut window, 0, seconds).await?;
    settled(&tells, Duration::from_secs(20)).await;
    tell("at rest", &heard, sent);
    let (sent, made) = run(&tells, &hears, &heard, &mut window, changes, seconds).await?;
    let behind = settled(&tells, Duration::from_secs(60))
        .await
        .ok_or("no end of changes")?;
    tell(&format!("{} changes/s", made / seconds), &heard, sent);
    println!(
        "a request right after the last change took {} ms",
        behind.as_millis()
    );
    Ok(())
}
