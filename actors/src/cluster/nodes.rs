//! Who is there: the node set as heartbeats tell it. Pure: beats and time come in, changes go out.

use std::collections::BTreeMap;

use super::placement::Placement;
use crate::bus::frame::Beat;
use crate::ids::{NodeId, Timestamp};

/// Peers remembered at most; a cluster is far smaller.
const MOST_PEERS: usize = 1_024;

/// What became of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is there and takes entities: new, back, or no longer suspected.
    Joined(NodeId),
    /// It takes no more entities but still lives: it drains, or is suspected.
    Retired(NodeId),
    /// It is gone, or it was and has begun another life: what it told is void.
    Left(NodeId),
}

/// Another node as it was heard last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its last sign of life.
    pub beat: Beat,
    /// When that came.
    pub heard: Timestamp,
    /// Nobody answered in its name since then.
    pub suspected: bool,
}

impl Peer {
    fn takes(&self) -> bool {
        !self.suspected && !self.beat.draining
    }
}

/// What part this node takes itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// It owns nothing yet: what it will own is being made ready.
    Joining,
    /// It owns what is drawn for it.
    Taking,
    /// It owns nothing any more.
    Draining,
}

/// The node set as one node sees it.
#[derive(Debug)]
pub struct NodeSet {
    me: NodeId,
    part: Part,
    gone_ms: u64,
    peers: BTreeMap<NodeId, Peer>,
    /// Nodes that spoke, though no sign of life was heard of them: in which life, and when.
    mentioned: BTreeMap<NodeId, (u64, Timestamp)>,
    /// Nobody is declared gone while this node itself hears nothing.
    connected: bool,
    placement: Placement,
}

impl NodeSet {
    /// A set of one, which takes nothing yet.
    pub fn new(me: NodeId, gone_ms: u64) -> Self {
        Self {
            placement: Placement::default(),
            me,
            part: Part::Joining,
            gone_ms,
            peers: BTreeMap::new(),
            mentioned: BTreeMap::new(),
            connected: false,
        }
    }

    /// A sign of life.
    pub fn heard(&mut self, beat: Beat, now: Timestamp) -> Vec<Change> {
        let node = beat.node.clone();
        if node == self.me || (!self.peers.contains_key(&node) && self.peers.len() >= MOST_PEERS) {
            return Vec::new();
        }
        let before = self.peers.get(&node).cloned();
        let later = |old: &Peer| old.beat.incarnation > beat.incarnation;
        if before.as_ref().is_some_and(later) {
            // A late word of an earlier life.
            return Vec::new();
        }
        let spoke = self.mentioned.remove(&node).map(|(life, _)| life);
        let lived = before.as_ref().map(|old| old.beat.incarnation).or(spoke);
        // A clock that was set back makes a later life look like an earlier one, so any other than the one that spoke.
        let reborn = lived.is_some_and(|life| life != beat.incarnation);
        let took = before.as_ref().is_some_and(Peer::takes) && !reborn;
        let peer = Peer {
            beat,
            heard: now,
            suspected: false,
        };
        let takes = peer.takes();
        self.peers.insert(node.clone(), peer);
        let mut changes = Vec::new();
        if reborn {
            changes.push(Change::Left(node.clone()));
        }
        match (took, takes) {
            (false, true) => changes.push(Change::Joined(node)),
            (true, false) => changes.push(Change::Retired(node)),
            _ => {}
        }
        self.changed(changes)
    }

    /// A node said something that is void when it is gone; false if it is so already. Should no sign of life ever come
    /// of that node, it is gone too.
    pub fn mentioned(&mut self, node: &NodeId, incarnation: u64, now: Timestamp) -> bool {
        if let Some(peer) = self.peers.get(node) {
            return peer.beat.incarnation <= incarnation;
        }
        let room = self.mentioned.contains_key(node) || self.mentioned.len() < MOST_PEERS;
        if *node == self.me || !room {
            return false;
        }
        let spoke = self
            .mentioned
            .entry(node.clone())
            .or_insert((incarnation, now));
        *spoke = (incarnation.max(spoke.0), now);
        true
    }

    /// Nobody answered in a node's name: it takes nothing until its next sign of life.
    pub fn suspect(&mut self, node: &NodeId) -> Vec<Change> {
        self.retire(node, |peer| peer.suspected = true)
    }

    /// A node said that it drains.
    pub fn drains(&mut self, node: &NodeId) -> Vec<Change> {
        self.retire(node, |peer| peer.beat.draining = true)
    }

    fn retire(&mut self, node: &NodeId, because: impl FnOnce(&mut Peer)) -> Vec<Change> {
        let Some(peer) = self.peers.get_mut(node) else {
            return Vec::new();
        };
        let took = peer.takes();
        because(peer);
        let changes = took.then(|| Change::Retired(node.clone()));
        self.changed(changes.into_iter().collect())
    }

    /// Time passes: who was silent for too long is gone.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        if !self.connected {
            return Vec::new();
        }
        let silent = |peer: &Peer| now.since(peer.heard) >= self.gone_ms;
        let gone = self.peers.iter().filter(|(_, peer)| silent(peer));
        let mut gone: Vec<NodeId> = gone.map(|(node, _)| node.clone()).collect();
        for node in &gone {
            self.peers.remove(node);
        }
        let silent = |(node, (_, heard)): (&NodeId, &(u64, Timestamp))| {
            (now.since(*heard) >= self.gone_ms).then(|| node.clone())
        };
        gone.extend(self.mentioned.iter().filter_map(silent));
        self.mentioned.retain(|node, _| !gone.contains(node));
        self.changed(gone.into_iter().map(Change::Left).collect())
    }

    /// This node hears others, again. They get the time to be heard.
    pub fn connected(&mut self, now: Timestamp) {
        self.connected = true;
        for peer in self.peers.values_mut() {
            peer.heard = now;
        }
        for (_, heard) in self.mentioned.values_mut() {
            *heard = now;
        }
    }

    /// This node hears nobody: that says nothing of the others.
    pub fn disconnected(&mut self) {
        self.connected = false;
    }

    /// This node takes entities from now on, unless it drains already.
    pub fn take(&mut self) {
        if self.part == Part::Joining {
            self.part = Part::Taking;
            self.place();
        }
    }

    /// This node takes nothing more.
    pub fn drain(&mut self) {
        self.part = Part::Draining;
        self.place();
    }

    /// What part this node takes.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Whether it takes nothing more.
    pub fn is_draining(&self) -> bool {
        self.part == Part::Draining
    }

    /// Which life of another node was heard of last.
    pub fn life(&self, node: &NodeId) -> Option<u64> {
        self.peers.get(node).map(|peer| peer.beat.incarnation)
    }

    /// Who owns what, as far as this node knows.
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The others.
    pub fn peers(&self) -> &BTreeMap<NodeId, Peer> {
        &self.peers
    }

    fn changed(&mut self, changes: Vec<Change>) -> Vec<Change> {
        if !changes.is_empty() {
            self.place();
        }
        changes
    }

    /// Who will own what once `node` takes entities, and this node as well if it is about to.
    pub fn placement_with(&self, node: &NodeId) -> Placement {
        let me = (self.part != Part::Draining).then(|| self.me.clone());
        Placement::new(self.takers().chain(me).chain([node.clone()]))
    }

    /// Who will own what once this node takes nothing more.
    pub fn placement_without_me(&self) -> Placement {
        Placement::new(self.takers())
    }

    fn takers(&self) -> impl Iterator<Item = NodeId> {
        let others = self.peers.iter().filter(|(_, peer)| peer.takes());
        others.map(|(node, _)| node.clone())
    }

    fn place(&mut self) {
        let me = (self.part == Part::Taking).then(|| self.me.clone());
        self.placement = Placement::new(self.takers().chain(me));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::parse(name).expect("valid")
    }

    fn beat(name: &str, incarnation: u64, draining: bool) -> Beat {
        Beat {
            node: node(name),
            incarnation,
            draining,
            writes: 1,
            reads: 2,
            awake: 0,
        }
    }

    fn taking(name: &str) -> NodeSet {
        let mut set = NodeSet::new(node(name), 2_000);
        set.take();
        set
    }

    fn takers(set: &NodeSet) -> Vec<&str> {
        set.placement().nodes().map(NodeId::as_str).collect()
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp(ms)
    }

    #[test]
    fn nodes_join_by_their_beats_and_are_gone_after_two_silent_seconds() {
        let mut set = taking("a");
        set.connected(at(0));
        assert_eq!(
            set.heard(beat("b", 1, false), at(0)),
            [Change::Joined(node("b"))]
        );
        assert_eq!(set.heard(beat("b", 1, false), at(500)), []);
        assert_eq!(set.heard(beat("a", 1, false), at(500)), []);
        assert_eq!(takers(&set), ["a", "b"]);
        assert_eq!(set.tick(at(2_499)), []);
        assert_eq!(set.tick(at(2_500)), [Change::Left(node("b"))]);
        assert_eq!(takers(&set), ["a"]);
    }

    #[test]
    fn a_suspicion_ends_with_the_next_beat_and_a_drain_does_not() {
        let mut set = taking("a");
        set.connected(at(0));
        set.heard(beat("b", 1, false), at(0));
        assert_eq!(set.suspect(&node("b")), [Change::Retired(node("b"))]);
        assert_eq!((set.suspect(&node("b")), takers(&set)), (vec![], vec!["a"]));
        assert_eq!(
            set.heard(beat("b", 1, false), at(9)),
            [Change::Joined(node("b"))]
        );
        assert_eq!(
            set.heard(beat("b", 1, true), at(10)),
            [Change::Retired(node("b"))]
        );
        assert_eq!(set.heard(beat("b", 1, true), at(11)), []);
        assert_eq!(takers(&set), ["a"]);
        set.heard(beat("c", 1, false), at(11));
        assert_eq!(set.drains(&node("c")), [Change::Retired(node("c"))]);
        assert_eq!(
            (set.suspect(&node("x")), set.drains(&node("x"))),
            (vec![], vec![])
        );
    }

    #[test]
    fn another_life_voids_the_former_and_late_words_of_a_former_life_count_nothing() {
        let mut set = taking("a");
        set.connected(at(0));
        set.heard(beat("b", 7, false), at(0));
        let reborn = set.heard(beat("b", 8, false), at(1));
        assert_eq!(reborn, [Change::Left(node("b")), Change::Joined(node("b"))]);
        assert_eq!(set.heard(beat("b", 7, true), at(2)), []);
        assert_eq!(takers(&set), ["a", "b"]);
    }

    #[test]
    fn a_node_that_is_cut_off_declares_nobody_gone_and_gives_time_when_it_is_back() {
        let mut set = taking("a");
        set.connected(at(0));
        set.heard(beat("b", 1, false), at(0));
        set.disconnected();
        assert_eq!(set.tick(at(60_000)), []);
        set.connected(at(60_000));
        assert_eq!(set.tick(at(61_999)), []);
        assert_eq!(set.tick(at(62_000)), [Change::Left(node("b"))]);
    }

    #[test]
    fn a_node_that_spoke_and_never_showed_a_sign_of_life_is_gone_all_the_same() {
        let mut set = NodeSet::new(node("a"), 2_000);
        set.connected(at(0));
        let names = ["a", "b", "c", "d"];
        let told = names.map(|name| set.mentioned(&node(name), 7, at(0)));
        assert_eq!(told, [false, true, true, true]);
        set.mentioned(&node("c"), 7, at(1_000));
        assert_eq!(
            set.heard(beat("b", 7, false), at(1_000)),
            [Change::Joined(node("b"))]
        );
        // Another life than the one that spoke, whichever seems the later: what that said is void.
        let reborn = set.heard(beat("d", 6, false), at(1_000));
        assert_eq!(reborn, [Change::Left(node("d")), Change::Joined(node("d"))]);
        assert!(!set.mentioned(&node("d"), 5, at(1_000)));
        assert_eq!(set.tick(at(2_000)), []);
        let gone = set.tick(at(3_000));
        assert_eq!(gone, ["b", "d", "c"].map(|name| Change::Left(node(name))));
        assert_eq!(set.tick(at(9_000)), []);
    }

    #[test]
    fn a_draining_node_owns_nothing_itself() {
        let mut set = taking("a");
        set.connected(at(0));
        set.heard(beat("b", 1, false), at(0));
        set.drain();
        assert_eq!((takers(&set), set.is_draining()), (vec!["b"], true));
    }

    #[test]
    fn a_joining_node_owns_nothing_until_it_takes_and_others_can_draw_with_it_before() {
        let mut set = NodeSet::new(node("a"), 2_000);
        set.connected(at(0));
        assert_eq!((takers(&set), set.part()), (vec![], Part::Joining));
        set.heard(beat("b", 1, false), at(0));
        set.heard(beat("c", 1, true), at(0));
        assert_eq!(takers(&set), ["b"]);
        let drawn = |placement: Placement| -> Vec<String> {
            placement.nodes().map(ToString::to_string).collect()
        };
        assert_eq!(drawn(set.placement_with(&node("c"))), ["a", "b", "c"]);
        set.take();
        assert_eq!((takers(&set), set.part()), (vec!["a", "b"], Part::Taking));
        assert_eq!(drawn(set.placement_without_me()), ["b"]);
        set.drain();
        set.take();
        assert_eq!((takers(&set), set.part()), (vec!["b"], Part::Draining));
        assert_eq!(drawn(set.placement_with(&node("c"))), ["b", "c"]);
    }
}
