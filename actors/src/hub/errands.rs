//! Carries errands out: each becomes a command to whom it is meant for, and what must be known of it goes back as a command.

use std::sync::{OnceLock, Weak};

use futures_util::future::BoxFuture;

use super::Shared;
use crate::cluster::{Hosted, RouteError};
use crate::ids::{EntityId, RequestId, UserId};
use crate::machines::errand::Errand;
use crate::machines::inbox::{Inbox, InboxCommand};
use crate::machines::request::{Request, RequestCommand, RequestReply};
use crate::machines::room::{Room, RoomCommand};
use crate::machines::terms::SlotRefusal;
use crate::machines::user::{User, UserCommand, UserReply};
use crate::runtime::{AskError, Errands, NotYet};

/// Knows the hub once there is one, and does not keep it alive.
#[derive(Default)]
pub(super) struct Runner(OnceLock<Weak<Shared>>);

impl Runner {
    /// The hub is there.
    pub fn serve(&self, hub: Weak<Shared>) {
        if self.0.set(hub).is_err() {
            tracing::error!("a hub was started twice");
        }
    }
}

impl Errands for Runner {
    fn carry_out(
        &self,
        from: EntityId,
        number: u64,
        errand: Errand,
    ) -> BoxFuture<'static, Result<(), NotYet>> {
        let hub = self.0.get().and_then(Weak::upgrade);
        Box::pin(async move {
            match hub {
                Some(hub) => hub.carry_out(from, number, errand).await,
                None => Err(NotYet("the hub is starting or ending".into())),
            }
        })
    }
}

impl Shared {
    async fn carry_out(&self, from: EntityId, number: u64, errand: Errand) -> Result<(), NotYet> {
        match errand {
            Errand::Notify { user, notice } => {
                let add = InboxCommand::Add {
                    from,
                    number,
                    notice,
                };
                self.see_to::<Inbox>(&EntityId::inbox(&user), add).await
            }
            Errand::Reserve { .. }
            | Errand::Confirm { .. }
            | Errand::Release { .. }
            | Errand::GiveBack { .. }
            | Errand::Arrange { .. }
            | Errand::Search { .. } => match from.as_request() {
                Some(request) => self.for_request(request, number, errand).await,
                None => misplaced(&from),
            },
            Errand::Settle {
                request,
                reserved_by,
            } => match from.as_user() {
                Some(musician) => self.settle(musician, request, reserved_by).await,
                None => misplaced(&from),
            },
        }
    }

    /// What only requests ask for.
    async fn for_request(
        &self,
        request: RequestId,
        number: u64,
        errand: Errand,
    ) -> Result<(), NotYet> {
        match errand {
            Errand::Reserve {
                musician,
                window,
                hold_ms,
                demand,
            } => {
                let reserve = UserCommand::Reserve {
                    request: request.clone(),
                    number,
                    window,
                    hold_ms,
                    demand,
                };
                let answer = match self
                    .put::<User>(&EntityId::user(&musician), reserve)
                    .await?
                {
                    Some(UserReply::Slot(answer)) => answer,
                    // Nobody may wait for ever on an answer that cannot come.
                    None => Err(SlotRefusal::NoSuchTime),
                    other => return out_of_turn(&other),
                };
                let answered = RequestCommand::SlotAnswered {
                    musician,
                    number,
                    answer,
                };
                self.see_to::<Request>(&EntityId::request(&request), answered)
                    .await
            }
            Errand::Confirm { musician } => {
                let confirm = UserCommand::Confirm { request, number };
                self.see_to::<User>(&EntityId::user(&musician), confirm)
                    .await
            }
            Errand::Release { musician } => {
                let release = UserCommand::Release { request, number };
                self.see_to::<User>(&EntityId::user(&musician), release)
                    .await
            }
            Errand::GiveBack { musician } => {
                let give_back = UserCommand::GiveBack { request, number };
                self.see_to::<User>(&EntityId::user(&musician), give_back)
                    .await
            }
            Errand::Arrange {
                room,
                owner,
                members,
                gone,
            } => {
                let arrange = RoomCommand::Arrange {
                    number,
                    owner,
                    members,
                    gone,
                };
                self.see_to::<Room>(&EntityId::room(&room), arrange).await
            }
            Errand::Search {
                gig,
                radius_km,
                except,
                limit,
            } => {
                let found = self.search(&gig, radius_km, &except, limit).await;
                let found = found.map_err(|error| NotYet(error.to_string()))?;
                let found = RequestCommand::CandidatesFound {
                    number,
                    found: Box::new(found),
                };
                self.see_to::<Request>(&EntityId::request(&request), found)
                    .await
            }
            Errand::Notify { .. } | Errand::Settle { .. } => Ok(()),
        }
    }

    /// Asks a request whether it still wants a musician's time, and tells the musician.
    async fn settle(
        &self,
        musician: UserId,
        request: RequestId,
        reserved_by: u64,
    ) -> Result<(), NotYet> {
        let wants = RequestCommand::Wants {
            musician: musician.clone(),
            reserved_by,
        };
        let fate = match self
            .put::<Request>(&EntityId::request(&request), wants)
            .await?
        {
            Some(RequestReply::Wants(fate)) => fate,
            other => return out_of_turn(&other),
        };
        let settled = UserCommand::SlotSettled {
            request,
            number: reserved_by,
            fate,
        };
        self.see_to::<User>(&EntityId::user(&musician), settled)
            .await
    }

    /// Has a command carried out whose answer nobody needs.
    async fn see_to<M: Hosted>(
        &self,
        entity: &EntityId,
        command: M::Command,
    ) -> Result<(), NotYet> {
        self.put::<M>(entity, command).await.map(drop)
    }

    /// Has a command carried out. A rule's refusal is final, and `None`: nothing that errands ask for depends on the moment,
    /// but for a full outbox, which says so by its code.
    async fn put<M: Hosted>(
        &self,
        entity: &EntityId,
        command: M::Command,
    ) -> Result<Option<M::Reply>, NotYet> {
        match self.ask::<M>(entity, command).await {
            Ok(reply) => Ok(Some(reply)),
            Err(RouteError::Ask(AskError::Rejected(refused))) if !M::is_passing(&refused) => {
                tracing::warn!(%entity, %refused, "an errand was refused");
                Ok(None)
            }
            Err(error) => Err(NotYet(error.to_string())),
        }
    }
}

fn misplaced(from: &EntityId) -> Result<(), NotYet> {
    tracing::error!(%from, "an errand of an entity that may have none of the kind");
    Ok(())
}

fn out_of_turn<R: std::fmt::Debug>(reply: &Option<R>) -> Result<(), NotYet> {
    tracing::error!(?reply, "an errand was answered out of turn");
    Ok(())
}
