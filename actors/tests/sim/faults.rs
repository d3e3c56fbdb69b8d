//! What may go wrong in a run, all drawn from its seed, and each of it able to be left out: rates and incidents.

use std::fmt;

use rand::Rng;
use rand::rngs::StdRng;

use super::incidents::{self, Incident, What};
use super::options::Options;

/// Chances in thousandths, but for the delay.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// An append is refused, or the LWT had no quorum: it did not happen.
    pub refused: u32,
    /// An append is applied and its answer lost.
    pub applied_timeout: u32,
    /// An append is lost and nobody says so.
    pub lost_timeout: u32,
    /// An append nobody waits for any more is applied after all, or a few seconds later.
    pub late: u32,
    /// The driver sends an append twice.
    pub doubled: u32,
    /// Doubt comes as an error at once and not as a time-out: unavailable after the commit.
    pub hurried: u32,
    /// A row whose append is in doubt is not seen by plain reads until someone reads or writes the head.
    pub stale: u32,
    pub read_fails: u32,
    pub slow: u32,
    pub side_fails: u32,
    /// Of a read, only a short page comes.
    pub short_pages: u32,
    pub hint_lost: u32,
    pub hint_doubled: u32,
    /// Longest delay of what nodes tell each other, in milliseconds.
    pub hint_delay: u32,
    /// A request between nodes vanishes.
    pub request_lost: u32,
    /// It is carried out and its answer vanishes.
    pub answer_lost: u32,
}

type Rate = fn(&mut Rates) -> &mut u32;

const RATES: [(&str, Rate); 16] = [
    ("refused", |r| &mut r.refused),
    ("applied_timeout", |r| &mut r.applied_timeout),
    ("lost_timeout", |r| &mut r.lost_timeout),
    ("late", |r| &mut r.late),
    ("doubled", |r| &mut r.doubled),
    ("hurried", |r| &mut r.hurried),
    ("stale", |r| &mut r.stale),
    ("read_fails", |r| &mut r.read_fails),
    ("slow", |r| &mut r.slow),
    ("side_fails", |r| &mut r.side_fails),
    ("short_pages", |r| &mut r.short_pages),
    ("hint_lost", |r| &mut r.hint_lost),
    ("hint_doubled", |r| &mut r.hint_doubled),
    ("hint_delay", |r| &mut r.hint_delay),
    ("request_lost", |r| &mut r.request_lost),
    ("answer_lost", |r| &mut r.answer_lost),
];

/// All that goes wrong in one run.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    pub rates: Rates,
    /// No node ever hears another one's sign of life: all take themselves for the owners of everything.
    pub strangers: bool,
    pub incidents: Vec<Incident>,
}

/// One thing that goes wrong, by name: a rate, `strangers`, or an incident by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Rate(&'static str),
    Strangers,
    Incident(usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Rate(name) => write!(f, "{name}"),
            Fault::Strangers => write!(f, "strangers"),
            Fault::Incident(number) => write!(f, "#{number}"),
        }
    }
}

impl Fault {
    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().ok().map(Fault::Incident);
        }
        if text == "strangers" {
            return Some(Fault::Strangers);
        }
        let rate = RATES.iter().find(|(name, _)| *name == text);
        rate.map(|(name, _)| Fault::Rate(name))
    }
}

impl Faults {
    pub fn draw(rng: &mut StdRng, options: &Options) -> Self {
        let mut chance = |most: u32, often: f64| match rng.random_bool(often) {
            true => rng.random_range(0..=most),
            false => 0,
        };
        let rates = Rates {
            refused: chance(150, 0.5),
            applied_timeout: chance(150, 0.6),
            lost_timeout: chance(150, 0.5),
            late: chance(120, 0.6),
            doubled: chance(150, 0.4),
            hurried: chance(1_000, 0.5),
            stale: chance(1_000, 0.5),
            read_fails: chance(120, 0.5),
            slow: chance(100, 0.5),
            side_fails: chance(200, 0.6),
            short_pages: chance(1_000, 0.3),
            hint_lost: chance(300, 0.6),
            hint_doubled: chance(500, 0.5),
            hint_delay: chance(300, 0.7),
            request_lost: chance(150, 0.4),
            answer_lost: chance(150, 0.4),
        };
        let mut faults = Self {
            rates,
            strangers: options.nodes > 1 && rng.random_bool(0.2),
            incidents: incidents::draw(rng, options.nodes),
        };
        // Now and then one way of an append to go wrong is all there is.
        if rng.random_bool(0.05) {
            let all = [0, 1, 2][rng.random_range(0..3)];
            faults.rates.applied_timeout = if all == 0 { 1_000 } else { 0 };
            faults.rates.lost_timeout = if all == 1 { 700 } else { 0 };
            faults.rates.late = if all == 2 { 700 } else { 0 };
        }
        if options.exclusive {
            // A process that has the store to itself leaves nothing behind that could land later.
            faults.rates.late = 0;
            faults.rates.doubled = 0;
            faults.rates.stale = 0;
        }
        faults
    }

    /// What goes wrong, one by one.
    pub fn list(&self) -> Vec<Fault> {
        let mut rates = self.rates;
        let mut list: Vec<Fault> = Vec::new();
        for (name, rate) in RATES {
            if *rate(&mut rates) > 0 {
                list.push(Fault::Rate(name));
            }
        }
        list.extend(self.strangers.then_some(Fault::Strangers));
        let happens = |number: &usize| !matches!(self.incidents[*number].what, What::Nothing);
        let numbers = (0..self.incidents.len()).filter(happens);
        list.extend(numbers.map(Fault::Incident));
        list
    }

    /// Leaves out everything but these; incidents keep their numbers.
    pub fn keep(&mut self, kept: &[Fault]) {
        for (name, rate) in RATES {
            if !kept.contains(&Fault::Rate(name)) {
                *rate(&mut self.rates) = 0;
            }
        }
        self.strangers &= kept.contains(&Fault::Strangers);
        for (number, incident) in self.incidents.iter_mut().enumerate() {
            if !kept.contains(&Fault::Incident(number)) {
                *incident = Incident::nothing();
            }
        }
    }

    /// A fault with what it does.
    pub fn describe(&self, fault: &Fault) -> String {
        let mut rates = self.rates;
        match fault {
            Fault::Rate(name) => {
                let rate = RATES.iter().find(|(other, _)| other == name);
                let value = rate.map_or(0, |(_, rate)| *rate(&mut rates));
                format!("{name}={value}")
            }
            Fault::Strangers => "strangers".into(),
            Fault::Incident(number) => format!("#{number}: {:?}", self.incidents[*number]),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn faults_are_named_read_again_and_left_out_one_by_one() {
        let mut rng = StdRng::seed_from_u64(3);
        let options = Options::draw(&mut rng);
        let mut faults = Faults::draw(&mut rng, &options);
        let list = faults.list();
        assert!(list.len() > 3, "{list:?}");
        for fault in &list {
            assert_eq!(Fault::parse(&fault.to_string()).as_ref(), Some(fault));
        }
        assert_eq!(Fault::parse("nothing of the kind"), None);
        let last = list[list.len() - 1].clone();
        faults.keep(std::slice::from_ref(&list[0]));
        assert_eq!(faults.list(), [list[0].clone()]);
        assert!(faults.describe(&last).contains("Nothing"));
        faults.keep(&[]);
        assert!(faults.rates.hint_delay == 0 && !faults.strangers);
    }
}
