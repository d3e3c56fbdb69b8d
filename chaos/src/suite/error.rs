//! Why a site could not be set up, or not be hurt as planned.

use std::io;

use thiserror::Error;

use super::alone::DamageError;
use super::deployment::MemberError;
use super::topology::Topology;
use crate::cql::CqlError;
use crate::hub::{HubError, NAME};
use crate::nats::NatsError;
use crate::net::NetError;
use crate::ports::PortError;
use crate::process::{ProcessError, StartError};
use crate::provision::ProvisionError;

/// Why a site could not be set up, or a fault not be carried out.
#[derive(Debug, Error)]
pub enum SiteError {
    /// A hub did not start, or the schema was not made.
    #[error(transparent)]
    Start(#[from] HubError),
    /// A process did not start again.
    #[error(transparent)]
    Restart(#[from] StartError),
    /// There is no NATS server.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// There is no CQL server.
    #[error(transparent)]
    Cql(#[from] CqlError),
    /// There is no port for a proxy.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A process could not be signalled, or did not end.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A drained hub said that it failed.
    #[error("hub {hub} was drained and ended with {status}\n{logs}")]
    Drain {
        /// Which hub, from 0.
        hub: usize,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The ends of its logs.
        logs: String,
    },
    /// The servers given are not those of the topology, or a fault hurts what the topology has not.
    #[error("{topology:?} has no {missing}")]
    Topology {
        /// What was asked for.
        topology: Topology,
        /// What is not there.
        missing: &'static str,
    },
    /// There are no namespaces, or they could not be hurt.
    #[error(transparent)]
    Net(#[from] NetError),
    /// A member of a deployment must not be hurt, or could not be.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// A fault had not the effect that makes it one.
    #[error("{fault} had no effect: {seen}")]
    Unaffected {
        /// What was done.
        fault: &'static str,
        /// What was seen instead.
        seen: String,
    },
    /// There is nothing to upgrade to.
    #[error("no program was named to upgrade to")]
    NoNext,
    /// A program does not tell its version.
    #[error("{program} does not tell its version: {reason}")]
    Version {
        /// The program.
        program: std::path::PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A program or a library that a fault is made with cannot be had.
    #[error(transparent)]
    Tool(#[from] ProvisionError),
    /// The machine does not let us make this fault.
    #[error("{what}: {remedy} ({said})")]
    Needs {
        /// What the fault does.
        what: &'static str,
        /// What it takes.
        remedy: &'static str,
        /// What the system said.
        said: String,
    },
    /// A fault was to be carried out on hubs of somebody else.
    #[error("{fault:?} takes hubs of the suite's own: {missing}")]
    Foreign {
        /// The fault.
        fault: super::alone::Hurt,
        /// What is not there.
        missing: &'static str,
    },
    /// A fault was to be carried out on a site that was not made for it.
    #[error("the site was started without {0}")]
    Kit(&'static str),
    /// A hub refused what an experiment needs before its fault.
    #[error("{what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it said.
        reason: String,
    },
    /// No stored row could be damaged.
    #[error(transparent)]
    Damage(#[from] DamageError),
    /// Files or sockets.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl SiteError {
    /// Whether it is a hub that failed, which is what an experiment is to find: it did not start again, did not end when it
    /// was asked to, or said that it failed. All else keeps an experiment from being carried out.
    pub(super) fn is_of_hub(&self) -> bool {
        match self {
            Self::Drain { .. } => true,
            Self::Restart(StartError::Ended { name, .. } | StartError::Silent { name, .. })
            | Self::Process(ProcessError::Lingers { name, .. }) => *name == NAME,
            _ => false,
        }
    }
}
