//! The processes of a run and what can be done to them.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use thiserror::Error;
use tokio::time::sleep;

use super::plan::Fault;
use crate::client::Settings;
use crate::hub::{HubError, HubProcess, HubSpec, start_all};
use crate::process::{ProcessError, StartError};
use crate::proxy::{self, Proxy};
use crate::token::Claims;

/// Signs the tokens of all clients of a run.
const SECRET: &str = "a secret of the chaos suite, long enough for any rule";
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(40);

/// What runs.
#[derive(Clone, Debug)]
pub struct SiteSpec {
    /// The hub's program.
    pub hub: PathBuf,
    /// Holds a folder for each process.
    pub folder: PathBuf,
    /// Number of hubs.
    pub hubs: usize,
}

/// Why a site could not be set up, or a fault not be carried out.
#[derive(Debug, Error)]
pub enum SiteError {
    /// A hub did not start.
    #[error(transparent)]
    Start(#[from] HubError),
    /// A hub did not start again.
    #[error(transparent)]
    Restart(#[from] StartError),
    /// A hub could not be signalled, or did not end.
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
    /// Files or sockets.
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Running hubs, each behind a proxy that its clients go through. All end when it is dropped.
pub struct Site {
    hubs: Vec<HubProcess>,
    proxies: Vec<Proxy>,
}

impl Site {
    /// Starts everything.
    pub async fn start(spec: &SiteSpec) -> Result<Self, SiteError> {
        let specs = (0..spec.hubs).map(|number| {
            HubSpec::new(&spec.hub, spec.folder.join(format!("hub-{number}")))
                .variable("MUSSIKON_ENV", "production")
                .variable("MUSSIKON_JWT_SECRET", SECRET)
                .variable("MUSSIKON_ROOM__SENDS_PER_SECOND", "0")
        });
        let hubs = start_all(specs).await?;
        let mut proxies = Vec::new();
        for hub in &hubs {
            proxies.push(Proxy::start(hub.address()).await?);
        }
        Ok(Self { hubs, proxies })
    }

    /// How clients connect, spread over the hubs. An unsigned token is refused by the hub, which a run would show.
    pub fn connect(&self) -> super::workload::Connect {
        let urls: Vec<String> = self.proxies.iter().map(Proxy::url).collect();
        Box::new(move |user, number| {
            let url = format!("{}/hubs/chat", urls[number % urls.len()]);
            let token = Claims::user(user).role("user").sign(SECRET).ok();
            let mut settings = Settings::new(url, super::workload::encoding(number), token);
            // A dead link is noticed in a run's time.
            settings.silence = Duration::from_secs(5);
            settings
        })
    }

    /// The ends of all logs.
    pub fn logs(&self) -> String {
        let logs = self.hubs.iter().enumerate();
        let logs = logs.map(|(number, hub)| format!("hub {number}\n{}", hub.logs()));
        logs.collect::<Vec<_>>().join("\n")
    }

    /// Carries out a fault to its end.
    pub async fn carry_out(&mut self, fault: Fault) -> Result<(), SiteError> {
        match fault {
            Fault::KillHub { hub } => {
                self.hubs[hub].kill();
                self.hubs[hub].restart().await?;
            }
            Fault::PauseHub { hub, millis } => {
                self.hubs[hub].pause()?;
                sleep(Duration::from_millis(millis)).await;
                self.hubs[hub].resume()?;
            }
            Fault::DrainHub { hub } => {
                let process = &mut self.hubs[hub];
                let status = process.terminate(DRAIN).await?;
                if !status.success() {
                    let logs = process.logs();
                    return Err(SiteError::Drain { hub, status, logs });
                }
                process.restart().await?;
            }
            Fault::CutLinks { hub } => self.proxies[hub].cut(),
            Fault::HalfOpen { hub } => self.proxies[hub].half_open(),
            Fault::SlowLinks {
                hub,
                delay_millis,
                millis,
            } => {
                let slow = proxy::Fault {
                    delay: Duration::from_millis(delay_millis),
                    ..proxy::Fault::default()
                };
                self.proxies[hub].set(|faults| {
                    faults.upstream = slow;
                    faults.downstream = slow;
                });
                sleep(Duration::from_millis(millis)).await;
                self.proxies[hub].heal();
            }
            Fault::StaleData { hub } => {
                self.hubs[hub].kill();
                let folder = self.hubs[hub].folder();
                let (data, copy) = (folder.join("data"), folder.join("copy"));
                if copy.exists() {
                    fs::remove_dir_all(&data)?;
                    copy_folder(&copy, &data)?;
                } else {
                    copy_folder(&data, &copy)?;
                }
                self.hubs[hub].restart().await?;
            }
        }
        Ok(())
    }
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
