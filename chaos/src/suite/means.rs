//! By what means the network between hubs and their servers is hurt.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Means {
    /// Namespaces where the machine and the user's rights allow it, proxies else.
    Auto,
    /// Each hub in a network namespace, its packets lost or held up by the kernel. Needs the rights of root.
    Namespaces,
    /// Proxies between hubs and servers, which see streams and no packets.
    #[default]
    Proxies,
}

impl Means {
    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum By {
    /// The kernel.
    Namespaces,
    /// Proxies.
    Proxies {
        /// Why not the kernel, if that was tried.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
}

impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Namespaces => write!(f, "network namespaces"),
            Self::Proxies { because: None } => write!(f, "proxies"),
            Self::Proxies {
                because: Some(because),
            } => write!(f, "proxies, because {because}"),
        }
    }
}
