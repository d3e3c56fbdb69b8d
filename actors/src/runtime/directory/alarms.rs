//! What an alarm in the store comes to: the entity is recovered, looks at the time, and tells whether it still needs it.

use std::time::Duration;

use tokio::sync::oneshot;

use super::Directory;
use crate::ids::{EntityId, Timestamp};
use crate::machines::Machine;
use crate::mutation::{self, Mutation};
use crate::runtime::AskError;
use crate::runtime::journaled::Msg;
use crate::runtime::recovery::recover;

impl<M: Machine> Directory<M> {
    /// Recovers an entity, which repairs what its last life left undone; true once that is done.
    pub async fn recovers(&self, entity: &EntityId) -> bool {
        // Also if it is awake: another owner may have appended since it woke, and died.
        let recovered = recover::<M>(&*self.0.deps.journal, entity).await;
        if let Err(error) = &recovered {
            tracing::warn!(%entity, %error, "a due wake-up waits");
        }
        recovered.is_ok()
    }

    /// An alarm of an entity went off: it looks at the time, and what its last life left undone is done. True once the alarm
    /// is of no use any more.
    pub async fn rouse(&self, entity: &EntityId, alarm: Timestamp) -> bool {
        let Some(wake) = M::wake() else {
            return self.recovers(entity).await;
        };
        let atomic = self.0.deps.journal.capabilities().atomic_side_writes;
        if !atomic && !self.recovers(entity).await {
            return false;
        }
        if let Err(error) = self.ask(entity, wake, 0).await
            && !matches!(error, AskError::Rejected(_))
        {
            tracing::debug!(%entity, %error, "a due wake-up waits");
            return false;
        }
        if mutation::is_on(Mutation::ClearEarly) {
            return true;
        }
        self.is_needless(entity, alarm).await.unwrap_or(false)
    }

    /// Whether an alarm is of no use to an entity any more.
    async fn is_needless(&self, entity: &EntityId, alarm: Timestamp) -> Option<bool> {
        let (mailbox, permit) = self.0.enter(entity, 0).ok()?;
        let (needless, told) = oneshot::channel();
        let rung = Msg::Rung {
            alarm,
            needless,
            permit,
        };
        mailbox.cast(rung).ok()?;
        let limit = Duration::from_millis(self.0.deps.limits.ask_timeout_ms);
        tokio::time::timeout(limit, told).await.ok()?.ok()
    }
}
