//! Which builds of the hub a run had.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::error::SiteError;

/// Hexadecimal digits of a digest that are shown.
const SHOWN: usize = 16;

/// One build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// What the program says with `--version`.
    pub version: String,
    /// The beginning of the file's BLAKE3 digest: two builds of one version differ in it.
    pub digest: String,
    /// The file.
    pub program: PathBuf,
}

/// The builds of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// What ran from the start.
    pub old: Version,
    /// What it was upgraded to.
    pub next: Version,
}

impl Version {
    /// Asks a program, and reads it.
    pub fn of(program: &Path) -> Result<Self, SiteError> {
        let failed = |reason: String| SiteError::Version {
            program: program.to_owned(),
            reason,
        };
        let mut digest = blake3::Hasher::new();
        let file = File::open(program).map_err(|error| failed(error.to_string()))?;
        digest
            .update_reader(file)
            .map_err(|error| failed(error.to_string()))?;
        let output = Command::new(program)
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(output.status.to_string()));
        }
        Ok(Self {
            version: String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            digest: digest.finalize().to_hex()[..SHOWN].to_owned(),
            program: program.to_owned(),
        })
    }
}

impl Versions {
    /// Of two programs, which may be the same.
    pub fn of(old: &Path, next: &Path) -> Result<Self, SiteError> {
        Ok(Self {
            old: Version::of(old)?,
            next: Version::of(next)?,
        })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.version, self.digest)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn two_builds_of_one_version_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let old = program(folder.path(), "old", "#!/bin/sh\necho hub 1.2.3\n");
        let next = program(
            folder.path(),
            "next",
            "#!/bin/sh\n# later\necho hub 1.2.3\n",
        );
        let both = Versions::of(&old, &next).unwrap();
        assert_eq!(both.old.version, "hub 1.2.3");
        assert_eq!(both.old.version, both.next.version);
        assert_ne!(both.old.digest, both.next.digest);
        assert_eq!(Version::of(&old).unwrap(), both.old);
    }

    #[test]
    fn a_program_that_fails_or_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let failing = program(folder.path(), "failing", "#!/bin/sh\nexit 3\n");
        for path in [failing, folder.path().join("missing")] {
            let error = Version::of(&path).unwrap_err().to_string();
            assert!(error.contains(&path.display().to_string()), "{error}");
        }
    }
}
