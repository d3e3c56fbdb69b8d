//! The command line of the real binary: what it prints, where, and how it exits.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use actors::ids::{EntityId, Timestamp, UserId};
use actors::journal::fjall::{FjallJournal, FjallOptions};
use actors::journal::{Append, Head, Journal, Row, SideWrites, Table, TableWrite};
use actors::machines::terms::{Caller, Place, PlatformRole};
use actors::machines::user::{ProfileInput, User, UserCommand, UserLimits};
use actors::machines::{Context, Machine};
use chaos::client::{Client, Settings};
use protocol::Encoding;
use serde_json::{Value, json};
use tempfile::TempDir;

mod common;
use common::{SECRET, TestHub, token};

/// Runs the hub's program in a folder with only the given `MUSSIKON_*` variables.
fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mussikon-hub"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MUSSIKON_") {
            command.env_remove(name);
        }
    }
    let variables = variables.iter().copied();
    let command = command.args(arguments).current_dir(folder).envs(variables);
    command.output().expect("the program runs")
}

fn folder() -> TempDir {
    tempfile::tempdir_in(common::BUILD).expect("a folder")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

fn claims(token: &str) -> Value {
    use base64::Engine;
    let body = token.split('.').nth(1).expect("three parts");
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(body);
    serde_json::from_slice(&bytes.expect("base64")).expect("json")
}

#[test]
fn token_prints_nothing_but_a_token_with_the_claims_asked_for() {
    let folder = folder();
    let arguments = [
        "token", "--user", "ana", "--role", "musician", "--ttl", "15m",
    ];
    let variables = [
        ("MUSSIKON_JWT_SECRET", SECRET),
        ("MUSSIKON_AUTH__AUDIENCE", "hub"),
    ];
    let output = run(folder.path(), &arguments, &variables);
    assert!(output.status.success(), "{}", stderr(&output));
    let printed = stdout(&output);
    assert_eq!(printed.lines().count(), 1);
    let claims = claims(printed.trim());
    assert_eq!(
        (&claims["sub"], &claims["role"], &claims["aud"]),
        (&json!("ana"), &json!("musician"), &json!("hub"))
    );
    let seconds = claims["exp"].as_u64().zip(claims["iat"].as_u64());
    assert_eq!(seconds.map(|(exp, iat)| exp - iat), Some(900));
    assert!(claims.get("iss").is_none());
    assert!(
        !folder.path().join("data").exists(),
        "a configured secret is not written down"
    );
}

#[test]
fn without_a_secret_development_makes_one_and_production_refuses() {
    let folder = folder();
    let first = run(folder.path(), &["token", "--user", "ana"], &[]);
    assert!(first.status.success(), "{}", stderr(&first));
    let kept = fs::read_to_string(folder.path().join("data/jwt-secret")).expect("kept");
    assert_eq!(kept.trim().len(), 64);

    for command in [&["token", "--user", "ana"][..], &["serve"], &[]] {
        let refused = run(folder.path(), command, &[("MUSSIKON_ENV", "production")]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains("jwt_secret: is required in production"));
        assert_eq!(stdout(&refused), "");
    }
    for wrong in [
        &["token"][..],
        &["token", "--user", ""],
        &["token", "--user", "a", "--ttl", "1w"],
    ] {
        assert_eq!(
            run(folder.path(), wrong, &[]).status.code(),
            Some(2),
            "{wrong:?}"
        );
    }
}

#[test]
fn a_token_has_a_role_that_exists_or_none_and_is_made_only_where_it_is_accepted() {
    let folder = folder();
    let secret = ("MUSSIKON_JWT_SECRET", SECRET);
    let roles = ["user", "musician", "organizer", "moderator", "admin"];
    for role in roles {
        let arguments = ["token", "--user", "ana", "--role", role];
        let printed = stdout(&run(folder.path(), &arguments, &[secret]));
        assert_eq!(claims(printed.trim())["role"], json!(role));
    }
    let printed = stdout(&run(folder.path(), &["token", "--user", "ana"], &[secret]));
    assert!(claims(printed.trim()).get("role").is_none());
    for wrong in ["root", "Admin", "superadmin", ""] {
        let arguments = ["token", "--user", "ana", "--role", wrong];
        let refused = run(folder.path(), &arguments, &[secret]);
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
        assert_eq!(stdout(&refused), "");
        let text = stderr(&refused);
        for role in roles {
            assert!(text.contains(role), "{role} in {text}");
        }
    }
    let variables = [
        secret,
        ("MUSSIKON_AUTH__ACCEPT_OWN_TOKENS", "false"),
        ("MUSSIKON_AUTH__JWKS_FILE", "keys.json"),
    ];
    let useless = run(folder.path(), &["token", "--user", "ana"], &variables);
    assert_eq!(
        (useless.status.code(), stdout(&useless)),
        (Some(1), String::new())
    );
    assert!(stderr(&useless).contains("auth.accept_own_tokens is false"));
    let blind = run(folder.path(), &["serve"], &variables);
    assert_eq!(
        (blind.status.code(), stdout(&blind)),
        (Some(1), String::new())
    );
    assert!(
        stderr(&blind).contains("the keys of the issuer in keys.json"),
        "{}",
        stderr(&blind)
    );
    assert!(
        !folder.path().join("data/journal").exists(),
        "nothing was begun"
    );
}

#[test]
fn check_config_prints_what_is_in_force_as_toml_that_reads_the_same_or_every_problem() {
    let folder = folder();
    fs::write(
        folder.path().join("mussikon.toml"),
        "echo_hub = true\n[room]\ntext_chars = 300\n",
    )
    .expect("written");
    let variables = [
        ("MUSSIKON_JWT_SECRET", SECRET),
        ("MUSSIKON_ROOM__MEMBERS", "77"),
    ];
    let arguments = ["check-config", "--set", "log.level=warn,mussikon_hub=debug"];
    let shown = stdout(&run(folder.path(), &arguments, &variables));
    for line in [
        "echo_hub = true # mussikon.toml",
        "room.text_chars = 300 # mussikon.toml",
        "room.members = 77 # MUSSIKON_ROOM__MEMBERS",
        "log.level = \"warn,mussikon_hub=debug\" # --set log.level",
        "jwt_secret = \"(hidden)\" # MUSSIKON_JWT_SECRET",
        "listen = \"127.0.0.1:8080\" # default",
        "# nats_url is not set",
    ] {
        assert!(shown.lines().any(|l| l == line), "{line} in\n{shown}");
    }
    assert!(!shown.contains(SECRET));

    let copy = folder.path().join("copy.toml");
    let without_secret = shown.replace("jwt_secret", "# jwt_secret");
    fs::write(&copy, without_secret).expect("written");
    let arguments = ["check-config", "--config", "copy.toml"];
    let again = stdout(&run(folder.path(), &arguments, &[]));
    let values = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| !l.contains("jwt_secret"));
        lines
            .map(|l| l.split(" # ").next().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(
        values(&again),
        values(&shown),
        "the output is a configuration file"
    );

    let variables = [
        ("MUSSIKON_PORT", "80"),
        ("MUSSIKON_BUS", "nats"),
        ("MUSSIKON_ROOM__TEXT_CHARS", "many"),
    ];
    let wrong = run(folder.path(), &["check-config"], &variables);
    assert_eq!(
        (wrong.status.code(), stdout(&wrong).as_str()),
        (Some(2), "")
    );
    let problems = stderr(&wrong);
    for part in [
        "MUSSIKON_PORT",
        "is required if bus is nats",
        "found \"many\"",
    ] {
        assert!(problems.contains(part), "{part} in {problems}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_and_tail_look_into_the_journal_but_not_while_a_hub_runs() {
    let mut hub = TestHub::start().await;
    let settings = Settings::new(
        format!("{}/hubs/chat", hub.url()),
        Encoding::Json,
        Some(token("ana")),
    );
    let client = Client::connect(&settings).await.expect("connected");
    let room = json!([{"roomId": "stage", "kind": "group", "name": "Stage", "members": ["ben"]}]);
    let _: Value = client.invoke("CreateRoom", room).await.expect("created");
    for text in ["one", "two", "three"] {
        let message = json!(["stage", {"kind": "text", "text": text}]);
        let _: Value = client.invoke("SendMessage", message).await.expect("sent");
    }
    let folder = hub.folder().to_owned();
    let variables = [("MUSSIKON_JWT_SECRET", SECRET)];
    let locked = run(&folder, &["rooms"], &variables);
    assert_eq!(locked.status.code(), Some(1));
    assert!(
        stderr(&locked).contains("a running hub holds its lock"),
        "{}",
        stderr(&locked)
    );

    client.stop().await;
    let status = hub.terminate(Duration::from_secs(20)).await.expect("ended");
    assert!(status.success(), "{}", hub.logs());

    let lines = |output: Output| -> Vec<Value> {
        assert!(output.status.success(), "{}", stderr(&output));
        let text = stdout(&output);
        text.lines()
            .map(|l| serde_json::from_str(l).expect("json"))
            .collect()
    };
    let rooms = lines(run(&folder, &["rooms"], &variables));
    assert_eq!(rooms.len(), 1);
    assert_eq!(
        (&rooms[0]["roomId"], &rooms[0]["name"], &rooms[0]["members"]),
        (&json!("stage"), &json!("Stage"), &json!(2))
    );
    let head = rooms[0]["head"].as_u64().expect("a head");
    assert!(lines(run(&folder, &["rooms", "--prefix", "other"], &variables)).is_empty());

    let all = lines(run(&folder, &["tail", "stage"], &variables));
    let sequences: Vec<_> = all.iter().map(|e| e["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=head).map(Some).collect::<Vec<_>>());
    let after = (head - 2).to_string();
    let last = lines(run(
        &folder,
        &["tail", "stage", "--after", &after],
        &variables,
    ));
    assert_eq!(last, all[all.len() - 2..]);
    assert!(last[1].to_string().contains("three") && !last[1].to_string().contains("two"));
    let first = lines(run(&folder, &["tail", "stage", "--limit", "1"], &variables));
    assert_eq!(first, all[..1]);

    let missing = run(&folder, &["tail", "nowhere"], &variables);
    assert_eq!(missing.status.code(), Some(1));
    assert!(stderr(&missing).contains("there is no room nowhere"));
    let elsewhere = run(&folder, &["rooms", "--data-dir", "elsewhere"], &variables);
    assert!(stderr(&elsewhere).contains("there is no journal in elsewhere"));
    assert!(!folder.join("elsewhere").exists(), "looking makes nothing");
}

/// A musician whose rows never reached the index.
async fn unlisted_musician(store: &FjallJournal, name: &str) {
    let user = UserId::parse(name).expect("a user id");
    let (entity, role) = (EntityId::user(&user), PlatformRole::Musician);
    let place = Place {
        lat: 18.5,
        lng: -69.9,
        address: "Santo Domingo".into(),
    };
    let command = UserCommand::SetProfile {
        by: Caller { user, role },
        key: None,
        expected: None,
        profile: ProfileInput {
            name: name.into(),
            musician: true,
            available: true,
            instruments: vec![("guitarra".into(), 3), ("canto".into(), 1)],
            place: Some(place),
            ..ProfileInput::default()
        },
    };
    let context = Context {
        now: Timestamp(1_790_000_000_000),
        limits: &UserLimits::default(),
    };
    let decision = User::new(&entity).decide(&context, &command);
    let events = decision.expect("a good profile").events;
    let append = Append {
        entity,
        after: Head::default(),
        row: Row::seal(
            Head::default(),
            0,
            events.iter().map(User::encode).collect(),
        ),
        side: SideWrites::default(),
    };
    store.append(append).await.expect("appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn index_rebuild_puts_the_index_right_but_not_while_a_hub_runs() {
    let folder = folder();
    let journal = folder.path().join("data/journal");
    fs::create_dir_all(journal.parent().expect("a folder")).expect("made");
    let open = || FjallJournal::open(&journal, &FjallOptions::default()).expect("opened");
    let store = open();
    unlisted_musician(&store, "ana").await;
    unlisted_musician(&store, "ben").await;
    let stray = TableWrite {
        table: Table::Musicians,
        key: b"guitarra\x1f84\0nobody".to_vec(),
        rank: 5,
        value: Some(vec![1].into()),
    };
    store.put_rows(vec![stray]).await.expect("written");
    let rebuild = || {
        let output = run(
            folder.path(),
            &["index", "rebuild"],
            &[("MUSSIKON_JWT_SECRET", SECRET)],
        );
        (output.status.code(), stdout(&output), stderr(&output))
    };
    let (code, _, complaint) = rebuild();
    assert_eq!(code, Some(1));
    assert!(
        complaint.contains("a running hub holds its lock"),
        "{complaint}"
    );
    store.close().await;
    drop(store);
    for removed in [1, 0] {
        let (code, printed, complaint) = rebuild();
        assert_eq!(code, Some(0), "{complaint}");
        let printed: Value = serde_json::from_str(&printed).expect("json");
        let done = json!({"users": 2, "musicians": 2, "rows": 4, "removed": removed});
        assert_eq!(printed, done);
    }
    let store = open();
    let rows = store
        .scan_rows(Table::Musicians, Vec::new(), None, 10)
        .await;
    assert_eq!(rows.expect("rows").len(), 4);
    store.close().await;
}
