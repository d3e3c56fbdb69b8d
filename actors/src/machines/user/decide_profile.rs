//! What the user and admins change: profile, hours, busy times, figures.

use super::draft::{Draft, Outcome};
use super::event::Change;
use super::{
    AvailabilityInput, BusyInput, ProfileInput, UsedKey, User, UserEvent, UserRejection,
    validate_hours, validate_profile,
};
use crate::ids::Sequence;
use crate::machines::Context;
use crate::machines::matching::Figures;
use crate::machines::repeat_key::RepeatKey;
use crate::machines::terms::{Caller, FieldError, PlatformRole};

/// Who wants to change something, and under which key.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub by: &'a Caller,
    pub key: Option<u64>,
}

impl User {
    pub(super) fn set_profile(
        &self,
        context: &Context<'_, User>,
        wish: Wish<'_>,
        expected: Option<Sequence>,
        input: &ProfileInput,
    ) -> Outcome {
        if let Some(before) = self.begun(wish)? {
            return Draft::new(self).done_at(before);
        }
        let offers = [PlatformRole::Musician, PlatformRole::Admin].contains(&wish.by.role);
        if input.musician && !self.facts.profile.musician && !offers {
            return Err(UserRejection::NotAMusician);
        }
        let profile = Box::new(validate_profile::profile(input, context.limits)?);
        self.check_version(expected)?;
        let mut draft = Draft::new(self);
        if *profile == self.facts.profile {
            return draft.done_at(self.facts.version);
        }
        let change = self.change(context, wish);
        draft.push(UserEvent::ProfileSet { profile, change });
        draft.done()
    }

    pub(super) fn set_availability(
        &self,
        context: &Context<'_, User>,
        wish: Wish<'_>,
        expected: Option<Sequence>,
        input: &AvailabilityInput,
    ) -> Outcome {
        if let Some(before) = self.begun(wish)? {
            return Draft::new(self).done_at(before);
        }
        let availability = Box::new(validate_hours::availability(input, context.limits)?);
        self.check_version(expected)?;
        let mut draft = Draft::new(self);
        if *availability == self.facts.availability {
            return draft.done_at(self.facts.version);
        }
        let change = self.change(context, wish);
        draft.push(UserEvent::AvailabilitySet {
            availability,
            change,
        });
        draft.done()
    }

    pub(super) fn block(
        &self,
        context: &Context<'_, User>,
        wish: Wish<'_>,
        input: &BusyInput,
    ) -> Outcome {
        if let Some(before) = self.begun(wish)? {
            return Draft::new(self).done_at(before);
        }
        let busy = validate_profile::busy(input, context.now, context.limits)?;
        let mut draft = Draft::new(self);
        let forgotten = self.forget(context, &mut draft);
        if self.facts.busy.len() - forgotten.busy.len() >= context.limits.busy {
            let problem = format!(
                "would be one more than the {} there may be",
                context.limits.busy
            );
            return Err(UserRejection::Invalid(vec![FieldError {
                field: "busy".into(),
                problem,
            }]));
        }
        draft.push(UserEvent::BusyAdded {
            window: busy.window,
            note: busy.note,
            change: self.change(context, wish),
        });
        draft.done()
    }

    pub(super) fn unblock(
        &self,
        context: &Context<'_, User>,
        wish: Wish<'_>,
        id: Sequence,
    ) -> Outcome {
        if let Some(before) = self.begun(wish)? {
            return Draft::new(self).done_at(before);
        }
        if !self.facts.busy.contains_key(&id) {
            return Err(UserRejection::BusyNotFound(id));
        }
        let mut draft = Draft::new(self);
        let change = self.change(context, wish);
        draft.push(UserEvent::BusyRemoved { id, change });
        draft.done()
    }

    pub(super) fn set_figures(
        &self,
        context: &Context<'_, User>,
        wish: Wish<'_>,
        figures: &Figures,
    ) -> Outcome {
        if wish.by.role != PlatformRole::Admin {
            return Err(UserRejection::Forbidden);
        }
        if let Some(before) = self.begun(wish)? {
            return Draft::new(self).done_at(before);
        }
        let figures = validate_profile::figures(figures)?;
        let mut draft = Draft::new(self);
        if figures == self.facts.figures {
            return draft.done_at(self.facts.version);
        }
        let change = self.change(context, wish);
        draft.push(UserEvent::FiguresSet { figures, change });
        draft.done()
    }

    /// Who may not is refused, and who used the key for something else; a repeat is answered with the sequence of the first
    /// time.
    fn begun(&self, wish: Wish<'_>) -> Result<Option<Sequence>, UserRejection> {
        if !self.owns(wish.by) {
            return Err(UserRejection::Forbidden);
        }
        let Some(key) = wish.key else {
            return Ok(None);
        };
        Ok(RepeatKey::of(key).granted(self.facts.keys.iter().rev())?)
    }

    fn check_version(&self, expected: Option<Sequence>) -> Result<(), UserRejection> {
        let version = self.facts.version;
        match expected.filter(|expected| *expected != version) {
            Some(expected) => Err(UserRejection::VersionConflict { expected, version }),
            None => Ok(()),
        }
    }

    fn change(&self, context: &Context<'_, User>, wish: Wish<'_>) -> Change {
        let keep = context.limits.keys;
        Change {
            by: wish.by.user.clone(),
            at: context.now,
            key: wish.key.map(|key| UsedKey { key, keep }),
        }
    }
}
