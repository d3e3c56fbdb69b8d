//! The shape of a load over time: what a scenario file asks for, as named phases with rates that go in straight lines.

use serde::{Deserialize, Serialize};

use super::record::Phase;
use super::recorder::MOST_SECONDS;
use super::wrong::Wrong;
use crate::timetable::Stretch;

/// Most steps of a profile.
const MOST_STEPS: usize = 100;
/// Highest rate that can be asked for.
const HIGHEST_RATE: f64 = 2e6;

/// The `[profile]` table. Rates are operations per second; what an operation is, the kind of traffic says. Times are seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Profile {
    /// One rate.
    Steady {
        /// The rate.
        rate: f64,
        /// How long it is measured.
        seconds: f64,
        /// How long before that it is only checked.
        #[serde(default)]
        warmup: f64,
    },
    /// From one rate to another in a straight line.
    Ramp {
        /// The first rate, of the warm-up too.
        from: f64,
        /// The last.
        to: f64,
        /// How long it takes to get there.
        seconds: f64,
        /// How long it then stays.
        #[serde(default)]
        hold: f64,
        /// How long the first rate is only checked.
        #[serde(default)]
        warmup: f64,
    },
    /// One rate after the other.
    Steps {
        /// The rates.
        rates: Vec<f64>,
        /// How long each of them is measured.
        seconds: f64,
        /// How long the first one is only checked before.
        #[serde(default)]
        warmup: f64,
    },
    /// A rate that rises, stays, falls back, and is watched until all is as before.
    Spike {
        /// The rate before and after.
        base: f64,
        /// The rate of the spike.
        peak: f64,
        /// How long the base is measured before.
        before: f64,
        /// How long the rate takes to rise, and to fall.
        #[serde(default = "one")]
        rise: f64,
        /// How long the peak lasts.
        seconds: f64,
        /// How long the base is measured afterwards.
        after: f64,
        /// How long it is only checked at first.
        #[serde(default)]
        warmup: f64,
    },
    /// One rate for long, while clients come and go, and a look at what stays when they are gone.
    Soak {
        /// The rate.
        rate: f64,
        /// How long it is measured.
        seconds: f64,
        /// How long before that it is only checked.
        #[serde(default)]
        warmup: f64,
        /// Percent of the connections that leave and come back in each minute.
        #[serde(default)]
        churn_percent_per_minute: f64,
        /// How long a client that left is away.
        #[serde(default = "one")]
        away: f64,
        /// How long is waited, after the clients are gone, for what they needed to be given back.
        #[serde(default)]
        after: f64,
    },
}

/// Clients that leave and come back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Churn {
    /// Share of the connections that leave in each second.
    pub share_per_second: f64,
    /// Nanoseconds that each is away.
    pub away_ns: u64,
}

fn one() -> f64 {
    1.0
}

fn phase(name: &str, seconds: f64, from: f64, until: f64) -> (String, Stretch) {
    let stretch = Stretch {
        seconds,
        from,
        until,
    };
    (name.to_owned(), stretch)
}

impl Profile {
    /// Names and stretches, the warm-up first when there is one.
    fn parts(&self) -> Vec<(String, Stretch)> {
        let first = |rate: f64| phase("warm-up", self.warmup_s(), rate, rate);
        let parts = match self {
            Self::Steady { rate, seconds, .. } => {
                vec![first(*rate), phase("steady", *seconds, *rate, *rate)]
            }
            Self::Ramp {
                from,
                to,
                seconds,
                hold,
                ..
            } => vec![
                first(*from),
                phase("ramp", *seconds, *from, *to),
                phase("hold", *hold, *to, *to),
            ],
            Self::Steps { rates, seconds, .. } => {
                let steps = rates.iter().enumerate();
                let steps = steps
                    .map(|(at, rate)| phase(&format!("step {}", at + 1), *seconds, *rate, *rate));
                let warmup = first(rates.first().copied().unwrap_or_default());
                std::iter::once(warmup).chain(steps).collect()
            }
            Self::Spike {
                base,
                peak,
                before,
                rise,
                seconds,
                after,
                ..
            } => vec![
                first(*base),
                phase("before", *before, *base, *base),
                phase("rise", *rise, *base, *peak),
                phase("spike", *seconds, *peak, *peak),
                phase("fall", *rise, *peak, *base),
                phase("after", *after, *base, *base),
            ],
            Self::Soak { rate, seconds, .. } => {
                vec![first(*rate), phase("soak", *seconds, *rate, *rate)]
            }
        };
        let longer = |part: &(String, Stretch)| part.1.seconds > 0.0;
        parts.into_iter().filter(longer).collect()
    }

    /// Seconds that are checked and not measured.
    pub fn warmup_s(&self) -> f64 {
        match self {
            Self::Steady { warmup, .. }
            | Self::Ramp { warmup, .. }
            | Self::Steps { warmup, .. }
            | Self::Spike { warmup, .. }
            | Self::Soak { warmup, .. } => *warmup,
        }
    }

    /// Seconds after the clients are gone.
    pub fn after_s(&self) -> f64 {
        match self {
            Self::Soak { after, .. } => *after,
            _ => 0.0,
        }
    }

    /// Clients that leave and come back, when some do.
    pub fn churn(&self) -> Option<Churn> {
        match self {
            Self::Soak {
                churn_percent_per_minute: percent,
                away,
                ..
            } if *percent > 0.0 => Some(Churn {
                share_per_second: percent / 100.0 / 60.0,
                away_ns: (away * 1e9) as u64,
            }),
            _ => None,
        }
    }

    /// Rates and times, one after the other.
    pub fn stretches(&self) -> Vec<Stretch> {
        self.parts().into_iter().map(|(_, part)| part).collect()
    }

    /// Seconds from the first operation to the end of the last phase, warm-up included.
    pub fn seconds(&self) -> f64 {
        self.stretches().iter().map(|part| part.seconds).sum()
    }

    /// The phases as the record tells them.
    pub fn phases(&self) -> Vec<Phase> {
        let mut from_s = 0.0;
        let one = |(name, part): (String, Stretch)| {
            let phase = Phase {
                name,
                from_s,
                until_s: from_s + part.seconds,
                from_rate: part.from,
                until_rate: part.until,
            };
            from_s = phase.until_s;
            phase
        };
        self.parts().into_iter().map(one).collect()
    }

    /// Finds values that no profile can have.
    pub fn check(&self) -> Result<(), Wrong> {
        let (mut times, mut rates) = (vec![("warmup", self.warmup_s())], Vec::new());
        match self {
            Self::Steady { rate, .. } => rates.push(("rate", *rate)),
            Self::Ramp { from, to, hold, .. } => {
                rates.extend([("from", *from), ("to", *to)]);
                times.push(("hold", *hold));
            }
            Self::Steps { rates: steps, .. } => {
                if steps.is_empty() || steps.len() > MOST_STEPS {
                    let value = format!("{} steps", steps.len());
                    return Err(wrong("rates", value, "1 to 100 rates are allowed"));
                }
                rates.extend(steps.iter().map(|rate| ("rates", *rate)));
            }
            Self::Spike {
                base,
                peak,
                before,
                rise,
                after,
                ..
            } => {
                rates.extend([("base", *base), ("peak", *peak)]);
                times.extend([("before", *before), ("rise", *rise), ("after", *after)]);
            }
            Self::Soak {
                rate,
                churn_percent_per_minute: churn,
                away,
                after,
                ..
            } => {
                rates.push(("rate", *rate));
                times.extend([("away", *away), ("after", *after)]);
                if !(0.0..=1_000.0).contains(churn) {
                    let key = "churn_percent_per_minute";
                    return Err(wrong(key, churn.to_string(), "0 to 1000 is allowed"));
                }
            }
        }
        let rate = |rate: &&(_, f64)| !(0.0..=HIGHEST_RATE).contains(&rate.1);
        if let Some((key, value)) = rates.iter().find(rate) {
            return Err(wrong(
                key,
                value.to_string(),
                "0 to 2000000 per second is allowed",
            ));
        }
        let time = |time: &&(_, f64)| !(0.0..=MOST_SECONDS as f64).contains(&time.1);
        if let Some((key, value)) = times.iter().find(time) {
            return Err(wrong(
                key,
                value.to_string(),
                "0 to 86400 seconds are allowed",
            ));
        }
        let seconds = self.main_s();
        if !(seconds > 0.0 && self.seconds() + self.after_s() <= MOST_SECONDS as f64) {
            let allowed = "more than 0 is needed, and a day at most with everything else";
            return Err(wrong("seconds", seconds.to_string(), allowed));
        }
        Ok(())
    }

    fn main_s(&self) -> f64 {
        match self {
            Self::Steady { seconds, .. }
            | Self::Ramp { seconds, .. }
            | Self::Steps { seconds, .. }
            | Self::Spike { seconds, .. }
            | Self::Soak { seconds, .. } => *seconds,
        }
    }
}

/// Operations that phases plan for one second: the area below their lines.
pub fn planned(phases: &[Phase], second: u32) -> f64 {
    let (from, until) = (f64::from(second), f64::from(second) + 1.0);
    let area = |phase: &Phase| {
        let (start, end) = (from.max(phase.from_s), until.min(phase.until_s));
        let length = phase.until_s - phase.from_s;
        if end <= start || length <= 0.0 {
            return 0.0;
        }
        let middle = ((start + end) / 2.0 - phase.from_s) / length;
        let rate = phase.from_rate + (phase.until_rate - phase.from_rate) * middle;
        rate * (end - start)
    };
    phases.iter().map(area).sum()
}

fn wrong(key: &str, value: String, allowed: &str) -> Wrong {
    Wrong::new(format!("profile.{key}"), value, allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timetable::Timetable;

    fn spike() -> Profile {
        Profile::Spike {
            base: 10.0,
            peak: 110.0,
            before: 5.0,
            rise: 2.0,
            seconds: 3.0,
            after: 4.0,
            warmup: 1.5,
        }
    }

    #[test]
    fn phases_follow_each_other_and_plan_what_the_timetable_does() {
        let profile = spike();
        let phases = profile.phases();
        let names: Vec<_> = phases.iter().map(|phase| &*phase.name).collect();
        assert_eq!(
            names,
            ["warm-up", "before", "rise", "spike", "fall", "after"]
        );
        assert!(phases.windows(2).all(|two| two[0].until_s == two[1].from_s));
        assert_eq!(phases.last().unwrap().until_s, profile.seconds());
        let table = Timetable::new(&profile.stretches());
        let mut sum = 0.0;
        for second in 0..profile.seconds().ceil() as u32 {
            sum += planned(&phases, second);
            let counted = table.count_before(u64::from(second + 1) * 1_000_000_000);
            // After its end the timetable goes on at its last rate.
            if f64::from(second + 1) <= profile.seconds() {
                assert!(
                    (f64::from(counted) - sum).abs() <= 1.0,
                    "{second}: {sum} {counted}"
                );
            }
        }
        assert_eq!(sum.round(), 65.0 + 120.0 + 330.0 + 120.0 + 40.0);
    }

    #[test]
    fn every_kind_begins_with_its_warm_up_and_has_no_empty_phases() {
        let steps = Profile::Steps {
            rates: vec![5.0, 9.0],
            seconds: 2.0,
            warmup: 1.0,
        };
        let ramp = Profile::Ramp {
            from: 1.0,
            to: 9.0,
            seconds: 2.0,
            hold: 0.0,
            warmup: 0.0,
        };
        let of = |profile: &Profile| {
            let phases = profile.phases();
            let told = phases.iter().map(|one| (one.name.clone(), one.until_rate));
            told.collect::<Vec<_>>()
        };
        let named = |name: &str, rate| (name.to_owned(), rate);
        let expected = [
            named("warm-up", 5.0),
            named("step 1", 5.0),
            named("step 2", 9.0),
        ];
        assert_eq!(of(&steps), expected);
        assert_eq!(of(&ramp), [named("ramp", 9.0)]);
        assert_eq!(steps.churn(), None);
    }

    #[test]
    fn a_value_that_cannot_be_is_named_with_what_is_allowed() {
        let mut profile = spike();
        assert_eq!(profile.check(), Ok(()));
        if let Profile::Spike { peak, .. } = &mut profile {
            *peak = f64::NAN;
        }
        let error = profile.check().unwrap_err().to_string();
        assert_eq!(
            error,
            "profile.peak is NaN: 0 to 2000000 per second is allowed"
        );
        let steps = Profile::Steps {
            rates: Vec::new(),
            seconds: 1.0,
            warmup: 0.0,
        };
        let error = steps.check().unwrap_err().to_string();
        assert_eq!(
            error,
            "profile.rates is 0 steps: 1 to 100 rates are allowed"
        );
        let never = Profile::Steady {
            rate: 1.0,
            seconds: 0.0,
            warmup: 0.0,
        };
        assert_eq!(never.check().unwrap_err().key, "profile.seconds");
        let soak = Profile::Soak {
            rate: 1.0,
            seconds: 1.0,
            warmup: 0.0,
            churn_percent_per_minute: -1.0,
            away: 1.0,
            after: 0.0,
        };
        assert_eq!(
            soak.check().unwrap_err().key,
            "profile.churn_percent_per_minute"
        );
    }
}
