//! How people are shared out among processes: each has a district of the town, and nobody there meets anybody of another one.

use super::Share;
use crate::evening::inbox::{InboxSpec, run as run_inbox};
use crate::evening::{EveningError, EveningSpec, Ran, SpecError, Traffic, run as run_evening};
use crate::run::wrong::Wrong;
use crate::target::Target;

/// People with their settings.
pub trait Town: Sized {
    /// Finds a setting that cannot be.
    fn check(&self) -> Result<(), SpecError>;
    /// Finds one that cannot be shared out.
    fn check_shares(&self, processes: u32) -> Result<(), Wrong>;
    /// How many people there are.
    fn users(&self) -> u32;
    /// The settings of one district.
    fn district(&self, share: Share) -> Self;
    /// Sockets that are open at most.
    fn sockets(&self) -> u32;
    /// Makes the traffic.
    fn run(&self, traffic: Traffic<'_>) -> Result<Ran, EveningError>;
}

impl Town for EveningSpec {
    fn check(&self) -> Result<(), SpecError> {
        self.check()
    }

    fn check_shares(&self, processes: u32) -> Result<(), Wrong> {
        if processes == 1 {
            return Ok(());
        }
        if self.public_rooms > 0 {
            enough("traffic.public_rooms", self.public_rooms, processes)?;
        }
        let least = match self.groups_per_user {
            0 => 2,
            _ => self.group_size,
        };
        let last = Share {
            process: processes - 1,
            processes,
        };
        match self.district(last).users {
            fewest if fewest < least => {
                let allowed = format!(
                    "each of {processes} processes needs {least} people at least for groups and rooms of two, \
                     and the last has {fewest}"
                );
                Err(Wrong::new("traffic.users", self.users, allowed))
            }
            _ => Ok(()),
        }
    }

    fn users(&self) -> u32 {
        self.users
    }

    /// Public rooms are as big as in the whole town: whoever listens in one lives where the room is.
    fn district(&self, share: Share) -> Self {
        let parts = match self.public_rooms {
            0 => share.processes,
            rooms => rooms,
        };
        let before = |part| {
            let part = Share {
                process: part,
                processes: parts,
            };
            part.before(self.users)
        };
        let first = share.before(parts);
        Self {
            users: before(first + share.of(parts)) - before(first),
            public_rooms: share.of(self.public_rooms),
            ..self.clone()
        }
    }

    fn sockets(&self) -> u32 {
        // Some have a second connection, or are about to.
        self.users.saturating_mul(2)
    }

    fn run(&self, traffic: Traffic<'_>) -> Result<Ran, EveningError> {
        run_evening(self, traffic)
    }
}

impl Town for InboxSpec {
    fn check(&self) -> Result<(), SpecError> {
        self.check()
    }

    fn check_shares(&self, processes: u32) -> Result<(), Wrong> {
        enough("traffic.users", self.users, processes)?;
        enough("traffic.http_connections", self.http_connections, processes)
    }

    fn users(&self) -> u32 {
        self.users
    }

    fn district(&self, share: Share) -> Self {
        Self {
            users: share.of(self.users),
            http_connections: share.of(self.http_connections),
            ..self.clone()
        }
    }

    fn sockets(&self) -> u32 {
        self.users.saturating_add(self.http_connections)
    }

    fn run(&self, traffic: Traffic<'_>) -> Result<Ran, EveningError> {
        run_inbox(self, traffic)
    }
}

fn enough(key: &str, value: u32, processes: u32) -> Result<(), Wrong> {
    match value >= processes {
        true => Ok(()),
        false => {
            let allowed = format!("each of {processes} processes needs one at least");
            Err(Wrong::new(key, value, allowed))
        }
    }
}

/// The server as the people of a district see it: their names, rooms and ids are of no other one.
pub fn target(whole: &Target, share: Share) -> Target {
    Target {
        // No run's digits have this letter.
        nonce: format!("{}p{}", whole.nonce, share.process),
        ..whole.clone()
    }
}

/// What everything random in a district follows from; small seeds of other runs are of no district of this one.
pub fn seed(whole: u64, share: Share) -> u64 {
    whole ^ u64::from(share.process) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn shares(processes: u32) -> impl Iterator<Item = Share> {
        (0..processes).map(move |process| Share { process, processes })
    }

    #[test]
    fn districts_together_are_the_town_and_public_rooms_keep_their_size() {
        for (users, public_rooms, processes) in [
            (2_000, 4, 1),
            (2_000, 4, 2),
            (2_003, 4, 3),
            (101, 7, 4),
            (50, 0, 3),
            (64, 5, 5),
        ] {
            let town = EveningSpec {
                users,
                public_rooms,
                ..EveningSpec::default()
            };
            let districts: Vec<_> = shares(processes)
                .map(|share| town.district(share))
                .collect();
            let sum = |of: fn(&EveningSpec) -> u32| districts.iter().map(of).sum::<u32>();
            assert_eq!(sum(|one| one.users), users, "{town:?}");
            assert_eq!(sum(|one| one.public_rooms), public_rooms, "{town:?}");
            for one in &districts {
                if let Some(size) = one.users.checked_div(one.public_rooms) {
                    let least = users / public_rooms;
                    assert!((least..=least + 1).contains(&size), "{one:?}");
                }
                let rest = EveningSpec {
                    users,
                    public_rooms,
                    ..one.clone()
                };
                assert_eq!(rest, town, "everything else is as in the town");
            }
        }
    }

    #[test]
    fn inboxes_and_their_connections_are_shared_out_whole() {
        let town = InboxSpec {
            users: 101,
            http_connections: 7,
            ..InboxSpec::default()
        };
        let districts = shares(3).map(|share| town.district(share));
        let counts: Vec<_> = districts
            .map(|one| (one.users, one.http_connections))
            .collect();
        assert_eq!(counts, [(34, 3), (34, 2), (33, 2)]);
    }

    #[test]
    fn no_two_districts_have_a_name_or_a_seed_in_common_and_each_has_always_the_same() {
        let target_of = |share| target(&Target::nowhere(), share);
        let names = |share: Share| {
            let target = target_of(share);
            [target.nonce.clone(), target.room_name(0, 3)]
        };
        let all: BTreeSet<_> = shares(256).flat_map(names).collect();
        assert_eq!(all.len(), 512);
        let seeds = |whole| shares(256).map(move |share| seed(whole, share));
        let all: BTreeSet<_> = (1..=4).flat_map(seeds).collect();
        assert_eq!(all.len(), 4 * 256);
        assert!(seeds(7).eq(seeds(7)) && seed(7, Share::WHOLE) == 7);
    }

    #[test]
    fn a_setting_that_cannot_be_shared_out_is_named_with_what_is_needed() {
        let town = EveningSpec {
            users: 40,
            ..EveningSpec::default()
        };
        let refused = |town: EveningSpec, processes| match town.check_shares(processes) {
            Ok(()) => String::new(),
            Err(wrong) => wrong.to_string(),
        };
        assert_eq!(refused(town.clone(), 1), "");
        assert_eq!(refused(town.clone(), 4), "");
        assert_eq!(
            refused(town.clone(), 5),
            "traffic.public_rooms is 4: each of 5 processes needs one at least"
        );
        let small = EveningSpec {
            users: 13,
            public_rooms: 0,
            ..town
        };
        assert_eq!(refused(small.clone(), 1), "");
        assert_eq!(
            refused(small.clone(), 2),
            "traffic.users is 13: each of 2 processes needs 8 people at least for groups and rooms of two, and the last has 6"
        );
        let without_groups = EveningSpec {
            groups_per_user: 0,
            ..small
        };
        assert_eq!(refused(without_groups.clone(), 6), "");
        assert!(
            refused(without_groups, 7)
                .starts_with("traffic.users is 13: each of 7 processes needs 2 people")
        );
        let inboxes = InboxSpec {
            http_connections: 2,
            ..InboxSpec::default()
        };
        assert!(inboxes.check_shares(2).is_ok());
        let wrong = inboxes.check_shares(3).unwrap_err();
        assert_eq!(wrong.key, "traffic.http_connections");
    }
}
