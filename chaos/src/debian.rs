//! Files of Debian packages, downloaded and unpacked below a build folder: nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::provision::{ProvisionError, at, once_of, run};

/// The folder with the unpacked files of a package, downloaded unless that is done already. `remedy` says what to do if it
/// cannot be had.
pub(crate) fn unpacked(
    build: &Path,
    package: &'static str,
    remedy: &'static str,
) -> Result<PathBuf, ProvisionError> {
    once_of(build, package, &[package], |folder| {
        let mut download = Command::new("apt-get");
        download.current_dir(folder).args(["download", package]);
        run("apt-get", &mut download, remedy)?;
        let files = fs::read_dir(folder).map_err(at(folder))?;
        let packages = files.filter_map(|file| Some(file.ok()?.path()));
        for package in packages.filter(|path| path.extension().is_some_and(|e| e == "deb")) {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(&package).arg(folder);
            run("dpkg-deb", &mut unpack, remedy)?;
        }
        Ok(())
    })
}

/// The first file of that name in a folder or below it.
pub(crate) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    paths.into_iter().find_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => path.file_name().is_some_and(|n| n == name).then_some(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("usr/lib");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("it.so"), "").unwrap();
        assert_eq!(find(folder.path(), "it.so"), Some(deep.join("it.so")));
        assert_eq!(find(folder.path(), "other.so"), None);
    }
}
