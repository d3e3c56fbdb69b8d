//! JavaScript clients: packages installed once from a lock file, scripts run beside them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use crate::provision::ProvisionError;
use crate::provision::{at, copy_scripts, once, run};

const REMEDY: &str = "install Node.js 18 or later with npm, and let npm reach its registry";

/// A folder with `node_modules` and the scripts that use them.
#[derive(Clone, Debug)]
pub struct NodeClients {
    folder: PathBuf,
}

impl NodeClients {
    /// Installs what `sources/package-lock.json` names below `build`, unless that is done already, and puts the `.mjs`
    /// files of `sources` beside it.
    pub fn provide(sources: &Path, build: &Path) -> Result<Self, ProvisionError> {
        let manifest = sources.join("package.json");
        let lock = sources.join("package-lock.json");
        let folder = once(build, "node-clients", &[&manifest, &lock], |folder| {
            for file in [&manifest, &lock] {
                let target = folder.join(file.file_name().unwrap_or_default());
                fs::copy(file, &target).map_err(at(file))?;
            }
            run(
                "npm",
                Command::new("npm")
                    .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                    .current_dir(folder),
                REMEDY,
            )
        })?;
        copy_scripts(sources, &folder, "mjs")?;
        run("node", Command::new("node").arg("--version"), REMEDY)?;
        Ok(Self { folder })
    }

    /// The command that runs one of the scripts.
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new("node");
        command
            .arg(self.folder.join(name))
            .current_dir(&self.folder);
        command
    }

    /// The folder with `node_modules`: a script put here can import the packages.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
