//! Nanoseconds per step of a message's way through the room machine, and memory per dedupe entry.
//!
//! `cargo run --release -p actors --example room_speed [MESSAGES]`
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark asks the machine for the time and prints a table"
)]

use std::time::{Duration, Instant};

use actors::ids::{EntityId, MessageId, RoomId, Sequence, Timestamp, UserId};
use actors::machines::room::{Content, MessageKind, Room, RoomCommand, RoomKind, RoomLimits};
use actors::machines::{Context, Machine};

const SENDERS: usize = 64;
const TEXT: &str =
    "Shall we start with the slow one and keep the brass section for the second set?";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let messages = match std::env::args().nth(1) {
        Some(count) => count.parse()?,
        None => 200_000,
    };
    let entity = EntityId::room(&RoomId::parse("speed")?);
    let limits = RoomLimits {
        sends_per_second: 1_000,
        send_burst: 1_000_000,
        ..RoomLimits::default()
    };
    let users = (0..SENDERS)
        .map(|n| UserId::parse(&format!("3f2a7c1e-0000-4000-8000-{n:012}")))
        .collect::<Result<Vec<_>, _>>()?;
    let mut room = Room::new(&entity);
    let create = RoomCommand::Create {
        by: users[0].clone(),
        kind: RoomKind::Public,
        name: None,
        members: Vec::new(),
    };
    let context = Context {
        now: Timestamp(0),
        limits: &limits,
    };
    for entry in room.decide(&context, &create)?.events {
        room.apply(room.head().next(), &entry);
    }
    let before = resident_bytes();
    let steps = run(&mut room, &limits, &users, messages)?;
    let kept = resident_bytes().saturating_sub(before);
    let total: Duration = steps.iter().map(|(_, spent)| *spent).sum();
    for (step, spent) in steps {
        println!("{step:>8} {:>6} ns", spent.as_nanos() / messages as u128);
    }
    println!(
        "{:>8} {:>6} ns",
        "total",
        total.as_nanos() / messages as u128
    );
    let snapshot = timed(|| room.snapshot());
    println!(
        "{} entries: {} bytes each in memory, {} in the snapshot ({} ms)",
        room.dedupe_len(),
        kept / room.dedupe_len().max(1),
        snapshot.0.len() / room.dedupe_len().max(1),
        snapshot.1.as_millis(),
    );
    let (restored, spent) = timed(|| Room::restore(&entity, &snapshot.0));
    println!(
        "restored {} entries in {} ms",
        restored?.dedupe_len(),
        spent.as_millis()
    );
    Ok(())
}

type Steps = [(&'static str, Duration); 5];

fn run(
    room: &mut Room,
    limits: &RoomLimits,
    users: &[UserId],
    messages: usize,
) -> Result<Steps, Box<dyn std::error::Error>> {
    let mut spent = [Duration::ZERO; 5];
    for n in 0..messages {
        let command = RoomCommand::Send {
            by: users[n % users.len()].clone(),
            id: MessageId::parse(&format!("01981a2b-7000-7000-8000-{n:012x}"))?,
            content: Content {
                kind: MessageKind::Text,
                text: TEXT.to_owned(),
                metadata: None,
            },
            reply_to: None::<Sequence>,
        };
        let context = Context {
            now: Timestamp(n as u64 / 8),
            limits,
        };
        let (admitted, admit) = timed(|| room.admit(&context, &command));
        admitted?;
        let (decision, decide) = timed(|| room.decide(&context, &command));
        let (mut apply, mut effects, mut encode) = Default::default();
        for entry in decision?.events {
            let sequence = room.head().next();
            let (record, took) = timed(|| Room::encode(&entry));
            std::hint::black_box(record);
            encode = took;
            ((), apply) = timed(|| room.apply(sequence, &entry));
            let (side, took) = timed(|| room.effects(sequence, &entry));
            std::hint::black_box(side);
            effects = took;
        }
        for (sum, part) in spent
            .iter_mut()
            .zip([admit, decide, encode, apply, effects])
        {
            *sum += part;
        }
        if n % 1_024 == 0 {
            room.sweep(&context);
        }
    }
    let names = ["admit", "decide", "encode", "apply", "effects"];
    let mut parts = names.into_iter().zip(spent);
    Ok(std::array::from_fn(|_| parts.next().unwrap_or_default()))
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begin = Instant::now();
    let done = work();
    (done, begin.elapsed())
}

/// Resident memory of this process; 0 where the system does not tell.
fn resident_bytes() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|line| line.split_whitespace().nth(1)?.parse::<usize>().ok());
    pages.unwrap_or_default() * 4_096
}
