//! The page for people: the program's own parser takes every command on it, and it names no option that there is not.

use clap::{CommandFactory, Parser};
use std::collections::BTreeSet;

use crate::args::{Cli, Command};

const PAGE: &str = include_str!("../README.md");
/// How the page calls this program.
const NAMES: [&str; 3] = ["$L ", "cargo load ", "loadtest "];

/// The mix that the page tells is the one that is planned.
#[test]
fn every_operation_stands_on_the_page_with_its_share() {
    let told = |name: &str| -> Option<f64> {
        let row = format!("| `{name}` | ");
        let row = PAGE.lines().find_map(|line| line.strip_prefix(&row))?;
        row.split_once(" %")?.0.parse().ok()
    };
    let wrong: Vec<String> = crate::requests::mix()
        .iter()
        .filter(|(name, share)| told(name).is_none_or(|told| (told - share).abs() > 0.15))
        .map(|(name, share)| format!("| `{name}` | {share:.1} % |"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// All settings of the two kinds of traffic stand on the page with their defaults, and no others.
#[test]
fn every_setting_of_the_traffic_stands_on_the_page_with_its_default() {
    let evening = serde_json::to_value(crate::evening::EveningSpec::default());
    let inbox = serde_json::to_value(crate::evening::inbox::InboxSpec::default());
    let tables = PAGE.split("| setting | default | meaning |").skip(1);
    let tables: Vec<&str> = tables.collect();
    assert_eq!(tables.len(), 2);
    for (table, spec) in tables.iter().zip([evening.unwrap(), inbox.unwrap()]) {
        let rows = table
            .lines()
            .skip(2)
            .map_while(|line| line.strip_prefix("| `"));
        let told: Vec<String> = rows
            .map(|row| {
                let (name, rest) = row.split_once("` | ").unwrap();
                format!("{name}={}", rest.split(" | ").next().unwrap())
            })
            .collect();
        let known = spec.as_object().unwrap().iter();
        let mut known: Vec<String> = known
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let mut told_sorted = told.clone();
        told_sorted.sort();
        known.sort();
        assert_eq!(told_sorted, known);
    }
}

/// Lines of code blocks without comments, and code in running text.
fn code() -> Vec<String> {
    let mut pieces = Vec::new();
    for (number, block) in PAGE.split("```").enumerate() {
        if number % 2 == 1 {
            let lines = block
                .lines()
                .map(|line| line.split('#').next().unwrap_or_default());
            pieces.extend(lines.map(|line| line.trim().to_owned()));
        } else {
            let inline = block.split('`').skip(1).step_by(2);
            pieces.extend(inline.map(str::to_owned));
        }
    }
    pieces
}

/// The arguments of every command on the page; `a|b` stands for two commands.
fn commands() -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for piece in code() {
        let Some(arguments) = NAMES.iter().find_map(|name| piece.strip_prefix(name)) else {
            continue;
        };
        let arguments = arguments
            .replace("\"$MUSSIKON_JWT_SECRET\"", "secret")
            .replace("\"$(pidof mussikon-hub)\"", "4711");
        let words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        let alternatives = words.last().map_or("", String::as_str).split('|');
        for last in alternatives {
            let mut command = words.clone();
            command.pop();
            command.push(last.to_owned());
            commands.push(command);
        }
    }
    commands
}

fn parse(arguments: &[String]) -> Result<Command, clap::Error> {
    let program = std::iter::once("loadtest".to_owned());
    Cli::try_parse_from(program.chain(arguments.iter().cloned())).map(|cli| cli.command)
}

#[test]
fn every_command_on_the_page_is_one_that_the_program_takes() {
    let commands = commands();
    let mut scenarios = BTreeSet::new();
    for arguments in &commands {
        if let Err(error) = parse(arguments) {
            panic!("{arguments:?}: {error}");
        }
        scenarios.insert(arguments[0].clone());
    }
    // All there are, so that none goes unmentioned and the search above finds what it should.
    let known = Cli::command();
    // What a program only tells itself stays unmentioned.
    let known = known
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let known = known.map(|command| command.get_name().to_owned());
    assert_eq!(scenarios, known.collect());
    assert!(commands.len() >= 13, "{commands:?}");
    assert!(
        code()
            .iter()
            .any(|line| line == "L=\"cargo run --release -p loadtest --\"")
    );
}

#[test]
fn every_option_on_the_page_is_one_that_some_command_has() {
    let known = Cli::command();
    let options: BTreeSet<&str> = known
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter_map(clap::Arg::get_long)
        .chain(["help"])
        .collect();
    // Of the hub and of cargo.
    let others = ["config", "release", "example"];
    let mut named = 0;
    let ours = |piece: &&String| !piece.starts_with("cargo chaos ");
    for word in code()
        .iter()
        .filter(ours)
        .flat_map(|piece| piece.split_whitespace())
    {
        let Some(option) = word
            .strip_prefix("--")
            .filter(|option| option.starts_with(|first: char| first.is_ascii_lowercase()))
        else {
            continue;
        };
        named += 1;
        let there = options.contains(option) || others.contains(&option);
        assert!(there, "the page names --{option}");
    }
    assert!(named > 20, "only {named} options found");
}
