//! What the README promises: its commands are commands, and it has a row for every scenario.

use clap::{Parser, ValueEnum};

use chaos::suite::{Scenario, Topology};

use crate::command::Cli;

const README: &str = include_str!("../README.md");

#[test]
fn every_command_of_the_readme_is_one() {
    let lines = README
        .lines()
        .filter(|line| line.starts_with("cargo chaos "));
    let mut count = 0;
    for line in lines {
        let words = line.split('#').next().unwrap_or_default();
        let words = words.split_whitespace().skip(1);
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{line}: {error}");
        }
        count += 1;
    }
    assert!(count >= 8, "{count} commands were found");
    assert!(Cli::try_parse_from(["chaos", "run", "no-such-scenario"]).is_err());
}

#[test]
fn every_scenario_and_topology_has_a_row() {
    let rows: Vec<&str> = README
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let has = |name: &str| {
        let named = format!("`{name}`");
        let first = |row: &&str| {
            row.split('|')
                .nth(1)
                .is_some_and(|cell| cell.contains(&named))
        };
        rows.iter().any(first)
    };
    for scenario in Scenario::value_variants() {
        assert!(has(&scenario.name()), "{} has no row", scenario.name());
    }
    for topology in Topology::value_variants() {
        assert!(has(&topology.name()), "{} has no row", topology.name());
    }
    assert!(!has("no-such-scenario"));
}
