//! The search for musicians over the store: reads the cells around a place, scores what it finds, chooses.

use std::collections::BTreeSet;

use super::nearby::{Look, scan};
use crate::ids::UserId;
use crate::journal::{Journal, ReadError, Table, TableRow};
use crate::machines::matching::card::{index_prefix, name_of_key};
use crate::machines::matching::cells::{COARSE_KM, cells_by_distance};
use crate::machines::matching::found::Choice;
use crate::machines::matching::{Found, MatchingLimits, Wanted};
use crate::machines::terms::Gig;

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
    let prefix = |cell: &str| index_prefix(&wanted.instrument, cell);
    let (table, choosing) = (Table::Musicians, &mut choice);
    let near = cells_by_distance(&wanted.place, radius_km + COARSE_KM);
    scan(journal, limits, table, &near, prefix, &mut rows, choosing).await?;
    if !choice.has_candidates() {
        let seen: BTreeSet<String> = near.into_iter().map(|(_, cell)| cell).collect();
        let mut wider = cells_by_distance(&wanted.place, limits.alternatives_km + COARSE_KM);
        wider.retain(|(_, cell)| !seen.contains(cell));
        let choosing = &mut choice;
        scan(journal, limits, table, &wider, prefix, &mut rows, choosing).await?;
    }
    Ok(choice.finish())
}

impl Look for Choice<'_> {
    fn has_enough(&self, km: f64) -> bool {
        self.is_settled(km)
    }

    fn look_at(&mut self, rows: &[TableRow]) {
        for row in rows {
            let name = name_of_key(&row.key);
            let seen = name.is_some_and(|name| self.look_at(name, &row.value).is_ok());
            if !seen {
                let key = String::from_utf8_lossy(&row.key);
                tracing::error!(%key, "unreadable row in the index of musicians; rebuild it");
            }
        }
    }
}
