//! Looks at the engine's commit logs before the engine does, and decides what bytes it cannot read mean.
//!
//! Each group is synced before the next is written. So an unreadable batch with nothing behind it was the
//! last one and never acknowledged: a torn tail, which is cut. If a whole batch stands behind it, what is
//! unreadable was once acknowledged: opening is refused, and nothing is changed, unless loss is accepted;
//! then the log is cut all the same and the bytes are kept beside it. The same holds where commits are
//! missing: between two logs, or between what tables hold and the oldest log.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::disk::sync_directory;
use super::log::{Batch, Log};
use super::options::OpenError;

/// What the logs hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Inspected {
    /// Counter of the newest commit in tables, if it is known.
    tables: Option<u64>,
    /// Counter of the newest commit in a log; nothing if all is in tables.
    pub(super) newest: Option<u64>,
    /// The engine's number of that commit.
    seqno: u64,
    /// Where the readable part ends before the logs do.
    cut: Option<Cut>,
}

#[derive(Debug, PartialEq, Eq)]
struct Cut {
    file: PathBuf,
    offset: u64,
    reason: &'static str,
    /// Logs after the damaged one that hold batches.
    later: Vec<PathBuf>,
    /// Whether whole batches stand behind.
    lossy: bool,
}

/// Reads all logs of the engine's directory. They must go on from the newest commit in `tables`; where
/// that is not known, any beginning passes.
pub(super) fn inspect(engine: &Path, tables: Option<u64>) -> Result<Inspected, OpenError> {
    let mut found = Inspected {
        tables,
        ..Inspected::default()
    };
    for path in logs(engine)? {
        inspect_log(&path, &mut found).map_err(OpenError::io(&path))?;
    }
    Ok(found)
}

fn inspect_log(path: &Path, found: &mut Inspected) -> std::io::Result<()> {
    let mut log = Log::open(path)?;
    let mut offset = 0;
    let reason = loop {
        if offset == log.len() {
            return Ok(());
        }
        let batch = match log.batch(offset)? {
            Ok(batch) => batch,
            Err(_) if !log.written_after(offset)? => return Ok(()),
            Err(reason) => break reason,
        };
        if found.cut.is_some() {
            break "it comes after a damaged one";
        }
        match found.follow(&batch) {
            Ok(()) => offset = batch.end,
            Err(reason) => break reason,
        }
    };
    let lossy = log.batch_after(offset)?.is_some();
    match &mut found.cut {
        Some(cut) if lossy => {
            cut.lossy = true;
            cut.later.push(path.to_owned());
        }
        Some(_) => {}
        None => {
            found.cut = Some(Cut {
                file: path.to_owned(),
                offset,
                reason,
                later: Vec::new(),
                lossy,
            });
        }
    }
    Ok(())
}

impl Inspected {
    /// Takes the next batch in, if it is the one that followed.
    fn follow(&mut self, batch: &Batch) -> Result<(), &'static str> {
        let mark = batch.mark.ok_or("a batch is not ours")?;
        let goes_on = match (self.newest, self.tables) {
            (Some(newest), _) => mark.commit == newest + 1,
            // The engine removes a log when all of it is in tables.
            (None, Some(tables)) => mark.commit <= tables + 1,
            (None, None) => true,
        };
        if !goes_on {
            return Err("commits before it are missing");
        }
        // The number of the batch before it must lie below its floor, its own must not.
        if batch.seqno < mark.floor || (self.newest.is_some() && self.seqno >= mark.floor) {
            return Err("the number of a batch is damaged");
        }
        (self.newest, self.seqno) = (Some(mark.commit), batch.seqno);
        Ok(())
    }

    /// Refuses damage, unless loss is accepted. Changes nothing.
    pub(super) fn refuse_damage(&self, accept_loss: bool) -> Result<(), OpenError> {
        match &self.cut {
            Some(cut) if cut.lossy && !accept_loss => Err(OpenError::Damaged {
                file: cut.file.clone(),
                offset: cut.offset,
                reason: cut.reason.into(),
            }),
            _ => Ok(()),
        }
    }

    /// Makes the logs readable to their end: cuts a torn tail, sets damage aside.
    pub(super) fn heal(self) -> Result<(), OpenError> {
        let Some(cut) = self.cut else {
            return Ok(());
        };
        let (log, offset, reason) = (cut.file.display(), cut.offset, cut.reason);
        if cut.lossy {
            tracing::warn!(%log, offset, reason, "damaged commits set aside: loss was accepted");
        } else {
            tracing::info!(%log, offset, reason, "torn tail of a commit log cut");
        }
        cut.apply().map_err(OpenError::io(&cut.file))
    }
}

impl Cut {
    fn apply(&self) -> std::io::Result<()> {
        if self.lossy {
            let kept = aside(&self.file);
            std::fs::copy(&self.file, &kept)?;
            File::open(kept)?.sync_all()?;
        }
        for path in &self.later {
            std::fs::rename(path, aside(path))?;
        }
        // What is kept must be on the disk before it is cut.
        self.file.parent().map_or(Ok(()), sync_directory)?;
        let file = OpenOptions::new().write(true).open(&self.file)?;
        file.set_len(self.offset)?;
        file.sync_all()
    }
}

/// Where unreadable bytes are kept, beside what was kept earlier; the engine looks at `.jnl` files only.
fn aside(path: &Path) -> PathBuf {
    let mut aside = path.with_extension("jnl.damaged");
    let mut number = 2;
    while aside.exists() {
        aside = path.with_extension(format!("jnl.damaged-{number}"));
        number += 1;
    }
    aside
}

/// The engine's logs, oldest first.
fn logs(engine: &Path) -> Result<Vec<PathBuf>, OpenError> {
    let entries = match std::fs::read_dir(engine) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(OpenError::io(engine)(e)),
    };
    let mut logs = Vec::new();
    for entry in entries {
        let path = entry.map_err(OpenError::io(engine))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok());
        if let Some(number) = number {
            logs.push((number, path));
        }
    }
    logs.sort();
    Ok(logs.into_iter().map(|(_, path)| path).collect())
}
