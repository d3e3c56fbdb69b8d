//! How much one read returns: page limits and the counting of a page, the same for every provider.

use super::Row;

/// Bounds of one page. At least one row is returned if there is one, whatever its size; a further row
/// that would exceed either bound is left for the next page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit {
    /// Most records.
    pub records: usize,
    /// Most bytes, of rows as encoded.
    pub bytes: usize,
}

/// Counts the rows of a page while a provider fills it.
#[derive(Debug)]
pub struct PageFill {
    limit: PageLimit,
    rows: usize,
    records: usize,
    bytes: usize,
}

impl PageFill {
    /// An empty page.
    pub fn new(limit: PageLimit) -> Self {
        Self {
            limit,
            rows: 0,
            records: 0,
            bytes: 0,
        }
    }

    /// Counts a row in, or says that the page is complete without it.
    pub fn admits(&mut self, row: &Row) -> bool {
        let records = self.records + row.records.len();
        let bytes = self.bytes + row.encoded_len();
        let fits = records <= self.limit.records && bytes <= self.limit.bytes;
        if self.rows > 0 && !fits {
            return false;
        }
        self.rows += 1;
        (self.records, self.bytes) = (records, bytes);
        true
    }

    /// Whether a further row, of at least one record, cannot fit: the provider need not read it.
    pub fn is_full(&self) -> bool {
        self.rows > 0 && (self.records >= self.limit.records || self.bytes >= self.limit.bytes)
    }
}
