//! The store that the configuration asks for, behind the ports of the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::journal::fjall::{FjallJournal, OpenError};
use actors::journal::scylla::{ScyllaAccess, ScyllaError, ScyllaJournal};
use actors::journal::{Journal, Wakeups};
use thiserror::Error;

use crate::config::{Config, StoreKind};

/// Folder of the journal in the data directory.
const FOLDER: &str = "journal";

/// Why there is no store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A command that only looks found nothing to look at.
    #[error("there is no journal in {0}; name the right directory with --data-dir")]
    Nothing(PathBuf),
    /// Another process uses it.
    #[error("the journal {0} is in use: a running hub holds its lock; stop it first")]
    InUse(PathBuf),
    /// It refuses to be opened, and says why.
    #[error("the journal cannot be opened: {0}")]
    Open(OpenError),
    /// The cluster cannot be used.
    #[error("the cluster store cannot be used: {0}")]
    Cluster(#[from] ScyllaError),
}

/// An open store.
pub struct Store {
    /// Journals, overlays, tables.
    pub journal: Arc<dyn Journal>,
    /// Durable alarms.
    pub wakeups: Arc<dyn Wakeups>,
    embedded: Option<Arc<FjallJournal>>,
}

impl Store {
    /// Writes what waits and frees the directory.
    pub async fn close(&self) {
        // What a cluster has acknowledged is safe there.
        if let Some(embedded) = &self.embedded {
            embedded.close().await;
        }
    }
}

/// Opens the store; makes it if it is embedded and not there yet.
pub async fn open(config: &Config) -> Result<Store, StoreError> {
    if config.store == StoreKind::Scylla {
        return clustered(config).await;
    }
    embedded(&config.data_dir.join(FOLDER), config)
}

/// Opens a store that is there already.
pub async fn open_existing(config: &Config) -> Result<Store, StoreError> {
    if config.store == StoreKind::Scylla {
        return clustered(config).await;
    }
    let path = config.data_dir.join(FOLDER);
    if path.is_dir() {
        embedded(&path, config)
    } else {
        Err(StoreError::Nothing(config.data_dir.clone()))
    }
}

/// Where the cluster is, and what it asks for.
pub fn access(config: &Config) -> ScyllaAccess {
    let password = config.scylla_password.as_ref();
    ScyllaAccess {
        nodes: config.scylla_nodes.clone(),
        password: password.map_or_else(String::new, |secret| secret.reveal().to_owned()),
    }
}

async fn clustered(config: &Config) -> Result<Store, StoreError> {
    let opened = Box::pin(ScyllaJournal::open(&access(config), &config.scylla)).await?;
    let journal = Arc::new(opened);
    Ok(Store {
        journal: journal.clone(),
        wakeups: journal,
        embedded: None,
    })
}

fn embedded(path: &Path, config: &Config) -> Result<Store, StoreError> {
    let opened = FjallJournal::open(path, &config.journal).map_err(|error| match error {
        OpenError::Locked { path } => StoreError::InUse(path),
        other => StoreError::Open(other),
    })?;
    let embedded = Arc::new(opened);
    Ok(Store {
        journal: embedded.clone(),
        wakeups: embedded.clone(),
        embedded: Some(embedded),
    })
}
