//! The streams that run on a connection, both ways, and the bound on them.

use crate::message::Id;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// An upload stream.
    ToServer,
    /// A stream invocation.
    ToClient,
}

/// Ids in use; few, so a list.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<(Id, Direction)>);

impl Streams {
    pub(super) fn runs(&self, stream_id: &str, direction: Direction) -> bool {
        self.0
            .iter()
            .any(|(id, other)| id == stream_id && *other == direction)
    }

    /// Takes note of the streams of a call: all of them or, with the text for the client, none.
    pub(super) fn start(
        &mut self,
        invocation_id: Option<&Id>,
        uploads: &[Id],
        limit: usize,
    ) -> Result<(), String> {
        let uploads = uploads.iter().map(|id| (id, Direction::ToServer));
        let new = invocation_id
            .into_iter()
            .map(|id| (id, Direction::ToClient))
            .chain(uploads);
        let known = self.0.len();
        for (id, direction) in new {
            let error = if self.0.iter().any(|(other, _)| other == id) {
                format!("Invocation ID '{id}' is already in use.")
            } else if self.0.len() >= limit {
                "Too many streams are running on this connection.".into()
            } else {
                self.0.push((id.clone(), direction));
                continue;
            };
            self.0.truncate(known);
            return Err(error);
        }
        Ok(())
    }

    pub(super) fn release(&mut self, stream_id: &str) {
        self.0.retain(|(id, _)| id != stream_id);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}
