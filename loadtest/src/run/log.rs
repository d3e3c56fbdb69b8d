//! The log of one server's run: what happens in it, by class and second, and who is told of it while it goes on.

use serde::{Deserialize, Serialize};

use super::portable::{Portable, PortableError};
use super::profile::planned;
use super::record::class::{self, LAG};
use super::record::{Measurement, Phase, Second};
use super::recorder::{Recorder, second_of};
use super::traffic::Found;
use crate::figures::Quantiles;
use crate::trial::books::Books;

/// From one look at a run to the next.
const TICK_NS: u64 = 500_000_000;
/// Seconds that are kept open for what comes late.
const OPEN_SECONDS: u32 = 30;

/// Who wants to know how a run goes while it goes on.
pub trait Live {
    /// About twice a second: the second that is going on, and each that is over once more as a whole.
    fn second(&mut self, second: &Second);
}

/// What a process made since it told last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tick {
    /// Operations.
    pub operations: Portable,
    /// How late the generator was.
    pub lag: Portable,
    /// Connections, by second.
    pub connections: Vec<(u32, u32)>,
}

/// Where the news of a run goes.
pub enum Outlet {
    /// To somebody in this process, when there is somebody.
    Here(Option<Box<dyn Live>>),
    /// To the process that started this one.
    Pipe(Box<dyn FnMut(Tick)>),
}

/// The log of a run.
pub struct Log {
    recorder: Recorder,
    /// By process, counted like a class of operations.
    lag: Vec<Recorder>,
    phases: Vec<Phase>,
    outlet: Outlet,
    measured_from: u32,
    seconds: f64,
    start_ns: u64,
    next_ns: u64,
    /// By process and second.
    connections: Vec<Vec<u32>>,
    told: usize,
    /// The second that was shown last.
    shown: u32,
}

impl Log {
    /// An empty one for a run of `phases`, of which the first `warmup_s` seconds are not measured. The seconds of a record are
    /// whole ones, so that the measured part begins with the first that is whole.
    pub fn new(phases: Vec<Phase>, warmup_s: f64, outlet: Outlet) -> Self {
        let measured_from = warmup_s.ceil() as u32;
        Self {
            recorder: Recorder::new(measured_from),
            lag: vec![Recorder::new(measured_from)],
            seconds: phases.last().map_or(0.0, |last| last.until_s),
            phases,
            outlet,
            measured_from,
            start_ns: 0,
            next_ns: 0,
            connections: vec![Vec::new()],
            told: 0,
            shown: 0,
        }
    }

    /// The traffic begins at this time of the run's clock.
    pub fn begin(&mut self, start_ns: u64) {
        self.start_ns = start_ns;
        self.next_ns = start_ns + TICK_NS;
    }

    /// When the traffic began.
    pub fn start_ns(&self) -> u64 {
        self.start_ns
    }

    /// An operation that was intended at one time and went well until another.
    #[inline]
    pub fn record(&mut self, class: &'static str, intended_ns: u64, now_ns: u64) {
        let us = now_ns.saturating_sub(intended_ns) / 1_000;
        let at_ns = intended_ns.saturating_sub(self.start_ns);
        self.recorder.record(class, at_ns, us);
    }

    /// An operation that was intended at that time and failed.
    pub fn error(&mut self, class: &'static str, intended_ns: u64) {
        self.recorder
            .error(class, intended_ns.saturating_sub(self.start_ns));
    }

    /// An operation that was intended so long after the beginning took so many microseconds.
    pub fn took(&mut self, class: &'static str, at_ns: u64, microseconds: u64) {
        self.recorder.record(class, at_ns, microseconds);
    }

    /// An operation that was intended so long after the beginning failed.
    pub fn failed(&mut self, class: &'static str, at_ns: u64) {
        self.recorder.error(class, at_ns);
    }

    /// The generator took up at one time what it intended at another.
    #[inline]
    pub fn late(&mut self, intended_ns: u64, now_ns: u64) {
        let us = now_ns.saturating_sub(intended_ns) / 1_000;
        self.lag[0].record(LAG, intended_ns.saturating_sub(self.start_ns), us);
    }

    /// Tells how it goes when it is time to. Call it often.
    #[inline]
    pub fn tick(&mut self, now_ns: u64, connections: u32) {
        if now_ns >= self.next_ns {
            self.tell(now_ns, connections);
        }
    }

    fn tell(&mut self, now_ns: u64, connections: u32) {
        self.next_ns = now_ns + TICK_NS;
        let since_ns = now_ns.saturating_sub(self.start_ns);
        self.count_connections(0, second_of(since_ns), connections);
        match &mut self.outlet {
            Outlet::Pipe(_) => self.send(),
            Outlet::Here(_) => self.show(since_ns),
        }
    }

    /// Shows the second that goes on, and before that the last one as a whole when it is over.
    fn show(&mut self, since_ns: u64) {
        let now = second_of(since_ns);
        let over = (self.shown < now).then_some(now.saturating_sub(1));
        self.shown = now;
        for at_s in over.into_iter().chain([now]) {
            let second = self.second(at_s);
            if let Outlet::Here(Some(live)) = &mut self.outlet {
                live.second(&second);
            }
        }
        let open = now.saturating_sub(OPEN_SECONDS);
        self.recorder.close_before(open);
        self.lag.iter_mut().for_each(|lag| lag.close_before(open));
    }

    fn send(&mut self) {
        let known = &self.connections[0];
        let news = known.iter().enumerate().skip(self.told.saturating_sub(1));
        let tick = Tick {
            operations: self.recorder.drain(),
            lag: self.lag[0].drain(),
            connections: news.map(|(at, count)| (at as u32, *count)).collect(),
        };
        self.told = known.len();
        if let Outlet::Pipe(pipe) = &mut self.outlet {
            pipe(tick);
        }
    }

    /// Tells the rest to the process that started this one.
    pub fn finish(&mut self) {
        if let Outlet::Pipe(_) = self.outlet {
            self.send();
        }
    }

    /// Adds what a process of several made, and shows it when it is time to.
    pub fn merge(&mut self, process: usize, tick: &Tick, now_ns: u64) -> Result<(), PortableError> {
        self.recorder.merge(&tick.operations)?;
        while self.lag.len() <= process {
            self.lag.push(Recorder::new(self.measured_from));
        }
        self.lag[process].merge(&tick.lag)?;
        for (second, count) in &tick.connections {
            self.count_connections(process, *second, *count);
        }
        if now_ns >= self.next_ns {
            self.next_ns = now_ns + TICK_NS;
            self.show(now_ns.saturating_sub(self.start_ns));
        }
        Ok(())
    }

    fn count_connections(&mut self, process: usize, second: u32, count: u32) {
        if self.connections.len() <= process {
            self.connections.resize(process + 1, Vec::new());
        }
        let known = &mut self.connections[process];
        let at = second as usize;
        if at < super::recorder::MOST_SECONDS {
            // Seconds that nobody told of were as the one before.
            let before = known.last().copied().unwrap_or(count);
            if known.len() <= at {
                known.resize(at + 1, before);
            }
            known[at] = count;
        }
    }

    fn connections_at(&self, second: u32) -> u32 {
        let at = |known: &Vec<u32>| {
            let then = known.get(second as usize).or(known.last());
            then.copied().unwrap_or_default()
        };
        self.connections.iter().map(at).sum()
    }

    fn second(&self, at_s: u32) -> Second {
        let mut second = Second {
            at_s,
            classes: self.recorder.second(at_s),
            ..Second::default()
        };
        self.fill_in(&mut second);
        second
    }

    /// Adds what is no class of operations.
    fn fill_in(&self, second: &mut Second) {
        let at_s = second.at_s;
        let lag = |lag: &Recorder| lag.second(at_s).get(LAG).map_or(0.0, |lag| lag.p99_ms);
        second.lag_p99_ms = self.lag.iter().map(lag).fold(0.0, f64::max);
        second.planned = planned(&self.phases, second.at_s);
        second.connections = self.connections_at(second.at_s);
    }

    /// How late the generator was; of several, the one that was latest.
    fn latest(&self) -> Quantiles {
        let of = |lag: &Recorder| Some(lag.totals(self.seconds).remove(LAG)?.latency);
        let all = self.lag.iter().filter_map(of);
        all.max_by(|a, b| a.p99_ms.total_cmp(&b.p99_ms))
            .unwrap_or_default()
    }

    /// All of it, with what else was found.
    pub fn measurement(&self, server: &str, found: Found) -> Measurement {
        let seconds = self.seconds.ceil() as u32;
        let seconds = self
            .recorder
            .seconds(seconds, |second| self.fill_in(second));
        let measured_s = self.seconds - f64::from(self.measured_from);
        Measurement {
            server: server.to_owned(),
            classes: self.recorder.totals(measured_s),
            seconds,
            lag: self.latest(),
            generator_busy: found.busy,
            connections: found.connections,
            faults: found.faults,
            contradictions: found.contradictions,
            figures: found.figures,
            ..Measurement::default()
        }
    }
}

impl Books for Log {
    const RESTS: bool = true;

    #[inline]
    fn delivery(&mut self, _index: u32, intended_ns: u64, now_ns: u64) {
        self.record(class::DELIVERY, intended_ns, now_ns);
    }

    #[inline]
    fn acknowledgement(&mut self, _index: u32, intended_ns: u64, now_ns: u64) {
        self.record(class::ACKNOWLEDGEMENT, intended_ns, now_ns);
    }

    fn refused(&mut self, intended_ns: u64) {
        self.error(class::ACKNOWLEDGEMENT, intended_ns);
    }

    fn back(&mut self, intended_ns: u64, now_ns: Option<u64>) {
        match now_ns {
            Some(now_ns) => self.record(class::RECONNECT, intended_ns, now_ns),
            None => self.error(class::RECONNECT, intended_ns),
        }
    }

    fn sent(&mut self, _index: u32, intended_ns: u64, now_ns: u64) {
        self.late(intended_ns, now_ns);
    }

    fn turn(&mut self, now_ns: u64, connections: u32) {
        self.tick(now_ns, connections);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::rc::Rc;

    const S: u64 = 1_000_000_000;

    fn phases() -> Vec<Phase> {
        let phase = |name: &str, from_s, until_s| Phase {
            name: name.into(),
            from_s,
            until_s,
            from_rate: 10.0,
            until_rate: 10.0,
        };
        vec![phase("warm-up", 0.0, 1.0), phase("steady", 1.0, 4.0)]
    }

    /// Forty operations, ten a second, of which one fails.
    fn fill(log: &mut Log, process: u64, of: u64) {
        log.begin(5 * S);
        for n in (process..40).step_by(of as usize) {
            let intended = 5 * S + n * S / 10;
            log.late(intended, intended + 3_000_000);
            match n {
                15 => log.error(class::DELIVERY, intended),
                _ => log.record(class::DELIVERY, intended, intended + n * 1_000_000),
            }
            log.tick(intended + S / 20, 7);
        }
        log.finish();
    }

    struct Seen(Rc<RefCell<Vec<Second>>>);

    impl Live for Seen {
        fn second(&mut self, second: &Second) {
            self.0.borrow_mut().push(second.clone());
        }
    }

    #[test]
    fn a_log_tells_twice_a_second_and_knows_all_at_the_end() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let live = Box::new(Seen(seen.clone()));
        let mut log = Log::new(phases(), 1.0, Outlet::Here(Some(live)));
        fill(&mut log, 0, 1);
        let measurement = log.measurement("hub", Found::default());
        let told: Vec<u32> = seen.borrow().iter().map(|second| second.at_s).collect();
        assert!(
            (8..=11).contains(&told.len()) && told.is_sorted(),
            "{told:?}"
        );
        // Each that is over was shown whole.
        for at_s in 0..3 {
            let mut shown = seen.borrow().clone();
            shown.retain(|second| second.at_s == at_s);
            let classes = &shown.last().unwrap().classes[class::DELIVERY];
            assert_eq!(classes.count + classes.errors, 10, "{at_s}");
        }
        let delivery = &measurement.classes[class::DELIVERY];
        assert_eq!(
            (delivery.latency.count, delivery.errors),
            (29, 1),
            "no warm-up"
        );
        assert_eq!(measurement.seconds.len(), 4);
        assert_eq!(measurement.seconds[1].classes[class::DELIVERY].errors, 1);
        assert_eq!(measurement.seconds[3].planned, 10.0);
        assert_eq!(measurement.seconds[2].connections, 7);
        assert!((measurement.seconds[2].lag_p99_ms - 3.0).abs() < 0.1);
        assert!((measurement.lag.p50_ms - 3.0).abs() < 0.1);
    }

    #[test]
    fn several_processes_make_the_same_log_as_one() {
        let mut one = Log::new(phases(), 1.0, Outlet::Here(None));
        fill(&mut one, 0, 1);
        let mut all = Log::new(phases(), 1.0, Outlet::Here(None));
        all.begin(5 * S);
        for process in 0..2 {
            let ticks = Rc::new(RefCell::new(Vec::new()));
            let told = ticks.clone();
            let pipe = Outlet::Pipe(Box::new(move |tick| told.borrow_mut().push(tick)));
            fill(&mut Log::new(phases(), 1.0, pipe), process, 2);
            for tick in ticks.borrow().iter() {
                all.merge(process as usize, tick, 6 * S).unwrap();
            }
        }
        let of = |log: &Log| log.measurement("hub", Found::default());
        let (one, all) = (of(&one), of(&all));
        assert_eq!(all.classes[class::DELIVERY].errors, 1);
        assert_eq!(
            all.classes[class::DELIVERY].buckets,
            one.classes[class::DELIVERY].buckets
        );
        assert_eq!(all.lag.count * 2, one.lag.count, "that of one of them");
        assert_eq!(all.seconds[2].connections, 14, "seven each");
    }

    #[test]
    fn one_late_process_of_many_is_late_for_all() {
        let mut all = Log::new(phases(), 1.0, Outlet::Here(None));
        all.begin(5 * S);
        for process in 0..200 {
            let mut lag = Recorder::new(1);
            let us = if process == 150 { 40_000 } else { 10 };
            (0..9).for_each(|n| lag.record(LAG, 2 * S + n, us));
            let tick = Tick {
                lag: lag.drain(),
                ..Tick::default()
            };
            all.merge(process, &tick, 6 * S).unwrap();
        }
        let all = all.measurement("hub", Found::default());
        assert!(all.lag.p99_ms > 39.0, "{:?}", all.lag);
        assert!(all.seconds[2].lag_p99_ms > 39.0, "{:?}", all.seconds[2]);
    }
}
