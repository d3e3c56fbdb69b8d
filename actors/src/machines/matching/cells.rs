//! Cells of the index by place: hexagons of H3, about 45 km across.

use h3o::{LatLng, Resolution};

use crate::machines::terms::Place;

/// Size of the cells.
const RESOLUTION: Resolution = Resolution::Four;

/// The cell of a place. What is no place on Earth lies in a cell of its own.
pub fn cell_of(place: &Place) -> String {
    LatLng::new(place.lat, place.lng).map_or_else(
        |_| "nowhere".into(),
        |at| at.to_cell(RESOLUTION).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_places_share_a_cell_and_far_ones_do_not() {
        let at = |lat, lng| {
            let address = String::new();
            cell_of(&Place { lat, lng, address })
        };
        assert_eq!(at(40.4168, -3.7038), at(40.42, -3.70));
        assert_ne!(at(40.4168, -3.7038), at(41.3874, 2.1686));
        assert_eq!(at(f64::NAN, 0.0), "nowhere");
    }
}
