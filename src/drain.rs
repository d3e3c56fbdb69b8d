//! The orderly end of the process, as a value that everyone holds.
//!
//! Whoever does work clones the [`Watch`]: it tells how far the drain has come, and hands out
//! [`Guard`]s. Whoever runs the process holds the [`Signal`]: it moves the drain on, and waits until
//! the last guard is gone.

use std::time::Duration;

use tokio::sync::watch;

/// How far the drain has come; it only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is served.
    Serving,
    /// Still serving, but a load balancer should send its next client elsewhere.
    NotReady,
    /// Nothing new is taken in; what is there is finished.
    Draining,
}

/// A new drain and the first watch on it.
pub fn channel() -> (Signal, Watch) {
    let (phase, seen) = watch::channel(Phase::Serving);
    let (work, _) = watch::channel(());
    let watch = Watch {
        phase: seen,
        work: work.clone(),
    };
    (Signal { phase, work }, watch)
}

/// Moves the drain on. Dropping it counts as [`Phase::Draining`].
#[derive(Debug)]
pub struct Signal {
    phase: watch::Sender<Phase>,
    work: watch::Sender<()>,
}

impl Signal {
    /// Moves on to a phase; never back.
    pub fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let forward = to > *phase;
            if forward {
                *phase = to;
            }
            forward
        });
    }

    /// Waits until all guards are gone, at most for `grace`. Tells whether they were.
    pub async fn finished(&self, grace: Duration) -> bool {
        tokio::time::timeout(grace, self.work.closed())
            .await
            .is_ok()
    }
}

/// Sees how far the drain has come. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Watch {
    phase: watch::Receiver<Phase>,
    work: watch::Sender<()>,
}

impl Watch {
    /// How far the drain has come.
    pub fn phase(&self) -> Phase {
        let gone = self.phase.has_changed().is_err();
        if gone {
            Phase::Draining
        } else {
            *self.phase.borrow()
        }
    }

    /// Nothing new should be sent here any more.
    pub fn not_ready(&self) -> bool {
        self.phase() >= Phase::NotReady
    }

    /// Nothing new may be taken in any more.
    pub fn is_draining(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Waits until nothing new may be taken in.
    pub async fn draining(&mut self) {
        // An error means that the signal is gone: nobody is left to run the process.
        let _ = self.phase.wait_for(|p| *p >= Phase::Draining).await;
    }

    /// Marks work that has to be finished before the process may end.
    pub fn guard(&self) -> Guard {
        Guard {
            _work: self.work.subscribe(),
        }
    }
}

/// Work in progress: the process waits, within its grace, until this is dropped.
#[derive(Debug)]
pub struct Guard {
    _work: watch::Receiver<()>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_drain_moves_only_forward_and_waits_for_its_guards() {
        let (signal, watch) = channel();
        assert_eq!(watch.phase(), Phase::Serving);
        let guard = watch.guard();

        signal.advance(Phase::NotReady);
        assert!(watch.not_ready() && !watch.is_draining());
        let mut waiting = watch.clone();
        let waiting = tokio::spawn(async move { waiting.draining().await });

        signal.advance(Phase::Draining);
        signal.advance(Phase::NotReady);
        assert_eq!(watch.phase(), Phase::Draining, "never back");
        waiting.await.expect("woken by the phase");

        let grace = Duration::from_secs(5);
        assert!(!signal.finished(grace).await, "a guard is still held");
        drop(guard);
        assert!(signal.finished(grace).await);
    }

    #[tokio::test]
    async fn a_lost_signal_counts_as_draining() {
        let (signal, mut watch) = channel();
        drop(signal);
        assert!(watch.is_draining());
        watch.draining().await;
    }

    #[tokio::test]
    async fn without_guards_there_is_nothing_to_wait_for() {
        let (signal, watch) = channel();
        assert!(signal.finished(Duration::ZERO).await);
        drop(watch.guard());
        assert!(signal.finished(Duration::ZERO).await);
    }
}
