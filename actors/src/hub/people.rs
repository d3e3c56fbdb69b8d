//! Users and their inboxes: asking them, and who fits a gig.

use super::{Hub, HubError, Seen, Shared, search};
use crate::ids::{EntityId, UserId};
use crate::journal::ReadError;
use crate::machines::inbox::{Inbox, InboxCommand, InboxReply};
use crate::machines::matching::{Found, MatchingLimits, Wanted};
use crate::machines::terms::Gig;
use crate::machines::user::{User, UserCommand, UserReply};

impl Shared {
    /// Musicians for a wave of offers.
    pub(super) async fn search(
        &self,
        gig: &Gig,
        radius_km: f64,
        except: &[UserId],
        limit: usize,
    ) -> Result<Found, ReadError> {
        let wanted = Wanted::from(gig);
        let online_only = self.matching.online_only;
        let most = self.most(limit, online_only);
        let (journal, limits) = (&*self.journal, &self.matching);
        let found = search::look(journal, limits, &wanted, radius_km, except, most).await?;
        if !online_only {
            return Ok(found);
        }
        let seen = self.seen_of(&found).await?;
        Ok(self.online_of(found, &seen, limit))
    }

    /// How many candidates to choose so many from: who is online is asked of those who fit, not of all.
    fn most(&self, limit: usize, online_only: bool) -> usize {
        match online_only {
            true => self.matching.candidates,
            false => limit,
        }
    }
}

impl Hub {
    /// Asks a user's entity, on whichever node it lives.
    pub async fn user(&self, user: &UserId, command: UserCommand) -> Result<UserReply, HubError> {
        let asked = self.ask::<User>(&EntityId::user(user), command).await;
        asked.map_err(|error| HubError::of(error, HubError::User))
    }

    /// Asks a user's inbox, on whichever node it lives.
    pub async fn inbox(
        &self,
        user: &UserId,
        command: InboxCommand,
    ) -> Result<InboxReply, HubError> {
        let asked = self.ask::<Inbox>(&EntityId::inbox(user), command).await;
        asked.map_err(|error| HubError::of(error, HubError::Inbox))
    }

    /// Musicians for as much of a gig as is known, see [`search::look`], and when they were heard of last; if only those who
    /// are online are wanted, the best of them.
    pub async fn musicians(
        &self,
        wanted: &Wanted,
        radius_km: f64,
        online_only: bool,
        limit: usize,
    ) -> Result<(Found, Seen), HubError> {
        let hub = &self.parts;
        let most = hub.most(limit, online_only);
        let (journal, limits) = (&*hub.journal, &hub.matching);
        let found = search::look(journal, limits, wanted, radius_km, &[], most).await?;
        let seen = hub.seen_of(&found).await?;
        match online_only {
            true => Ok((hub.online_of(found, &seen, limit), seen)),
            false => Ok((found, seen)),
        }
    }

    /// Bounds of the search.
    pub fn matching(&self) -> &MatchingLimits {
        &self.parts.matching
    }
}
