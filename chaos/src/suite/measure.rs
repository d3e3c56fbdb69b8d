//! Figures from the attempts of all senders: availability per window, how long a killed hub's rooms were without one, what
//! an orderly hand-off costs.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::attempts::Attempt;

/// The length of a window.
const WINDOW: Duration = Duration::from_secs(1);
/// So many messages before a hand-off show what is usual in a room.
const BEFORE: usize = 50;

/// Milliseconds, rounded down.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One second of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its number, from 0.
    pub second: u64,
    /// Attempts that ended in it, and those that were under way all through it.
    pub attempted: usize,
    /// Those among them that ended in it with an acknowledgement.
    pub acknowledged: usize,
}

impl Window {
    /// Acknowledged by attempted; 1 if nothing was attempted.
    pub fn share(&self) -> f64 {
        share(self.acknowledged, self.attempted)
    }
}

fn share(acknowledged: usize, attempted: usize) -> f64 {
    match attempted {
        0 => 1.0,
        _ => acknowledged as f64 / attempted as f64,
    }
}

/// How many attempts were acknowledged. One that hangs counts again in every window that it hangs all through, so that
/// senders who wait do not make a silence look like peace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Availability {
    /// Over all windows.
    pub attempted: usize,
    /// Over all windows.
    pub acknowledged: usize,
    /// The lowest share of a window, from 0 to 1.
    pub worst_window: f64,
    /// Windows in which less than 99.9 % were acknowledged.
    pub windows_below: usize,
    /// Each second from the first fault on.
    pub windows: Vec<Window>,
}

impl Availability {
    /// Between two moments.
    pub fn of(attempts: &[Attempt], from: Instant, to: Instant) -> Self {
        let seconds = to.duration_since(from).as_secs_f64().ceil() as u64;
        let mut windows: Vec<Window> = (0..seconds.max(1))
            .map(|second| Window {
                second,
                attempted: 0,
                acknowledged: 0,
            })
            .collect();
        for attempt in attempts.iter().filter(|attempt| attempt.ended >= from) {
            count(attempt, from, &mut windows);
        }
        let shares = windows.iter().map(Window::share);
        Self {
            attempted: windows.iter().map(|window| window.attempted).sum(),
            acknowledged: windows.iter().map(|window| window.acknowledged).sum(),
            worst_window: shares.clone().fold(1.0, f64::min),
            windows_below: shares.filter(|share| *share < 0.999).count(),
            windows,
        }
    }

    /// Acknowledged by attempted, over all windows.
    pub fn share(&self) -> f64 {
        share(self.acknowledged, self.attempted)
    }
}

/// Counts an attempt that ended after the first window began.
fn count(attempt: &Attempt, from: Instant, windows: &mut [Window]) {
    let ended = (attempt.ended.duration_since(from).as_nanos() / WINDOW.as_nanos()) as usize;
    let begun = attempt.begun.checked_duration_since(from);
    let first = begun.map_or(0, |begun| {
        begun.as_nanos().div_ceil(WINDOW.as_nanos()) as usize
    });
    for hung in windows.iter_mut().take(ended).skip(first) {
        hung.attempted += 1;
    }
    if let Some(window) = windows.get_mut(ended) {
        window.attempted += 1;
        window.acknowledged += usize::from(attempt.acknowledged);
    }
}

/// One room that had to change its hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which hub went away, from 0.
    pub hub: usize,
    /// The room.
    pub room: String,
    /// The time it cost; none if that was never over.
    pub millis: Option<u64>,
}

impl Sample {
    pub(super) fn new(hub: usize, room: &str, cost: Option<Duration>) -> Self {
        Self {
            hub,
            room: room.to_owned(),
            millis: cost.map(millis),
        }
    }
}

/// Rooms that had to change their hubs, and quantiles of the times it cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moves {
    /// Each of them.
    pub samples: Vec<Sample>,
    /// Over those that came about.
    #[serde(flatten)]
    pub quantiles: Option<Quantiles>,
}

/// Quantiles in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quantiles {
    /// The middle.
    pub p50_millis: u64,
    /// One in a hundred is above; of fewer than a hundred, the highest.
    pub p99_millis: u64,
}

impl From<Vec<Sample>> for Moves {
    fn from(samples: Vec<Sample>) -> Self {
        let quantiles = Quantiles::of(samples.iter().filter_map(|sample| sample.millis));
        Self { samples, quantiles }
    }
}

impl Quantiles {
    /// Of these times; none of none.
    pub fn of(times: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut times: Vec<u64> = times.into_iter().collect();
        times.sort_unstable();
        let at = |share: f64| {
            let rank = (times.len() as f64 * share).ceil() as usize;
            times.get(rank.saturating_sub(1)).copied()
        };
        Some(Self {
            p50_millis: at(0.5)?,
            p99_millis: at(0.99)?,
        })
    }
}

/// From a hub's death, which was in force at `gone`, to the next acknowledgement in a room of its own. Only attempts that
/// began afterwards count: an answer of the dead may still be on its way.
pub(super) fn next_acknowledgement(
    attempts: &[Attempt],
    room: &str,
    begun: Instant,
    gone: Instant,
) -> Option<Duration> {
    let after = attempts
        .iter()
        .filter(|attempt| *attempt.room == *room && attempt.acknowledged && attempt.begun >= gone);
    let next = after.map(|attempt| attempt.ended).min()?;
    Some(next.duration_since(begun))
}

/// What an orderly hand-off cost a room: the longest wait of a message whose time overlaps it, from the wish to send it to
/// its acknowledgement and with a new connection if it took one, less the middle of what was usual before.
pub(super) fn added_latency(
    attempts: &[Attempt],
    room: &str,
    begun: Instant,
    over: Instant,
) -> Option<Duration> {
    let here = attempts
        .iter()
        .filter(|attempt| *attempt.room == *room && attempt.acknowledged);
    let waited = |attempt: &Attempt| attempt.ended.duration_since(attempt.wished);
    let meanwhile = here
        .clone()
        .filter(|attempt| attempt.ended >= begun && attempt.wished <= over);
    let longest = meanwhile.map(waited).max()?;
    let before = here.filter(|attempt| attempt.ended < begun);
    let before = before.rev().take(BEFORE);
    let mut before: Vec<Duration> = before.map(waited).collect();
    before.sort_unstable();
    let usual = before.get(before.len() / 2)?;
    Some(longest.saturating_sub(*usual))
}

/// When every room had again acknowledged a message that was tried after a fault's end.
pub(super) fn served_again(
    attempts: &[Attempt],
    rooms: &[String],
    healed: Instant,
) -> Option<Duration> {
    let times = rooms
        .iter()
        .map(|room| next_acknowledgement(attempts, room, healed, healed));
    let times: Option<Vec<Duration>> = times.collect();
    times?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::now;

    fn attempt(start: Instant, room: &str, times: [u64; 3], acknowledged: bool) -> Attempt {
        let [wished, begun, ended] = times.map(|at| start + Duration::from_millis(at));
        Attempt {
            room: room.into(),
            wished,
            begun,
            ended,
            acknowledged,
            refused: false,
        }
    }

    #[test]
    fn a_window_counts_what_ended_in_it_and_what_hung_all_through_it() {
        let start = now();
        let attempts = [
            attempt(start, "r", [100, 100, 200], true),
            attempt(start, "r", [300, 300, 400], false),
            // Hangs through the second and the third second.
            attempt(start, "r", [900, 900, 3100], true),
            // Crosses a border as any does.
            attempt(start, "r", [3990, 3990, 4010], true),
        ];
        let seen = Availability::of(&attempts, start, start + Duration::from_millis(4500));
        let counted: Vec<(usize, usize)> = seen
            .windows
            .iter()
            .map(|window| (window.attempted, window.acknowledged))
            .collect();
        assert_eq!(counted, [(2, 1), (1, 0), (1, 0), (1, 1), (1, 1)]);
        assert_eq!((seen.attempted, seen.acknowledged), (6, 3));
        assert_eq!((seen.worst_window, seen.windows_below), (0.0, 3));
        let none = Availability::of(&[], start, start + WINDOW);
        assert_eq!((none.share(), none.worst_window), (1.0, 1.0));
    }

    #[test]
    fn a_room_is_back_with_the_first_answer_to_what_began_after_the_death() {
        let start = now();
        let attempts = [
            // Answered by the dead, and read late.
            attempt(start, "r", [90, 90, 130], true),
            attempt(start, "r", [120, 120, 500], false),
            attempt(start, "other", [120, 120, 140], true),
            attempt(start, "r", [50, 510, 620], true),
            attempt(start, "r", [520, 520, 640], true),
        ];
        let at = |at| start + Duration::from_millis(at);
        let took = |room| next_acknowledgement(&attempts, room, at(100), at(110));
        assert_eq!(took("r"), Some(Duration::from_millis(520)));
        assert_eq!(took("other"), Some(Duration::from_millis(40)));
        assert_eq!(took("third"), None);
        let rooms = ["r", "other"].map(str::to_owned);
        let again = served_again(&attempts, &rooms, at(110));
        assert_eq!(again, Some(Duration::from_millis(510)));
    }

    #[test]
    fn a_hand_off_adds_the_longest_wait_less_what_is_usual() {
        let start = now();
        let at = |at| start + Duration::from_millis(at);
        let mut attempts: Vec<Attempt> = (0..9)
            .map(|n| attempt(start, "r", [n * 100, n * 100, n * 100 + 10], true))
            .collect();
        attempts.push(attempt(start, "r", [950, 1150, 1250], true));
        let added = || added_latency(&attempts, "r", at(1000), at(2000));
        assert_eq!(added(), Some(Duration::from_millis(290)));
        assert_eq!(added_latency(&attempts, "r", at(1300), at(1400)), None);
        assert_eq!(added_latency(&attempts, "none", at(1000), at(2000)), None);
    }

    #[test]
    fn quantiles_are_ranks_and_of_few_the_highest_is_the_ninety_ninth() {
        assert_eq!(Quantiles::of([]), None);
        let of = |count: u64| Quantiles::of(1..=count).map(|q| (q.p50_millis, q.p99_millis));
        assert_eq!(of(1), Some((1, 1)));
        assert_eq!(of(21), Some((11, 21)));
        assert_eq!(of(200), Some((100, 198)));
    }
}
