//! Makes names durable: whatever is in a file, it is there after a power cut only if the directory that
//! names it was synced, and so on upwards.

use std::fs::File;
use std::io::{ErrorKind, Result, Write};
use std::path::Path;

/// Makes the names in a directory durable.
pub(super) fn sync_directory(directory: &Path) -> Result<()> {
    File::open(directory)?.sync_all()
}

/// The same for all directories above one, on the same disk: whoever made them may have ended before it
/// came to that.
pub(super) fn sync_above(directory: &Path) -> Result<()> {
    let directory = directory.canonicalize()?;
    let disk = disk(&directory)?;
    for above in directory.ancestors().skip(1) {
        if self::disk(above)? != disk {
            break;
        }
        match sync_directory(above) {
            // Not ours, and so there before us, with all above it.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => break,
            synced => synced?,
        }
    }
    Ok(())
}

/// The same for a directory and all directories below it.
pub(super) fn sync_below(directory: &Path) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_below(&entry.path())?;
        }
    }
    sync_directory(directory)
}

/// Replaces a file, durably and whole or not at all.
pub(super) fn replace(path: &Path, text: &str) -> Result<()> {
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), sync_directory)
}

#[cfg(unix)]
fn disk(directory: &Path) -> Result<u64> {
    Ok(std::os::unix::fs::MetadataExt::dev(&directory.metadata()?))
}

#[cfg(not(unix))]
fn disk(_: &Path) -> Result<u64> {
    Ok(0)
}
