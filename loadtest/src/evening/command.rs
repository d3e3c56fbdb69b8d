//! The commands `evening` and `inbox`: one run at a steady rate on one hub.

use serde::Serialize;
use std::error::Error;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::args::{EveningArgs, InboxArgs, MoreArgs};
use super::{EveningError, EveningSpec, Progress, Ran, Speech, Steady, Traffic, inbox, run};
use crate::args::{Common, TimeArgs};
use crate::bench::{Bench, BenchError};
use crate::figures::is_late;
use crate::process::Meter;
use crate::report::Outcome;
use crate::run::START_IN_NS;
use crate::run::log::{Log, Outlet};
use crate::run::profile::Profile;
use crate::run::record::Measurement;
use crate::subject::Subject;
use crate::trial::mark::Mark;

/// What a run at a steady rate came to.
#[derive(Clone, Debug, Serialize)]
pub struct EveningFigures {
    /// Operations per second that were intended.
    pub offered_per_second: f64,
    /// Everything that was measured.
    pub measurement: Measurement,
    /// The first things that were wrong, in words.
    pub examples: Vec<String>,
    /// Cores that the server used over the whole run, its beginning and end included.
    pub server_busy: Option<f64>,
    /// Its resident memory at the end.
    pub server_resident_kb: Option<u64>,
}

impl Bench<'_> {
    /// An evening at a steady rate.
    pub fn evening(&mut self, args: &EveningArgs) -> Result<EveningFigures, Box<dyn Error>> {
        let spec: EveningSpec = args.more.spec(args.users)?;
        spec.check()?;
        self.steady(&args.common, args.rate, args.time, &args.more, |traffic| {
            run(&spec, traffic)
        })
    }

    /// Inboxes at a steady rate.
    pub fn inbox(&mut self, args: &InboxArgs) -> Result<EveningFigures, Box<dyn Error>> {
        let spec: inbox::InboxSpec = args.more.spec(args.users)?;
        spec.check()?;
        self.steady(&args.common, args.rate, args.time, &args.more, |traffic| {
            inbox::run(&spec, traffic)
        })
    }

    fn steady(
        &mut self,
        common: &Common,
        rate: f64,
        time: TimeArgs,
        more: &MoreArgs,
        run: impl FnOnce(Traffic<'_>) -> Result<Ran, EveningError>,
    ) -> Result<EveningFigures, Box<dyn Error>> {
        let curve = Steady {
            rate,
            warmup_s: time.warmup,
            measured_s: time.seconds,
        };
        let running = Subject::Hub.open(common, false).map_err(BenchError::from)?;
        let meter = running.server.meter.as_ref();
        let profile = Profile::Steady {
            rate,
            seconds: time.seconds,
            warmup: time.warmup,
        };
        let mut log = Log::new(profile.phases(), time.warmup, Outlet::Here(None));
        let speech = match more.mixed {
            true => Speech::Mixed,
            false => Speech::Only(common.encoding().into()),
        };
        let mut said_s = 0.0;
        let mut hook = |progress: &Progress| {
            if progress.at_s >= said_s + 5.0 {
                said_s = progress.at_s;
                eprintln!(
                    "{:>6.0} s: {} connections, {} operations open, {} entries kept",
                    progress.at_s, progress.connections, progress.unanswered, progress.kept
                );
            }
            ControlFlow::Continue(())
        };
        let clock = self.clock;
        let begin = Mark::now(self.clock.now_ns(), 0, 0, meter);
        let ran = run(Traffic {
            target: &running.target,
            clock: self.clock,
            seed: more.seed,
            speech,
            curve: &curve,
            gate: Box::new(move || Ok(clock.now_ns() + START_IN_NS)),
            log: &mut log,
            hook: &mut hook,
        })?;
        let used = begin.until(Mark::now(self.clock.now_ns(), 0, 0, meter));
        Ok(EveningFigures {
            offered_per_second: rate,
            measurement: log.measurement(Subject::Hub.name(), ran.found()),
            examples: ran.examples().to_vec(),
            server_busy: used.server_s.map(|server| server / used.seconds),
            server_resident_kb: meter.and_then(Meter::resident_kb),
        })
    }
}

impl EveningFigures {
    /// Correct, or not, or nothing is said of the hub.
    pub fn outcome(&self) -> Outcome {
        let found = &self.measurement;
        match found.faults.none() && found.contradictions.is_empty() {
            false => Outcome::Incorrect,
            true if is_late(&found.lag, found.generator_busy) => Outcome::GeneratorLimited,
            true => Outcome::Passed,
        }
    }

    /// The figures for people: one line for the whole, one for each class.
    pub fn block(&self) -> String {
        let found = &self.measurement;
        let mut text = format!(
            "{:.0} operations/s, {} connections; server {}, {} MB; generator {:.0} %, lag p99 {:.2} ms",
            self.offered_per_second,
            found.connections,
            self.server_busy.map_or("–".into(), |busy| format!(
                "{:.0} % of a core",
                busy * 100.0
            )),
            self.server_resident_kb
                .map_or("–".into(), |kb| format!("{}", kb / 1024)),
            found.generator_busy * 100.0,
            found.lag.p99_ms
        );
        let mut line =
            |fields: std::fmt::Arguments| write!(text, "\n    {fields}").unwrap_or_default();
        line(format_args!(
            "{:<16} {:>9} {:>9} {:>8} {:>8} {:>8} {:>8} {:>7}",
            "class", "count", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms", "errors"
        ));
        for (name, class) in &found.classes {
            let of = &class.latency;
            line(format_args!(
                "{name:<16} {:>9} {:>9.1} {:>8.2} {:>8.2} {:>8.2} {:>8.1} {:>7}",
                of.count,
                class.per_second,
                of.p50_ms,
                of.p95_ms,
                of.p99_ms,
                of.max_ms,
                class.errors
            ));
        }
        text
    }

    /// What was wrong.
    pub fn wrongs(&self) -> Vec<String> {
        let found = &self.measurement;
        if found.faults.none() && found.contradictions.is_empty() {
            return Vec::new();
        }
        let faults = (!found.faults.none()).then(|| found.faults.to_string());
        let named = found
            .contradictions
            .iter()
            .map(|(name, count)| format!("{name} {count}"));
        let all: Vec<String> = faults.into_iter().chain(named).collect();
        let mut wrongs = vec![format!("INCORRECT: {}", all.join(", "))];
        wrongs.extend(self.examples.iter().cloned());
        wrongs
    }
}
