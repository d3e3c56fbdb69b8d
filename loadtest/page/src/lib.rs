//! Reports as single HTML files. A page holds everything it needs, so that it can be mailed, kept beside a build, and
//! opened from a disk: no script, style, font or picture comes from anywhere else.
//!
//! | module | what |
//! |---|---|
//! | [`format`] | values with their units, as people write them |
//! | [`scale`] | axes: where a value lies, and which ticks stand beside it |
//! | [`thin`] | long series made short without losing a peak |
//! | [`path`] | series as SVG path data |
//! | [`distribution`] | latencies as a curve of percentiles and as a histogram |
//! | [`chart`] | lines over time or over anything, with bands and limits |
//! | [`strip`] | availability: one coloured row for each class |
//! | [`table`] | tables with marks for what was met |
//! | [`document`] | the page around them: verdict first, then figures, then sections |
//!
//! Names and texts may come from anywhere; all of them are escaped. The crate knows nothing of load or faults.

pub mod chart;
pub mod distribution;
pub mod document;
pub mod format;
pub mod path;
pub mod scale;
pub mod strip;
pub mod table;
pub mod thin;

pub use chart::{Band, Chart, Ink, Limit, Series, Style};
pub use document::{Block, Page, Section, Tile, Tone, Verdict};
pub use format::Unit;
pub use scale::{Kind, Scale};
pub use strip::{Strip, StripRow};
pub use table::{Cell, Column, Table};
