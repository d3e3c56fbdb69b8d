//! What this node hears of: the subjects of entities with subscribers here, and of users with connections.

use std::collections::BTreeMap;

use super::peers::Peers;
use crate::bus::{BusLimits, Interests, Token};
use crate::ids::{EntityId, Timestamp, UserId};

/// A subject that is heard from now on is heard everywhere after so long, in milliseconds.
const INTEREST_SPREADS_MS: u64 = 500;

/// Subjects heard, and the entities behind them.
pub(super) struct Heard {
    interests: Interests,
    entities: BTreeMap<Token, EntityId>,
}

impl Heard {
    pub fn new(limits: BusLimits) -> Self {
        Self {
            interests: Interests::new(limits, Timestamp(0)),
            entities: BTreeMap::new(),
        }
    }
}

impl Peers {
    /// Entities with subscribers here.
    pub(super) fn entities(&self) -> Vec<EntityId> {
        self.interests.lock().entities.values().cloned().collect()
    }

    /// An entity has subscribers here from now on.
    pub(crate) fn want(&self, entity: &EntityId) {
        let token = Token::of(entity);
        let mut heard = self.interests.lock();
        heard.entities.insert(token, entity.clone());
        let wanted = heard.interests.want(token);
        drop(heard);
        if !wanted {
            metrics::counter!("mussikon_bus_dropped_total", "what" => "interest").increment(1);
        }
        // Also of an interest that was kept: it may be so young that it has not spread, and its look was forgotten.
        let spread = self.now().plus_millis(INTEREST_SPREADS_MS);
        self.looks.lock().plan_settled(entity.clone(), spread);
        self.pace();
    }

    /// It has none any more.
    pub(crate) fn release(&self, entity: &EntityId) {
        let token = Token::of(entity);
        {
            let mut heard = self.interests.lock();
            heard.entities.remove(&token);
            heard.interests.release(token, self.now());
        }
        self.looks.lock().forget(entity);
    }

    /// A user has one more connection here, or one less.
    pub(crate) fn want_user(&self, user: &UserId, wanted: bool) {
        let token = user_token(user);
        if wanted {
            // A refusal costs news of new memberships only; they are in the list of rooms.
            self.interests.lock().interests.want(token);
            self.pace();
        } else {
            let now = self.now();
            self.interests.lock().interests.release(token, now);
        }
    }

    /// Makes the changes of interest that may be made now.
    pub(super) fn pace(&self) {
        let now = self.now();
        let mut heard = self.interests.lock();
        let changes = heard.interests.tick(now);
        let entities: Vec<EntityId> = changes
            .subscribe
            .iter()
            .filter_map(|token| heard.entities.get(token).cloned())
            .collect();
        let (count, waiting) = heard.interests.count();
        // Under the lock: the order of changes to one subject is kept.
        for token in &changes.unsubscribe {
            self.bus.unsubscribe(*token);
        }
        for token in &changes.subscribe {
            self.bus.subscribe(*token);
        }
        drop(heard);
        if changes.subscribe.len() + changes.unsubscribe.len() > 0 {
            metrics::gauge!("mussikon_bus_interests").set(count as f64);
            metrics::gauge!("mussikon_bus_interests_waiting").set(waiting as f64);
        }
        // What was published before the interest had spread is in the journal.
        let mut looks = self.looks.lock();
        for entity in entities {
            looks.plan_settled(entity, now.plus_millis(INTEREST_SPREADS_MS));
        }
    }
}

/// The token of a user, on whose subject news for all connections of the user come. Nothing else does: what becomes durable
/// of users is not published.
pub(super) fn user_token(user: &UserId) -> Token {
    Token::of(&EntityId::user(user))
}
