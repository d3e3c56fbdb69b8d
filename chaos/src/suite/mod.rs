//! The chaos suite: real hubs under traffic, faults on a plan that a seed decides, healing, and the judgement on all that
//! clients saw.
//!
//! A run can end in three ways: every promise was *kept*, some were *broken* (the violations name them), or it *could not
//! be run*. The plan follows from scenario, seed and length alone; what the operating system does with it does not.

mod plan;
mod run;
mod site;
mod workload;

pub use plan::{Fault, Plan, Scenario, Step, plan};
pub use run::{Report, RunError, Verdict, run};
pub use site::{Site, SiteError, SiteSpec};
pub use workload::{Connect, Outcome, Workload, WorkloadError, WorkloadSpec, encoding};
