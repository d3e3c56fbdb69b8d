//! Deliberate mistakes of the product, switched on one at a time to show that the simulation notices them.
//! Without the feature `testing` every switch is a constant `false` and costs nothing.

/// A realistic bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// Answers leave before what they rest on is durable.
    AcknowledgeEarly,
    /// An append whose outcome is unknown is taken for a refused one.
    DoubtIsFailure,
    /// A head that has not moved is taken as proof that an append in doubt will not land.
    TrustUnchangedHead,
    /// Repeats of a message id are not recognised.
    ForgetDedupe,
    /// Answers that rest on an unchanged journal leave without asking whether it is unchanged.
    SkipFence,
    /// Recovery does not write again what the last owner may have left unwritten.
    SkipRepair,
    /// An append found to be durable after doubt is taken to have its side writes too.
    CommitUnrepaired,
    /// Catch-up begins one event too late.
    SpliceLate,
    /// A live event is handed on although events before it are missing.
    IgnoreGaps,
    /// What is kept for those who join late still holds a message after its deletion.
    KeepDeleted,
    /// After a lost race the commands that were decided in vain are answered all the same.
    AnswerLost,
    /// An append is not covered by a wake-up.
    SkipWakeup,
    /// Whoever is no member any more goes on reading.
    RemovedReadOn,
    /// A read mark is answered as asked for, even if it stands further on.
    MarkGoesBack,
    /// A gap that could not be filled at once is not filled at all.
    FillOnce,
    /// How far a journal reaches by another node's word is taken for what readers have seen.
    TrustToldHead,
    /// The head is not said again after the last append.
    SkipTails,
    /// Nobody looks at heads after words may have been lost.
    SkipLooks,
    /// A look before interest in a room has spread is taken for the one after it.
    HurryLooks,
    /// A refusal after an attempt without an answer is taken for the whole truth.
    ForwardDoubtIsFailure,
    /// That nobody is present on a node any more is not said again.
    SkipFarewells,
    /// Whoever was present on a node that is gone stays present.
    KeepTheGone,
    /// Nobody is asked who is present elsewhere.
    AskNobody,
    /// An errand is carried out before what brought it about is durable.
    ErrandsBeforeDurable,
    /// An errand that failed counts as done.
    ErrandsTriedOnce,
    /// That errands are done is noted as far as numbers go that nothing durable has given yet.
    NoteBeyondDurable,
    /// That errands are done is taken to be noted although the store refused it.
    NoteOnce,
    /// An alarm is cleared once it went off, whether or not it is still needed.
    ClearEarly,
    /// An inbox takes a repeat of an errand for a new one.
    TellTwice,
    /// A time that is held becomes free by itself, and nobody asks its request.
    HoldsLapse,
    /// A late copy of a release frees what was taken since.
    UnfencedRelease,
    /// Whoever waits behind a reservation is forgotten when it comes to nothing.
    ForgetStandbys,
    /// The answer to an earlier reservation is taken for that to the one that is waited for.
    StaleSlotAnswers,
    /// Whoever accepts has the request, before the calendar has answered.
    AcceptUnreserved,
    /// A late copy of an arrangement of a room counts as the newest.
    UnfencedArrange,
}

#[cfg(feature = "testing")]
mod switch {
    use std::cell::Cell;

    use super::Mutation;

    thread_local! {
        static ON: Cell<Option<Mutation>> = const { Cell::new(None) };
    }

    /// Switches a mistake on for everything that runs on this thread; `None` ends it.
    pub fn mutate(mutation: Option<Mutation>) {
        ON.with(|on| on.set(mutation));
    }

    pub(crate) fn is_on(mutation: Mutation) -> bool {
        ON.with(Cell::get) == Some(mutation)
    }
}

#[cfg(feature = "testing")]
pub use switch::mutate;

#[cfg(feature = "testing")]
pub(crate) use switch::is_on;

#[cfg(not(feature = "testing"))]
pub(crate) const fn is_on(_: Mutation) -> bool {
    false
}
