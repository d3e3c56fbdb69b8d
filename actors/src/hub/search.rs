//! The search for musicians over the store: reads the cells around a place, scores what it finds, chooses.

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, stream};

use crate::ids::UserId;
use crate::journal::{Journal, ReadError, Table, TableRow};
use crate::machines::matching::card::{index_prefix, name_of_key};
use crate::machines::matching::cells::{COARSE_KM, cells_by_distance};
use crate::machines::matching::found::Choice;
use crate::machines::matching::{Found, MatchingLimits, Wanted};
use crate::machines::terms::{Gig, Term};

/// At most `limit` musicians for a gig within so many kilometres, none of `except`; if there is none, why, and who comes
/// nearest.
pub async fn search(
    journal: &dyn Journal,
    limits: &MatchingLimits,
    gig: &Gig,
    radius_km: f64,
    except: &[UserId],
    limit: usize,
) -> Result<Found, ReadError> {
    look(
        journal,
        limits,
        &Wanted::from(gig),
        radius_km,
        except,
        limit,
    )
    .await
}

/// The same for as much of a gig as is known.
pub async fn look(
    journal: &dyn Journal,
    limits: &MatchingLimits,
    wanted: &Wanted,
    radius_km: f64,
    except: &[UserId],
    limit: usize,
) -> Result<Found, ReadError> {
    let except = except.iter().map(UserId::as_str).collect();
    let mut choice = Choice::new(wanted, limits, radius_km, &except, limit);
    let mut rows = limits.rows;
    let near = cells_by_distance(&wanted.place, radius_km + COARSE_KM);
    scan(
        journal,
        limits,
        &wanted.instrument,
        &near,
        &mut rows,
        &mut choice,
    )
    .await?;
    if !choice.has_candidates() {
        let seen: BTreeSet<String> = near.into_iter().map(|(_, cell)| cell).collect();
        let mut wider = cells_by_distance(&wanted.place, limits.alternatives_km + COARSE_KM);
        wider.retain(|(_, cell)| !seen.contains(cell));
        scan(
            journal,
            limits,
            &wanted.instrument,
            &wider,
            &mut rows,
            &mut choice,
        )
        .await?;
    }
    Ok(choice.finish())
}

/// The first rows of a cell, what their keys begin with, and how far away the cell is at least.
type Page = (f64, Vec<u8>, Vec<TableRow>);

/// Shows the rows of some cells to a choice, the nearest first, until there have been enough or none can change it.
async fn scan(
    journal: &dyn Journal,
    limits: &MatchingLimits,
    instrument: &Term,
    cells: &[(f64, String)],
    left: &mut usize,
    choice: &mut Choice<'_>,
) -> Result<(), ReadError> {
    // Lazy, and of no lifetime: nothing is read before its turn, and whoever waits for all of it may be any task.
    let pages = cells.iter().map(|(km, cell)| {
        let km = *km;
        let prefix = index_prefix(instrument, cell);
        let rows = limits.page_rows.max(1);
        let page = journal.scan_rows(Table::Musicians, prefix.clone(), None, rows);
        page.map_ok(move |page| (km, prefix, page)).boxed()
    });
    let pages: Vec<BoxFuture<'static, Result<Page, ReadError>>> = pages.collect();
    let mut pages = stream::iter(pages).buffered(limits.parallel_cells.max(1));
    while let Some((km, prefix, mut page)) = pages.try_next().await? {
        if choice.is_settled(km) {
            return Ok(());
        }
        loop {
            show(&page, left, choice);
            let last = page
                .last()
                .filter(|_| page.len() >= limits.page_rows.max(1));
            let Some(after) = last.map(|row| row.key.clone()) else {
                break;
            };
            if *left == 0 {
                return Ok(());
            }
            page = read_page(journal, limits, prefix.clone(), Some(after)).await?;
        }
        if *left == 0 {
            return Ok(());
        }
    }
    Ok(())
}

async fn read_page(
    journal: &dyn Journal,
    limits: &MatchingLimits,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
) -> Result<Vec<TableRow>, ReadError> {
    let rows = limits.page_rows.max(1);
    journal
        .scan_rows(Table::Musicians, prefix, after, rows)
        .await
}

fn show(page: &[TableRow], left: &mut usize, choice: &mut Choice<'_>) {
    for row in page.iter().take(*left) {
        let name = name_of_key(&row.key);
        let seen = name.is_some_and(|name| choice.look_at(name, &row.value).is_ok());
        if !seen {
            let key = String::from_utf8_lossy(&row.key);
            tracing::error!(%key, "unreadable row in the index of musicians; rebuild it");
        }
    }
    *left -= page.len().min(*left);
}
