//! The page: whether it was good, the few figures that say how good, then sections from the important to the detailed.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::chart::Chart;
use crate::strip::Strip;
use crate::table::Table;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// How good something is. Its sign and words say it too, not its colour alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Neither.
    #[default]
    Plain,
    /// Says nothing, or is to be looked at.
    Doubtful,
    /// Not as it should be.
    Bad,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Doubtful => "doubtful",
            Self::Bad => "bad",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Plain => "•",
            Self::Doubtful => "!",
            Self::Bad => "✕",
        }
    }
}

/// The whole in a word and a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is good.
    pub tone: Tone,
    /// `passed`.
    pub word: String,
    /// Why.
    pub sentence: String,
}

/// One figure at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tile {
    /// What it is.
    pub name: String,
    /// The figure with its unit.
    pub value: String,
    /// What it is to be compared with.
    pub note: String,
    /// Whether that is good.
    pub tone: Tone,
}

/// A piece of a section.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// One chart over the whole width, or several side by side where there is room. Empty ones are left out.
    Charts(Vec<Chart>),
    /// Rows of availability.
    Strip(Strip),
    /// A table.
    Table(Table),
    /// A paragraph.
    Text(String),
    /// A verdict in the middle of a page.
    Verdict(Verdict),
    /// Figures in a row.
    Tiles(Vec<Tile>),
    /// Lines to be copied, such as the command that repeats a run.
    Code(String),
    /// A list that is opened by who wants to see it.
    Fold(String, Vec<String>),
}

/// A part of the page with a heading.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it shows, in a sentence; may be empty.
    pub about: String,
    /// What is in it. A section with nothing in it is left out.
    pub blocks: Vec<Block>,
}

/// A whole page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// Name of what was run.
    pub title: String,
    /// What it was for.
    pub about: String,
    /// What it came to.
    pub verdict: Verdict,
    /// Small facts below the title: when, where, what with.
    pub facts: Vec<(String, String)>,
    /// The figures that matter most.
    pub tiles: Vec<Tile>,
    /// Everything else.
    pub sections: Vec<Section>,
}

impl Section {
    /// A section with these blocks.
    pub fn new(title: impl Into<String>, about: impl Into<String>, blocks: Vec<Block>) -> Self {
        let (title, about) = (title.into(), about.into());
        Self {
            title,
            about,
            blocks,
        }
    }

    fn is_empty(&self) -> bool {
        self.blocks.iter().all(Block::is_empty)
    }
}

impl Page {
    /// The page as one HTML file.
    pub fn html(&self) -> String {
        let sections = || {
            self.sections
                .iter()
                .filter(|section| !section.is_empty())
                .enumerate()
        };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    // Nothing from outside, even if somebody's text found a way in.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'";
                    title { (self.title) " – " (self.verdict.word) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header class=(self.verdict.tone.class()) {
                        h1 { (self.title) }
                        @if !self.about.is_empty() { p class="about" { (self.about) } }
                        (verdict(&self.verdict))
                        dl class="facts" { @for (name, value) in &self.facts { div { dt { (name) } dd { (value) } } } }
                    }
                    main {
                        (tiles(&self.tiles))
                        @if sections().count() > 3 {
                            nav aria-label="Sections" { @for (number, section) in sections() { a href={ "#s" (number) } { (section.title) } } }
                        }
                        @for (number, section) in sections() { (section_html(number, section)) }
                    }
                    script { (PreEscaped(SCRIPT)) }
                }
            }
        };
        printable(page.into_string())
    }
}

/// Characters that no page may hold, however they came into a name, become signs that something was there.
fn printable(text: String) -> String {
    let forbidden = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    match text.contains(forbidden) {
        true => text.replace(forbidden, "\u{fffd}"),
        false => text,
    }
}

fn section_html(number: usize, section: &Section) -> Markup {
    html! {
        section id={ "s" (number) } {
            h2 { (section.title) }
            @if !section.about.is_empty() { p class="about" { (section.about) } }
            @for block in &section.blocks { (block.html()) }
        }
    }
}

fn verdict(verdict: &Verdict) -> Markup {
    html! {
        p class={ "verdict " (verdict.tone.class()) } role="status" {
            b { i aria-hidden="true" { (verdict.tone.sign()) } (verdict.word) }
            @if !verdict.sentence.is_empty() { span { (verdict.sentence) } }
        }
    }
}

fn tiles(tiles: &[Tile]) -> Markup {
    html! {
        @if !tiles.is_empty() {
            ul class="tiles" {
                @for tile in tiles {
                    li class=(tile.tone.class()) {
                        span { (tile.name) }
                        b { (tile.value) }
                        @if !tile.note.is_empty() { small { (tile.note) } }
                    }
                }
            }
        }
    }
}

impl Block {
    fn is_empty(&self) -> bool {
        match self {
            Self::Charts(charts) => charts.iter().all(Chart::is_empty),
            Self::Strip(strip) => strip.rows.is_empty(),
            Self::Table(table) => table.rows.is_empty(),
            Self::Text(text) | Self::Code(text) => text.is_empty(),
            Self::Verdict(_) => false,
            Self::Tiles(tiles) => tiles.is_empty(),
            Self::Fold(_, lines) => lines.is_empty(),
        }
    }

    fn html(&self) -> Markup {
        if self.is_empty() {
            return html! {};
        }
        match self {
            Self::Charts(charts) => {
                let drawn: Vec<&Chart> = charts.iter().filter(|chart| !chart.is_empty()).collect();
                html! { div class={ "charts" @if drawn.len() > 1 { " several" } } { @for chart in &drawn { (chart.html(drawn.len() == 1)) } } }
            }
            Self::Strip(strip) => strip.html(),
            Self::Table(table) => table.html(),
            Self::Text(text) => html! { p { (text) } },
            Self::Verdict(own) => verdict(own),
            Self::Tiles(some) => tiles(some),
            Self::Code(text) => html! { pre { code { (text) } } },
            Self::Fold(title, lines) => html! {
                details { summary { (title) } ul { @for line in lines { li { (line) } } } }
            },
        }
    }
}
