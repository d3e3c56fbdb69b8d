//! What users of an evening do: every setting of the traffic, with defaults, and which values make no sense.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::visits::Visits;

/// A setting that cannot be.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("traffic.{name} must be {must}")]
pub struct SpecError {
    /// Which.
    pub name: &'static str,
    /// What it must be.
    pub must: &'static str,
}

/// The table `[traffic]` of an evening. Shares are parts of 1, times are in seconds; times that vary are means, if nothing else is
/// said, of a distribution that does not remember (exponential).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EveningSpec {
    /// People with a connection to the hub for chat.
    pub users: u32,
    /// Big public rooms; everybody listens in one of them.
    pub public_rooms: u32,
    /// Messages that are for a public room.
    pub public_share: f64,
    /// Groups that everybody is in.
    pub groups_per_user: u32,
    /// Members of a group: from half of this to half more.
    pub group_size: u32,
    /// Others with whom everybody has a room for two.
    pub directs_per_user: u32,
    /// Messages that are for a room of two.
    pub direct_share: f64,
    /// Users who talk; the others listen, and speak where nobody else could.
    pub talkers: f64,
    /// Messages of a burst.
    pub burst_messages: f64,
    /// Time between two messages of a burst.
    pub gap_s: f64,
    /// Most people who talk in one burst.
    pub speakers: u32,
    /// Messages before which the others are told that somebody types.
    pub typing_share: f64,
    /// How long somebody types: the median of a log-normal distribution.
    pub typing_s: f64,
    /// Users who come and go; the others stay.
    pub visitors: f64,
    /// How long a visit lasts.
    pub visit_s: f64,
    /// How long it is until the next one.
    pub away_s: f64,
    /// Visits that end without a goodbye: the connection is reset.
    pub cut_share: f64,
    /// Visits that end without a word: the connection stays open, but nobody is there any more.
    pub dead_share: f64,
    /// Users who stop reading from time to time.
    pub slow_share: f64,
    /// How long they read between two pauses.
    pub slow_every_s: f64,
    /// How long they do not read; beyond the hub's limit for slow readers they are disconnected, and come back.
    pub slow_s: f64,
    /// Receive buffer of their sockets.
    pub slow_buffer_bytes: u32,
    /// Users, and later visits, that read a page of history.
    pub history_share: f64,
    /// How long after they came.
    pub history_after_s: f64,
    /// Messages on that page.
    pub history_limit: u32,
    /// Users with a second connection, to the hub for notifications.
    pub notifications_share: f64,
    /// A client tries again at a random time within so many milliseconds after a loss or a failed try.
    pub spread_ms: u32,
    /// Whether connections may be lost without the run being incorrect: when hubs are ended on purpose.
    pub losses_allowed: bool,
    /// Whether a reader may be told of a reset: when the hub keeps events for a limited time only.
    pub resets_allowed: bool,
}

impl Default for EveningSpec {
    fn default() -> Self {
        Self {
            users: 2_000,
            public_rooms: 4,
            public_share: 0.02,
            groups_per_user: 2,
            group_size: 8,
            directs_per_user: 1,
            direct_share: 0.3,
            talkers: 0.2,
            burst_messages: 6.0,
            gap_s: 4.0,
            speakers: 3,
            typing_share: 0.7,
            typing_s: 2.5,
            visitors: 0.3,
            visit_s: 60.0,
            away_s: 15.0,
            cut_share: 0.2,
            dead_share: 0.2,
            slow_share: 0.01,
            slow_every_s: 20.0,
            slow_s: 5.0,
            slow_buffer_bytes: 4_096,
            history_share: 0.2,
            history_after_s: 2.0,
            history_limit: 50,
            notifications_share: 0.3,
            spread_ms: 1_000,
            losses_allowed: false,
            resets_allowed: false,
        }
    }
}

/// Users of one run: their books are kept in memory.
const MOST_USERS: u32 = 200_000;

impl EveningSpec {
    /// When people come and go.
    pub fn visits(&self, seed: u64) -> Visits {
        Visits {
            seed,
            visitors: self.visitors,
            visit_s: self.visit_s,
            away_s: self.away_s,
            cut_share: self.cut_share,
            dead_share: self.dead_share,
        }
    }

    /// Names the first setting that cannot be.
    pub fn check(&self) -> Result<(), SpecError> {
        let shares = [
            ("public_share", self.public_share),
            ("direct_share", self.direct_share),
            (
                "public_share and direct_share together",
                self.public_share + self.direct_share,
            ),
            ("talkers", self.talkers),
            ("typing_share", self.typing_share),
            ("visitors", self.visitors),
            ("cut_share", self.cut_share),
            ("dead_share", self.dead_share),
            (
                "cut_share and dead_share together",
                self.cut_share + self.dead_share,
            ),
            ("slow_share", self.slow_share),
            ("history_share", self.history_share),
            ("notifications_share", self.notifications_share),
        ];
        let times = [
            ("gap_s", self.gap_s),
            ("typing_s", self.typing_s),
            ("visit_s", self.visit_s),
            ("away_s", self.away_s),
            ("slow_every_s", self.slow_every_s),
            ("slow_s", self.slow_s),
            ("history_after_s", self.history_after_s),
        ];
        let counts = [
            ("users", self.users, 2, MOST_USERS, "from 2 to 200,000"),
            (
                "public_rooms",
                self.public_rooms,
                0,
                self.users,
                "no more than users",
            ),
            ("groups_per_user", self.groups_per_user, 0, 20, "at most 20"),
            ("group_size", self.group_size, 2, 600, "from 2 to 600"),
            (
                "directs_per_user",
                self.directs_per_user,
                0,
                20,
                "at most 20",
            ),
            ("speakers", self.speakers, 1, 16, "from 1 to 16"),
            (
                "slow_buffer_bytes",
                self.slow_buffer_bytes,
                2_048,
                1 << 20,
                "from 2,048 to 1,048,576",
            ),
            ("history_limit", self.history_limit, 1, 100, "from 1 to 100"),
            ("spread_ms", self.spread_ms, 1, 600_000, "from 1 to 600,000"),
        ];
        share(&shares)?;
        time(&times)?;
        count(&counts)?;
        if !(1.0..=1_000.0).contains(&self.burst_messages) {
            return Err(SpecError {
                name: "burst_messages",
                must: "from 1 to 1,000",
            });
        }
        if self.public_rooms + self.groups_per_user + self.directs_per_user == 0 {
            let must = "above 0 where there are neither groups nor rooms of two";
            return Err(SpecError {
                name: "public_rooms",
                must,
            });
        }
        Ok(())
    }
}

/// Shares are parts of 1.
pub fn share(all: &[(&'static str, f64)]) -> Result<(), SpecError> {
    match all.iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
        Some((name, _)) => Err(SpecError {
            name,
            must: "from 0 to 1",
        }),
        None => Ok(()),
    }
}

/// Times are long enough to pass and short enough to come to an end.
pub fn time(all: &[(&'static str, f64)]) -> Result<(), SpecError> {
    match all
        .iter()
        .find(|(_, value)| !(0.01..=86_400.0).contains(value))
    {
        Some((name, _)) => Err(SpecError {
            name,
            must: "from 0.01 to 86,400 seconds",
        }),
        None => Ok(()),
    }
}

/// Numbers within their bounds.
pub fn count(all: &[(&'static str, u32, u32, u32, &'static str)]) -> Result<(), SpecError> {
    match all
        .iter()
        .find(|(_, value, least, most, _)| value < least || value > most)
    {
        Some((name, .., must)) => Err(SpecError { name, must }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_and_each_wrong_setting_is_named() {
        let good = EveningSpec::default();
        assert_eq!(good.check(), Ok(()));
        let wrong: [(EveningSpec, &str); 8] = [
            (
                EveningSpec {
                    talkers: 1.5,
                    ..good.clone()
                },
                "traffic.talkers must be from 0 to 1",
            ),
            (
                EveningSpec {
                    visitors: f64::NAN,
                    ..good.clone()
                },
                "traffic.visitors must be from 0 to 1",
            ),
            (
                EveningSpec {
                    cut_share: 0.6,
                    dead_share: 0.6,
                    ..good.clone()
                },
                "traffic.cut_share and dead_share together must be from 0 to 1",
            ),
            (
                EveningSpec {
                    away_s: 0.0,
                    ..good.clone()
                },
                "traffic.away_s must be from 0.01 to 86,400 seconds",
            ),
            (
                EveningSpec {
                    users: 1,
                    ..good.clone()
                },
                "traffic.users must be from 2 to 200,000",
            ),
            (
                EveningSpec {
                    group_size: 1,
                    ..good.clone()
                },
                "traffic.group_size must be from 2 to 600",
            ),
            (
                EveningSpec {
                    burst_messages: 0.0,
                    ..good.clone()
                },
                "traffic.burst_messages must be from 1 to 1,000",
            ),
            (
                EveningSpec {
                    public_rooms: 0,
                    groups_per_user: 0,
                    directs_per_user: 0,
                    ..good.clone()
                },
                "traffic.public_rooms must be above 0 where there are neither groups nor rooms of two",
            ),
        ];
        for (spec, because) in wrong {
            assert_eq!(spec.check().unwrap_err().to_string(), because);
        }
    }

    #[test]
    fn what_is_left_out_is_as_by_default_and_what_there_is_not_is_refused() {
        let some: EveningSpec =
            serde_json::from_str(r#"{"users": 50, "slow_share": 0.5}"#).unwrap();
        let expected = EveningSpec {
            users: 50,
            slow_share: 0.5,
            ..EveningSpec::default()
        };
        assert_eq!(some, expected);
        let error = serde_json::from_str::<EveningSpec>(r#"{"user": 50}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `user`"),
            "{error}"
        );
    }
}
