//! A trial as a part of a scenario: it begins at a given moment, goes on for the whole profile, and tells its books everything.

use super::Trial;
use super::books::Books;
use super::churn::Churning;
use super::mark::Mark;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::fleet::Fleet;
use crate::ledger::RoomRun;
use crate::plan::Plan;
use crate::target::ConnectError;

/// What came of it, beside what the books know.
#[derive(Debug)]
pub struct Played {
    /// What was wrong. When the rooms are shared with other processes, what is missing is not in it.
    pub faults: Faults,
    /// What the members here received, when the rooms are shared with other processes.
    pub parts: Vec<RoomRun>,
    /// Deliveries, warm-up included.
    pub deliveries: u64,
    /// Everything received.
    pub bytes: u64,
    /// Share of the measured part in which the generator had something to do.
    pub generator_busy: f64,
    /// Deliveries and acknowledgements that needed the full decoder.
    pub slow_records: u64,
}

impl<'a, B: Books> Trial<'a, B> {
    /// Prepares a trial whose books are somebody else's.
    pub fn with_books(
        fleet: &'a mut Fleet,
        plan: Plan,
        expects_acknowledgements: bool,
        books: B,
        churn: Option<Churning>,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let mut trial = Self::of(fleet, plan, expects_acknowledgements, None, clock, books)?;
        trial.churn = churn;
        Ok(trial)
    }

    /// Sends everything from `start_ns` on, for `seconds` of which the first `warmup_s` are not measured, and waits for what is
    /// still to come.
    pub fn play(
        mut self,
        start_ns: u64,
        (warmup_s, seconds): (f64, f64),
    ) -> Result<(Played, B), ConnectError> {
        let after = |seconds: f64| start_ns + (seconds * 1e9) as u64;
        let (measured_ns, end_ns) = (after(warmup_s), after(seconds));
        self.plan.start_ns = start_ns;
        if let Some(churning) = &mut self.churn {
            churning.between(start_ns, end_ns);
        }
        self.run_until(start_ns)?;
        let begin = self.run_until(measured_ns)?;
        let end: Mark = self.run_until(end_ns)?;
        self.drain()?;
        self.end_churn();
        let deliveries = self.ledger.received();
        let shared = !self.plan.siblings.is_empty();
        let (faults, parts) = match shared {
            true => self.ledger.close_part(),
            false => {
                let (faults, positions) = self.ledger.close();
                self.fleet.positions = positions;
                (faults, Vec::new())
            }
        };
        let played = Played {
            faults,
            parts,
            deliveries,
            bytes: self.bytes,
            generator_busy: begin.until(end).generator_busy,
            slow_records: self.slow_records,
        };
        Ok((played, self.books))
    }
}
