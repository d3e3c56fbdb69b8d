//! Tables: names to the left, numbers to the right, marks for what was met.

use maud::{Markup, html};

/// Head of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub name: String,
    /// Whether its cells are numbers, which stand to the right.
    pub number: bool,
}

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words, or a number with its unit.
    Text(String),
    /// The same in the script of code.
    Code(String),
    /// Met or not, with the words beside the mark.
    Mark(bool, String),
    /// How far a value is on the way to its limit, drawn as a bar; above 1 it is past it.
    Share {
        /// Value by limit.
        of_limit: f64,
        /// Whether that is as demanded.
        met: bool,
    },
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// `met` or `not met`.
    pub fn met(met: bool) -> Self {
        Self::Mark(met, if met { "met" } else { "not met" }.into())
    }

    fn html(&self) -> Markup {
        html! {
            @match self {
                Self::Text(text) => (text),
                Self::Code(text) => code { (text) },
                Self::Mark(met, text) => span class={ "mark " (if *met { "yes" } else { "no" }) } { (text) },
                Self::Share { of_limit, met } => (bar(*of_limit, *met)),
            }
        }
    }
}

/// The limit stands at two thirds, so that what is past it can be seen to be.
fn bar(of_limit: f64, met: bool) -> Markup {
    let width = if of_limit.is_finite() {
        of_limit.clamp(0.0, 1.5) / 1.5
    } else {
        0.0
    };
    html! {
        span class="bar" aria-hidden="true" {
            i class=(if met { "yes" } else { "no" }) style={ "width:" (crate::chart::percent(width)) } {}
            b {}
        }
    }
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows; may be empty below a heading that says so.
    pub caption: String,
    /// From the left.
    pub columns: Vec<Column>,
    /// From the top; each has a cell per column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows; a name that begins with `#` is that of a column of numbers.
    pub fn new(columns: &[&str]) -> Self {
        let column = |name: &&str| Column {
            name: name.trim_start_matches('#').to_owned(),
            number: name.starts_with('#'),
        };
        Self {
            columns: columns.iter().map(column).collect(),
            ..Self::default()
        }
    }

    /// The same with a caption.
    pub fn captioned(self, caption: impl Into<String>) -> Self {
        Self {
            caption: caption.into(),
            ..self
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The table as HTML.
    pub fn html(&self) -> Markup {
        let number = |index: usize| {
            self.columns
                .get(index)
                .is_some_and(|column| column.number)
                .then_some("number")
        };
        html! {
            div class="wide" {
                table {
                    @if !self.caption.is_empty() { caption { (self.caption) } }
                    thead { tr { @for (index, column) in self.columns.iter().enumerate() { th scope="col" class=[number(index)] { (column.name) } } } }
                    tbody {
                        @for row in &self.rows {
                            tr { @for (index, cell) in row.iter().enumerate() { td class=[number(index)] { (cell.html()) } } }
                        }
                    }
                }
            }
        }
    }
}
