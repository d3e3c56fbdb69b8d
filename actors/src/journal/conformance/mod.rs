//! One suite for every provider of the journal: what each must do, told as properties that answer with
//! a violation instead of panicking, so that deliberately broken providers can be shown to fail.

mod appends;
mod duels;
mod reads;
mod restart;
mod retention;
mod side;
pub mod writer;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use thiserror::Error;

use super::{AppendError, Journal, ReadError, Wakeups};

/// A provider as the suite sees it.
pub trait Store: Journal + Wakeups {}
impl<T: Journal + Wakeups> Store for T {}

/// How a store ends before it is opened again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Closed in order.
    Clean,
    /// As if the process had been killed.
    Crash,
}

/// Where one store lives. Dropping it removes what it kept.
pub trait Place: Send {
    /// Opens the store, empty at first and later with what it kept.
    fn open(&mut self) -> BoxFuture<'_, Result<Arc<dyn Store>, Violation>>;

    /// Ends the open store; the suite has given back its handles.
    fn end(&mut self, how: End) -> BoxFuture<'_, Result<(), Violation>>;
}

/// Makes places for stores of one kind.
pub trait Provider: Send + Sync {
    /// A new, empty place.
    fn place(&self) -> Box<dyn Place>;
}

/// What a provider did that it must not do, or why the suite could not go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Violation(pub String);

impl From<AppendError> for Violation {
    fn from(error: AppendError) -> Self {
        Self(format!("a write failed: {error}"))
    }
}

impl From<ReadError> for Violation {
    fn from(error: ReadError) -> Self {
        Self(format!("a read failed: {error}"))
    }
}

/// What a property answers.
pub type Verdict = Result<(), Violation>;

type Run = for<'a> fn(&'a mut dyn Place) -> BoxFuture<'a, Verdict>;

/// Something that every provider must do.
#[derive(Clone, Copy)]
pub struct Property {
    /// Its name, a sentence.
    pub name: &'static str,
    run: Run,
}

impl Property {
    /// Checks it on a fresh place.
    pub async fn check(&self, provider: &dyn Provider) -> Verdict {
        let mut place = provider.place();
        (self.run)(&mut *place).await
    }
}

macro_rules! properties {
    ($($module:ident: $($name:ident),+ $(,)?;)+) => {
        /// All properties.
        pub fn properties() -> Vec<Property> {
            vec![$($(Property {
                name: stringify!($name),
                run: |place| $module::$name(place).boxed(),
            }),+),+]
        }
    };
}

properties! {
    appends:
        an_acknowledged_row_is_read_back_whole,
        an_append_on_an_old_head_changes_nothing_and_learns_the_head,
        a_row_that_does_not_follow_is_never_stored,
        a_row_beyond_the_limits_is_refused,
        ids_that_resemble_each_other_stay_apart;
    duels:
        an_append_may_rest_on_one_that_is_still_under_way,
        two_writers_of_one_journal_make_one_chain,
        many_journals_at_once_keep_every_acknowledged_row;
    reads:
        ascending_pages_cover_everything_once,
        descending_pages_cover_everything_once,
        an_unknown_journal_is_empty,
        journals_are_listed_once_in_order_by_kind;
    side:
        the_overlay_that_applies_more_wins,
        erased_bodies_are_gone_and_the_chain_holds,
        the_higher_rank_wins_and_removal_keeps_its_rank,
        scans_follow_prefix_and_position,
        a_refused_append_leaves_no_side_writes,
        wake_ups_come_due_in_order_until_cleared;
    retention:
        an_older_snapshot_never_replaces_a_newer_one,
        a_snapshot_ahead_of_its_journal_is_refused,
        trimming_stays_behind_the_snapshot_and_never_goes_back,
        a_trimmed_journal_goes_on;
    restart:
        everything_is_there_after_a_clean_restart,
        everything_acknowledged_is_there_after_a_crash,
        writers_go_on_after_every_restart;
}

/// Checks all properties and answers those that failed.
pub async fn failures(provider: &dyn Provider) -> Vec<(&'static str, Violation)> {
    let mut failures = Vec::new();
    for property in properties() {
        if let Err(violation) = property.check(provider).await {
            failures.push((property.name, violation));
        }
    }
    failures
}

/// Fails with a formatted violation unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(crate::journal::conformance::Violation(format!($($what)+)));
        }
    };
}

/// Fails with both values unless they are equal.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($what:tt)+) => {
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            let what = format!($($what)+);
            let text = format!("{what}: {found:?} instead of {expected:?}");
            return Err(crate::journal::conformance::Violation(text));
        }
    };
}

pub(crate) use {ensure, ensure_eq};
