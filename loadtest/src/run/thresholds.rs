//! What a scenario demands, and whether it was met.

use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

use super::record::{ClassTotal, Measurement, Phase, Threshold, class};
use super::seconds;
use super::slopes::MEMBERS;
use super::wrong::Wrong;

/// Without a word of it, no operation may fail.
const ERRORS_PERCENT: &str = "errors_percent";
const QUANTILES: [&str; 6] = ["p50_ms", "p90_ms", "p95_ms", "p99_ms", "p999_ms", "max_ms"];
/// Figures that are no class of operations: name, and whether a ratio to the reference makes sense.
const FIGURES: [(&str, bool); 4] = [
    ("memory.kb_per_connection", true),
    ("memory.resident_kb", true),
    ("cpu.cores", true),
    ("cpu.seconds_per_million", true),
];

/// The `[thresholds]` table: limits by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands(BTreeMap<String, f64>);

/// A name with dots is one key in quotes, or a table in a table.
#[derive(Deserialize)]
#[serde(untagged)]
enum Node {
    Limit(f64),
    Table(BTreeMap<String, Node>),
}

fn flatten(prefix: &str, nodes: BTreeMap<String, Node>, out: &mut BTreeMap<String, f64>) {
    for (name, node) in nodes {
        let name = match prefix {
            "" => name,
            prefix => format!("{prefix}.{name}"),
        };
        match node {
            Node::Limit(limit) => drop(out.insert(name, limit)),
            Node::Table(nodes) => flatten(&name, nodes, out),
        }
    }
}

impl<'de> Deserialize<'de> for Demands {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut limits = BTreeMap::new();
        flatten("", BTreeMap::deserialize(deserializer)?, &mut limits);
        Ok(Self(limits))
    }
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What<'a> {
    Quantile(&'a str, &'a str),
    PerSecond(&'a str),
    /// Of one class, or of all.
    Errors(Option<&'a str>),
    Figure(&'a str),
    /// Growth of a member of the samples.
    Slope(&'a str),
}

/// A name, taken apart.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Name<'a> {
    what: What<'a>,
    is_ratio: bool,
    /// Only in this part of the profile.
    phase: Option<&'a str>,
}

impl<'a> Name<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (name, phase) = match name.split_once('@') {
            Some((name, phase)) => (name, Some(phase)),
            None => (name, None),
        };
        let (plain, is_ratio) = match name.strip_suffix(".ratio") {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        let what = Self::what(plain)?;
        let can_be_ratio = match what {
            What::Quantile(..) | What::PerSecond(_) => true,
            What::Errors(_) | What::Slope(_) => false,
            What::Figure(name) => FIGURES.contains(&(name, true)),
        };
        let can_be_of_phase = match what {
            What::Quantile(_, quantile) => seconds::QUANTILES.contains(&quantile),
            What::PerSecond(_) | What::Errors(_) => true,
            What::Slope(_) | What::Figure(_) => false,
        };
        let is_fine =
            (can_be_ratio || !is_ratio) && (can_be_of_phase && !is_ratio || phase.is_none());
        is_fine.then_some(Self {
            what,
            is_ratio,
            phase,
        })
    }

    fn what(name: &'a str) -> Option<What<'a>> {
        if name == ERRORS_PERCENT {
            return Some(What::Errors(None));
        }
        if FIGURES.iter().any(|(figure, _)| *figure == name) {
            return Some(What::Figure(name));
        }
        let (first, rest) = name.split_once('.')?;
        let member = |suffix| {
            let member = rest.strip_suffix(suffix);
            member.filter(|member| MEMBERS.iter().any(|(known, _)| known == member))
        };
        match first {
            "slope" => return member(".percent_per_hour").map(What::Slope),
            "after" => return member(".more").map(|_| What::Figure(name)),
            _ => {}
        }
        if !class::ALL.contains(&first) {
            return None;
        }
        match rest {
            "per_second" => Some(What::PerSecond(first)),
            ERRORS_PERCENT => Some(What::Errors(Some(first))),
            _ => QUANTILES
                .contains(&rest)
                .then_some(What::Quantile(first, rest)),
        }
    }

    /// Everything but a rate is bounded from above.
    fn at_most(&self) -> bool {
        !matches!(self.what, What::PerSecond(_))
    }

    fn of(&self, measured: &Measurement, phases: &[Phase]) -> Option<f64> {
        if let Some(name) = self.phase {
            let phase = phases.iter().find(|phase| phase.name == name)?;
            let part = seconds::within(&measured.seconds, phase);
            return match self.what {
                What::Quantile(class, quantile) => seconds::quantile(part, class, quantile),
                What::PerSecond(class) => seconds::per_second(part, class),
                What::Errors(class) => seconds::errors_percent(part, class),
                What::Figure(_) | What::Slope(_) => None,
            };
        }
        match self.what {
            What::Quantile(class, quantile) => {
                let class = measured.classes.get(class)?;
                (class.latency.count > 0).then(|| of_quantiles(class, quantile))
            }
            What::PerSecond(class) => Some(measured.classes.get(class)?.per_second),
            What::Errors(class) => errors_percent(measured, class),
            What::Figure(name) => measured.figures.get(name).copied(),
            What::Slope(member) => {
                let of = measured.slopes.iter().filter(|slope| slope.what == member);
                of.map(|slope| slope.percent_per_hour).reduce(f64::max)
            }
        }
    }
}

fn of_quantiles(class: &ClassTotal, name: &str) -> f64 {
    let latency = &class.latency;
    match name {
        "p50_ms" => latency.p50_ms,
        "p90_ms" => latency.p90_ms,
        "p95_ms" => latency.p95_ms,
        "p99_ms" => latency.p99_ms,
        "p999_ms" => latency.p999_ms,
        _ => latency.max_ms,
    }
}

fn errors_percent(measured: &Measurement, wanted: Option<&str>) -> Option<f64> {
    let classes = measured.classes.iter();
    let counted = classes.filter(|(name, _)| class::counts(name, wanted));
    let (mut errors, mut all) = (0, 0);
    for (_, total) in counted {
        errors += total.errors;
        all += total.errors + total.latency.count;
    }
    (all > 0).then(|| errors as f64 * 100.0 / all as f64)
}

/// All names there are, for whoever used another one.
fn allowed() -> String {
    let members: Vec<_> = MEMBERS.iter().map(|(name, _)| *name).collect();
    let figures: Vec<_> = FIGURES.iter().map(|(name, _)| *name).collect();
    format!(
        "{ERRORS_PERCENT}; CLASS.{ERRORS_PERCENT}, CLASS.per_second, CLASS.{} with a CLASS of {}; {}; \
         slope.MEMBER.percent_per_hour and after.MEMBER.more with a MEMBER of {}; and with .ratio behind it, what can be \
         compared with the reference, and with @PHASE behind it, what can be told of each second ({} and the others of a \
         class), are allowed",
        QUANTILES.join(", CLASS."),
        class::ALL.join(", "),
        figures.join(", "),
        members.join(", "),
        seconds::QUANTILES.join(", ")
    )
}

impl Demands {
    /// Finds names that stand for nothing and limits that are none.
    pub fn check(&self, phases: &[Phase]) -> Result<(), Wrong> {
        let names: Vec<_> = phases.iter().map(|phase| &*phase.name).collect();
        for (name, limit) in &self.0 {
            let key = format!("thresholds.{name}");
            let Some(parsed) = Name::parse(name) else {
                return Err(Wrong::new(key, "there", allowed()));
            };
            if let Some(phase) = parsed.phase.filter(|phase| !names.contains(phase)) {
                let allowed = format!("the phases are {}", names.join(", "));
                return Err(Wrong::new(key, format!("of the phase {phase}"), allowed));
            }
            if !limit.is_finite() {
                let allowed = "a number is needed";
                return Err(Wrong::new(format!("thresholds.{name}"), limit, allowed));
            }
        }
        Ok(())
    }

    /// Nothing is demanded.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is a limit of this name.
    #[cfg(test)]
    pub fn is_there(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether some limit is a ratio.
    pub fn need_reference(&self) -> bool {
        let mut names = self.0.keys().filter_map(|name| Name::parse(name));
        names.any(|name| name.is_ratio)
    }

    /// Compares what was measured with what is demanded. Without a word of errors, none is allowed. Without a reference,
    /// ratios are not measured: that meets them only if it was not `wanted`.
    pub fn judge(
        &self,
        hub: &Measurement,
        reference: Option<&Measurement>,
        wanted: bool,
        phases: &[Phase],
    ) -> Vec<Threshold> {
        let none = (ERRORS_PERCENT.to_owned(), 0.0);
        let silent = !self.0.contains_key(ERRORS_PERCENT);
        let implied = silent.then_some((&none.0, &none.1));
        let all = self.0.iter().chain(implied);
        let judge = |(what, limit): (&String, &f64)| {
            let name = Name::parse(what)?;
            let measured = match (name.is_ratio, reference) {
                (false, _) => name.of(hub, phases),
                (true, None) => None,
                (true, Some(reference)) => {
                    let of = name.of(reference, phases).filter(|value| *value > 0.0);
                    name.of(hub, phases)
                        .zip(of)
                        .map(|(hub, reference)| hub / reference)
                }
            };
            let at_most = name.at_most();
            let is_left_out = name.is_ratio && reference.is_none() && !wanted;
            let met = measured.map_or(is_left_out, |measured| match at_most {
                true => measured <= *limit,
                false => measured >= *limit,
            });
            Some(Threshold {
                what: what.clone(),
                at_most,
                limit: *limit,
                measured,
                met,
            })
        };
        all.filter_map(judge).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Quantiles;
    use crate::run::record::Slope;

    fn demands(text: &str) -> Demands {
        toml::from_str(text).unwrap()
    }

    fn measured(p95_ms: f64, count: u64, errors: u64) -> Measurement {
        let total = ClassTotal {
            per_second: count as f64 / 10.0,
            errors,
            latency: Quantiles {
                count,
                p95_ms,
                ..Quantiles::default()
            },
            buckets: Vec::new(),
        };
        Measurement {
            classes: [(class::ACKNOWLEDGEMENT.to_owned(), total)].into(),
            figures: [
                ("cpu.cores".to_owned(), 0.5),
                ("after.tasks.more".to_owned(), 3.0),
            ]
            .into(),
            slopes: [1.0, 9.0]
                .map(|percent_per_hour| Slope {
                    what: "resident_kb".into(),
                    percent_per_hour,
                    ..Slope::default()
                })
                .into(),
            ..Measurement::default()
        }
    }

    fn met(text: &str) -> Vec<(bool, Option<f64>)> {
        let demands = demands(text);
        demands.check(&[]).unwrap();
        let (hub, reference) = (measured(20.0, 1_000, 1), measured(8.0, 2_000, 0));
        let judged = demands.judge(&hub, Some(&reference), true, &[]);
        let told = judged.iter().filter(|one| one.what != ERRORS_PERCENT);
        told.map(|one| (one.met, one.measured)).collect()
    }

    #[test]
    fn limits_hold_from_above_but_for_rates_and_ratios_are_those_to_the_reference() {
        let cases = [
            ("acknowledgement.p95_ms = 20", true, 20.0),
            ("acknowledgement.p95_ms = 19.9", false, 20.0),
            ("'acknowledgement.p95_ms.ratio' = 2.5", true, 2.5),
            ("'acknowledgement.p95_ms.ratio' = 2.4", false, 2.5),
            ("acknowledgement.per_second = 100", true, 100.0),
            ("acknowledgement.per_second = 101", false, 100.0),
            ("acknowledgement.per_second.ratio = 0.5", true, 0.5),
            ("cpu.cores = 0.4", false, 0.5),
            ("after.tasks.more = 3", true, 3.0),
            ("slope.resident_kb.percent_per_hour = 8", false, 9.0),
        ];
        for (text, expected, value) in cases {
            assert_eq!(met(text), [(expected, Some(value))], "{text}");
        }
        // What was not measured meets nothing.
        assert_eq!(met("delivery.p50_ms = 1000"), [(false, None)]);
        assert_eq!(met("memory.kb_per_connection = 1000"), [(false, None)]);
    }

    #[test]
    fn no_error_is_allowed_when_nothing_is_said_and_ratios_need_a_reference() {
        let (failing, well) = (measured(1.0, 999, 1), measured(1.0, 1_000, 0));
        let of =
            |text: &str, measured: &Measurement| demands(text).judge(measured, None, true, &[]);
        let judged = of("", &failing);
        assert_eq!((judged[0].measured, judged[0].met), (Some(0.1), false));
        assert!(of("", &well)[0].met);
        assert!(of("errors_percent = 0.1", &failing)[0].met);
        assert!(!of("", &Measurement::default())[0].met, "nothing happened");
        let ratio = "errors_percent = 1\nacknowledgement.p95_ms.ratio = 2";
        let judged = |wanted| demands(ratio).judge(&well, None, wanted, &[]).remove(0);
        let (missing, left_out) = (judged(true), judged(false));
        assert_eq!((missing.measured, missing.met), (None, false));
        assert_eq!((left_out.measured, left_out.met), (None, true));
        assert!(missing.is_judged() && !left_out.is_judged());
        let other = demands("delivery.p95_ms = 1").judge(&well, None, false, &[]);
        assert!(!other[0].met, "only ratios need a reference");
        assert!(demands(ratio).need_reference());
        assert!(!demands("cpu.cores = 1").need_reference());
    }

    #[test]
    fn refused_sends_do_not_vanish_among_their_deliveries() {
        let total = |errors, count| ClassTotal {
            errors,
            latency: Quantiles {
                count,
                ..Quantiles::default()
            },
            ..ClassTotal::default()
        };
        let classes = [
            (class::ACKNOWLEDGEMENT, total(10, 990)),
            (class::DELIVERY, total(0, 500_000)),
            (class::TYPING, total(0, 500_000)),
            (class::NOTIFICATION, total(0, 500_000)),
        ];
        let measured = Measurement {
            classes: classes.map(|(name, total)| (name.to_owned(), total)).into(),
            ..Measurement::default()
        };
        let judged = demands("errors_percent = 0.1").judge(&measured, None, true, &[]);
        assert_eq!((judged[0].measured, judged[0].met), (Some(1.0), false));
        let judged = demands("errors_percent = 1").judge(&measured, None, true, &[]);
        assert!(judged[0].met);
    }

    #[test]
    fn an_unknown_name_is_refused_with_those_that_there_are() {
        for text in [
            "acknowledgement.p98_ms = 1",
            "acknowledgment.p95_ms = 1",
            "slope.nothing.percent_per_hour = 1",
            "errors_percent.ratio = 1",
            "lag.p99_ms = 1",
            "'acknowledgement.p999_ms@spike' = 1",
            "'acknowledgement.p95_ms.ratio@spike' = 1",
            "'cpu.cores@spike' = 1",
        ] {
            let error = demands(text).check(&[]).unwrap_err();
            assert!(error.key.starts_with("thresholds."), "{error}");
            assert!(error.allowed.contains("acknowledgement"), "{error}");
        }
        let spike = demands("'acknowledgement.p95_ms@spike' = 1");
        let phase = |name: &str| Phase {
            name: name.into(),
            from_s: 0.0,
            until_s: 1.0,
            from_rate: 1.0,
            until_rate: 1.0,
        };
        assert!(spike.check(&[phase("spike")]).is_ok());
        let error = spike.check(&[phase("a"), phase("b")]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("is of the phase spike: the phases are a, b")
        );
        let error = demands("cpu.cores = nan").check(&[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "thresholds.cpu.cores is NaN: a number is needed"
        );
    }
}
