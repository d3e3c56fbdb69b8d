//! What a run of people's traffic measured, and the mistakes that it must notice.

use std::fmt::Debug;
use std::thread;

use serde_json::Value;

use crate::ran::Ran;
use crate::scenario::{self, EXIT_INCORRECT};

/// Runs each mistake, which must be found and called by all its names. Some at a time: each run has much time in which
/// nothing happens.
pub fn each_is_noticed<M: Copy + Debug + Sync>(
    cases: &[(M, &[&str])],
    run: impl Fn(M) -> Ran + Sync,
) {
    let check = |mistake: M, names: &[&str]| {
        let ran = run(mistake);
        assert_eq!(
            ran.code,
            Some(EXIT_INCORRECT),
            "{mistake:?}: {}",
            ran.printed
        );
        for name in names {
            assert!(ran.wrong(name) > 0, "{mistake:?}: {name}: {}", ran.printed);
        }
    };
    for some in cases.chunks(6) {
        thread::scope(|scope| {
            for (mistake, names) in some {
                scope.spawn(|| check(*mistake, names));
            }
        });
    }
}

impl Ran {
    pub fn found(&self) -> &Value {
        &self.report["entries"][0]["measured"]["evening"]["measurement"]
    }

    /// How often something was wrong: a fault, or a contradiction.
    pub fn wrong(&self, name: &str) -> u64 {
        let found = self.found();
        let count = [&found["faults"][name], &found["contradictions"][name]];
        count.iter().filter_map(|count| count.as_u64()).sum()
    }

    /// How many operations of a class were measured.
    pub fn class(&self, name: &str) -> u64 {
        let latency = &self.found()["classes"][name]["latency"]["count"];
        latency
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {}", self.printed))
    }

    pub fn assert_correct(&self) {
        assert!(is_correct(&self.report, self.code), "{}", self.printed);
    }
}

impl scenario::Ran {
    pub fn assert_correct(&self) {
        assert!(is_correct(&self.record, self.code), "{}", self.printed);
    }

    /// How many operations of a class were measured.
    pub fn class(&self, name: &str) -> u64 {
        let latency = &self.record["subject"]["classes"][name]["latency"]["count"];
        latency
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {}", self.printed))
    }
}

/// On a busy machine the generator may be late, but nothing may be wrong.
fn is_correct(report: &Value, code: Option<i32>) -> bool {
    let verdict = report["verdict"].as_str().unwrap_or_default();
    matches!(
        (verdict, code),
        ("passed", Some(0)) | ("generator_limited", Some(3))
    )
}
