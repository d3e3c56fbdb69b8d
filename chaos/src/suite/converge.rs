//! Promise G5: when a fault is healed, every live reader reaches the head within a bound.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::time::{sleep, sleep_until};

use super::format::Verdict;
use super::measure::millis;
use crate::history::History;
use crate::member::now;
use crate::progress::Progress;

/// Between two looks at readers that catch up.
const LOOK: Duration = Duration::from_millis(20);

/// The judgement on all faults of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Convergence {
    /// Whether every live reader reached the head in time after every fault.
    pub verdict: Verdict,
    /// The time that it may take.
    pub limit_millis: u64,
    /// The longest that it took; none if it once took longer than the limit, or no fault was judged.
    pub longest_millis: Option<u64>,
    /// After how many faults it was judged.
    pub judged: usize,
    /// Readers that were late, as reader, room, place and head.
    pub late: Vec<String>,
}

impl Convergence {
    /// Of what was seen after each fault.
    pub(super) fn of<'c>(limit: Duration, seen: impl Iterator<Item = &'c Caught>) -> Self {
        let seen: Vec<&Caught> = seen.collect();
        let late: Vec<String> = seen.iter().flat_map(|caught| caught.late.clone()).collect();
        let times: Option<Vec<Duration>> = seen.iter().map(|caught| caught.time).collect();
        let longest = times.and_then(|times| times.into_iter().max());
        Self {
            verdict: match seen.iter().all(|caught| caught.time.is_some()) {
                true => Verdict::Kept,
                false => Verdict::Broken,
            },
            limit_millis: millis(limit),
            longest_millis: longest.map(millis),
            judged: seen.len(),
            late,
        }
    }
}

/// What was seen after one fault.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Caught {
    /// From its healing until the last reader was there; none if one was not within the limit.
    pub time: Option<Duration>,
    /// Who was not.
    pub late: Vec<String>,
}

/// Waits for the readers, named by room and reader, from the moment at which a fault is healed.
pub(super) async fn catch_up(
    history: &History,
    readers: &[(String, String)],
    healed: Instant,
    limit: Duration,
) -> Caught {
    sleep_until(healed.into()).await;
    let heads = history.seen(|progress| progress.heads());
    loop {
        let late = history.seen(|progress| behind(progress, readers, &heads));
        let time = now().saturating_duration_since(healed);
        if late.is_empty() {
            return Caught {
                time: Some(time.min(limit)),
                late,
            };
        }
        if time >= limit {
            return Caught { time: None, late };
        }
        sleep(LOOK).await;
    }
}

/// Those who are not where the rooms were.
fn behind(
    progress: &Progress,
    readers: &[(String, String)],
    heads: &BTreeMap<String, u64>,
) -> Vec<String> {
    let late = readers.iter().filter_map(|(room, reader)| {
        let head = heads.get(room).copied().unwrap_or_default();
        let place = progress.place(room, reader);
        let is_there = place.is_some_and(|place| place >= head);
        (!is_there).then(|| match place {
            Some(place) => format!("{reader} in {room} is at {place} of {head}"),
            None => format!("{reader} in {room} is not connected, and the room is at {head}"),
        })
    });
    late.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Event;

    fn acknowledged(sequence: u64) -> Event {
        Event::Acknowledged {
            id: "m".into(),
            sequence,
        }
    }

    fn readers() -> [(String, String); 2] {
        ["a", "b"].map(|reader| ("r".to_owned(), reader.to_owned()))
    }

    #[tokio::test]
    async fn readers_must_be_where_the_room_was_when_it_healed() {
        let history = History::new(100);
        history.record("s", "r", acknowledged(5));
        for (_, reader) in readers() {
            history.record(&reader, "r", Event::Subscribed { after: 5 });
            history.record(&reader, "r", Event::Joined);
        }
        let (short, long) = (Duration::from_millis(60), Duration::from_secs(60));
        let caught = catch_up(&history, &readers(), now(), long).await;
        assert_eq!((caught.time.is_some(), caught.late.len()), (true, 0));

        // One of them stays behind.
        history.record("s", "r", acknowledged(7));
        history.record("b", "r", Event::Subscribed { after: 7 });
        history.record("b", "r", Event::Joined);
        let late = catch_up(&history, &readers(), now(), short).await;
        assert_eq!(late.time, None);
        assert_eq!(late.late, ["a in r is at 5 of 7"]);
        // Then it comes, while the room goes on, which is no reason to wait longer.
        let coming = async {
            sleep(LOOK).await;
            history.record("s", "r", acknowledged(90));
            history.record("a", "r", Event::Subscribed { after: 7 });
            history.record("a", "r", Event::Joined);
        };
        let readers = readers();
        let (caught, ()) = tokio::join!(catch_up(&history, &readers, now(), long), coming);
        assert!(caught.time.is_some(), "{caught:?}");

        let both = [late, caught];
        let judged = Convergence::of(short, both.iter());
        assert_eq!(
            (judged.verdict, judged.longest_millis),
            (Verdict::Broken, None)
        );
        let judged = Convergence::of(short, both[1..].iter());
        assert_eq!((judged.verdict, judged.judged), (Verdict::Kept, 1));
    }

    #[tokio::test]
    async fn a_reader_that_had_everything_and_is_away_is_late_until_it_is_back() {
        let history = History::new(100);
        history.record("s", "r", acknowledged(5));
        for (_, reader) in readers() {
            history.record(&reader, "r", Event::Subscribed { after: 5 });
            history.record(&reader, "r", Event::Joined);
        }
        history.record("a", "r", Event::Lost);
        let (short, long) = (Duration::from_millis(60), Duration::from_secs(60));
        let away = ["a in r is not connected, and the room is at 5"];
        let late = catch_up(&history, &readers(), now(), short).await;
        assert_eq!(
            (late.time, &late.late[..]),
            (None, &away.map(str::to_owned)[..])
        );
        // It asks for its room, which does not let it in yet.
        history.record("a", "r", Event::Subscribed { after: 5 });
        let late = catch_up(&history, &readers(), now(), short).await;
        assert_eq!((late.time, late.late.len()), (None, 1));
        history.record("a", "r", Event::Joined);
        let caught = catch_up(&history, &readers(), now(), long).await;
        assert!(caught.time.is_some(), "{caught:?}");
    }

    #[test]
    fn a_reader_without_a_subscription_is_behind() {
        let heads = BTreeMap::from([("r".to_owned(), 1)]);
        let late = behind(&Progress::default(), &readers(), &heads);
        assert_eq!(late.len(), 2);
        assert!(late[0].contains("not connected"), "{late:?}");
    }
}
