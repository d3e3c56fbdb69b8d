//! The documents say what the code does: generated tables are up to date, names are real.
//! `cargo docs-update` rewrites the tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use actors::machines::request::diagram;

use super::{files, read, root, tables};
use crate::telemetry::metrics::{Kind, METRICS};

/// Compares the part of a document between two marks with what the code generates.
fn generated(file: &str, mark: &str, fresh: &str) {
    let text = read(file);
    let begin = format!("<!-- generated: {mark} -->\n");
    let end = format!("\n<!-- end: {mark} -->");
    let (head, rest) = text
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{file} lacks {begin}"));
    let (old, tail) = rest
        .split_once(&end)
        .unwrap_or_else(|| panic!("{file} lacks {end}"));
    if old == fresh {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{head}{begin}{fresh}{end}{tail}");
        fs::write(root().join(file), text).expect("written");
        return;
    }
    let stale = old.lines().zip(fresh.lines()).find(|(a, b)| a != b);
    panic!(
        "the table {mark:?} of {file} is stale, run `cargo docs-update`; first difference: {stale:#?}"
    );
}

#[test]
fn the_tables_of_the_documents_are_those_of_the_code() {
    // One test, so that rewriting never meets itself.
    generated("README.md", "config", &tables::config());
    let ([chat, notifications], [told, noticed]) = (tables::methods(), tables::callbacks());
    generated("README.md", "methods", &chat);
    generated("README.md", "callbacks", &told);
    generated("README.md", "notification methods", &notifications);
    generated("README.md", "notification callbacks", &noticed);
    generated("README.md", "operations", &tables::operations());
    generated("README.md", "errors", &tables::errors());
    generated("README.md", "metrics", &tables::metrics());
    generated("README.md", "limits", &tables::limits());
    let states = format!("```mermaid\n{}\n```", diagram::mermaid());
    generated("ARCHITECTURE.md", "request-states", &states);
    generated("ARCHITECTURE.md", "request-steps", &diagram::steps());
    generated("ARCHITECTURE.md", "request-meanings", &diagram::meanings());
}

/// Relative links of a document, without the place inside the target.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split_once(')')?.0;
        target.split('#').next()
    });
    targets.filter(|target| !target.is_empty() && !target.contains("://"))
}

#[test]
fn the_documents_link_only_to_what_is_there() {
    let mut seen = 0;
    let mut dead = Vec::new();
    for file in files(&["."], ".md") {
        let mut directory = root().join(&file);
        directory.pop();
        let text = read(&file);
        for target in links(&text) {
            seen += 1;
            if !directory.join(target).exists() {
                dead.push(format!("{}: {target}", file.display()));
            }
        }
    }
    assert!(seen > 10, "only {seen} links were found");
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}

/// Recorded metrics: name → kind and labels, read from the code.
fn recorded() -> BTreeMap<String, (Kind, BTreeSet<String>)> {
    let macros = [
        ("counter!(", Kind::Counter),
        ("gauge!(", Kind::Gauge),
        ("histogram!(", Kind::Histogram),
    ];
    let mut found = BTreeMap::new();
    for path in files(&["src", "actors/src"], ".rs") {
        if path.starts_with("src/tests") {
            continue;
        }
        let text = read(&path);
        for (name, kind) in macros {
            for (at, _) in text.match_indices(name) {
                let arguments = &text[at + name.len()..];
                let arguments = &arguments[..arguments.find(';').unwrap_or(arguments.len())];
                let Some(quoted) = arguments.trim_start().strip_prefix('"') else {
                    continue;
                };
                let (metric, rest) = quoted.split_once('"').expect("a closed string");
                let labels = rest
                    .split("=>")
                    .map(|part| part.trim_end().rsplit('"').nth(1));
                let count = rest.matches("=>").count();
                let labels = labels.take(count).flatten().map(str::to_owned).collect();
                found.insert(metric.to_owned(), (kind, labels));
            }
        }
    }
    found
}

#[test]
fn every_recorded_metric_is_in_the_table_with_its_kind_and_labels_and_the_reverse() {
    let recorded = recorded();
    let table: BTreeMap<String, (Kind, BTreeSet<String>)> = METRICS
        .iter()
        .map(|m| {
            (
                m.name.to_owned(),
                (m.kind, m.labels.iter().map(|l| (*l).to_owned()).collect()),
            )
        })
        .collect();
    let mut differences = Vec::new();
    for (name, what) in &recorded {
        if table.get(name) != Some(what) {
            differences.push(format!(
                "{name}: {what:?} in the code, {:?} in the table",
                table.get(name)
            ));
        }
    }
    let unrecorded = table.keys().filter(|name| !recorded.contains_key(*name));
    differences.extend(unrecorded.map(|name| format!("{name}: nothing records it")));
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn the_five_metrics_of_the_platform_have_exactly_their_labels() {
    let labels = |name: &str| METRICS.iter().find(|m| m.name == name).map(|m| m.labels);
    let expected: [(&str, &[&str]); 5] = [
        (
            "musical_matching_requests_total",
            &["endpoint", "method", "status"],
        ),
        (
            "musical_matching_request_duration_seconds",
            &["endpoint", "method"],
        ),
        ("musical_matching_active_connections", &[]),
        (
            "musical_matching_matches_total",
            &["instrument", "location"],
        ),
        ("musical_matching_matching_duration_seconds", &[]),
    ];
    for (name, expected) in expected {
        assert_eq!(labels(name), Some(expected), "{name}");
    }
}

#[test]
fn alerts_name_real_metrics_and_real_headings_of_the_runbook() {
    let alerts = read("deploy/prometheus/alerts.yml");
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names = 0;
    for name in alerts.split(|c| !word(c)) {
        if !name.starts_with("mussikon_") && !name.starts_with("musical_matching_") {
            continue;
        }
        names += 1;
        let known = METRICS.iter().any(|m| match m.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|s| name.strip_suffix(s) == Some(m.name)),
            _ => name == m.name,
        });
        assert!(known, "{name}");
    }
    assert!(names >= 6, "{names}");
    let headings: BTreeSet<String> = read("deploy/README.md")
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    for line in alerts.lines().filter(|l| l.contains("runbook:")) {
        let (_, anchor) = line
            .trim_end_matches('"')
            .split_once('#')
            .expect("an anchor");
        assert!(headings.contains(anchor), "{anchor}");
    }
}

#[test]
fn keys_that_the_runbook_and_the_container_name_exist() {
    let table = tables::config();
    let has = |key: &str| table.contains(&format!("| `{key}` |"));
    for word in read("deploy/README.md").split('`') {
        let key = word.split('.').count() == 2
            && word
                .chars()
                .all(|c| c.is_ascii_lowercase() || "_.".contains(c));
        assert!(!key || has(word), "{word}");
    }
    for file in [
        "deploy/Dockerfile",
        "deploy/single.yml",
        "docker-compose.yml",
        "deploy/README.md",
    ] {
        let text = read(file);
        for (at, _) in text.match_indices("MUSSIKON_") {
            let name: String = text[at + 9..]
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || *c == '_')
                .collect();
            assert!(
                has(&name.to_lowercase().replace("__", ".")),
                "{file}: {name}"
            );
        }
    }
}
