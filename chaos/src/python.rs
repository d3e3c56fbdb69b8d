//! Python clients: packages installed once into a virtual environment.

use std::path::{Path, PathBuf};
use std::process::Command;

pub use crate::provision::ProvisionError;
use crate::provision::{once, run};

const REMEDY: &str = "install Python 3.10 or later with venv (Debian: python3-venv), and let pip reach its package index";

/// A virtual environment with the packages of a `requirements.txt`.
#[derive(Clone, Debug)]
pub struct PythonClients {
    sources: PathBuf,
    folder: PathBuf,
}

impl PythonClients {
    /// Installs `sources/requirements.txt` below `build`, unless that is done already. The scripts stay in `sources`.
    pub fn provide(sources: &Path, build: &Path) -> Result<Self, ProvisionError> {
        let requirements = sources.join("requirements.txt");
        let folder = once(build, "python-clients", &[&requirements], |folder| {
            run(
                "python3",
                Command::new("python3").args(["-m", "venv"]).arg(folder),
                REMEDY,
            )?;
            run(
                "pip",
                Command::new(folder.join("bin/pip"))
                    .args([
                        "install",
                        "--quiet",
                        "--disable-pip-version-check",
                        "--requirement",
                    ])
                    .arg(&requirements),
                REMEDY,
            )
        })?;
        Ok(Self {
            sources: sources.to_owned(),
            folder,
        })
    }

    /// The command that runs one of the scripts; nothing is written beside it.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin/python"));
        command.arg("-B").arg(self.sources.join(name));
        command
    }
}
