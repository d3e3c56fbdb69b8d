//! The rows of a table around a place: cell after cell, the nearest first, page by page, until whoever looks has enough.

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use crate::journal::{Journal, ReadError, Table, TableRow};
use crate::machines::matching::MatchingLimits;

/// Whoever looks at rows.
pub(super) trait Look {
    /// Whether nothing in a cell that is at least so far away, or in one further away, is of interest any more.
    fn has_enough(&self, km: f64) -> bool;
    /// Looks at some rows of one cell.
    fn look_at(&mut self, rows: &[TableRow]);
}

/// The first rows of a cell, what their keys begin with, and how far away the cell is at least.
type Page = (f64, Vec<u8>, Vec<TableRow>);

/// Shows the rows of some cells, whose keys begin as `prefix` says, to somebody; false if there were more than `left`, from which
/// those that were shown are taken.
pub(super) async fn scan(
    journal: &dyn Journal,
    limits: &MatchingLimits,
    table: Table,
    cells: &[(f64, String)],
    prefix: impl Fn(&str) -> Vec<u8>,
    left: &mut usize,
    look: &mut impl Look,
) -> Result<bool, ReadError> {
    let rows = limits.page_rows.max(1);
    // Lazy, and of no lifetime: nothing is read before its turn, and whoever waits for all of it may be any task.
    let pages = cells.iter().map(|(km, cell)| {
        let (km, prefix) = (*km, prefix(cell));
        let page = journal.scan_rows(table, prefix.clone(), None, rows);
        page.map_ok(move |page| (km, prefix, page)).boxed()
    });
    let pages: Vec<BoxFuture<'static, Result<Page, ReadError>>> = pages.collect();
    let mut pages = stream::iter(pages).buffered(limits.parallel_cells.max(1));
    while let Some((km, prefix, mut page)) = pages.try_next().await? {
        if look.has_enough(km) {
            return Ok(true);
        }
        loop {
            let most = page.len().min(*left);
            look.look_at(&page[..most]);
            *left -= most;
            if most < page.len() {
                return Ok(false);
            }
            let last = page.last().filter(|_| page.len() >= rows);
            let Some(after) = last.map(|row| row.key.clone()) else {
                break;
            };
            let more = journal.scan_rows(table, prefix.clone(), Some(after), rows);
            page = more.await?;
        }
    }
    Ok(true)
}
