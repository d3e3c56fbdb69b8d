//! The parent of all journaled actors of a kind: notices their end and paces their return after failures.

use std::sync::{Arc, OnceLock, Weak};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};

use super::directory::Inner;
use crate::machines::Machine;

/// Supervises the actors of one directory. It holds no state: the directory does, which comes to be after its supervisor.
pub(crate) struct Supervisor<M: Machine> {
    pub directory: Arc<OnceLock<Weak<Inner<M>>>>,
}

impl<M: Machine> Actor for Supervisor<M> {
    type Msg = ();
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<()>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    /// The default would end the supervisor with its child; a failed entity must not hurt others.
    async fn handle_supervisor_evt(
        &self,
        _: ActorRef<()>,
        event: SupervisionEvent,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let Some(directory) = self.directory.get().and_then(Weak::upgrade) else {
            return Ok(());
        };
        match event {
            SupervisionEvent::ActorFailed(who, error) => {
                directory.ended(who.get_id(), Some(error.to_string()));
            }
            SupervisionEvent::ActorTerminated(who, _, _) => directory.ended(who.get_id(), None),
            _ => {}
        }
        Ok(())
    }
}
