//! Tests of the sources: precedence, unknown keys, wrong values, everything reported at once.

use std::ffi::OsString;

use super::*;
use crate::config::BusKind;

fn env(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

fn from_env(variables: &[(&str, &str)]) -> Result<Loaded, Problems> {
    load(&Sources {
        file: FileChoice::None,
        env: env(variables),
        flags: Vec::new(),
    })
}

fn from_file(text: &str) -> Result<Loaded, Problems> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("hub.toml");
    std::fs::write(&path, text).expect("written");
    load(&Sources {
        file: FileChoice::Named(path),
        ..Sources::default()
    })
}

fn lines(result: Result<Loaded, Problems>) -> Vec<String> {
    let Problems(problems) = result.expect_err("problems");
    problems.iter().map(Problem::to_string).collect()
}

#[test]
fn defaults_are_valid_and_come_from_nowhere() {
    let loaded = from_env(&[("PATH", "/bin"), ("MUSSIKONX", "1")]).expect("valid");
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.origins.is_empty());
    assert_eq!(loaded.config.listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn flags_win_over_the_environment_over_the_file() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("hub.toml");
    let text = "listen = \"127.0.0.1:1\"\nnode_id = \"file\"\necho_hub = true\n[room]\ntext_chars = 5\nmembers = 7\n";
    std::fs::write(&path, text).expect("written");
    let loaded = load(&Sources {
        file: FileChoice::Named(path.clone()),
        env: env(&[
            ("MUSSIKON_NODE_ID", "env"),
            ("MUSSIKON_ROOM__TEXT_CHARS", "6"),
            ("MUSSIKON_LISTEN", "127.0.0.1:2"),
        ]),
        flags: vec![("--listen".into(), "listen".into(), "127.0.0.1:3".into())],
    })
    .expect("valid");
    let config = loaded.config;
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.node_id, "env");
    assert!(config.echo_hub);
    assert_eq!((config.room.text_chars, config.room.members), (6, 7));
    assert_eq!(config.room.name_chars, Config::default().room.name_chars);
    let file = path.display().to_string();
    let origin = |key: &str| loaded.origins[key].clone();
    assert_eq!(origin("listen"), "--listen");
    assert_eq!(origin("room.text_chars"), "MUSSIKON_ROOM__TEXT_CHARS");
    assert_eq!(origin("room.members"), file);
}

#[test]
fn every_kind_of_value_can_come_from_the_environment() {
    let loaded = from_env(&[
        ("MUSSIKON_DATA_DIR", "/srv/hub"),
        ("MUSSIKON_ENV", "production"),
        ("MUSSIKON_JWT_SECRET", "12345678901234567890123456789012"),
        ("MUSSIKON_ECHO_HUB", "true"),
        (
            "MUSSIKON_CORS__ORIGINS",
            "https://a.example, http://b.example:81",
        ),
        ("MUSSIKON_LOG__CONSOLE", "json"),
        ("MUSSIKON_ROOM__FILE_BYTES", "1_000_000"),
        ("MUSSIKON_NATS_URL", ""),
    ])
    .expect("valid");
    let config = loaded.config;
    assert_eq!(config.data_dir.to_str(), Some("/srv/hub"));
    assert_eq!(config.log_dir().to_str(), Some("/srv/hub/logs"));
    assert!(!config.detailed_errors());
    let secret = config.jwt_secret.expect("set");
    assert_eq!(secret.reveal(), "12345678901234567890123456789012");
    assert_eq!(
        config.cors.origins,
        ["https://a.example", "http://b.example:81"]
    );
    assert_eq!(config.log.console, LogFormat::Json);
    assert_eq!(config.room.file_bytes, 1_000_000);
    assert_eq!(
        config.nats_url, None,
        "an empty optional text is as good as none"
    );
}

#[test]
fn unknown_keys_are_named_with_their_source_and_the_nearest_known_one() {
    let found = lines(from_env(&[
        ("MUSSIKON_LISTN", "127.0.0.1:1"),
        ("MUSSIKON_TEXT_CHARS", "5"),
        ("MUSSIKON_COLOUR", "blue"),
        ("MUSSIKON_ROOM", "big"),
    ]));
    assert_eq!(
        found,
        [
            "colour (from MUSSIKON_COLOUR): there is no such key",
            "listn (from MUSSIKON_LISTN): there is no such key; did you mean listen?",
            "room (from MUSSIKON_ROOM): is a section: set its keys instead",
            "text_chars (from MUSSIKON_TEXT_CHARS): there is no such key; did you mean room.text_chars?",
        ]
    );
    let found = lines(from_file("colour = 1\nroom = 3\n"));
    assert!(found[0].starts_with("colour (from ") && found[0].contains("hub.toml"));
    assert!(found[1].contains("is a section"));
    let found = lines(from_file("[room]\ntextchars = 1\n[nowhere]\nx = 1\n"));
    assert!(found[0].starts_with("nowhere (from "), "{found:?}");
    assert!(found[1].contains("did you mean room.text_chars?"));
}

#[test]
fn wrong_values_say_what_was_expected() {
    let found = lines(from_env(&[
        ("MUSSIKON_LISTEN", "nonsense"),
        ("MUSSIKON_ENV", "prod"),
        ("MUSSIKON_ECHO_HUB", "yes"),
        ("MUSSIKON_ROOM__TEXT_CHARS", "-1"),
        ("MUSSIKON_THREADS__EVENT_INTERVAL", "99999999999"),
    ]));
    assert_eq!(found.len(), 5, "{found:#?}");
    let line = |key: &str| {
        let prefix = format!("{key} (from MUSSIKON_");
        let mut matching = found.iter().filter(|l| l.starts_with(&prefix));
        matching.next().unwrap_or_else(|| panic!("{key}"))
    };
    assert!(line("listen").contains("socket address"), "{found:#?}");
    assert!(line("env").ends_with("expected one of development, production, found \"prod\""));
    assert!(line("echo_hub").ends_with("expected true or false, found \"yes\""));
    assert!(line("room.text_chars").ends_with("expected a whole number, 0 or more, found \"-1\""));
    assert!(line("threads.event_interval").contains("u32"), "{found:#?}");
    let found = lines(from_file(
        "echo_hub = \"true\"\nscylla_nodes = 5\n[log]\nkeep_files = 1.5\n",
    ));
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found.iter().all(|l| l.contains("expected")), "{found:#?}");
}

#[test]
fn contradictions_are_reported_together_with_wrong_values() {
    let found = lines(from_env(&[
        ("MUSSIKON_ENV", "production"),
        ("MUSSIKON_ECHO_HUB", "maybe"),
        ("MUSSIKON_STORE", "scylla"),
        ("MUSSIKON_SCYLLA_PASSWORD", "of nobody"),
        ("MUSSIKON_SCYLLA__KEYSPACE", "no name"),
        ("MUSSIKON_NATS_URL", "nats://nobody:4222"),
        (
            "MUSSIKON_CORS__ORIGINS",
            "*, ftp://x, https://ok.example/path",
        ),
        ("MUSSIKON_HEALTH__JOURNAL_UNHEALTHY_MS", "10"),
        ("MUSSIKON_LOG__LEVEL", "loud=very=much"),
        ("MUSSIKON_NODE_ID", "a/b"),
        ("MUSSIKON_DRAIN__GRACE_MS", "100"),
        ("MUSSIKON_ROOM__TEXT_CHARS", "0"),
        ("MUSSIKON_ROOM__METADATA_BYTES", "40000"),
        ("MUSSIKON_GATEWAY__PARALLEL_STREAMS", "0"),
        ("MUSSIKON_JOURNAL__LOG_BYTES", "1"),
        ("MUSSIKON_JOURNAL__MAX_ROW_BYTES", "1"),
        ("MUSSIKON_JOURNAL__WORKERS_NICE", "20"),
    ]));
    for key in [
        "journal.log_bytes (from MUSSIKON_JOURNAL__LOG_BYTES): must be at least 67108864",
        "journal.max_row_bytes",
        "journal.workers_nice (from MUSSIKON_JOURNAL__WORKERS_NICE): must not be above 19",
        "gateway.max_message_bytes",
        "gateway.parallel_streams (from MUSSIKON_GATEWAY__PARALLEL_STREAMS): must be at least 1",
        "jwt_secret",
        "echo_hub",
        "scylla_nodes",
        "scylla_password",
        "scylla.keyspace",
        "nats_url",
        "cors.origins",
        "cors.credentials",
        "health.journal_unhealthy_ms",
        "log.level",
        "node_id",
        "drain.grace_ms",
        "room.text_chars",
    ] {
        assert!(
            found.iter().any(|l| l.starts_with(key)),
            "{key} in {found:#?}"
        );
    }
    let about = |key: &str| found.iter().filter(|l| l.starts_with(key)).count();
    assert_eq!(about("cors.origins"), 3, "{found:#?}");
    assert!(
        found
            .iter()
            .any(|l| l.starts_with("scylla_nodes") && l.contains("is required if store is scylla"))
    );
}

#[test]
fn a_cluster_needs_an_address_a_shared_store_and_a_name_and_bad_addresses_keep_their_password() {
    let found = lines(from_env(&[
        ("MUSSIKON_BUS", "nats"),
        ("MUSSIKON_NATS__PREFIX", "a b"),
        ("MUSSIKON_PEERS__FORMAT", "9"),
        ("MUSSIKON_PEERS__GONE_MS", "600"),
    ]));
    for line in [
        "nats_url: is required if bus is nats",
        "store: must be scylla if bus is nats",
        "node_id: is required if bus is nats",
        "nats.prefix (from MUSSIKON_NATS__PREFIX): must be 1 to 64",
        "peers.format (from MUSSIKON_PEERS__FORMAT): must be from 1 to 2",
        "peers.gone_ms (from MUSSIKON_PEERS__GONE_MS): must be at least twice",
    ] {
        assert!(
            found.iter().any(|l| l.starts_with(line)),
            "{line} in {found:#?}"
        );
    }
    assert_eq!(found.len(), 6, "{found:#?}");
    let cluster = |url: &str| {
        from_env(&[
            ("MUSSIKON_BUS", "nats"),
            ("MUSSIKON_NODE_ID", "hub-7"),
            ("MUSSIKON_STORE", "scylla"),
            ("MUSSIKON_SCYLLA_NODES", "127.0.0.1"),
            ("MUSSIKON_NATS_URL", url),
        ])
    };
    let config = cluster("nats://a:4222,tls://hub:geheim@b:4223").expect("valid");
    assert_eq!(config.config.bus, BusKind::Nats);
    let found = lines(cluster("nats://hub:geheim@b:port"));
    assert!(
        found.len() == 1 && found[0].contains("b:port") && !found[0].contains("geheim"),
        "{found:#?}"
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_a_problem_only_when_it_was_asked_for() {
    let missing = load(&Sources {
        file: FileChoice::Named("/nowhere/hub.toml".into()),
        ..Sources::default()
    });
    let found = lines(missing);
    assert!(found[0].starts_with("/nowhere/hub.toml: cannot be read"));
    let found = lines(from_file("listen = \n"));
    assert!(found[0].contains("is not valid TOML"), "{found:?}");
    assert!(found[0].contains("line 1"), "{found:?}");
}

#[test]
fn variables_for_tests_are_none_of_the_hubs_business_and_huge_numbers_are_told_so() {
    let loaded = from_env(&[("MUSSIKON_TEST_CQL_NODES", "127.0.0.1:9042")]);
    assert!(loaded.expect("valid").origins.is_empty());
    let most = u64::MAX.to_string();
    for key in [
        "MUSSIKON_ROOM__METADATA_BYTES",
        "MUSSIKON_RUNTIME__BATCH_BYTES",
    ] {
        let found = lines(from_env(&[(key, &most)]));
        assert!(!found.is_empty(), "{key}");
    }
}

#[test]
fn secrets_appear_neither_in_debug_output_nor_in_problems_nor_serialized() {
    let short = "tooshort-and-secret";
    let found = lines(from_env(&[("MUSSIKON_JWT_SECRET", short)]));
    assert_eq!(
        found,
        ["jwt_secret (from MUSSIKON_JWT_SECRET): needs at least 32 bytes, has 19"]
    );
    let found = lines(from_file("jwt_secret = 5551234\n"));
    assert!(!found[0].contains("5551234"), "{found:?}");
    let found = lines(from_file("scylla_password = 5551234\n"));
    assert!(!found[0].contains("5551234"), "{found:?}");
    let found = lines(from_file(
        "env = \"production\"\n jwt_secret = \"a-secret-without-an-end\n",
    ));
    assert!(found[0].contains("line 2"), "{found:?}");
    assert!(!found[0].contains("a-secret"), "{found:?}");

    let secret = "0123456789abcdef0123456789abcdef";
    let loaded = from_env(&[("MUSSIKON_JWT_SECRET", secret)]).expect("valid");
    assert!(!format!("{loaded:?}").contains(secret));
    let shown = serde_json::to_string(&loaded.config).expect("json");
    assert!(!shown.contains(secret) && shown.contains("(hidden)"));
}
