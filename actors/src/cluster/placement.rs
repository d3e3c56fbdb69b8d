//! Which node owns an entity: the highest draw of all nodes, the same wherever it is asked. Pure.
//!
//! Only a hint: two nodes with different views may both believe that they own an entity; the journal's
//! compare-and-set decides.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::bus::Token;
use crate::ids::{EntityId, NodeId};

/// Nodes that may own entities, with what each draws with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    nodes: Vec<(NodeId, u64)>,
}

impl Placement {
    /// A placement over these nodes, in any order.
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        let seeded = nodes.into_iter().map(|node| {
            let token = Token::of_node(&node);
            let seed = xxh3_64_with_seed(token.bytes(), 0);
            (node, seed)
        });
        let mut nodes: Vec<(NodeId, u64)> = seeded.collect();
        nodes.sort();
        nodes.dedup();
        Self { nodes }
    }

    /// The owner of an entity; `None` where there is no node at all.
    pub fn owner(&self, entity: &EntityId) -> Option<&NodeId> {
        let token = Token::of(entity);
        let draw = |(_, seed): &&(NodeId, u64)| xxh3_64_with_seed(token.bytes(), *seed);
        self.nodes.iter().max_by_key(draw).map(|(node, _)| node)
    }

    /// The nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.nodes.iter().map(|(node, _)| node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::EntityKind;

    const ENTITIES: usize = 10_000;

    fn node(n: usize) -> NodeId {
        NodeId::parse(&format!("hub-{n}")).expect("valid")
    }

    fn owners(placement: &Placement) -> Vec<NodeId> {
        let entity = |n| EntityId::new(EntityKind::Room, &format!("room-{n}")).expect("valid");
        let owner = |n| placement.owner(&entity(n)).expect("a node").clone();
        (0..ENTITIES).map(owner).collect()
    }

    #[test]
    fn every_order_of_nodes_gives_the_same_owners_and_each_node_its_share() {
        let forth = Placement::new((0..5).map(node));
        let back = Placement::new((0..5).rev().chain(0..2).map(node));
        assert_eq!(forth, back);
        let owners = owners(&forth);
        for n in 0..5 {
            let share = owners.iter().filter(|owner| **owner == node(n)).count();
            assert!((1_800..2_200).contains(&share), "{n}: {share}");
        }
    }

    #[test]
    fn only_what_a_node_brings_or_takes_with_it_moves() {
        let four = owners(&Placement::new((0..4).map(node)));
        let five = owners(&Placement::new((0..5).map(node)));
        let moved = four.iter().zip(&five).filter(|(old, new)| old != new);
        assert!(moved.clone().all(|(_, new)| *new == node(4)));
        let moved = moved.count();
        assert!((1_800..2_200).contains(&moved), "{moved}");
        assert_eq!(owners(&Placement::new([node(7)]))[0], node(7));
        assert_eq!(
            Placement::default().owner(&EntityId::new(EntityKind::Room, "r").expect("valid")),
            None
        );
    }
}
