//! The command line: what it takes, what it makes of it, and what it refuses. `readme.rs` has the commands of the README.

use super::*;

fn parse(line: &str) -> Result<Command, clap::Error> {
    let words = std::iter::once("chaos").chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command)
}

fn run(line: &str) -> (Chosen, Options) {
    match parse(line) {
        Ok(Command::Run {
            scenario, options, ..
        }) => (scenario, options),
        _ => panic!("{line} is no run"),
    }
}

#[test]
fn run_takes_a_scenario_or_all_and_nothing_else() {
    assert_eq!(run("run kill-hub").0, Chosen::One(Scenario::KillHub));
    assert_eq!(run("run all --seed 4 --minutes 6").0, Chosen::All);
    assert!(matches!(
        parse("page target/chaos.json --page a.html"),
        Ok(Command::Page { page: Some(_), .. })
    ));
    assert!(parse("run every").is_err() && parse("run").is_err());
    assert!(matches!(
        parse("all --topology cluster"),
        Ok(Command::All { .. })
    ));
}

#[test]
fn minutes_are_for_everything_and_seconds_for_each() {
    let shares = |line: &str| {
        let (chosen, options) = run(line);
        options.plan.shares(chosen).unwrap()
    };
    let each = shares("run all --seconds 7");
    assert_eq!((each.length.as_secs(), each.left_out.len()), (7, 0));
    let few = shares("run all --minutes 1");
    assert!(!few.left_out.is_empty() && few.run.len() + few.left_out.len() == each.run.len());
    let alone = shares("run kill-hub --minutes 1");
    assert!(
        alone.run == [Scenario::KillHub] && alone.length.as_secs() > 40,
        "{alone:?}"
    );
    assert!(parse("run all --minutes 0").is_err());
    assert!(parse("run all --minutes 1 --seconds 1").is_err());
}

#[test]
fn what_does_not_fit_is_refused_with_the_topology_that_it_needs() {
    let refused = |line: &str| {
        let (chosen, options) = run(line);
        options.plan.shares(chosen).unwrap_err()
    };
    assert!(refused("run kill-cql").contains("--topology cluster"));
    assert!(refused("run full-disk --topology cluster").contains("--topology single"));
    assert!(refused("run split-nats --topology cluster").contains("--topology full"));
    assert!(refused("run lose-quorum").contains("--topology three"));
}

#[test]
fn all_of_a_topology_has_whatever_fits_it_of_faults_inside_and_around_hubs() {
    let all = |topology: &str| {
        let (chosen, options) = run(&format!("run all --topology {topology}"));
        options.plan.shares(chosen).unwrap().run
    };
    let single = all("single");
    assert!(single.contains(&Scenario::FullDisk) && !single.contains(&Scenario::Partition));
    let full = all("full");
    assert!(full.contains(&Scenario::ClockJump) && full.contains(&Scenario::SplitNats));
    assert!(!full.contains(&Scenario::FullDisk));
}

#[test]
fn a_deployment_is_for_one_scenario_and_starts_nothing() {
    let taken = parse("run kill-hub --deployment a.toml");
    let is_taken = |command| {
        matches!(
            command,
            Command::Run {
                deployment: Some(_),
                ..
            }
        )
    };
    assert!(taken.is_ok_and(is_taken));
    for other in [
        "--topology cluster",
        "--hub a",
        "--next a",
        "--means proxies",
        "--minutes 1",
    ] {
        let line = format!("run kill-hub --deployment a.toml {other}");
        assert!(parse(&line).is_err(), "{line}");
    }
}

#[test]
fn what_a_command_does_not_use_it_does_not_take() {
    for line in [
        "plan kill-hub --demand send=99",
        "plan kill-hub --hub a",
        "up --demand send=99",
        "up --seed 1",
        "drill deploy --demand send=99",
        "page a.json --demand send=99",
        "all --deployment a.toml",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
    assert!(parse("all --demand send=99").is_ok());
    assert!(parse("up --topology cluster --variable A=b --hub a --folder b").is_ok());
}

#[test]
fn a_run_is_repeated_with_all_words_that_decide_what_becomes_of_it() {
    let words = " --hub a --next b --means proxies --demand all=90 --demand read.uptime=99.5";
    let (_, options) = run(&format!("run kill-hub --report c.json{words}"));
    assert_eq!(options.words(), words);
    let mut spaced = options;
    spaced.hub = Some("my builds/hub".into());
    assert!(
        spaced
            .words()
            .starts_with(" --hub 'my builds/hub' --next b")
    );
    assert_eq!(run("run kill-hub --means auto").1.words(), "");
}
