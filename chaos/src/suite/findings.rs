//! What a run found beside the judgement on what clients saw: how soon what was separated found together, what senders were
//! told while nothing could be stored, which builds there were.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::around::Around;
use super::fault::Fault;
use super::means::By;
use super::measure::millis;
use super::versions::Versions;
use crate::attempts::Attempt;

/// What was separated must have found together again within so long.
const AIM: Duration = Duration::from_secs(5);
/// Without a quorum for so long, some sender must have been refused: hubs together wait for the store about half as long.
const REFUSED: Duration = Duration::from_secs(8);

/// What else was found. Times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Findings {
    /// By what means the network was hurt, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub means: Option<By>,
    /// The builds of an upgrade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versions: Option<Versions>,
    /// How soon all was together again after what separates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub together: Option<Together>,
    /// What senders were told while there was no quorum, for each time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_quorum: Vec<WithoutQuorum>,
    /// What faults came to, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Promises that were broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
    /// Aims that were missed: as a failure of the run, but of no promise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<String>,
}

/// From the end of a separation until every room was served and every hub knew all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Together {
    /// The longest time of all.
    pub worst_millis: u64,
    /// What is aimed at.
    pub aim_millis: u64,
    /// Whether that was met.
    pub met: bool,
}

/// One time without a quorum of the store: what became of the attempts that ended in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WithoutQuorum {
    /// All of them.
    pub attempted: usize,
    /// Those that were refused with a code.
    pub refused: usize,
    /// Messages first tried in it that were acknowledged; none may be. One tried before may have been stored in time.
    pub acknowledged: usize,
}

/// What a fault of a run is judged by.
pub(super) struct Seen {
    pub fault: Fault,
    pub in_force: Instant,
    /// From its end until every room was served again; none if that never was.
    pub served_again: Option<Duration>,
    /// From its end until all hubs knew each other again, if that was waited for.
    pub known_again: Option<Duration>,
}

impl Findings {
    /// Judges the faults of a run by its attempts.
    pub(super) fn add(&mut self, seen: &[Seen], attempts: &[Attempt]) {
        self.together = together(seen);
        if let Some(Together {
            worst_millis,
            met: false,
            ..
        }) = self.together
        {
            let aim = AIM.as_millis();
            self.missed.push(format!(
                "after a separation {worst_millis} ms passed until all was together again; the aim is {aim} ms"
            ));
        }
        for one in seen {
            let Fault::Around(Around::LoseQuorum { .. }) = one.fault else {
                continue;
            };
            let lasted = one.fault.lasting();
            let told = without_quorum(attempts, one.in_force, one.in_force + lasted);
            if told.acknowledged > 0 {
                self.broken.push(format!(
                    "{} messages were acknowledged without a quorum of the store",
                    told.acknowledged
                ));
            }
            if lasted >= REFUSED && told.refused == 0 {
                self.broken.push(format!(
                    "no sender was refused with a code in {} ms without a quorum of the store",
                    lasted.as_millis()
                ));
            }
            self.without_quorum.push(told);
        }
    }
}

/// The worst of all separations; none if nothing was separated. What never was together again counts for ever.
fn together(seen: &[Seen]) -> Option<Together> {
    let separated = seen.iter().filter(|seen| match seen.fault {
        Fault::Around(around) => around.separates(),
        _ => false,
    });
    let times = separated.map(|seen| match (seen.served_again, seen.known_again) {
        (Some(served), Some(known)) => served.max(known),
        _ => Duration::MAX,
    });
    let worst = times.max()?;
    Some(Together {
        worst_millis: millis(worst),
        aim_millis: millis(AIM),
        met: worst <= AIM,
    })
}

fn without_quorum(attempts: &[Attempt], from: Instant, to: Instant) -> WithoutQuorum {
    let within = |attempt: &&Attempt| (from..=to).contains(&attempt.ended);
    let mut told = WithoutQuorum::default();
    for attempt in attempts.iter().filter(within) {
        told.attempted += 1;
        told.refused += usize::from(attempt.refused);
        told.acknowledged += usize::from(attempt.acknowledged && attempt.wished >= from);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::super::around::Loss;
    use super::super::fault::Way;
    use super::*;
    use crate::member::now;

    fn seen(fault: Around, served: Option<u64>, known: Option<u64>) -> Seen {
        Seen {
            fault: Fault::Around(fault),
            in_force: now(),
            served_again: served.map(Duration::from_millis),
            known_again: known.map(Duration::from_millis),
        }
    }

    const PARTED: Around = Around::Partition {
        hub: 0,
        way: Way::Both,
        server: None,
        millis: 10,
    };

    fn missed(all: &[Seen]) -> usize {
        let mut findings = Findings::default();
        findings.add(all, &[]);
        findings.missed.len()
    }

    #[test]
    fn the_slowest_return_counts_and_one_that_never_was_is_a_miss() {
        let quick = || seen(PARTED, Some(40), Some(900));
        let found = together(&[quick(), seen(PARTED, Some(2000), Some(30))]);
        let found = found.unwrap();
        assert_eq!((found.worst_millis, found.met), (2000, true));
        assert_eq!(missed(&[quick()]), 0);
        assert_eq!(missed(&[quick(), seen(PARTED, Some(1), Some(5001))]), 1);
        assert_eq!(missed(&[seen(PARTED, None, None), quick()]), 1);
        let other = Around::LameDuck { server: 0 };
        assert_eq!(together(&[seen(other, None, None)]), None);
    }

    #[test]
    fn an_acknowledgement_without_a_quorum_is_a_broken_promise_and_so_is_silence() {
        let lost = |millis| {
            let kept = 0;
            let loss = Loss::Paused;
            seen(Around::LoseQuorum { kept, loss, millis }, Some(1), None)
        };
        let judge = |millis, attempts: &[(u64, u64, bool, bool)]| {
            let lost = lost(millis);
            let at = |after| lost.in_force + Duration::from_millis(after);
            let attempts: Vec<Attempt> = attempts
                .iter()
                .map(|(wished, ended, refused, acknowledged)| Attempt {
                    room: "r".into(),
                    wished: at(*wished),
                    begun: at(*wished),
                    ended: at(*ended),
                    acknowledged: *acknowledged,
                    refused: *refused,
                })
                .collect();
            let mut findings = Findings::default();
            findings.add(&[lost], &attempts);
            (findings.broken.len(), findings.without_quorum[0].clone())
        };
        let told = |attempted, refused, acknowledged| WithoutQuorum {
            attempted,
            refused,
            acknowledged,
        };
        let refused = (10, 1500, true, false);
        assert_eq!(judge(9000, &[refused]), (0, told(1, 1, 0)));
        // Answered when the store was back.
        let later = (10, 9010, false, true);
        assert_eq!(judge(9000, &[refused, later]), (0, told(1, 1, 0)));
        let early = (10, 4000, false, true);
        assert_eq!(judge(9000, &[refused, early]), (1, told(2, 1, 1)));
        assert_eq!(judge(9000, &[]), (1, told(0, 0, 0)));
        // Too short a time for a refusal.
        assert_eq!(judge(500, &[]), (0, told(0, 0, 0)));
    }
}
