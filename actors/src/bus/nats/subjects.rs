//! Names of subjects, and back.

use crate::bus::Token;
use crate::ids::NodeId;

/// The subjects of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    prefix: String,
}

impl Subjects {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// Of the hints about one entity.
    pub fn entity(&self, token: Token) -> String {
        format!("{}.e.{token}", self.prefix)
    }

    /// Of the requests to one node.
    pub fn node(&self, node: &NodeId) -> String {
        format!("{}.n.{}", self.prefix, Token::of_node(node))
    }

    /// Of the hints to all nodes.
    pub fn nodes(&self) -> String {
        format!("{}.all", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntityId, EntityKind};

    #[test]
    fn whatever_an_id_contains_its_subject_is_three_plain_words() {
        let subjects = Subjects::new("p");
        let wild = EntityId::new(EntityKind::User, "a.*.> b\n").expect("valid");
        let name = subjects.entity(Token::of(&wild));
        let words: Vec<&str> = name.split('.').collect();
        assert_eq!((words.len(), words[0], words[1]), (3, "p", "e"));
        assert!(words[2].len() == 32 && words[2].bytes().all(|b| b.is_ascii_hexdigit()));
        let room = EntityId::new(EntityKind::Room, "a.*.> b\n").expect("valid");
        assert_ne!(subjects.entity(Token::of(&room)), name);
    }
}
