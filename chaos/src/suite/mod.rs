//! The chaos suite: real hubs under traffic, faults on a plan that a seed decides, healing, and the judgement on all that
//! clients saw.
//!
//! A run can end in three ways: every promise was *kept*, some were *broken* (the violations name them), or it *could not
//! be run*, for instance because the site was unsteady before anything was done to it. The plan follows from scenario,
//! topology, seed and length alone; what the operating system does with it does not.

mod alone;
mod around;
mod class;
mod converge;
mod demands;
mod deployment;
mod detect;
mod drill;
mod error;
mod fault;
mod findings;
mod format;
mod ground;
mod hypothesis;
mod links;
mod means;
mod measure;
pub mod page;
mod plan;
mod plan_around;
mod report;
mod rooms;
mod run;
mod servers;
mod share;
mod signer;
mod site;
mod slow;
mod stale;
mod stand;
mod steady;
mod surround;
mod topology;
mod versions;
mod visitors;
mod watch;
mod workload;

pub use alone::{DamageError, Hurt as Alone, let_go};
pub use around::{Around, Build, Loss, Server};
pub use class::{Budget, Class, Fare, Latency, Second, TARGET, UP_SHARE};
pub use converge::Convergence;
pub use demands::{Demand, demand};
pub use deployment::{
    DeployedError, Deployment, DeploymentError, Hurt, Kind, Member, MemberError, RefusedError,
    Traffic, run_deployed,
};
pub use detect::Detection;
pub use drill::{DrillError, DrillKind, DrillReport, DrillSpec, NodeTimes, Spread, Users, drill};
pub use error::SiteError;
pub use fault::{Fault, Link, Scenario, Way};
pub use findings::{Findings, Together, WithoutQuorum};
pub use format::{Check, FORMAT, NotRun, ReadError, Report, Struck, SuiteReport, Verdict};
pub use means::{By, Means};
pub use measure::{Availability, Moves, Quantiles, Sample, Window};
pub use plan::{Plan, Step, plan};
pub use report::KeepError;
pub use run::{RunError, run};
pub use servers::Servers;
pub use share::{Shares, share};
pub use site::{Site, SiteSpec};
pub use stand::{Stand, Standing};
pub use steady::Unsteady;
pub use topology::Topology;
pub use versions::{Version, Versions};
pub use workload::{Connect, Outcome, Workload, WorkloadError, WorkloadSpec, encoding};
