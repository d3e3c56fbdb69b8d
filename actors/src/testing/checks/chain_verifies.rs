//! The hash chain holds: every row fits its own digest and names the digest of the row before it.

use crate::journal::{Digest, Head, Row};
use crate::testing::oracle::History;

/// Seals every row anew and compares.
pub fn check(history: &History) -> Result<(), String> {
    for (room, stored) in &history.rooms {
        let mut head = Head::default();
        for row in &stored.rows {
            let sealed = Row::seal(head, row.mark, row.records.clone());
            if row.previous != head.digest || row.digest != sealed.digest {
                return Err(format!(
                    "{room}: the row at {} follows another history",
                    row.first
                ));
            }
            let bodies = row
                .records
                .iter()
                .filter_map(|r| Some((r, r.body.as_ref()?)));
            for (record, body) in bodies {
                if Digest::of(body) != record.body_digest {
                    return Err(format!(
                        "{room}: a body in the row at {} is another",
                        row.first
                    ));
                }
            }
            head = row.head();
        }
    }
    Ok(())
}
