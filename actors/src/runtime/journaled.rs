//! The ractor actor around a pipeline: carries out its actions as tasks whose completions come back as messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::sync::oneshot;

use super::Tally;
use super::admission::{Gate, Permit};
use super::directory::Deps;
use super::guarded::{append_armed, clear_all};
use super::pipeline::{Action, Answer, Asked, Pipeline, Readying, Ticket};
use super::recovery::{self, RecoverError, Recovered};
use crate::ids::{EntityId, Sequence, Timestamp};
use crate::journal::{
    AppendError, Head, OverlayWrite, PageLimit, Range, ReadError, Record, Row, Snapshot, TableWrite,
};
use crate::machines::Machine;
use crate::machines::errand::Errand;
use crate::mutation::{self, Mutation};

/// A journaled entity as an actor.
pub(crate) struct Journaled<M: Machine> {
    pub entity: EntityId,
    pub deps: Arc<Deps<M>>,
    /// No other life of an entity on any node has it.
    pub mark: u64,
    pub tally: Arc<Tally>,
    /// Whether this node goes.
    pub leaving: Arc<AtomicBool>,
    /// Errands under way keep the entity awake.
    pub gate: Arc<Gate>,
}

/// What reaches it.
pub(crate) enum Msg<M: Machine> {
    /// A command.
    Ask {
        command: M::Command,
        reply: oneshot::Sender<Answer<M>>,
        permit: Permit,
    },
    /// Commands may come soon.
    Ready(Readying),
    Recovered(Box<Result<Recovered<M>, RecoverError>>),
    Appended(Result<(), AppendError>),
    HeadResolved(Result<Head, ReadError>),
    RowResolved(Result<Option<Row>, ReadError>),
    Repaired(Result<(), AppendError>),
    HeadFenced(u64, Result<Head, ReadError>),
    Loaded(Ticket, Sequence, Box<Found>),
    /// An errand was carried out, or not yet.
    ErrandEnded(u64, bool),
    /// An errand that failed may be tried again.
    ErrandDue(u64),
    /// It is written down how far errands are done, or not yet.
    WrittenDown(u64, bool),
    /// Is an alarm that went off of no use any more?
    Rung {
        alarm: Timestamp,
        needless: oneshot::Sender<bool>,
        permit: Permit,
    },
}

type Found = Result<(Option<Record>, Option<OverlayWrite>), RecoverError>;

impl<M: Machine> Actor for Journaled<M> {
    type Msg = Msg<M>;
    type State = Pipeline<M>;
    type Arguments = ();

    async fn pre_start(
        &self,
        myself: ActorRef<Msg<M>>,
        (): (),
    ) -> Result<Pipeline<M>, ActorProcessingErr> {
        let mut actions = Vec::new();
        let deps = &self.deps;
        let pipeline = Pipeline::new(
            self.entity.clone(),
            deps.journal.capabilities(),
            deps.limits.clone(),
            deps.rules.clone(),
            self.mark,
            self.tally.clone(),
            &mut actions,
        );
        self.carry_out(&myself, actions)?;
        Ok(pipeline)
    }

    async fn handle(
        &self,
        myself: ActorRef<Msg<M>>,
        message: Msg<M>,
        pipeline: &mut Pipeline<M>,
    ) -> Result<(), ActorProcessingErr> {
        let now = self.deps.clock.now();
        let mut out = Vec::new();
        if self.leaving.load(Ordering::Acquire) {
            pipeline.leave();
        }
        match message {
            Msg::Ask {
                command,
                reply,
                permit,
            } => pipeline.ask(
                Asked {
                    command,
                    reply,
                    permit,
                    admitted: false,
                },
                now,
                &mut out,
            ),
            Msg::Ready(readying) => pipeline.ready(readying),
            Msg::Recovered(outcome) => pipeline.recovered(*outcome, now, &mut out),
            Msg::Appended(outcome) => pipeline.appended(outcome, now, &mut out),
            Msg::HeadResolved(head) => pipeline.head_resolved(head, now, &mut out),
            Msg::RowResolved(row) => pipeline.row_resolved(row, now, &mut out),
            Msg::Repaired(outcome) => pipeline.repaired(outcome, now, &mut out),
            Msg::HeadFenced(fence, head) => pipeline.head_fenced(fence, head, now, &mut out),
            Msg::Loaded(ticket, target, found) => {
                pipeline.loaded(ticket, target, *found, now, &mut out);
            }
            Msg::ErrandEnded(number, done) => pipeline.errand_ended(number, done, &mut out),
            Msg::ErrandDue(number) => pipeline.errand_due(number),
            Msg::WrittenDown(up_to, done) => pipeline.written_down(up_to, done, &mut out),
            Msg::Rung {
                alarm,
                needless,
                permit,
            } => {
                // Whoever asked may have gone.
                let _ = needless.send(pipeline.let_alarm_go(alarm));
                drop(permit);
            }
        }
        let carried = self.carry_out(&myself, out);
        let mut out = Vec::new();
        pipeline.release(&mut out);
        pipeline.run_errands(&mut out);
        carried.and(self.carry_out(&myself, out))
    }
}

impl<M: Machine> Journaled<M> {
    fn carry_out(
        &self,
        myself: &ActorRef<Msg<M>>,
        actions: Vec<Action<M>>,
    ) -> Result<(), ActorProcessingErr> {
        for action in actions {
            match action {
                Action::Publish { row, events } => {
                    self.deps.sink.committed(&self.entity, &row, &events);
                }
                Action::Advanced(head) => self.deps.sink.advanced(&self.entity, head),
                Action::Fail(reason) => return Err(reason.into()),
                action => self.start(myself, action),
            }
        }
        Ok(())
    }

    /// Starts what takes time; it goes on beside the mailbox. Each kind is a task of its own size: an append, which every
    /// message needs, is a small one.
    fn start(&self, myself: &ActorRef<Msg<M>>, action: Action<M>) {
        let (deps, entity) = (self.deps.clone(), self.entity.clone());
        match action {
            Action::Recover { delay, from } => tell(myself, async move {
                pause(delay).await;
                let recovered = match from {
                    None => recovery::recover(&*deps.journal, &entity).await,
                    Some(from) => recovery::catch_up(&*deps.journal, &entity, *from).await,
                };
                Msg::Recovered(Box::new(recovered))
            }),
            Action::Append {
                append,
                arm,
                wakes,
                delay,
            } => tell(myself, async move {
                pause(delay).await;
                Msg::Appended(append_armed(&deps, append, &arm, wakes).await)
            }),
            Action::ResolveHead { delay } => tell(myself, async move {
                pause(delay).await;
                Msg::HeadResolved(deps.journal.head(&entity).await)
            }),
            Action::ResolveRow { after } => tell(myself, async move {
                let rows = deps.journal.read(&entity, Range::After(after), ONE).await;
                Msg::RowResolved(rows.map(|rows| rows.into_iter().next()))
            }),
            Action::Repair { side, delay } => tell(myself, async move {
                pause(delay).await;
                Msg::Repaired(recovery::repair(&*deps.journal, &entity, side).await)
            }),
            Action::FenceHead { fence } => tell(myself, async move {
                Msg::HeadFenced(fence, deps.journal.head(&entity).await)
            }),
            Action::Load { ticket, target } => tell(myself, async move {
                let found = recovery::load_message(&*deps.journal, &entity, target).await;
                Msg::Loaded(ticket, target, Box::new(found))
            }),
            Action::Snapshot(snapshot) => {
                tokio::spawn(async move { store_snapshot(&deps, &entity, snapshot).await });
            }
            Action::Clear(alarms) => {
                tokio::spawn(async move { clear_all(&deps, &entity, &alarms).await });
            }
            // What follows keeps the entity awake until it is done.
            Action::Errand { number, errand } => {
                tell_holding(self.gate.stay(), myself, async move {
                    let done = carry_out(&deps, entity, number, *errand).await;
                    Msg::ErrandEnded(number, done)
                })
            }
            Action::PauseErrand { number, delay } => {
                tell_holding(self.gate.stay(), myself, async move {
                    pause(delay).await;
                    Msg::ErrandDue(number)
                });
            }
            Action::WriteDown { up_to, row, delay } => {
                tell_holding(self.gate.stay(), myself, async move {
                    pause(delay).await;
                    Msg::WrittenDown(up_to, write_down(&deps, &entity, row).await)
                });
            }
            Action::Publish { .. } | Action::Advanced(_) | Action::Fail(_) => {}
        }
    }
}

/// Does something beside the mailbox and puts its outcome there.
fn tell<M: Machine>(to: &ActorRef<Msg<M>>, outcome: impl Future<Output = Msg<M>> + Send + 'static) {
    tell_holding((), to, outcome);
}

/// The same, and holds something until the outcome is there.
fn tell_holding<M: Machine>(
    held: impl Send + 'static,
    to: &ActorRef<Msg<M>>,
    outcome: impl Future<Output = Msg<M>> + Send + 'static,
) {
    let to = to.clone();
    tokio::spawn(outcome.map(move |message| {
        // The actor may have ended; then nobody waits for this any more.
        let _ = to.cast(message);
        drop(held);
    }));
}

const ONE: PageLimit = PageLimit {
    records: 1,
    bytes: 1,
};

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// Whether an errand is done.
async fn carry_out<M: Machine>(
    deps: &Deps<M>,
    entity: EntityId,
    number: u64,
    errand: Errand,
) -> bool {
    let carried = deps.errands.carry_out(entity.clone(), number, errand).await;
    if let Err(error) = &carried {
        metrics::counter!("mussikon_errand_retries_total").increment(1);
        tracing::debug!(%entity, number, %error, "an errand will be tried again");
    }
    carried.is_ok() || mutation::is_on(Mutation::ErrandsTriedOnce)
}

/// Whether it is written down how far errands are done.
async fn write_down<M: Machine>(deps: &Deps<M>, entity: &EntityId, row: TableWrite) -> bool {
    let written = deps.journal.put_rows(vec![row]).await;
    if let Err(error) = &written {
        tracing::debug!(%entity, %error, "errands done will be noted again");
    }
    written.is_ok()
}

async fn store_snapshot<M: Machine>(deps: &Deps<M>, entity: &EntityId, snapshot: Snapshot) {
    let at = snapshot.head.sequence;
    // It takes the place of one that may be all that is left of rows that were trimmed.
    if let Err(error) = M::restore(entity, &snapshot.state) {
        tracing::error!(%entity, sequence = at.0, %error, "snapshot not stored: it cannot be restored");
        return;
    }
    if let Err(error) = deps.journal.put_snapshot(entity, snapshot.clone()).await {
        tracing::warn!(%entity, %error, "snapshot not stored");
        return;
    }
    // Nothing behind a snapshot is given up before the snapshot was read back.
    let good = match deps.journal.snapshot(entity).await {
        Ok(Some(found)) => found.head.sequence > at || found == snapshot,
        _ => false,
    };
    if !good {
        tracing::error!(%entity, sequence = at.0, "snapshot does not read back");
        return;
    }
    if deps.limits.retention_ms > 0
        && let Err(error) = super::retention::trim::<M>(deps, entity, at).await
    {
        tracing::warn!(%entity, error, "retention postponed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::journal::Journal;
    use crate::journal::conformance::Store;
    use crate::journal::conformance::writer::{Writer, room};
    use crate::journal::memory::MemoryJournal;
    use crate::runtime::pipeline::model::note::Notes;
    use crate::runtime::{CommitSink, RuntimeLimits};

    struct Nowhere;

    impl CommitSink<Notes> for Nowhere {
        fn committed(&self, _: &EntityId, _: &Row, _: &[u8]) {}
    }

    #[tokio::test]
    async fn a_snapshot_that_cannot_be_restored_does_not_take_the_place_of_one_that_can() {
        let store = Arc::new(MemoryJournal::new());
        let deps = Deps::<Notes> {
            journal: store.clone(),
            wakeups: store.clone(),
            clock: Arc::new(SystemClock),
            sink: Arc::new(Nowhere),
            errands: Arc::new(crate::runtime::NoErrands),
            limits: Arc::new(RuntimeLimits::default()),
            rules: Arc::new(()),
            salt: 0,
        };
        let entity = room("a").expect("a valid id");
        let shared: Arc<dyn Store> = store.clone();
        let mut writer = Writer::new(&shared, entity.clone());
        writer.write(1).await.expect("appended");
        let good = Snapshot {
            head: writer.head,
            state: Notes(vec![7]).snapshot(),
        };
        store_snapshot(&deps, &entity, good.clone()).await;
        assert_eq!(store.snapshot(&entity).await, Ok(Some(good.clone())));

        writer.write(1).await.expect("appended");
        let bad = Snapshot {
            head: writer.head,
            state: "what a mistake might make".into(),
        };
        assert!(Notes::restore(&entity, &bad.state).is_err());
        store_snapshot(&deps, &entity, bad).await;
        assert_eq!(store.snapshot(&entity).await, Ok(Some(good)));
    }
}
