//! Permits in front of a mailbox, by count and by bytes: ractor's own mailboxes are unbounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts what waits in front of one entity, and in front of all of them.
#[derive(Debug)]
pub struct Gate {
    commands: AtomicUsize,
    /// What keeps the entity awake beside commands.
    stays: AtomicUsize,
    bytes: AtomicUsize,
    max_commands: usize,
    max_bytes: usize,
    node: Arc<NodeGate>,
}

/// Entities of all kinds on a node: how many are awake, and the bytes that wait in front of them.
#[derive(Debug)]
pub struct NodeGate {
    bytes: AtomicUsize,
    max_bytes: usize,
    awake: AtomicUsize,
    max_awake: usize,
}

impl NodeGate {
    /// A gate with room for so many bytes and entities.
    pub fn new(max_bytes: usize, max_awake: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            max_bytes,
            awake: AtomicUsize::new(0),
            max_awake,
        })
    }

    /// Whether as many are awake as may be.
    pub(super) fn is_full(&self) -> bool {
        self.awake.load(Ordering::Acquire) >= self.max_awake
    }

    /// One more is awake.
    pub(super) fn woke(&self) {
        self.awake.fetch_add(1, Ordering::AcqRel);
    }

    /// One is awake no more.
    pub(super) fn slept(&self) {
        self.awake.fetch_sub(1, Ordering::AcqRel);
    }

    /// Bytes waiting now.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Gate {
    /// A gate with its own bounds under the node's.
    pub fn new(max_commands: usize, max_bytes: usize, node: Arc<NodeGate>) -> Arc<Self> {
        Arc::new(Self {
            commands: AtomicUsize::new(0),
            stays: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            max_commands,
            max_bytes,
            node,
        })
    }

    /// The right to bring in a command of `bytes`; `None` means overloaded.
    pub fn try_enter(self: &Arc<Self>, bytes: usize) -> Option<Permit> {
        take(&self.commands, 1, self.max_commands)?;
        if take(&self.bytes, bytes, self.max_bytes).is_none() {
            self.commands.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        if take(&self.node.bytes, bytes, self.node.max_bytes).is_none() {
            self.bytes.fetch_sub(bytes, Ordering::AcqRel);
            self.commands.fetch_sub(1, Ordering::AcqRel);
            return None;
        }
        Some(Permit {
            gate: self.clone(),
            bytes,
        })
    }

    /// Keeps the entity awake and takes no place: what goes on for it may bring commands in through this very gate.
    pub fn stay(self: &Arc<Self>) -> Stay {
        self.stays.fetch_add(1, Ordering::AcqRel);
        Stay(self.clone())
    }

    /// Whether nothing waits and nothing is being worked on.
    pub fn is_idle(&self) -> bool {
        self.commands.load(Ordering::Acquire) == 0 && self.stays.load(Ordering::Acquire) == 0
    }
}

fn take(counter: &AtomicUsize, amount: usize, max: usize) -> Option<usize> {
    counter
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            now.checked_add(amount).filter(|sum| *sum <= max)
        })
        .ok()
}

/// Held by a command until it is answered; gives its place back when dropped.
#[derive(Debug)]
pub struct Permit {
    gate: Arc<Gate>,
    bytes: usize,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.node.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        self.gate.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        self.gate.commands.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Keeps an entity awake until it is dropped.
#[derive(Debug)]
pub struct Stay(Arc<Gate>);

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.stays.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gate_refuses_and_a_dropped_permit_makes_room() {
        let node = NodeGate::new(100, 1);
        let gate = Gate::new(2, 80, node.clone());
        let first = gate.try_enter(50).expect("room");
        assert!(gate.try_enter(40).is_none(), "over the entity's bytes");
        let second = gate.try_enter(30).expect("room");
        assert!(gate.try_enter(0).is_none(), "over the entity's count");
        let other = Gate::new(9, 1_000, node.clone());
        assert!(other.try_enter(30).is_none(), "over the node's bytes");
        assert_eq!(node.bytes(), 80, "refusals left nothing behind");
        drop((first, second));
        assert!(gate.is_idle());
        assert_eq!(node.bytes(), 0);
        assert!(other.try_enter(100).is_some());
    }

    #[test]
    fn whatever_stays_keeps_awake_and_takes_nobodys_place() {
        let gate = Gate::new(1, 10, NodeGate::new(10, 10));
        let stay = gate.stay();
        assert!(!gate.is_idle());
        assert!(gate.try_enter(10).is_some(), "the only place is free");
        drop(stay);
        assert!(gate.is_idle());
    }
}
