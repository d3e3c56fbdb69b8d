//! The notes of people on the nodes of a town, beside its rooms.

use std::sync::Arc;

use actors::cluster::RouteError;
use actors::hub::HubSession;
use actors::ids::{EntityId, Sequence};
use actors::runtime::AskError;
use actors::testing::notes::{Notes, NotesCommand, NotesReply, TooGreat};

use super::ear::Ear;
use super::town::{Town, user};

/// The greatest number of a note.
pub const GREATEST: u64 = 1_000;

pub fn of(name: &str) -> EntityId {
    EntityId::inbox(&user(name))
}

impl Town {
    /// These nodes run notes from now on.
    pub async fn host_notes(&self, nodes: &[usize]) {
        for number in nodes {
            let hosted = self.hub(*number).host::<Notes>(GREATEST).await;
            hosted.expect("hosted");
        }
    }

    /// So many nodes, all of which run notes.
    pub async fn with_notes(nodes: usize) -> Self {
        let town = Self::new(nodes).await;
        town.host_notes(&(0..nodes).collect::<Vec<_>>()).await;
        town
    }

    /// Somebody whose notes this node owns.
    pub fn somebody_of(&self, number: usize) -> String {
        let mut names = (0..).map(|n| format!("somebody-{n}"));
        let owned = |name: &String| self.owner_of(&of(name)) == number;
        names.find(owned).expect("one of many")
    }

    pub async fn ask_notes(
        &self,
        on: usize,
        name: &str,
        command: NotesCommand,
    ) -> Result<NotesReply, RouteError<TooGreat>> {
        self.hub(on).ask::<Notes>(&of(name), command).await
    }

    /// Takes a note down by way of a node; answers where it stands.
    pub async fn note(
        &self,
        on: usize,
        name: &str,
        number: u64,
    ) -> Result<u64, AskError<TooGreat>> {
        match self.ask_notes(on, name, NotesCommand::Add(number)).await {
            Ok(NotesReply::At(sequence)) => Ok(sequence.0),
            Ok(other) => panic!("not an answer to a note: {other:?}"),
            Err(RouteError::Ask(error)) => Err(error),
            Err(RouteError::CutOff) => panic!("cut off"),
        }
    }

    /// A connection of `name` to a node, listening to the own notes.
    pub async fn listen(
        &self,
        on: usize,
        name: &str,
        after: Option<u64>,
    ) -> (HubSession, Arc<Ear>) {
        let ear = Arc::new(Ear::default());
        let session = self.hub(on).connect_apart(user(name), ear.clone());
        let starting = session.attach(&of(name), after.map(Sequence)).await;
        starting.expect("attached").begin();
        (session, ear)
    }
}
