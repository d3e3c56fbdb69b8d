//! Finding musicians: cells of the Earth, the cards in the index, how well a card fits, and who is chosen of many.

pub mod card;
pub mod cells;
pub mod found;
pub mod limits;
pub mod score;

pub use card::{Figures, MusicianCard};
pub use found::{Found, NoMatch};
pub use limits::MatchingLimits;
pub use score::{Scored, Wanted};
