//! What people see while a run goes on: on a terminal one block that is drawn again, elsewhere a line every few seconds.
//!
//! Showing never waits: a thread of its own draws, and what comes while it is still busy is left out.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use page::{Unit, format};
use std::collections::{BTreeMap, VecDeque};
use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use super::record::{Phase, Second};
use crate::process;

/// Rates are those of so many seconds that are over, latencies those of the one that goes on as well.
const RECENT: usize = 5;
/// Seconds between two lines where there is no terminal.
const LINES_S: u32 = 5;

/// Shows a run while it goes on; the block is gone when this is.
pub struct Live {
    seen: Option<SyncSender<Second>>,
    drawer: Option<JoinHandle<()>>,
}

impl Live {
    /// A run of these phases and `total` seconds. Draws on standard error, from a thread that keeps off the generator's core.
    pub fn new(phases: &[Phase], total_s: f64) -> Self {
        let board = Board::new(phases, total_s);
        let (seen, seconds) = sync_channel(1);
        let terminal = stderr().is_terminal();
        let draw = move || {
            process::anywhere();
            match terminal {
                true => redraw(board, &seconds),
                false => lines(board, &seconds),
            }
        };
        let named = thread::Builder::new().name("live".into());
        Self {
            seen: Some(seen),
            drawer: named.spawn(draw).ok(),
        }
    }

    /// Shows a second, whole or so far. Once or twice a second is enough.
    pub fn show(&self, second: &Second) {
        if let Some(seen) = &self.seen {
            // Full: the one before is still being drawn.
            let _ = seen.try_send(second.clone());
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.seen = None;
        if let Some(drawer) = self.drawer.take() {
            let _ = drawer.join();
        }
    }
}

fn redraw(mut board: Board, seconds: &Receiver<Second>) {
    let bar = ProgressBar::with_draw_target(
        Some(board.total_s.ceil() as u64),
        ProgressDrawTarget::stderr(),
    );
    if let Ok(style) = ProgressStyle::with_template("{prefix}\n[{wide_bar}] {percent} %\n{msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    for second in seconds {
        board.take(second);
        bar.set_position(board.passed_s() as u64);
        bar.set_prefix(board.progress());
        bar.set_message(board.block().join("\n"));
    }
    bar.finish_and_clear();
}

fn lines(mut board: Board, seconds: &Receiver<Second>) {
    let mut next = 0;
    for second in seconds {
        let at_s = second.at_s;
        board.take(second);
        if at_s >= next {
            next = at_s + LINES_S;
            eprintln!("{}", board.line());
        }
    }
}

/// What is shown, whoever draws it.
struct Board {
    phases: Vec<Phase>,
    total_s: f64,
    recent: VecDeque<Second>,
    /// Failed operations before the recent seconds.
    errors_before: u64,
}

impl Board {
    fn new(phases: &[Phase], total_s: f64) -> Self {
        Self {
            phases: phases.to_vec(),
            total_s,
            recent: VecDeque::with_capacity(RECENT + 2),
            errors_before: 0,
        }
    }

    /// A later second, or the same one with more in it.
    fn take(&mut self, second: Second) {
        if self
            .recent
            .back()
            .is_some_and(|last| last.at_s == second.at_s)
        {
            self.recent.pop_back();
        }
        self.recent.push_back(second);
        if self.recent.len() > RECENT + 1
            && let Some(old) = self.recent.pop_front()
        {
            self.errors_before += errors(&old);
        }
    }

    fn passed_s(&self) -> f64 {
        let last = self
            .recent
            .back()
            .map_or(0.0, |second| f64::from(second.at_s) + 1.0);
        last.min(self.total_s)
    }

    /// `steady (2 of 3) · 1:12 of 3:00 · 1:48 left`.
    fn progress(&self) -> String {
        let passed = self.passed_s();
        let told = |seconds: f64| format::value(seconds.max(0.0).round(), Unit::Clock);
        let times = format!(
            "{} of {} · {} left",
            told(passed),
            told(self.total_s),
            told(self.total_s - passed)
        );
        let now = (passed - 1.0).max(0.0);
        let phase = self.phases.iter().rposition(|phase| phase.from_s <= now);
        match phase {
            Some(place) => format!(
                "{} ({} of {}) · {times}",
                self.phases[place].name,
                place + 1,
                self.phases.len()
            ),
            None => times,
        }
    }

    /// Failed operations of all seconds that were shown.
    fn errors(&self) -> u64 {
        self.errors_before + self.recent.iter().map(errors).sum::<u64>()
    }

    /// Figures of the recent seconds, by class.
    fn classes(&self) -> BTreeMap<&str, Recent> {
        let mut classes: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (name, found) in self.recent.iter().flat_map(|second| &second.classes) {
            classes.entry(name).or_default().push(found);
        }
        // Of the newest second there is as much as has passed of it; the first one has to do for itself.
        let over = self.recent.len().saturating_sub(1).max(1);
        let figures = |(name, found): (_, Vec<&super::record::ClassSecond>)| {
            let whole = self.recent.iter().take(over);
            let whole = whole.filter_map(|second| second.classes.get(name));
            let count: u64 = whole.map(|one| one.count).sum();
            let good = || found.iter().filter(|one| one.count > 0);
            let mut middles: Vec<f64> = good().map(|one| one.p50_ms).collect();
            middles.sort_by(f64::total_cmp);
            let recent = Recent {
                per_second: count as f64 / over as f64,
                p50_ms: middles.get(middles.len() / 2).copied(),
                p99_ms: good().map(|one| one.p99_ms).reduce(f64::max),
            };
            (name, recent)
        };
        classes.into_iter().map(figures).collect()
    }

    /// A line for each class, and one for everything else.
    fn block(&self) -> Vec<String> {
        let ms = |value| format::optional(value, Unit::Milliseconds);
        let class = |(name, recent): (&str, Recent)| {
            let rate = format::value(recent.per_second, Unit::PerSecond);
            format!(
                "{name:<18} {rate:>12}   p50 {:>8}   p99 {:>8}",
                ms(recent.p50_ms),
                ms(recent.p99_ms)
            )
        };
        let mut lines: Vec<String> = self.classes().into_iter().map(class).collect();
        lines.push(self.rest());
        lines
    }

    /// Everything in one line.
    fn line(&self) -> String {
        let ms = |value| format::optional(value, Unit::Milliseconds);
        let class = |(name, recent): (&str, Recent)| {
            let rate = format::value(recent.per_second, Unit::PerSecond);
            format!(
                "{name} {rate} p50 {} p99 {}",
                ms(recent.p50_ms),
                ms(recent.p99_ms)
            )
        };
        let classes: Vec<String> = self.classes().into_iter().map(class).collect();
        let parts = [vec![self.progress()], classes, vec![self.rest()]];
        parts.concat().join(" | ")
    }

    fn rest(&self) -> String {
        let last = self.recent.back();
        let planned = last.map_or(0.0, |second| second.planned);
        let connections = last.map_or(0, |second| second.connections);
        let lag = self
            .recent
            .iter()
            .map(|second| second.lag_p99_ms)
            .fold(0.0, f64::max);
        format!(
            "planned {}, {} connections, {} failed, generator late {}",
            format::value(planned, Unit::PerSecond),
            format::whole(connections.into()),
            format::whole(self.errors()),
            format::value(lag, Unit::Milliseconds)
        )
    }
}

/// A class in the recent seconds: mean rate, the middle of their medians, the worst of their 99th percentiles.
struct Recent {
    per_second: f64,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
}

fn errors(second: &Second) -> u64 {
    second.classes.values().map(|found| found.errors).sum()
}

#[cfg(test)]
mod tests {
    use super::super::record::ClassSecond;
    use super::*;

    fn phase(name: &str, from_s: f64, until_s: f64) -> Phase {
        Phase {
            name: name.into(),
            from_s,
            until_s,
            from_rate: 100.0,
            until_rate: 100.0,
        }
    }

    fn second(at_s: u32, count: u64, errors: u64, p99_ms: f64) -> Second {
        let found = ClassSecond {
            count,
            errors,
            p50_ms: p99_ms / 10.0,
            p99_ms,
            ..ClassSecond::default()
        };
        Second {
            at_s,
            planned: 100.0,
            connections: 1_200,
            lag_p99_ms: 0.25,
            classes: BTreeMap::from([("delivery".to_owned(), found)]),
        }
    }

    fn board() -> Board {
        Board::new(
            &[phase("ramp", 0.0, 60.0), phase("steady", 60.0, 180.0)],
            180.0,
        )
    }

    #[test]
    fn the_board_tells_phase_time_left_and_the_figures_of_the_last_seconds() {
        let mut board = board();
        for at_s in 0..72 {
            board.take(second(at_s, 100, u64::from(at_s == 3), f64::from(at_s)));
        }
        // That one has only begun.
        board.take(second(72, 3, 0, 0.0));
        assert_eq!(
            board.progress(),
            "steady (2 of 2) · 1:13 of 3:00 · 1:47 left"
        );
        let block = board.block();
        let words: Vec<&str> = block[0].split_whitespace().collect();
        // The last five seconds are those from 67 on.
        assert_eq!(
            words,
            ["delivery", "100/s", "p50", "6.9", "ms", "p99", "71", "ms"]
        );
        assert_eq!(
            block[1],
            "planned 100/s, 1,200 connections, 1 failed, generator late 250 µs"
        );
        assert!(board.line().starts_with("steady (2 of 2)") && board.line().contains("1 failed"));
    }

    #[test]
    fn a_second_that_is_shown_twice_counts_once_and_a_failed_one_has_no_latency() {
        let mut board = board();
        board.take(second(0, 40, 2, 5.0));
        board.take(second(0, 100, 5, 9.0));
        assert_eq!((board.errors(), board.recent.len()), (5, 1));
        board.take(second(1, 0, 7, 0.0));
        let classes = board.classes();
        let recent = &classes["delivery"];
        assert_eq!((recent.per_second, recent.p99_ms), (100.0, Some(9.0)));
        assert_eq!(board.errors(), 12);
    }

    #[test]
    fn before_anything_and_past_the_end_there_is_something_to_show() {
        let mut board = board();
        assert!(
            board
                .line()
                .contains("ramp (1 of 2) · 0 s of 3:00 · 3:00 left"),
            "{}",
            board.line()
        );
        board.take(second(500, 1, 0, 1.0));
        assert!(
            board.progress().ends_with("3:00 of 3:00 · 0 s left"),
            "{}",
            board.progress()
        );
        assert_eq!(Board::new(&[], 10.0).progress(), "0 s of 10 s · 10 s left");
    }

    #[test]
    fn showing_never_waits_for_a_drawer_that_stands_still() {
        let (seen, seconds) = sync_channel(1);
        let live = Live {
            seen: Some(seen),
            drawer: None,
        };
        for at_s in 0..1_000 {
            live.show(&second(at_s, 1, 0, 1.0));
        }
        assert_eq!(
            seconds
                .try_iter()
                .map(|second| second.at_s)
                .collect::<Vec<_>>(),
            [0]
        );
    }
}
