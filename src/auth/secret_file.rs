//! The secret that signs tokens: the configured one, or in development a random one in the data directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRngCore;
use rand::rngs::OsRng;
use thiserror::Error;

use crate::config::{Config, Secret};

/// Name of the file in the data directory.
const FILE: &str = "jwt-secret";
const OWNER_ONLY: u32 = 0o600;

/// Why there is no secret.
#[derive(Debug, Error)]
#[error("the signing secret {path} cannot be {doing}: {source}")]
pub struct SecretFileError {
    /// The file.
    path: PathBuf,
    /// What was tried.
    doing: &'static str,
    /// What happened.
    source: io::Error,
}

/// The configured secret; without one (which only development allows) the one kept in the data
/// directory, made at the first call.
pub fn signing_secret(config: &Config) -> Result<Secret, SecretFileError> {
    if let Some(secret) = &config.jwt_secret {
        return Ok(secret.clone());
    }
    let path = config.data_dir.join(FILE);
    let failed = |doing| {
        let path = path.clone();
        move |source| SecretFileError {
            path,
            doing,
            source,
        }
    };
    if !path.exists() {
        create(&config.data_dir, &path).map_err(failed("created"))?;
        tracing::info!(path = %path.display(), "made a random secret for tokens of this development hub");
    }
    let text = fs::read_to_string(&path).map_err(failed("read"))?;
    protect(&path).map_err(failed("protected"))?;
    let text = text.trim();
    if text.len() < 32 {
        let short =
            io::Error::other("it has fewer than 32 bytes; remove it to have a new one made");
        return Err(failed("used")(short));
    }
    Ok(Secret::new(text))
}

/// Another process may do the same at the same moment: whoever links first wins, and both read that.
fn create(dir: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut key = [0; 32];
    OsRng.try_fill_bytes(&mut key).map_err(io::Error::other)?;
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();

    let temporary = dir.join(format!("{FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(&temporary)?;
    writeln!(file, "{hex}")?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Takes away what others may do with the file.
fn protect(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{mode:o}"), "the signing secret was open to others; closed it");
        fs::set_permissions(path, fs::Permissions::from_mode(OWNER_ONLY))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &Path) -> Config {
        Config {
            data_dir: dir.join("data"),
            ..Config::default()
        }
    }

    #[test]
    fn a_random_secret_is_made_once_for_the_owner_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        let first = signing_secret(&config).expect("made");
        assert_eq!(first.reveal().len(), 64);
        assert_eq!(signing_secret(&config).expect("kept"), first);

        let path = config.data_dir.join(FILE);
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("opened");
        signing_secret(&config).expect("still read");
        assert_eq!(mode(), 0o600, "closed again");
        let names = fs::read_dir(&config.data_dir).expect("listed");
        assert_eq!(names.count(), 1, "nothing is left over");

        let other = tempfile::tempdir().expect("a folder");
        let other = signing_secret(&self::config(other.path())).expect("made");
        assert_ne!(other, first);
    }

    #[test]
    fn the_configured_secret_wins_and_leaves_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let configured = Config {
            jwt_secret: Some(Secret::new("x".repeat(32))),
            ..config(folder.path())
        };
        let secret = signing_secret(&configured).expect("configured");
        assert_eq!(secret.reveal(), "x".repeat(32));
        assert!(!configured.data_dir.exists());
    }

    #[test]
    fn a_damaged_secret_is_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = config(folder.path());
        fs::create_dir_all(&config.data_dir).expect("made");
        fs::write(config.data_dir.join(FILE), "short\n").expect("written");
        let error = signing_secret(&config).expect_err("refused").to_string();
        assert!(
            error.contains("jwt-secret") && error.contains("32 bytes"),
            "{error}"
        );
    }
}
