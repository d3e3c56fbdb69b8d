//! Tests of the repository as a whole: its layers, and that its documents tell the truth.

mod deploy;
mod docs;
mod tables;
mod tidy;

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files below the given folders whose name ends so, relative to the root, in a fixed order.
pub(crate) fn files(folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|f| root().join(f)).collect();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let skipped = ["target", "node_modules", ".git", "data", "__pycache__"];
            if path
                .file_name()
                .is_some_and(|n| skipped.iter().any(|s| n == *s))
            {
                continue;
            }
            let entries = fs::read_dir(&path).expect("a readable folder");
            waiting.extend(entries.map(|e| e.expect("a readable entry").path()));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(
                path.strip_prefix(root())
                    .expect("below the root")
                    .to_owned(),
            );
        }
    }
    found.sort();
    found
}
