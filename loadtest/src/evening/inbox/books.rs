//! What was accepted for whom, what was shown, and what an inbox says of it.

use std::collections::BTreeMap;

use super::super::wrong::Wrong;
use crate::faults::Faults;

/// One notice.
#[derive(Clone, Copy, Debug, Default)]
struct Notice {
    user: u32,
    /// Its sequence by the answer to whoever posted it; 0 is none yet.
    accepted: u64,
    /// How many were accepted before it.
    order: u32,
    /// Its sequence as it was shown live; 0 is not yet.
    shown: u64,
    /// Nobody knows whether it was accepted.
    unsure: bool,
}

/// One inbox.
#[derive(Clone, Debug, Default)]
struct Inbox {
    /// The sequence that must come next on the line; 0 before the first time.
    next: u64,
    /// Everything up to here is read.
    marked: u64,
    notices: Vec<u32>,
}

/// The books of all inboxes.
#[derive(Default)]
pub struct Books {
    notices: Vec<Notice>,
    inboxes: Vec<Inbox>,
    accepted: u32,
    settled: u32,
    /// What was wrong on the lines.
    pub faults: Faults,
    /// What contradicted a promise, by name.
    pub wrong: Wrong,
}

impl Books {
    /// Nothing has come up for so many users.
    pub fn new(users: u32) -> Self {
        Self {
            inboxes: vec![Inbox::default(); users as usize],
            ..Self::default()
        }
    }

    /// The next operation: a notice for somebody.
    pub fn intended(&mut self, user: u32) {
        self.inboxes[user as usize]
            .notices
            .push(self.notices.len() as u32);
        self.notices.push(Notice {
            user,
            ..Notice::default()
        });
    }

    /// For whom a notice is.
    pub fn user(&self, n: u32) -> Option<u32> {
        self.notices.get(n as usize).map(|notice| notice.user)
    }

    /// Notices without an answer.
    pub fn open(&self) -> usize {
        self.notices.len() - self.settled as usize
    }

    /// Notices in all.
    pub fn len(&self) -> usize {
        self.notices.len()
    }

    /// How many were accepted so far.
    pub fn accepted(&self) -> u32 {
        self.accepted
    }

    /// A notice was accepted at this sequence of its user's inbox.
    pub fn accept(&mut self, n: u32, sequence: u64) {
        let Some(notice) = self.notices.get_mut(n as usize) else {
            return;
        };
        let (accepted, shown) = (notice.accepted, notice.shown);
        if accepted == 0 {
            (notice.accepted, notice.order) = (sequence, self.accepted);
            self.accepted += 1;
            self.settled += 1;
        } else if accepted != sequence {
            self.wrong.count("other answer to a repeat", || {
                format!("notice {n} is at {accepted}, then at {sequence}")
            });
        }
        if shown != 0 && shown != sequence {
            self.wrong.count("other sequence", || {
                format!("notice {n} was accepted at {sequence} and shown at {shown}")
            });
        }
    }

    /// Nobody will ever know whether a notice was accepted.
    pub fn give_up(&mut self, n: u32) {
        if let Some(notice) = self
            .notices
            .get_mut(n as usize)
            .filter(|notice| !notice.unsure && notice.accepted == 0)
        {
            notice.unsure = true;
            self.settled += 1;
        }
    }

    /// The sequence after which somebody's line goes on; `None` before the first time.
    pub fn position(&self, user: u32) -> Option<u64> {
        self.inboxes[user as usize].next.checked_sub(1)
    }

    /// Somebody listens to an inbox whose newest event has this sequence.
    pub fn listens(&mut self, user: u32, head: u64) {
        let next = &mut self.inboxes[user as usize].next;
        if *next == 0 {
            *next = head + 1;
        }
    }

    /// An event of somebody's inbox came on the line: sequences count up by one. True if it was the next one.
    pub fn came(&mut self, user: u32, sequence: u64) -> bool {
        let next = &mut self.inboxes[user as usize].next;
        let expected = *next;
        if sequence < expected {
            self.faults.repeated += 1;
        } else {
            self.faults.skipped = self.faults.skipped.saturating_add(sequence - expected);
            *next = sequence.saturating_add(1);
        }
        if sequence != expected {
            self.wrong.example("out of order", || {
                format!("user {user} got {sequence}, not {expected}")
            });
        }
        sequence == expected
    }

    /// A notice was shown to somebody; true if it is one of that user's and was not shown before.
    pub fn show(&mut self, user: u32, sequence: u64, n: Option<u32>) -> bool {
        let Some((n, notice)) = n.and_then(|n| Some((n, self.notices.get_mut(n as usize)?))) else {
            self.faults.foreign += 1;
            self.wrong.example("foreign notice", || {
                format!("user {user} was shown one that nobody posted, at {sequence}")
            });
            return false;
        };
        let (shown, accepted, whose) = (notice.shown, notice.accepted, notice.user);
        if whose != user {
            self.faults.foreign += 1;
            self.wrong.example("foreign notice", || {
                format!("user {user} was shown notice {n} for user {whose}")
            });
            return false;
        }
        if shown != 0 {
            self.wrong.count("shown twice", || {
                format!("notice {n} at {shown} and at {sequence}")
            });
            return false;
        }
        notice.shown = sequence;
        if accepted != 0 && accepted != sequence {
            self.wrong.count("other sequence", || {
                format!("notice {n} was accepted at {accepted} and shown at {sequence}")
            });
        }
        true
    }

    /// A notice that should have been shown was only counted.
    pub fn kept_back(&mut self, user: u32, sequence: u64) {
        self.wrong.count("not shown", || {
            format!("the notice of user {user} at {sequence} was only counted")
        });
    }

    /// Somebody has read everything up to here.
    pub fn marked(&mut self, user: u32, up_to: u64) {
        let marked = &mut self.inboxes[user as usize].marked;
        *marked = (*marked).max(up_to);
    }

    /// Whether everything that was accepted for somebody has come on the line.
    pub fn is_shown(&self, user: u32) -> bool {
        let inbox = &self.inboxes[user as usize];
        let accepted = inbox
            .notices
            .iter()
            .map(|&n| self.notices[n as usize].accepted);
        accepted.max().unwrap_or_default() < inbox.next
    }

    /// Compares a page of somebody's inbox, newest first, with what had been accepted when it was asked for: `before` notices of
    /// all. Without a next page, `is_last`, it must hold all older ones too.
    pub fn compare(&mut self, user: u32, page: &[(u64, Option<u32>)], before: u32, is_last: bool) {
        let mut places: BTreeMap<u32, u64> = BTreeMap::new();
        for &(sequence, n) in page {
            let notice = n.and_then(|n| Some((n, *self.notices.get(n as usize)?)));
            let Some((n, notice)) = notice.filter(|(_, notice)| notice.user == user) else {
                self.faults.foreign += 1;
                self.wrong.example("foreign notice", || {
                    format!("the inbox of user {user} has {n:?} at {sequence}")
                });
                continue;
            };
            if let Some(other) = places.insert(n, sequence) {
                self.wrong.count("doubled notice", || {
                    format!("notice {n} is at {other} and at {sequence}")
                });
            }
            if notice.accepted != 0 && notice.accepted != sequence {
                let accepted = notice.accepted;
                self.wrong.count("other sequence", || {
                    format!("notice {n} was accepted at {accepted} and is at {sequence}")
                });
            }
        }
        let least = match is_last {
            true => 0,
            false => page
                .iter()
                .map(|(sequence, _)| *sequence)
                .min()
                .unwrap_or(u64::MAX),
        };
        for &n in &self.inboxes[user as usize].notices {
            let notice = self.notices[n as usize];
            let must = notice.accepted >= least.max(1) && notice.order < before;
            if must && !places.contains_key(&n) {
                self.wrong.count("lost notice", || {
                    format!(
                        "notice {n} was accepted at {} and is not in the inbox of user {user}",
                        notice.accepted
                    )
                });
            }
        }
    }

    /// Compares the number of unread notices with what is known, when nothing is under way any more.
    pub fn compare_unread(&mut self, user: u32, unread: u64) {
        let inbox = &self.inboxes[user as usize];
        let (mut least, mut unsure) = (0, 0);
        for &n in &inbox.notices {
            let notice = self.notices[n as usize];
            least += u64::from(notice.accepted > inbox.marked);
            unsure += u64::from(notice.unsure);
        }
        if !(least..=least + unsure).contains(&unread) {
            self.wrong.count("wrong count", || {
                format!("user {user} has {unread} unread, not {least}")
            });
        }
    }

    /// Closes the books when everybody has been shown everything.
    pub fn close(mut self) -> (Faults, Wrong) {
        for (n, notice) in self.notices.iter().enumerate() {
            if notice.accepted != 0 && notice.shown == 0 {
                self.faults.missing += 1;
                self.wrong.example("missing", || {
                    format!("notice {n} was never shown to user {}", notice.user)
                });
            }
            self.faults.unacknowledged += u64::from(notice.accepted == 0);
        }
        (self.faults, self.wrong)
    }
}

#[cfg(test)]
#[path = "books_tests.rs"]
mod tests;
