//! A whole page is well-formed, holds everything it needs, lets nothing in from the names it shows, and stays small.

use page::{
    Band, Block, Cell, Chart, Ink, Kind, Limit, Page, Section, Series, Strip, StripRow, Style,
    Table, Tile, Tone, Unit, Verdict,
};
use scraper::{Html, Selector};

/// What somebody might call a scenario to get a script into the report.
const EVIL: &str =
    "</title></style></script><script>alert('1')</script>\"><img src=x onerror=alert(2)>&amp;\u{0}";

fn select(html: &Html, what: &str) -> usize {
    html.select(&Selector::parse(what).expect("a selector"))
        .count()
}

fn chart(name: &str, seconds: usize) -> Chart {
    let points =
        |factor: f64| (0..seconds).map(move |n| (n as f64, factor * (1.0 + (n % 13) as f64)));
    Chart {
        note: name.into(),
        series: vec![
            Series::line(name, Ink::Tail(0), points(1.0).collect()),
            Series::line("p99", Ink::Tail(2), points(9.0).collect()),
            Series::line("plan", Ink::Muted, points(2.0).collect()).styled(Style::Dashed),
            Series::line("area", Ink::Series(7), points(0.5).collect()).styled(Style::Stairs),
        ],
        bands: vec![Band {
            label: name.into(),
            from: 1.0,
            until: 3.0,
            trouble: true,
        }],
        limits: vec![Limit {
            label: name.into(),
            value: 50.0,
        }],
        ..Chart::over_time(name, Kind::log(Unit::Milliseconds))
    }
}

fn whole(name: &str, seconds: usize) -> Page {
    let mut table = Table::new(&["what", "#value", "met"]).captioned(name);
    table.row(vec![
        Cell::text(name),
        Cell::Code(name.into()),
        Cell::met(true),
    ]);
    table.row(vec![
        Cell::Mark(false, name.into()),
        Cell::Share {
            of_limit: 1.4,
            met: false,
        },
        Cell::met(false),
    ]);
    let strip = Strip {
        title: name.into(),
        note: name.into(),
        range: (0.0, seconds as f64),
        rows: vec![StripRow {
            name: name.into(),
            shares: (0..seconds).map(|n| (n % 3) as f64 / 2.0).collect(),
        }],
        bands: Vec::new(),
    };
    let verdict = Verdict {
        tone: Tone::Bad,
        word: name.into(),
        sentence: name.into(),
    };
    let tile = Tile {
        name: name.into(),
        value: name.into(),
        note: name.into(),
        tone: Tone::Doubtful,
    };
    let blocks = vec![
        Block::Charts(vec![chart(name, seconds), chart("second", seconds)]),
        Block::Strip(strip),
        Block::Table(table),
        Block::Text(name.into()),
        Block::Code(name.into()),
        Block::Fold(name.into(), vec![name.into()]),
        Block::Verdict(verdict.clone()),
        Block::Tiles(vec![tile.clone()]),
    ];
    Page {
        title: name.into(),
        about: name.into(),
        verdict,
        facts: vec![(name.into(), name.into())],
        tiles: vec![tile],
        sections: vec![Section::new(name, name, blocks)],
    }
}

#[test]
fn a_page_is_well_formed_whatever_is_on_it() {
    for name in ["fanout", EVIL, ""] {
        let text = whole(name, 20).html();
        let html = Html::parse_document(&text);
        assert_eq!(html.errors, Vec::<String>::new(), "{name}");
        assert_eq!(select(&html, "figure.chart"), 2);
        assert_eq!(select(&html, "figure.chart svg path.line"), 8);
        assert_eq!(select(&html, "figure.strip svg[role=img] rect"), 20);
        assert_eq!(select(&html, "tbody tr"), 2);
        assert_eq!(
            select(&html, "svg[role=img]:not([aria-label])"),
            0,
            "each has a name"
        );
        assert_eq!(select(&html, "html[lang] > head > title"), 1);
    }
}

#[test]
fn names_from_outside_stay_names() {
    let (plain, evil) = (whole("x", 20).html(), whole(EVIL, 20).html());
    let (plain, evil) = (Html::parse_document(&plain), Html::parse_document(&evil));
    for what in ["script", "style", "img", "[onerror]", "*"] {
        assert_eq!(select(&evil, what), select(&plain, what), "{what}");
    }
    let title = evil.select(&Selector::parse("h1").unwrap()).next().unwrap();
    let shown: String = title.text().collect();
    assert!(shown.starts_with("</title></style>"), "{shown}");
    assert!(shown.contains("&amp;"), "as it was written: {shown}");
}

#[test]
fn nothing_comes_from_anywhere_else() {
    let text = whole("fanout", 20).html();
    let html = Html::parse_document(&text);
    for what in [
        "link",
        "img",
        "iframe",
        "[src]",
        "a:not([href^='#'])",
        "use",
        "image",
        "object",
    ] {
        assert_eq!(select(&html, what), 0, "{what}");
    }
    for word in ["http:", "https:", "url(", "@import", "fetch(", "import("] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn a_day_makes_no_large_page() {
    let text = whole("day", 86_400).html();
    assert!(text.len() < 400_000, "{} bytes", text.len());
    let short = whole("day", 60).html();
    assert!(
        short.len() < text.len() && short.len() > 15_000,
        "{} bytes",
        short.len()
    );
}

#[test]
fn a_section_or_chart_with_nothing_in_it_is_left_out() {
    let mut page = whole("x", 20);
    let empty = Chart::over_time("empty", Kind::linear(Unit::Count));
    page.sections.push(Section::new(
        "gone",
        "nothing",
        vec![
            Block::Charts(vec![empty.clone()]),
            Block::Table(Table::new(&["a"])),
            Block::Text(String::new()),
        ],
    ));
    page.sections.push(Section::new(
        "half",
        "",
        vec![Block::Charts(vec![empty, chart("there", 9)])],
    ));
    let text = page.html();
    let html = Html::parse_document(&text);
    assert_eq!(select(&html, "section"), 2);
    assert_eq!(select(&html, "figure.chart"), 3);
    assert!(!text.contains(">gone<") && text.contains(">half<"));
}
