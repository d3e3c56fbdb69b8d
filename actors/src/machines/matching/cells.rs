//! Cells that the Earth is laid out in, so that musicians near a place are found without looking at all of them.
//!
//! A cell is one of H3 at a resolution at which it is some 50 kilometres across, named by its index in hexadecimal digits.

use std::collections::BTreeSet;

use h3o::{CellIndex, LatLng, Resolution};

use crate::machines::terms::Place;

/// About 288,000 cells of 1,770 square kilometres on average.
const RESOLUTION: Resolution = Resolution::Four;

/// No search goes further than this, in kilometres: the cells around a place are then at most about 1,300.
pub const MAX_RADIUS_KM: f64 = 750.0;

/// Most cells around a place, whatever the radius.
pub const MAX_CELLS: usize = 2_048;

/// A place and what everybody may know of it are no farther apart than this, in kilometres.
pub const COARSE_KM: f64 = 0.8;

/// A cell is taken for so much larger than its corners say: the globe of the cells is not quite that of [`Place::km_to`].
const MARGIN: f64 = 1.01;

impl Place {
    /// What everybody may know of it: within about a kilometre, and without words.
    pub fn coarse(&self) -> Place {
        let hundredth = |degrees: f64| (degrees * 100.0).round() / 100.0;
        Place {
            lat: hundredth(self.lat),
            lng: hundredth(self.lng),
            address: String::new(),
        }
    }
}

/// The cell that a place lies in; none if it is no place on Earth.
pub fn cell_of(place: &Place) -> Option<String> {
    index_of(place).map(|cell| cell.to_string())
}

/// The region that a place lies in, for counting by place: a cell of some 87,000 square kilometres, of which there are
/// 5,882; none if it is no place on Earth.
pub fn region_of(place: &Place) -> Option<String> {
    let cell = index_of(place)?.parent(Resolution::Two)?;
    Some(cell.to_string())
}

/// All cells that hold a point within a radius (at most [`MAX_RADIUS_KM`]) of a place, and some of their neighbours; the
/// nearest first. None if it is no place on Earth.
pub fn cells_around(place: &Place, radius_km: f64) -> Vec<String> {
    let cells = cells_by_distance(place, radius_km).into_iter();
    cells.map(|(_, cell)| cell).collect()
}

/// The same, each with a distance that no point of it is nearer than, in kilometres: whoever looks at some of them only
/// looks at the right ones.
pub fn cells_by_distance(place: &Place, radius_km: f64) -> Vec<(f64, String)> {
    let radius_km = if radius_km.is_nan() {
        0.0
    } else {
        radius_km.clamp(0.0, MAX_RADIUS_KM)
    };
    let Some(home) = index_of(place) else {
        return Vec::new();
    };
    // The cells that a disc touches hang together: whoever goes from neighbour to neighbour comes to all of them.
    let mut seen = BTreeSet::from([home]);
    let mut found = Vec::new();
    let mut edge = vec![home];
    while let Some(cell) = edge.pop() {
        let km = at_least_km(place, cell);
        if (km > radius_km && cell != home) || found.len() >= MAX_CELLS {
            continue;
        }
        found.push((km, cell));
        let around: Vec<CellIndex> = cell.grid_disk(1);
        edge.extend(around.into_iter().filter(|near| seen.insert(*near)));
    }
    found.sort_by(|(a, left), (b, right)| a.total_cmp(b).then(left.cmp(right)));
    let named = found.into_iter().map(|(km, cell)| (km, cell.to_string()));
    named.collect()
}

fn index_of(place: &Place) -> Option<CellIndex> {
    let (lat, lng) = (place.lat, place.lng);
    if !(-90.0..=90.0).contains(&lat) || !(-180.0..=180.0).contains(&lng) {
        return None;
    }
    Some(LatLng::new(lat, lng).ok()?.to_cell(RESOLUTION))
}

/// No point of the cell is nearer than this.
fn at_least_km(place: &Place, cell: CellIndex) -> f64 {
    let centre = point(LatLng::from(cell));
    let corners = cell.boundary();
    let widest = corners.iter().map(|corner| centre.km_to(&point(*corner)));
    let reach = widest.fold(0.0, f64::max) * MARGIN;
    (place.km_to(&centre) - reach).max(0.0)
}

fn point(at: LatLng) -> Place {
    Place {
        lat: at.lat(),
        lng: at.lng(),
        address: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(lat: f64, lng: f64) -> Place {
        let address = String::new();
        Place { lat, lng, address }
    }

    /// The point so many kilometres from a place into a direction.
    fn away(from: &Place, km: f64, bearing: f64) -> Place {
        let (lat, lng) = (from.lat.to_radians(), from.lng.to_radians());
        let arc = km / 6_371.0;
        let there = (lat.sin() * arc.cos() + lat.cos() * arc.sin() * bearing.cos()).asin();
        let east =
            (bearing.sin() * arc.sin() * lat.cos()).atan2(arc.cos() - lat.sin() * there.sin());
        let lng = (lng + east).to_degrees();
        at(there.to_degrees(), (lng + 540.0).rem_euclid(360.0) - 180.0)
    }

    /// Anywhere, and often where coordinates end: at the poles and the date line.
    fn places() -> impl Strategy<Value = Place> {
        let lat = prop_oneof![4 => -90.0..90.0_f64, 1 => 89.0..=90.0_f64, 1 => -90.0..=-89.0_f64];
        let lng =
            prop_oneof![4 => -180.0..180.0_f64, 1 => 179.0..=180.0_f64, 1 => -180.0..=-179.0_f64];
        (lat, lng).prop_map(|(lat, lng)| at(lat, lng))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn every_point_within_the_radius_lies_in_a_cell_around(
            place in places(),
            radius in prop_oneof![0.0..60.0_f64, 0.0..MAX_RADIUS_KM],
            points in proptest::collection::vec((0.0..1.0_f64, 0.0..std::f64::consts::TAU), 16),
        ) {
            let by_distance = cells_by_distance(&place, radius);
            prop_assert!(by_distance.len() < MAX_CELLS, "{} cells", by_distance.len());
            prop_assert!(by_distance.is_sorted_by(|(a, _), (b, _)| a <= b));
            prop_assert!(place.km_to(&place.coarse()) < COARSE_KM);
            for (share, bearing) in points {
                // As many points near the edge as near the middle.
                let point = away(&place, radius * share.sqrt(), bearing);
                prop_assert!(place.km_to(&point) <= radius + 1e-6);
                let cell = cell_of(&point).expect("a cell");
                let at_least = by_distance.iter().find(|(_, around)| *around == cell);
                prop_assert!(at_least.is_some(), "{point:?} in {cell}");
                prop_assert!(at_least.is_some_and(|(km, _)| *km <= place.km_to(&point)));
            }
        }
    }

    #[test]
    fn a_region_is_wide_and_a_place_off_the_earth_has_none() {
        let santo_domingo = region_of(&at(18.4861, -69.9312));
        assert_eq!(santo_domingo, region_of(&at(18.45, -69.3)));
        assert_ne!(santo_domingo, region_of(&at(40.4168, -3.7038)));
        assert_eq!(region_of(&at(f64::NAN, 0.0)), None);
    }

    #[test]
    fn pentagons_and_their_neighbours_are_covered_too() {
        for pentagon in RESOLUTION.pentagons() {
            let centre = point(LatLng::from(pentagon));
            let cells = cells_around(&centre, 120.0);
            for step in 0..360 {
                let bearing = f64::from(step).to_radians();
                for km in [10.0, 40.0, 80.0, 120.0] {
                    let cell = cell_of(&away(&centre, km, bearing)).expect("a cell");
                    assert!(cells.contains(&cell), "{km} km at {step}° from {centre:?}");
                }
            }
        }
    }

    #[test]
    fn a_wide_search_is_bounded_and_a_narrow_one_is_small() {
        let madrid = at(40.4168, -3.7038);
        let widest = cells_around(&madrid, f64::INFINITY);
        assert_eq!(widest, cells_around(&madrid, MAX_RADIUS_KM));
        assert!(
            widest.len() > 900 && widest.len() < 1_500,
            "{}",
            widest.len()
        );
        let near = cells_around(&madrid, 50.0);
        assert!(near.len() < 25, "{}", near.len());
        for nothing in [0.0, -1.0, f64::NAN] {
            assert!(cells_around(&madrid, nothing).len() <= 7);
        }
        assert_eq!(near.first(), cell_of(&madrid).as_ref());
    }

    #[test]
    fn what_is_no_place_has_no_cell() {
        for (lat, lng) in [
            (91.0, 0.0),
            (0.0, 181.0),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(cell_of(&at(lat, lng)), None);
            assert!(cells_around(&at(lat, lng), 10.0).is_empty());
        }
        assert!(cell_of(&at(90.0, 180.0)).is_some() && cell_of(&at(-90.0, -180.0)).is_some());
    }
}
