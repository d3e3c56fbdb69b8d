//! What must be there before the hubs start, so that a fault can be done to them later: programs, libraries, a small disk.

use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::{clock, sync};
use crate::provision::ProvisionError;
use crate::suite::error::SiteError;
use crate::suite::fault::Scenario;
use crate::suite::site::SiteSpec;

/// The tools of one run. What was mounted is unmounted when this is dropped, which must be after the hubs have ended.
#[derive(Debug, Default)]
pub(crate) struct Kit {
    /// Variables of all hubs.
    pub variables: Vec<(String, String)>,
    /// The file that decides about the hubs' clocks.
    pub clock: Option<PathBuf>,
    /// The program that fails syncs.
    pub strace: Option<PathBuf>,
    /// The small disk of the only hub.
    pub disk: Option<Disk>,
}

impl Kit {
    /// Provides what the scenario needs, or says what is missing. Packages are unpacked beside the run's folder.
    pub(crate) async fn provide(scenario: Scenario, spec: &SiteSpec) -> Result<Self, SiteError> {
        let mut kit = Self::default();
        let build = spec.folder.parent().unwrap_or(&spec.folder);
        match scenario {
            Scenario::FullDisk => {
                let data = spec.folder.join("hub-0").join("data");
                kit.disk = Some(Disk::mount(&data)?);
            }
            Scenario::SyncError => kit.strace = Some(provided(build, sync::provide).await?),
            Scenario::ClockJump => {
                let library = provided(build, clock::provide).await?;
                let file = spec.folder.join("clock");
                kit.variables = clock::variables(&library, &file)?;
                kit.clock = Some(file);
            }
            _ => {}
        }
        Ok(kit)
    }
}

/// Obtaining a package takes a while and blocks.
async fn provided(
    build: &Path,
    provide: fn(&Path) -> Result<PathBuf, ProvisionError>,
) -> Result<PathBuf, SiteError> {
    let build = build.to_owned();
    let providing = tokio::task::spawn_blocking(move || provide(&build));
    let provided = providing.await.map_err(std::io::Error::other)?;
    Ok(provided?)
}
