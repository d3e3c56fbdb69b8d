//! Records on a disk: read back with a clear word on what is none, and drawn as pages.

use clap::Args;
use serde::Deserialize;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

use super::page;
use super::record::{FORMAT, Record};
use crate::report::Outcome;

/// Largest file that is read, in bytes; the record of a day has a fifth of it.
const LARGEST: u64 = 1 << 30;

/// Options of `page`.
#[derive(Args, Clone, Debug)]
pub struct PageArgs {
    /// Record of a run.
    pub record: PathBuf,
    /// Where its page goes (default: beside the record, ending in .html).
    #[arg(long)]
    pub page: Option<PathBuf>,
}

/// Why a file is no record.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is longer than any record.
    #[error("{} has {bytes} bytes, more than the {LARGEST} of any record", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It holds something else.
    #[error("{} is no record of a run: {source}", path.display())]
    NoRecord {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It was written in a format that this program does not know.
    #[error("{} has format {found}, and this program reads format {FORMAT}", path.display())]
    Format {
        /// Which file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

/// A page could not be written.
#[derive(Debug, Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// Where to.
    path: PathBuf,
    /// Why not.
    source: io::Error,
}

/// Why no page was drawn.
#[derive(Debug, Error)]
pub enum DrawError {
    /// The file is no record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The page could not be written.
    #[error(transparent)]
    Page(#[from] WriteError),
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Output(io::Error),
}

/// Reads the record of a run.
pub fn read(path: &Path) -> Result<Record, RecordError> {
    let unread = |source| RecordError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = fs::metadata(path).map_err(unread)?.len();
    if bytes > LARGEST {
        let path = path.to_owned();
        return Err(RecordError::TooLong { path, bytes });
    }
    parse(&fs::read(path).map_err(unread)?, path)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Record, RecordError> {
    // Its format first: of a newer one the rest need not be readable.
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let none = |source| RecordError::NoRecord {
        path: path.to_owned(),
        source,
    };
    let head: Head = serde_json::from_slice(bytes).map_err(none)?;
    if head.format != FORMAT {
        return Err(RecordError::Format {
            path: path.to_owned(),
            found: head.format,
        });
    }
    serde_json::from_slice(bytes).map_err(none)
}

/// Writes a page, and the folder around it where there is none.
pub fn write_page(path: &Path, html: &str) -> Result<(), WriteError> {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(path, html))
        .map_err(|source| WriteError {
            path: path.to_owned(),
            source,
        })
}

/// `loadtest page`: draws the page of a record and says where it is.
pub fn draw(args: &PageArgs) -> Result<Outcome, DrawError> {
    let record = read(&args.record)?;
    let path = args
        .page
        .clone()
        .unwrap_or_else(|| args.record.with_extension("html"));
    write_page(&path, &page::html(&record))?;
    writeln!(io::stdout(), "page: {}", path.display()).map_err(DrawError::Output)?;
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::example;

    #[test]
    fn a_record_is_read_as_it_was_written_and_drawn_beside_itself() {
        let record = example::record(20);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        assert_eq!(read(&path).unwrap(), record);
        let beside = PageArgs {
            record: path.clone(),
            page: None,
        };
        assert_eq!(draw(&beside).unwrap(), Outcome::Passed);
        let drawn = fs::read_to_string(folder.path().join("a.html")).unwrap();
        assert_eq!(drawn, page::html(&record));
        let elsewhere = PageArgs {
            record: path,
            page: Some(folder.path().join("new/folder/b.html")),
        };
        draw(&elsewhere).unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("new/folder/b.html")).unwrap(),
            drawn
        );
    }

    #[test]
    fn a_page_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_page(folder.path(), "").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot write {}: ", folder.path().display())),
            "{error}"
        );
    }

    #[test]
    fn what_is_no_record_is_named_with_its_file_and_reason() {
        let path = Path::new("some/report.json");
        let error = |text: &str| parse(text.as_bytes(), path).unwrap_err();
        let said = error("{\"verdict\":\"passed\"}");
        assert!(matches!(said, RecordError::NoRecord { .. }), "{said}");
        assert!(
            said.to_string()
                .starts_with("some/report.json is no record of a run: missing field `format`"),
            "{said}"
        );
        assert!(matches!(error("[1"), RecordError::NoRecord { .. }));
        let said = error("{\"format\":1,\"name\":\"x\"}");
        assert!(said.to_string().contains("missing field"), "{said}");
        let said = error(&format!("{{\"format\":{},\"anything\":{{}}}}", FORMAT + 1));
        assert!(
            matches!(said, RecordError::Format { found, .. } if found == FORMAT + 1),
            "{said}"
        );
        let gone = read(Path::new("there/is/nothing.json")).unwrap_err();
        assert!(matches!(gone, RecordError::Read { .. }), "{gone}");
    }
}
