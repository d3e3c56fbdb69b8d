//! Scenario files: each one that there is can be used, and what is wrong with one is named.

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");

const SMALL: &str = r#"
name = "small"
about = "Two rooms."
[profile]
kind = "steady"
rate = 10
seconds = 2
[traffic]
kind = "rooms"
rooms = 2
members = 3
"#;

fn parse(text: &str, set: &[(&str, &str)]) -> Result<Scenario, ScenarioError> {
    let set: Vec<_> = set
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    Scenario::parse(Path::new("small.toml"), text, &set)
}

fn refused(text: &str, set: &[(&str, &str)]) -> String {
    match parse(text, set) {
        Ok(scenario) => panic!("{scenario:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_file_can_be_used_and_all_kinds_are_there() {
    let mut kinds = std::collections::BTreeSet::new();
    let mut names = std::collections::BTreeSet::new();
    for file in fs::read_dir(FOLDER).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(path.extension().unwrap(), "toml", "{}", path.display());
        let scenario = Scenario::read(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
        let table: Table = scenario.text.parse().unwrap();
        for part in ["profile", "traffic"] {
            kinds.insert(format!("{part} {}", table[part]["kind"].as_str().unwrap()));
        }
        assert!(!scenario.thresholds.is_empty(), "{}", path.display());
        assert!(
            names.insert(scenario.name.clone()),
            "{} twice",
            scenario.name
        );
    }
    let all = [
        "profile ramp",
        "profile soak",
        "profile spike",
        "profile steady",
        "profile steps",
        "traffic connect",
        "traffic evening",
        "traffic evening",
        "traffic idle",
        "traffic inbox",
        "traffic inbox",
        "traffic requests",
        "traffic rooms",
    ];
    for kind in all {
        assert!(kinds.contains(kind), "no file has {kind}");
    }
}

#[test]
fn the_page_shows_a_file_that_can_be_used_and_names_files_that_there_are() {
    let page = include_str!("../../README.md");
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    parse(example, &[]).unwrap();
    let mut named = 0;
    for word in page.split_whitespace() {
        if let Some(file) = word.strip_prefix("loadtest/scenarios/") {
            assert!(Path::new(FOLDER).join(file).is_file(), "{file}");
            named += 1;
        }
    }
    assert!(named >= 4, "{named}");
}

#[test]
fn what_is_left_out_is_as_by_default_and_can_be_set() {
    let scenario = parse(SMALL, &[]).unwrap();
    assert_eq!(
        (scenario.seed, scenario.processes, scenario.text_bytes),
        (1, 1, 64)
    );
    assert_eq!(scenario.encoding, EncodingArg::Json);
    let set = [
        ("profile.seconds", "4.5"),
        ("encoding", "mixed"),
        ("name", "other"),
        ("thresholds.delivery.p99_ms", "7"),
        ("traffic.senders", "1"),
        ("reference.acknowledge", "true"),
    ];
    let scenario = parse(SMALL, &set).unwrap();
    assert_eq!(scenario.profile.seconds(), 4.5);
    assert_eq!(
        (scenario.encoding, &*scenario.name),
        (EncodingArg::Mixed, "other")
    );
    assert!(scenario.thresholds.is_there("delivery.p99_ms"));
    assert_eq!(scenario.reference, Some(Reference { acknowledge: true }));
    // What a worker is told is the same.
    let again = Scenario::parse(Path::new("again"), &scenario.text, &[]).unwrap();
    assert_eq!(again, scenario);
}

#[test]
fn mistakes_are_named_with_the_file_and_what_is_allowed() {
    let with = |from: &str, to: &str| refused(&SMALL.replace(from, to), &[]);
    let cases = [
        (
            with("about", "abuot"),
            vec!["unknown field `abuot`", "expected one of", "`about`"],
        ),
        (
            with("rooms = 2", "romos = 2"),
            vec!["unknown field `romos`", "`members`"],
        ),
        (
            with("rate = 10", "rates = 10"),
            vec!["unknown field `rates`", "`warmup`"],
        ),
        (
            with("kind = \"rooms\"", "kind = \"room\""),
            vec!["unknown variant `room`", "`idle`"],
        ),
        (
            with("kind = \"steady\"", "kind = \"flat\""),
            vec!["unknown variant `flat`", "`spike`"],
        ),
        (with("members = 3", ""), vec!["missing field `members`"]),
        (
            with("rate = 10", "rate = -1"),
            vec!["profile.rate is -1: 0 to 2000000"],
        ),
        (
            with("rate = 10", "rate = 0"),
            vec!["a load without any operation"],
        ),
        (
            with("rate = 10", "rate = 1e6\nwarmup = 3600"),
            vec!["at most 20000000 can be planned"],
        ),
        (
            with("members = 3", "members = 3\nsenders = 4"),
            vec!["traffic.senders is 4: 1 to 3"],
        ),
        (
            with("[profile]", "processes = 0\n[profile]"),
            vec!["processes is 0: 1 to 256"],
        ),
        (
            with(
                "[profile]",
                "[thresholds]\nacknowledgement.p98_ms = 3\n[profile]",
            ),
            vec!["thresholds.acknowledgement.p98_ms", "CLASS.p50_ms"],
        ),
        (
            with(
                "[profile]",
                "[thresholds]\ndelivery.p99_ms.ratio = 3\n[profile]",
            ),
            vec!["a ratio needs the table [reference]"],
        ),
        (
            refused(SMALL, &[("name.more", "1")]),
            vec!["--set name.more: name is no table"],
        ),
        (
            refused(SMALL, &[("profile.speed", "1")]),
            vec!["unknown field `speed`"],
        ),
    ];
    for (error, words) in cases {
        let is_set = error.starts_with("--set");
        assert!(is_set || error.starts_with("small.toml: "), "{error}");
        for word in words {
            assert!(error.contains(word), "{word} is not in: {error}");
        }
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let split = [
        ("processes", "4"),
        ("traffic.rooms", "1"),
        ("traffic.members", "9"),
    ];
    assert!(parse(SMALL, &split).is_ok());
    let few = [split[0], split[1], split[2], ("traffic.senders", "3")];
    assert!(refused(SMALL, &few).contains("traffic.senders is 3: 4 to 9"));
    let soak = SMALL.replace("steady", "soak");
    let churn = ("profile.churn_percent_per_minute", "50");
    assert!(refused(&soak, &[churn]).contains("fewer than listeners"));
    let away = [
        churn,
        ("traffic.senders", "1"),
        ("reference.acknowledge", "true"),
    ];
    assert!(parse(&soak, &away[..2]).is_ok());
    assert!(refused(&soak, &away).contains("keeps nothing to come back to"));
    let idle = "name = 'i'\nabout = 'a'\n[profile]\nkind = 'steady'\nrate = 5\nseconds = 3\n\
        [traffic]\nkind = 'idle'\nconnections = 100\nrooms = 10\n";
    assert!(refused(idle, &[]).contains("idle connections send nothing"));
    assert!(parse(idle, &[("profile.rate", "0")]).is_ok());
    let uneven = [("profile.rate", "0"), ("traffic.rooms", "7")];
    assert!(refused(idle, &uneven).contains("a multiple of the 7 rooms"));
}
