//! What people with inboxes do: every setting of the traffic, with defaults.

use serde::{Deserialize, Serialize};

use super::super::spec::{SpecError, count, share, time};
use super::super::visits::Visits;

/// The table `[traffic]` of inboxes. Shares are parts of 1, times are means in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboxSpec {
    /// People who listen to their inbox.
    pub users: u32,
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
    /// Visits in which the inbox is looked at over HTTP.
    pub look_share: f64,
    /// Visits in which everything is marked as read.
    pub mark_share: f64,
    /// How long after they came.
    pub look_after_s: f64,
    /// Notices on the page that is looked at.
    pub page: u32,
    /// Connections for HTTP, each with one request in flight.
    pub http_connections: u32,
    /// A request without an answer for so long is given up; until then a lost one is repeated with the same key.
    pub http_timeout_s: f64,
    /// A client tries again at a random time within so many milliseconds after a loss or a failed try.
    pub spread_ms: u32,
    /// Whether connections may be lost without the run being incorrect: when hubs are ended on purpose.
    pub losses_allowed: bool,
}

impl Default for InboxSpec {
    fn default() -> Self {
        Self {
            users: 1_000,
            visitors: 0.4,
            visit_s: 30.0,
            away_s: 15.0,
            cut_share: 0.2,
            dead_share: 0.2,
            look_share: 0.7,
            mark_share: 0.3,
            look_after_s: 1.0,
            page: 20,
            http_connections: 32,
            http_timeout_s: 20.0,
            spread_ms: 1_000,
            losses_allowed: false,
        }
    }
}

impl InboxSpec {
    /// Names the first setting that cannot be.
    pub fn check(&self) -> Result<(), SpecError> {
        share(&[
            ("visitors", self.visitors),
            ("cut_share", self.cut_share),
            ("dead_share", self.dead_share),
            (
                "cut_share and dead_share together",
                self.cut_share + self.dead_share,
            ),
            ("look_share", self.look_share),
            ("mark_share", self.mark_share),
        ])?;
        time(&[
            ("visit_s", self.visit_s),
            ("away_s", self.away_s),
            ("look_after_s", self.look_after_s),
            ("http_timeout_s", self.http_timeout_s),
        ])?;
        count(&[
            ("users", self.users, 1, 200_000, "from 1 to 200,000"),
            ("page", self.page, 1, 100, "from 1 to 100"),
            (
                "http_connections",
                self.http_connections,
                1,
                4_000,
                "from 1 to 4,000",
            ),
            ("spread_ms", self.spread_ms, 1, 600_000, "from 1 to 600,000"),
        ])
    }

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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_and_each_wrong_setting_is_named() {
        let good = InboxSpec::default();
        assert_eq!(good.check(), Ok(()));
        let wrong = [
            (
                InboxSpec {
                    users: 0,
                    ..good.clone()
                },
                "traffic.users must be from 1 to 200,000",
            ),
            (
                InboxSpec {
                    mark_share: -0.1,
                    ..good.clone()
                },
                "traffic.mark_share must be from 0 to 1",
            ),
            (
                InboxSpec {
                    http_timeout_s: 0.0,
                    ..good.clone()
                },
                "traffic.http_timeout_s must be from 0.01 to 86,400 seconds",
            ),
            (
                InboxSpec {
                    page: 101,
                    ..good.clone()
                },
                "traffic.page must be from 1 to 100",
            ),
        ];
        for (spec, because) in wrong {
            assert_eq!(spec.check().unwrap_err().to_string(), because);
        }
        let error = serde_json::from_str::<InboxSpec>(r#"{"pages": 5}"#).unwrap_err();
        assert!(
            error.to_string().contains("unknown field `pages`"),
            "{error}"
        );
    }
}
