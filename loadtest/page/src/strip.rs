//! Availability as coloured rows: one for each class, one cell for each second, the worst of a stretch when there are many.

use maud::{Markup, html};

use crate::chart::{Band, bands, beside, labels};
use crate::format::{self, Unit};
use crate::path::{self, SIDE};
use crate::scale::{Axis, Kind};

/// Most cells of a row.
const CELLS: usize = 400;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct StripRow {
    /// What stands beside it.
    pub name: String,
    /// Share from 0 to 1 for each second from the first on; no number where nothing was tried.
    pub shares: Vec<f64>,
}

/// Rows over the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// What is shown.
    pub title: String,
    /// What one must know to read it.
    pub note: String,
    /// Seconds at which the rows begin and end.
    pub range: (f64, f64),
    /// From the top.
    pub rows: Vec<StripRow>,
    /// Behind the rows, above them and below.
    pub bands: Vec<Band>,
}

/// Steps of colour with the lowest share of each, best first.
const STEPS: [(f64, &str, &str); 5] = [
    (0.999, "a0", "99.9 % and above"),
    (0.99, "a1", "99 %"),
    (0.9, "a2", "90 %"),
    (0.5, "a3", "50 %"),
    (f64::NEG_INFINITY, "a4", "below"),
];

fn step(share: f64) -> &'static str {
    let found = STEPS.iter().find(|(least, ..)| share >= *least);
    found.map_or("a4", |(_, class, _)| class)
}

impl Strip {
    /// The rows as a figure.
    pub fn html(&self) -> Markup {
        let x = Axis::between(Kind::linear(Unit::Clock), self.range.0, self.range.1);
        html! {
            figure class="strip" {
                figcaption {
                    b { (self.title) }
                    @if !self.note.is_empty() { span { (self.note) } }
                }
                ul class="legend" {
                    @for (_, class, name) in STEPS { li { i class={ "cell " (class) } {} (name) } }
                }
                div class="frame" {
                    div class="names" { @for row in &self.rows { span { (row.name) } } }
                    div class="plot" style={ "height:" (self.rows.len() * 26 + 22) "px" } {
                        svg class="behind" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true" { (bands(&self.bands, &x)) }
                        (labels(&self.bands, &x))
                        div class="rows" { @for row in &self.rows { (cells(row, self.range.0, &x)) } }
                    }
                    (beside("xs", &x.ticks(6)))
                }
            }
        }
    }
}

fn cells(row: &StripRow, begin: f64, x: &Axis) -> Markup {
    let worst = row
        .shares
        .iter()
        .copied()
        .filter(|share| share.is_finite())
        .fold(1.0, f64::min);
    let label = format!(
        "{}: worst second {}",
        row.name,
        format::value(worst * 100.0, Unit::Percent)
    );
    html! {
        svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label=(label) {
            @for cell in merged(&row.shares, CELLS) {
                rect class=(step(cell.worst)) x=(across(x, begin + cell.from as f64)) y="0" height="10"
                    width=(path::number((x.position(begin + cell.until as f64) - x.position(begin + cell.from as f64)) * SIDE)) {
                    title { (format::value(begin + cell.from as f64, Unit::Clock)) ": " (format::value(cell.worst * 100.0, Unit::Percent)) }
                }
            }
        }
    }
}

fn across(x: &Axis, at: f64) -> String {
    path::number(x.position(at) * SIDE)
}

/// Seconds that are drawn as one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cells {
    from: usize,
    until: usize,
    worst: f64,
}

/// Joins neighbours with the same share, and as many more as must be so that no more than about `most` cells are left; each has
/// the worst of its shares. Where nothing was tried there is no cell.
fn merged(shares: &[f64], most: usize) -> Vec<Cells> {
    let size = shares.len().div_ceil(most.max(1)).max(1);
    let mut joined: Vec<Cells> = Vec::new();
    for (number, some) in shares.chunks(size).enumerate() {
        let worst = some
            .iter()
            .copied()
            .filter(|share| share.is_finite())
            .reduce(f64::min);
        let Some(worst) = worst else {
            continue;
        };
        let (from, until) = (number * size, number * size + some.len());
        match joined.last_mut() {
            Some(last) if last.until == from && last.worst == worst => last.until = until,
            _ => joined.push(Cells { from, until, worst }),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_row_has_few_cells_and_keeps_its_single_bad_second() {
        let mut shares = vec![1.0; 86_400];
        shares[50_001] = 0.2;
        let cells = merged(&shares, 400);
        assert_eq!(cells.len(), 3, "{cells:?}");
        assert!(cells[1].from <= 50_001 && 50_001 < cells[1].until && cells[1].worst == 0.2);
        let wavy: Vec<f64> = (0..86_400).map(|n| f64::from(n % 7) / 7.0).collect();
        assert!(merged(&wavy, 400).len() <= 400);
    }

    #[test]
    fn nothing_tried_is_no_cell_and_colours_follow_the_nines() {
        let cells = merged(&[1.0, f64::NAN, 1.0, 0.5], 10);
        let places: Vec<(usize, usize)> =
            cells.iter().map(|cell| (cell.from, cell.until)).collect();
        assert_eq!(places, [(0, 1), (2, 3), (3, 4)]);
        let steps = [1.0, 0.999, 0.998, 0.95, 0.5, 0.0].map(step);
        assert_eq!(steps, ["a0", "a0", "a1", "a2", "a3", "a4"]);
    }
}
