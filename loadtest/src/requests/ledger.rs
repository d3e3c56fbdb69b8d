//! What was acknowledged of each request, and what that demands of everything that is read back.

use std::collections::HashMap;

use super::client::Answer;
use super::contradictions::Contradictions;

/// How a wish to have a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The musician has it.
    Assigned,
    /// Another one has it, or nobody can.
    Taken,
    /// The musician's time is taken.
    Conflicted,
    /// Not decided yet.
    Waiting,
}

/// An acknowledged step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The request has this id.
    Created(String),
    /// It is published.
    Submitted,
    /// A musician applied.
    Applied(u32),
    /// A musician wanted it, or was chosen, and this came of it.
    Wanted(u32, Outcome),
    /// It is called off.
    Cancelled,
    /// A message is in its room at this sequence.
    Said(u64, String),
}

/// What is known of one request from answers alone.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Its id.
    pub id: Option<String>,
    /// It is published.
    pub submitted: bool,
    /// It is called off.
    pub cancelled: bool,
    /// Who applied, in the order of the answers.
    pub applied: Vec<u32>,
    /// Who was told to have it.
    pub winner: Option<u32>,
    /// Messages in its room.
    pub said: Vec<(u64, String)>,
    /// Who was told not to have it.
    pub losers: Vec<u32>,
    /// How many were not told yet, or could not at that time.
    pub undecided: u32,
    /// A step has no answer, or a wrong one: it may have happened or not.
    pub unsure: bool,
}

/// A request as it is read back by its organizer.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its state.
    pub state: String,
    /// Who has it.
    pub assigned: Option<u32>,
    /// Who applied.
    pub applied: Vec<u32>,
    /// Somebody was offered it.
    pub offered: bool,
    /// Sequences and texts of the messages in its room.
    pub messages: Vec<(u64, String)>,
}

impl Books {
    /// Enters an acknowledged step.
    pub fn enter(&mut self, fact: Fact, wrong: &mut Contradictions) {
        match fact {
            Fact::Created(id) => self.id = Some(id),
            Fact::Submitted => self.submitted = true,
            Fact::Applied(musician) => self.applied.push(musician),
            Fact::Wanted(musician, Outcome::Assigned) => self.assigned(musician, wrong),
            Fact::Wanted(musician, Outcome::Taken) => self.losers.push(musician),
            Fact::Wanted(_, Outcome::Conflicted | Outcome::Waiting) => self.undecided += 1,
            Fact::Cancelled => self.cancelled = true,
            Fact::Said(sequence, text) => self.said.push((sequence, text)),
        }
    }

    /// A request goes to one musician, whatever races.
    fn assigned(&mut self, musician: u32, wrong: &mut Contradictions) {
        match self.winner {
            Some(first) if first != musician => {
                wrong.second_winner += 1;
                wrong.example(|| {
                    let id = self.name();
                    format!("{id} was assigned to musician {first} and to musician {musician}")
                });
            }
            _ => self.winner = Some(musician),
        }
    }

    fn name(&self) -> String {
        format!("request {}", self.id.as_deref().unwrap_or("?"))
    }

    /// Whether its musician has it in the end.
    pub fn holder(&self) -> Option<u32> {
        self.winner.filter(|_| !self.cancelled)
    }

    /// The states that the acknowledged steps allow.
    fn states(&self) -> &'static [&'static str] {
        match (self.cancelled, self.winner, self.submitted) {
            (true, ..) => &["cancelled"],
            (false, Some(_), _) => &["assigned"],
            (false, None, true) if self.undecided > 0 => &["active", "inReview", "assigned"],
            (false, None, true) => &["active", "inReview"],
            (false, None, false) => &["draft"],
        }
    }

    /// Compares with what is read back.
    pub fn compare(&self, seen: &Seen) -> Contradictions {
        let mut wrong = Contradictions::default();
        if self.unsure {
            return wrong;
        }
        let name = || self.name();
        if !self.losers.is_empty()
            && self.undecided == 0
            && self.winner.is_none()
            && !self.cancelled
        {
            wrong.nobody_won += 1;
            wrong.example(|| format!("{}: all who accepted were told that it is taken", name()));
        }
        let holder = self.holder();
        if holder.is_some() && seen.assigned != holder {
            wrong.lost_assignment += 1;
            wrong.example(|| {
                format!(
                    "{}: {holder:?} was told to have it, {:?} does",
                    name(),
                    seen.assigned
                )
            });
        } else if !self.states().contains(&seen.state.as_str()) {
            wrong.other_state += 1;
            wrong.example(|| format!("{} is {}, not {:?}", name(), seen.state, self.states()));
        }
        let lost = self
            .applied
            .iter()
            .filter(|one| !seen.applied.contains(one));
        wrong.lost_application += lost.count() as u64;
        if self.submitted && !seen.offered {
            wrong.unoffered += 1;
            wrong.example(|| format!("{} was offered to nobody", name()));
        }
        self.compare_messages(seen, &mut wrong);
        wrong
    }

    fn compare_messages(&self, seen: &Seen, wrong: &mut Contradictions) {
        for said in &self.said {
            if !seen.messages.contains(said) {
                wrong.lost_message += 1;
                wrong.example(|| format!("{}: no message {said:?}", self.name()));
            }
        }
        let mut texts: Vec<&str> = seen
            .messages
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        texts.sort_unstable();
        wrong.doubled_message += texts.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64;
    }
}

/// First answers to POSTs that are repeated.
#[derive(Default)]
pub struct Repeats {
    first: HashMap<(u32, u8, u8), Answer>,
    /// Pairs of answers that were compared.
    pub compared: u64,
    /// Of these, how many were said to be given again.
    pub replayed: u64,
}

impl Repeats {
    /// Takes one of the two answers to a POST and its repeat; whichever comes second is compared with the other.
    pub fn answered(&mut self, of: (u32, u8, u8), answer: &Answer, wrong: &mut Contradictions) {
        let Some(other) = self.first.remove(&of) else {
            self.first.insert(of, answer.clone());
            return;
        };
        if !is_final(&other) || !is_final(answer) {
            return;
        }
        self.compared += 1;
        self.replayed += u64::from(other.replayed || answer.replayed);
        if (other.status, &other.body) != (answer.status, &answer.body) {
            wrong.other_answer += 1;
            wrong.example(|| {
                let text = |answer: &Answer| {
                    let body = String::from_utf8_lossy(&answer.body);
                    format!(
                        "{} {}",
                        answer.status,
                        body.chars().take(200).collect::<String>()
                    )
                };
                format!(
                    "a repeat was answered {}, the first time {}",
                    text(answer),
                    text(&other)
                )
            });
        }
    }
}

/// Whether an answer would be the same the next time: those that say "later" are not.
fn is_final(answer: &Answer) -> bool {
    let later = memchr::memmem::find(&answer.body, b"\"reservation_pending\"").is_some();
    answer.status < 500 && !matches!(answer.status, 202 | 429) && !later
}

/// A time in a musician's calendar that a request has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// The request.
    pub request: String,
    /// Beginning and end as they are written, which sorts as time does.
    pub from: String,
    /// Its end.
    pub to: String,
}

/// Compares a musician's calendar with the requests that the musician was told to have (`true`) or not to have (`false`).
pub fn compare_calendar(told: &[(String, bool)], bookings: &[Booking]) -> Contradictions {
    let mut wrong = Contradictions::default();
    for (request, has) in told {
        let booked = bookings.iter().any(|one| one.request == *request);
        match (has, booked) {
            (true, false) => wrong.lost_booking += 1,
            (false, true) => wrong.stray_booking += 1,
            _ => continue,
        }
        wrong.example(|| format!("request {request}: told {has}, in the calendar {booked}"));
    }
    let mut times: Vec<_> = bookings.iter().map(|one| (&one.from, &one.to)).collect();
    times.sort_unstable();
    let overlaps = times.windows(2).filter(|pair| pair[1].0 < pair[0].1);
    wrong.double_booked += overlaps.count() as u64;
    wrong
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
