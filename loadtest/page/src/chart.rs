//! Lines over time, or over anything: series, bands behind them, limits across them.
//!
//! Lines are an SVG that is stretched to whatever room there is; texts stand around it at their own size, so that they can
//! be read on a narrow screen as on a wide one. The page's script reads values back from the lines, so nothing is there twice.

use maud::{Markup, html};

use crate::format::{self, Unit};
use crate::path::{self, SIDE};
use crate::scale::{Axis, Kind, Tick};
use crate::thin;

/// What a colour means. Series that are equals have colours, quantiles of one thing have shades of one colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// One of several equals, from 0; colours repeat after six.
    Series(usize),
    /// Further out in the tail, from 0 (middle) to 2.
    Tail(usize),
    /// Something to compare with, or a maximum of which one value decides.
    Muted,
    /// What must not be.
    Bad,
}

impl Ink {
    pub(crate) fn class(self) -> String {
        match self {
            Self::Series(number) => format!("s{}", number % 6),
            Self::Tail(number) => format!("t{}", number.min(2)),
            Self::Muted => "muted".into(),
            Self::Bad => "bad".into(),
        }
    }
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// From point to point.
    Line,
    /// The same, thin and broken: what was planned, what is compared with.
    Dashed,
    /// A line on a tinted area.
    Area,
    /// Each value holds until the next, on a tinted area.
    Stairs,
}

/// Values over x. A value that is no number is a gap.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Ascending in x.
    pub points: Vec<(f64, f64)>,
    /// Its colour.
    pub ink: Ink,
    /// How it is drawn.
    pub style: Style,
}

impl Series {
    /// A plain line.
    pub fn line(name: impl Into<String>, ink: Ink, points: Vec<(f64, f64)>) -> Self {
        let (name, style) = (name.into(), Style::Line);
        Self {
            name,
            points,
            ink,
            style,
        }
    }

    /// The same in another style.
    pub fn styled(self, style: Style) -> Self {
        Self { style, ..self }
    }

    fn has_values(&self) -> bool {
        self.points.iter().any(|(_, y)| y.is_finite())
    }
}

/// A stretch of the x axis: a phase of a profile, a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// What stands above it, as far as there is room.
    pub label: String,
    /// Where it begins.
    pub from: f64,
    /// Where it ends.
    pub until: f64,
    /// Whether it is trouble; else it is a part of a plan.
    pub trouble: bool,
}

/// A line across the chart: what a value must not pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// What stands on it.
    pub label: String,
    /// Where it lies on the y axis.
    pub value: f64,
}

/// A chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// What is shown.
    pub title: String,
    /// What one must know to read it.
    pub note: String,
    /// Across.
    pub x: Kind,
    /// Upwards.
    pub y: Kind,
    /// Ends of the x axis; by default those of the series.
    pub x_range: Option<(f64, f64)>,
    /// Ends of the y axis; by default all values fit.
    pub y_range: Option<(f64, f64)>,
    /// What is drawn, the last on top.
    pub series: Vec<Series>,
    /// Behind everything.
    pub bands: Vec<Band>,
    /// Across everything.
    pub limits: Vec<Limit>,
}

impl Chart {
    /// An empty chart over seconds.
    pub fn over_time(title: impl Into<String>, y: Kind) -> Self {
        Self::over(Kind::linear(Unit::Clock), title, y)
    }

    /// An empty chart over anything.
    pub fn over(x: Kind, title: impl Into<String>, y: Kind) -> Self {
        Self {
            title: title.into(),
            note: String::new(),
            x,
            y,
            x_range: None,
            y_range: None,
            series: Vec::new(),
            bands: Vec::new(),
            limits: Vec::new(),
        }
    }

    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        !self.series.iter().any(Series::has_values)
    }

    fn x_axis(&self) -> Axis {
        let all = self.series.iter().flat_map(|series| &series.points);
        match self.x_range {
            Some((low, high)) => Axis::between(self.x, low, high),
            None => Axis::around(self.x, all.map(|point| point.0)),
        }
    }

    fn y_axis(&self) -> Axis {
        let all = self.series.iter().flat_map(|series| &series.points);
        let limits = self.limits.iter().map(|limit| limit.value);
        let axis = match self.y_range {
            Some((low, high)) => return Axis::between(self.y, low, high),
            None => Axis::around(self.y, all.map(|point| point.1).chain(limits)),
        };
        match self.bands.is_empty() {
            true => axis,
            // Room for their labels.
            false => axis.raised(0.1),
        }
    }

    /// The chart as a figure; alone in its row it has room for more ticks.
    pub fn html(&self, alone: bool) -> Markup {
        let (x, y) = (self.x_axis(), self.y_axis());
        let shown: Vec<&Series> = self
            .series
            .iter()
            .filter(|series| series.has_values())
            .collect();
        let ends =
            |axis: &Axis| format!("{} {}", axis.stretched(axis.low), axis.stretched(axis.high));
        html! {
            figure class="chart" data-x=(ends(&x)) data-y=(ends(&y)) data-kinds=(kinds(self)) {
                figcaption {
                    b { (self.title) }
                    @if !self.note.is_empty() { span { (self.note) } }
                }
                @if shown.len() > 1 || shown.iter().any(|series| series.style == Style::Dashed) {
                    ul class="legend" {
                        @for series in &shown {
                            li { i class={ "key " (series.ink.class()) @if series.style == Style::Dashed { " dashed" } } {} (series.name) }
                        }
                    }
                }
                @if shown.is_empty() {
                    p class="nothing" { "Nothing was measured." }
                } @else {
                    div class="frame" {
                        (beside("ys", &y.ticks(5)))
                        div class="plot" {
                            (drawing(self, &shown, &x, &y))
                            (labels(&self.bands, &x))
                            @for limit in &self.limits {
                                span class="limit" style=(from_top(y.position(limit.value))) { (limit.label) }
                            }
                        }
                        (beside("xs", &x.ticks(if alone { 10 } else { 5 })))
                    }
                }
            }
        }
    }
}

/// Scales and units for the script: `linear t log ms`.
fn kinds(chart: &Chart) -> String {
    let word = |kind: &Kind| format!("{:?} {}", kind.scale, kind.unit.code()).to_lowercase();
    format!("{} {}", word(&chart.x), word(&chart.y))
}

/// What lies inside the frame.
fn drawing(chart: &Chart, shown: &[&Series], x: &Axis, y: &Axis) -> Markup {
    let across = |at: f64| path::number(at * SIDE);
    html! {
        svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label=(summary(chart, shown)) {
            (bands(&chart.bands, x))
            g class="grid" {
                // Time has its bands; else one looks up from a tick to a line.
                @if x.kind.unit != Unit::Clock {
                    @for tick in x.ticks(5) { path d={ "M" (across(tick.at)) " 0V1000" } {} }
                }
                @for tick in y.ticks(5) { path d={ "M0 " (across(1.0 - tick.at)) "H1000" } {} }
            }
            @for series in shown { (lines(series, x, y)) }
            @for limit in &chart.limits {
                path class="limit" d={ "M0 " (across(1.0 - y.position(limit.value))) "H1000" } {}
            }
        }
    }
}

fn lines(series: &Series, x: &Axis, y: &Axis) -> Markup {
    let thin = thin::extremes(&series.points, thin::STRETCHES);
    let points = match series.style {
        Style::Stairs => path::stairs(&thin),
        _ => thin,
    };
    let class = series.ink.class();
    let dashed = series.style == Style::Dashed;
    html! {
        @if matches!(series.style, Style::Area | Style::Stairs) {
            path class={ "area " (class) } d=(path::area(&points, x, y)) {}
        }
        path class={ "line " (class) @if dashed { " dashed" } } data-name=(series.name) d=(path::line(&points, x, y)) {}
    }
}

/// Bands behind lines or rows.
pub(crate) fn bands(bands: &[Band], x: &Axis) -> Markup {
    // However short it was, it can be seen.
    let width = |band: &Band| (x.position(band.until) - x.position(band.from)).max(0.0015);
    html! {
        g class="bands" {
            @for band in inside(bands, x) {
                rect class=[band.trouble.then_some("trouble")] x=(path::number(x.position(band.from) * SIDE)) y="0"
                    width=(path::number(width(band) * SIDE)) height="1000" {}
                @if !band.trouble && band.from > x.low {
                    path d={ "M" (path::number(x.position(band.from) * SIDE)) " 0V1000" } {}
                }
            }
        }
    }
}

/// Labels above bands; each has the room until the next one begins.
pub(crate) fn labels(bands: &[Band], x: &Axis) -> Markup {
    let mut sorted: Vec<&Band> = inside(bands, x).collect();
    sorted.sort_by(|a, b| a.from.total_cmp(&b.from));
    let ends = sorted
        .iter()
        .skip(1)
        .map(|next| x.position(next.from))
        .chain([1.0]);
    let places = sorted
        .iter()
        .zip(ends)
        .map(|(band, end)| (band, x.position(band.from), end));
    html! {
        @for (band, from, until) in places {
            span class={ "band" @if band.trouble { " trouble" } } title=(band.label)
                style={ "left:" (percent(from)) ";width:" (percent((until - from).max(0.0))) } { (band.label) }
        }
    }
}

fn inside<'a>(bands: &'a [Band], x: &'a Axis) -> impl Iterator<Item = &'a Band> {
    let touches =
        |band: &&Band| band.until >= x.low && band.from <= x.high && band.from <= band.until;
    bands.iter().filter(touches)
}

/// Ticks along one side, `xs` or `ys`.
pub(crate) fn beside(side: &'static str, ticks: &[Tick]) -> Markup {
    let place = |at| match side {
        "xs" => format!("left:{}", percent(at)),
        _ => from_top(at),
    };
    html! {
        div class=(side) aria-hidden="true" {
            @for tick in ticks { span style=(place(tick.at)) { (tick.label) } }
        }
    }
}

fn from_top(at: f64) -> String {
    format!("top:{}", percent(1.0 - at))
}

pub(crate) fn percent(share: f64) -> String {
    format!("{}%", path::number(share * 100.0))
}

/// The chart in a sentence, for those who do not see it.
fn summary(chart: &Chart, shown: &[&Series]) -> String {
    let mut text = chart.title.clone();
    for series in shown {
        let values = series
            .points
            .iter()
            .map(|(_, y)| *y)
            .filter(|y| y.is_finite());
        let low = values.clone().fold(f64::INFINITY, f64::min);
        let high = values.fold(f64::NEG_INFINITY, f64::max);
        let told = |value| format::value(value, chart.y.unit);
        text.push_str(&format!(
            "; {}: {} to {}",
            series.name,
            told(low),
            told(high)
        ));
    }
    text
}

/// Gives charts that stand side by side the same ends on both axes.
pub fn align(charts: &mut [Chart]) {
    let span = |axis: fn(&Chart) -> Axis, charts: &[Chart]| {
        let drawn = charts.iter().filter(|chart| !chart.is_empty()).map(axis);
        drawn
            .map(|axis| (axis.low, axis.high))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    };
    let (x, y) = (span(Chart::x_axis, charts), span(Chart::y_axis, charts));
    for chart in charts {
        chart.x_range = x.or(chart.x_range);
        chart.y_range = y.or(chart.y_range);
    }
}
