//! A wish for an entity goes to its owner: to this node's own actor, or to another node by a request.

use std::time::Duration;

use thiserror::Error;

use super::directories::Hosted;
use super::peers::Peers;
use super::wire::{self, Answer};
use crate::bus::frame::{self, Frame, Outcome};
use crate::bus::{Message, Reply, RequestError};
use crate::ids::{EntityId, NodeId};
use crate::journal::RETRY_AFTER;
use crate::machines::Wish;
use crate::mutation::{self, Mutation};
use crate::runtime::AskError;

/// Pause before the same node is asked again.
const SAME_AGAIN: Duration = Duration::from_millis(20);
/// How long leaving the bus may take.
const LEAVE_WAIT: Duration = Duration::from_secs(1);

/// Why a wish got no reply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RouteError<R: std::error::Error> {
    /// The entity's answer, or that of its node.
    #[error(transparent)]
    Ask(#[from] AskError<R>),
    /// Another node owns the entity and this one is cut off from it: nothing was begun.
    #[error("this node is cut off from the owner, retry after {} ms", RETRY_AFTER.as_millis())]
    CutOff,
}

/// One attempt's end.
enum Attempt<M: Hosted> {
    Done(Answer<M>),
    /// Nothing was begun; the view of the nodes has changed.
    Again,
    CutOff,
    /// It may have happened, or may yet.
    InDoubt,
    /// It cannot travel: this node is as good as any, the journal's fence decides.
    Here,
}

impl Peers {
    /// Asks an entity wherever it lives.
    pub(crate) async fn ask<M: Hosted>(
        &self,
        entity: &EntityId,
        command: M::Command,
    ) -> Result<M::Reply, RouteError<M::Rejection>> {
        let until =
            tokio::time::Instant::now() + Duration::from_millis(self.limits.forward_total_ms);
        let (mut in_doubt, mut asked) = (false, None);
        if self.nodes.lock().is_draining() {
            self.until_asleep(entity).await;
        }
        // Until another node has answered, or this one is to ask its own actor.
        while let Some(owner) = self.owner(entity).filter(|owner| *owner != self.me) {
            let left = until.saturating_duration_since(tokio::time::Instant::now());
            if left.is_zero() {
                // Slower, for both will write, and safe, for the journal takes only one.
                break;
            }
            if asked.as_ref() == Some(&owner) {
                // An answer that came at once may come at once again.
                tokio::time::sleep(SAME_AGAIN).await;
            }
            let attempt = self.forward::<M>(&owner, entity, &command, left).await;
            asked = Some(owner);
            match attempt {
                Attempt::Done(answer) => return settle::<M>(answer, in_doubt),
                Attempt::Here => break,
                Attempt::Again => {}
                // Reading here is as good, and the head is asked for anyway.
                Attempt::CutOff if command.is_query() => break,
                Attempt::CutOff if in_doubt => return Err(AskError::OutcomeUnknown.into()),
                Attempt::CutOff => return Err(RouteError::CutOff),
                Attempt::InDoubt if command.is_query() => {}
                // The same id again finds what a first attempt did.
                Attempt::InDoubt if command.has_id() => in_doubt = true,
                Attempt::InDoubt => return Err(AskError::OutcomeUnknown.into()),
            }
        }
        settle::<M>(self.directories.ask::<M>(entity, command).await, in_doubt)
    }

    /// The owner by this node's view.
    pub(crate) fn owner(&self, entity: &EntityId) -> Option<NodeId> {
        self.nodes.lock().placement().owner(entity).cloned()
    }

    /// Whether this node owns an entity by its own view.
    pub(crate) fn owns(&self, entity: &EntityId) -> bool {
        self.owner(entity).is_none_or(|owner| owner == self.me)
    }

    async fn forward<M: Hosted>(
        &self,
        owner: &NodeId,
        entity: &EntityId,
        command: &M::Command,
        left: Duration,
    ) -> Attempt<M> {
        let frame = Frame::Command {
            entity: entity.clone(),
            command: wire::encode_command(command),
        };
        let bytes = self.encoded(&frame);
        let wait = Duration::from_millis(self.limits.forward_ms).min(left);
        let trace = self.traces.begin();
        let asked = self.bus.request(owner, trace, bytes, wait);
        let asked = tokio::select! {
            biased;
            answer = asked => answer,
            // It was there when it was asked, and is no more: whether it did it nobody knows.
            () = self.until_gone(owner) => Err(RequestError::Lost),
        };
        let outcome = asked.map(|bytes| frame::decode(&bytes));
        let (label, attempt) = match outcome {
            Ok(Ok((Frame::Answer(Outcome::Answered(bytes)), _))) => {
                ("answered", Attempt::Done(wire::decode_answer::<M>(&bytes)))
            }
            Ok(Ok((Frame::Answer(Outcome::Draining), _))) => {
                let changes = self.nodes.lock().drains(owner);
                self.changed(changes);
                ("draining", Attempt::Again)
            }
            // Another version is there; this node understands its own wish.
            Ok(Ok((Frame::Answer(Outcome::NotUnderstood), _))) => ("foreign", Attempt::Here),
            Ok(_) => ("unreadable", Attempt::InDoubt),
            Err(RequestError::NoResponders) => {
                let changes = self.nodes.lock().suspect(owner);
                self.changed(changes);
                ("nobody", Attempt::Again)
            }
            Err(RequestError::Disconnected) => ("cut_off", Attempt::CutOff),
            Err(RequestError::TooLarge) => ("too_large", Attempt::Here),
            Err(RequestError::TimedOut | RequestError::Lost) => ("in_doubt", Attempt::InDoubt),
        };
        metrics::counter!("mussikon_forwarded_total", "outcome" => label).increment(1);
        if label != "answered" {
            tracing::debug!(%owner, %entity, outcome = label, %trace, "a forwarded wish met trouble");
        }
        attempt
    }

    /// Asks a node for nothing, again and again, until nobody is there, or another life of it. A request that the dead had
    /// taken stays without an answer; the next one is told at once that nobody is there, unless the node is back by then.
    async fn until_gone(&self, owner: &NodeId) {
        let life = self.nodes.lock().life(owner);
        let pause = Duration::from_millis(self.limits.probe_ms);
        let nothing = Frame::Warm {
            entities: Vec::new(),
        };
        let nothing = self.encoded(&nothing);
        loop {
            tokio::time::sleep(pause).await;
            if self.nodes.lock().life(owner) != life {
                return;
            }
            let asked = self
                .bus
                .request(owner, self.traces.begin(), nothing.clone(), pause);
            if matches!(asked.await, Err(RequestError::NoResponders)) {
                let changes = self.nodes.lock().suspect(owner);
                self.changed(changes);
                return;
            }
        }
    }

    /// Answers another node.
    pub(super) fn serve(&self, message: Message, reply: Reply) {
        let answer = |outcome: Outcome| self.encoded(&Frame::Answer(outcome));
        let draining = self.nodes.lock().is_draining();
        match frame::decode(&message.payload) {
            Ok((Frame::Command { entity, .. }, _)) if draining => {
                self.turn_away(entity, answer(Outcome::Draining), reply);
            }
            Ok((Frame::Warm { .. }, _)) if draining => reply(answer(Outcome::Draining)),
            Ok((Frame::Command { entity, command }, _)) => {
                self.carry_out(entity, &command, &message, reply);
            }
            Ok((Frame::Warm { entities }, _)) => {
                self.read_ahead(entities, answer(Outcome::Noted), reply);
            }
            Ok((Frame::Who { room, users }, _)) => {
                let here = self.fanout.online_here(&room, &users);
                reply(answer(Outcome::Present(here)));
            }
            Ok((Frame::Report { room }, _)) => {
                reply(answer(Outcome::Report(self.report(room.as_ref()))));
            }
            Ok((Frame::Coming { node }, _)) => {
                self.welcome(node, answer(Outcome::Noted), reply);
            }
            other => {
                tracing::warn!(understood = other.is_ok(), trace = %message.trace, "a request was not understood");
                reply(answer(Outcome::NotUnderstood));
            }
        }
    }

    fn carry_out(&self, entity: EntityId, command: &[u8], message: &Message, reply: Reply) {
        let (format, me) = (self.limits.format, self.me.clone());
        let answer = move |outcome| frame::encode(&Frame::Answer(outcome), format, &me);
        let Some(served) = self.directories.serve(entity.clone(), command) else {
            return reply(answer(Outcome::NotUnderstood));
        };
        let (Ok(place), Some(peers)) = (
            self.commands.clone().try_acquire_owned(),
            self.itself.upgrade(),
        ) else {
            return reply(answer(Outcome::Answered(wire::overloaded(RETRY_AFTER))));
        };
        let trace = message.trace;
        tokio::spawn(async move {
            let served = served.await;
            if served.unavailable && peers.nodes.lock().is_draining() {
                // It came as the node began to drain; nothing was begun.
                return reply(answer(Outcome::Draining));
            }
            tracing::trace!(%entity, %trace, well = served.well, "a forwarded wish was carried out");
            reply(answer(Outcome::Answered(served.answer)));
            drop(place);
        });
    }

    /// Leaves the bus.
    pub(crate) async fn leave(&self) {
        // Nothing that matters waits there; a bus that does not answer must not hold the end up.
        if tokio::time::timeout(LEAVE_WAIT, self.bus.close())
            .await
            .is_err()
        {
            tracing::warn!("the bus did not let go of this node in time");
        }
    }
}

/// After an attempt that may yet take effect, only success is certain.
fn settle<M: Hosted>(
    answer: Answer<M>,
    in_doubt: bool,
) -> Result<M::Reply, RouteError<M::Rejection>> {
    match answer {
        Ok(reply) => Ok(reply),
        Err(_) if in_doubt && !mutation::is_on(Mutation::ForwardDoubtIsFailure) => {
            Err(AskError::OutcomeUnknown.into())
        }
        Err(error) => Err(error.into()),
    }
}
