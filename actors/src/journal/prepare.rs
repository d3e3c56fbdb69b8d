//! What every provider checks of an append before it stores anything.

use super::{Append, AppendError, Capabilities};
use crate::ids::Sequence;

impl Append {
    /// Verifies the row and the limits, and applies the erasures that concern the row itself, so that
    /// only those of older rows are left in `side`.
    pub fn prepare(mut self, capabilities: &Capabilities) -> Result<Self, AppendError> {
        self.row.verify(self.after).map_err(invalid)?;
        let size = self.row.encoded_len();
        if size > capabilities.max_row_bytes {
            let most = capabilities.max_row_bytes;
            return Err(invalid(format!("a row of {size} bytes, most is {most}")));
        }
        let (first, last) = (self.row.first, self.row.last());
        if let Some(bucket) = capabilities.bucket
            && (first.0 - 1) / bucket != (last.0 - 1) / bucket
        {
            return Err(invalid(format!("{first}..={last} crosses a bucket")));
        }
        let ahead = |s: &Sequence| *s > last;
        let applied = self.side.overlays.iter().map(|o| o.sequence.max(o.applied));
        let erased = self.side.erasures.iter().copied();
        if let Some(sequence) = applied.chain(erased).find(ahead) {
            return Err(invalid(format!(
                "a side write concerns {sequence}, after the row"
            )));
        }
        self.side.erasures.retain(|sequence| {
            self.row.erase(*sequence);
            *sequence < first
        });
        Ok(self)
    }
}

fn invalid(reason: impl ToString) -> AppendError {
    AppendError::Invalid(reason.to_string())
}
