//! How long this machine takes to make 4 KB durable: the part of an acknowledgement that no hub can avoid.

use hdrhistogram::Histogram;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::clock::Clock;
use crate::figures::Quantiles;

const ROUNDS: usize = 300;

/// Appends 4 KB and calls `fdatasync`, some hundred times, to a file in `directory` (which is removed again).
pub fn measure(directory: &Path, clock: Clock) -> io::Result<Quantiles> {
    let path = directory.join("fsync-probe");
    let mut file = File::create(&path)?;
    let mut histogram = Histogram::<u64>::new(3).map_err(io::Error::other)?;
    for _ in 0..ROUNDS {
        let started_ns = clock.now_ns();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        histogram.saturating_record((clock.now_ns() - started_ns) / 1000);
    }
    std::fs::remove_file(path)?;
    Ok(Quantiles::of(&histogram))
}
