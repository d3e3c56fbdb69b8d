//! Folders that are filled once per build folder and shared by tests that run side by side.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use thiserror::Error;

/// The last part of a failed command's output that an error shows.
const OUTPUT_TAIL_BYTES: usize = 4096;

/// Why client packages or servers could not be provided.
#[derive(Debug, Error)]
pub enum ProvisionError {
    /// A program that the machine must have is not there.
    #[error("`{program}` was not found on PATH; {remedy}")]
    Missing {
        /// The program.
        program: &'static str,
        /// What to install.
        remedy: &'static str,
    },
    /// A variable names a program that cannot be run.
    #[error("{variable} names {path}, which is no program")]
    NotAProgram {
        /// The variable.
        variable: &'static str,
        /// What it names.
        path: PathBuf,
    },
    /// A command ran and failed.
    #[error("`{command}` failed with {status}; {remedy}\n{output}")]
    Failed {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it needs to work.
        remedy: &'static str,
        /// The end of what it printed.
        output: String,
    },
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Gives `error` the path it is about.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> ProvisionError {
    move |source| ProvisionError::File {
        path: path.to_owned(),
        source,
    }
}

/// A folder below `build` named after `name` and the content of the files `inputs`, filled by `fill` unless that is done
/// already.
pub(crate) fn once(
    build: &Path,
    name: &str,
    inputs: &[&Path],
    fill: impl FnOnce(&Path) -> Result<(), ProvisionError>,
) -> Result<PathBuf, ProvisionError> {
    let read = |input: &&Path| fs::read(input).map_err(at(input));
    let inputs: Vec<Vec<u8>> = inputs.iter().map(read).collect::<Result<_, _>>()?;
    once_of(build, name, &inputs, fill)
}

/// A folder below `build` named after `name` and the bytes of `inputs`, filled by `fill` unless that is done already.
///
/// One caller at a time fills it, across processes; a fill that was interrupted is begun again from nothing.
pub(crate) fn once_of<E: From<ProvisionError>>(
    build: &Path,
    name: &str,
    inputs: &[impl AsRef<[u8]>],
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let mut digest = blake3::Hasher::new();
    for input in inputs.iter().map(AsRef::as_ref) {
        digest.update(&(input.len() as u64).to_le_bytes());
        digest.update(input);
    }
    let tag = &digest.finalize().to_hex()[..16];
    let folder = build.join(format!("{name}-{tag}"));
    let complete = folder.join(".complete");

    fs::create_dir_all(build).map_err(at(build))?;
    let lock_path = build.join(format!("{name}-{tag}.lock"));
    let lock = File::create(&lock_path).map_err(at(&lock_path))?;
    lock.lock().map_err(at(&lock_path))?;
    if !complete.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(at(&folder))?;
        }
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        fill(&folder)?;
        File::create(&complete).map_err(at(&complete))?;
    }
    Ok(folder)
}

/// Copies the files of `from` that end in `.suffix` into `to`, each in one step, so that a script which another test
/// runs at this moment is never seen half written.
pub(crate) fn copy_scripts(from: &Path, to: &Path, suffix: &str) -> Result<(), ProvisionError> {
    for entry in fs::read_dir(from).map_err(at(from))? {
        let path = entry.map_err(at(from))?.path();
        let Some(name) = path
            .file_name()
            .filter(|_| path.extension().is_some_and(|e| e == suffix))
        else {
            continue;
        };
        let content = fs::read(&path).map_err(at(&path))?;
        let target = to.join(name);
        if fs::read(&target).is_ok_and(|present| present == content) {
            continue;
        }
        // Threads of this process copy at the same time, too.
        let own = uuid::Uuid::new_v4().simple();
        let partial = to.join(format!(".{}.{own}", name.to_string_lossy()));
        fs::write(&partial, content).map_err(at(&partial))?;
        fs::rename(&partial, &target).map_err(at(&target))?;
    }
    Ok(())
}

/// Where a program of that name is on PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| is_program(candidate))
}

/// Whether it is a file that may be run.
pub(crate) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Runs `program`, which must succeed.
pub(crate) fn run(
    program: &'static str,
    command: &mut Command,
    remedy: &'static str,
) -> Result<(), ProvisionError> {
    let output = match command.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(ProvisionError::Missing { program, remedy });
        }
        other => other.map_err(at(Path::new(program)))?,
    };
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    let tail = &text[text.len().saturating_sub(OUTPUT_TAIL_BYTES)..];
    Err(ProvisionError::Failed {
        command: format!("{command:?}"),
        status: output.status,
        remedy,
        output: String::from_utf8_lossy(tail).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_folder_is_filled_once_for_all_that_ask_and_again_for_other_inputs() {
        let build = tempfile::tempdir().unwrap();
        let input = build.path().join("input");
        fs::write(&input, "one").unwrap();
        let fills = AtomicUsize::new(0);
        let fill = |folder: &Path| {
            fills.fetch_add(1, Ordering::SeqCst);
            fs::write(folder.join("file"), "content").map_err(at(folder))
        };
        let ask = || once(build.path(), "thing", &[&input], fill).unwrap();
        let folders: Vec<PathBuf> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            asking
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(fills.load(Ordering::SeqCst), 1);
        assert!(
            folders
                .iter()
                .all(|folder| *folder == folders[0] && folder.join("file").exists())
        );

        fs::write(&input, "two").unwrap();
        assert_ne!(ask(), folders[0]);
        assert_eq!(fills.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failed_fill_is_begun_again_from_nothing() {
        let build = tempfile::tempdir().unwrap();
        let failed = once(build.path(), "thing", &[], |folder| {
            fs::write(folder.join("half"), "").map_err(at(folder))?;
            run("false", &mut Command::new("false"), "it never works")
        });
        assert!(matches!(failed, Err(ProvisionError::Failed { .. })));
        let folder = once(build.path(), "thing", &[], |_| Ok(())).unwrap();
        assert!(!folder.join("half").exists());
    }

    #[test]
    fn a_missing_program_is_an_error_that_says_what_to_install() {
        let missing = run(
            "no-such-program",
            &mut Command::new("no-such-program"),
            "install the no-such package",
        );
        let text = missing.unwrap_err().to_string();
        assert!(
            text.contains("no-such-program") && text.contains("install the no-such package"),
            "{text}"
        );
    }
}
