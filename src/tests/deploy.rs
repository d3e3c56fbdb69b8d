//! The files of `deploy/` and `docker-compose.yml` say the same of each other, and the hubs that they start would start.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::Value;

use super::{read, root};
use crate::config::{BusKind, Config, FileChoice, Sources, StoreKind, load};

const HUBS: [&str; 3] = ["hub-1", "hub-2", "hub-3"];
/// What stands in place of the secret that everybody brings.
const SECRET: &str = "a secret of the tests, long enough for any rule";

fn yaml(file: &str) -> Value {
    let parsed = serde_yaml_ng::from_str(&read(file));
    let mut value: Value = parsed.unwrap_or_else(|error| panic!("{file}: {error}"));
    value
        .apply_merge()
        .unwrap_or_else(|error| panic!("{file}: {error}"));
    value
}

fn words(list: &Value) -> Vec<String> {
    let list = list.as_sequence().map(Vec::as_slice).unwrap_or_default();
    let word = |word: &Value| word.as_str().expect("a word").to_owned();
    list.iter().map(word).collect()
}

fn names(of: &Value) -> BTreeSet<String> {
    let of = of.as_mapping().into_iter().flatten();
    of.map(|(name, _)| name.as_str().expect("a name").to_owned())
        .collect()
}

/// The configuration that a service's variables make on top of those of the image, which must be valid.
fn configuration(file: &str, compose: &Value, service: &str) -> Config {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let image = read("deploy/Dockerfile").replace("\\\n", " ");
    let image = image.lines().filter_map(|line| line.strip_prefix("ENV "));
    for pair in image.flat_map(str::split_whitespace) {
        let (name, value) = pair.split_once('=').expect("NAME=value");
        variables.insert(name.into(), value.into());
    }
    let given = &compose["services"][service]["environment"];
    for (name, value) in given.as_mapping().expect("variables by name") {
        let (Some(name), Some(value)) = (name.as_str(), value.as_str()) else {
            panic!("{file}, {service}: {name:?} is no text: {value:?}");
        };
        let secret = value.starts_with("${MUSSIKON_JWT_SECRET:?");
        let value = if secret { SECRET } else { value };
        assert!(!value.contains('$'), "{name}: {value}");
        variables.insert(name.into(), value.into());
    }
    let loaded = load(&Sources {
        file: FileChoice::None,
        env: variables
            .into_iter()
            .map(|(n, v)| (n.into(), v.into()))
            .collect(),
        flags: Vec::new(),
    });
    loaded
        .unwrap_or_else(|problems| panic!("{file}, {service}: {problems:?}"))
        .config
}

/// Services name only services, volumes and files that are there.
fn refers_only_to_what_is_there(file: &str, folder: &str) {
    let compose = yaml(file);
    let (services, volumes) = (names(&compose["services"]), names(&compose["volumes"]));
    let mut mounted = BTreeSet::new();
    for name in &services {
        let service = &compose["services"][name.as_str()];
        for (other, how) in service["depends_on"].as_mapping().into_iter().flatten() {
            let other = other.as_str().expect("a name");
            assert!(services.contains(other), "{file}, {name}: {other}");
            let checked = !compose["services"][other]["healthcheck"]["test"].is_null();
            match how["condition"].as_str() {
                Some("service_healthy") => assert!(checked, "{other} is never healthy"),
                Some("service_completed_successfully") => {}
                how => panic!("{file}, {name}: {how:?}"),
            }
        }
        for mount in words(&service["volumes"]) {
            let (from, _) = mount.split_once(':').expect("from and to");
            match from.strip_prefix("./") {
                Some(path) => assert!(root().join(folder).join(path).exists(), "{mount}"),
                None => assert!(mounted.insert(from.to_owned()), "{from} is mounted twice"),
            }
        }
        let build = &service["build"];
        if let Some(context) = build["context"].as_str() {
            let dockerfile = build["dockerfile"].as_str().expect("a file");
            let dockerfile = root().join(folder).join(context).join(dockerfile);
            assert!(dockerfile.exists(), "{dockerfile:?}");
        } else {
            let image = service["image"].as_str().expect("an image");
            let tag = image.split_once(':').map(|(_, tag)| tag);
            assert!(tag.is_some_and(|tag| tag != "latest"), "{image}");
        }
    }
    assert_eq!(mounted, volumes, "{file}");
}

#[test]
fn both_compose_files_refer_only_to_what_is_there() {
    refers_only_to_what_is_there("docker-compose.yml", ".");
    refers_only_to_what_is_there("deploy/single.yml", "deploy");
}

#[test]
fn the_hubs_of_the_compose_files_have_valid_configurations_and_time_to_drain() {
    let compose = yaml("docker-compose.yml");
    let services = names(&compose["services"]);
    let others = ["migrate", "nats", "nginx", "prometheus", "scylla"];
    let expected = HUBS.into_iter().chain(others).map(String::from);
    assert_eq!(services, expected.collect());
    for hub in HUBS {
        let config = configuration("docker-compose.yml", &compose, hub);
        assert_eq!(
            (config.store, config.bus),
            (StoreKind::Scylla, BusKind::Nats)
        );
        assert_eq!(config.node_id, hub);
        assert_eq!(config.scylla_nodes, ["scylla:9042"]);
        let nats = config.nats_url.expect("an address");
        assert_eq!(nats.reveal(), "nats://nats:4222");
        drains_in_time(&compose["services"][hub], config.drain.grace_ms);
        let after = names(&compose["services"][hub]["depends_on"]);
        assert!(after.contains("migrate"), "{after:?}");
    }
    let migrate = configuration("docker-compose.yml", &compose, "migrate");
    let hub = configuration("docker-compose.yml", &compose, HUBS[0]);
    assert_eq!(migrate.scylla, hub.scylla, "it makes another schema");
    assert_eq!(
        words(&compose["services"]["migrate"]["command"]),
        ["migrate"]
    );

    let single = yaml("deploy/single.yml");
    let config = configuration("deploy/single.yml", &single, "hub");
    assert_eq!(
        (config.store, config.bus),
        (StoreKind::Embedded, BusKind::Local)
    );
    drains_in_time(&single["services"]["hub"], config.drain.grace_ms);
}

fn drains_in_time(service: &Value, grace_ms: u64) {
    let period = service["stop_grace_period"]
        .as_str()
        .and_then(|p| p.strip_suffix('s'));
    let seconds: u64 = period.and_then(|p| p.parse().ok()).expect("seconds");
    assert!(seconds * 1_000 > grace_ms, "{seconds} s for {grace_ms} ms");
}

#[test]
fn nginx_and_prometheus_name_the_hubs_where_they_listen() {
    let compose = yaml("docker-compose.yml");
    let port = configuration("docker-compose.yml", &compose, HUBS[0])
        .listen
        .port();
    let expected = HUBS.map(|hub| format!("{hub}:{port}"));

    let nginx = read("deploy/nginx/hub.conf");
    let servers = nginx
        .lines()
        .filter_map(|line| line.trim().strip_prefix("server hub"));
    let servers = servers.map(|rest| format!("hub{}", rest.split(' ').next().unwrap_or_default()));
    assert_eq!(servers.collect::<Vec<_>>(), expected);
    assert!(nginx.contains("listen 80;"));
    assert_eq!(
        words(&compose["services"]["nginx"]["ports"]),
        ["127.0.0.1:8080:80"]
    );

    let prometheus = yaml("deploy/prometheus/prometheus.yml");
    let scraped = &prometheus["scrape_configs"][0];
    assert_eq!(words(&scraped["static_configs"][0]["targets"]), expected);
    let job = scraped["job_name"].as_str().expect("a name");
    for file in words(&prometheus["rule_files"]) {
        let rules = yaml(&format!("deploy/prometheus/{file}"));
        let text = serde_yaml_ng::to_string(&rules).expect("text");
        assert!(
            text.contains(&format!("job=\"{job}\"")),
            "{file} asks for another job"
        );
        for group in rules["groups"].as_sequence().expect("groups") {
            for rule in group["rules"].as_sequence().expect("rules") {
                let told = &rule["annotations"];
                let whole = [
                    &rule["alert"],
                    &rule["expr"],
                    &told["summary"],
                    &told["runbook"],
                ];
                assert!(whole.iter().all(|part| part.as_str().is_some()), "{rule:?}");
            }
        }
    }
}

#[test]
fn the_image_is_built_of_what_is_there_and_runs_without_rights() {
    let text = read("deploy/Dockerfile").replace("\\\n", " ");
    let instructions = text.lines().filter_map(|line| line.split_once(' '));
    let instructions: Vec<(&str, &str)> = instructions.filter(|(word, _)| *word != "#").collect();
    let last = |word: &str| {
        let found = instructions.iter().rposition(|(name, _)| *name == word);
        found.unwrap_or_else(|| panic!("no {word}"))
    };
    let stages = instructions.iter().filter(|(name, _)| *name == "FROM");
    assert_eq!(stages.count(), 2);
    let user = instructions[last("USER")].1;
    assert!(last("FROM") < last("USER") && last("USER") < last("ENTRYPOINT"));
    assert!(user != "root" && !user.starts_with('0'), "{user}");
    assert!(instructions[last("HEALTHCHECK")].1.contains("/health\""));
    let mut copied = 0;
    for (_, what) in instructions.iter().filter(|(name, _)| *name == "COPY") {
        copied += 1;
        let parts: Vec<&str> = what.split_whitespace().collect();
        match parts[0].strip_prefix("--from=") {
            Some(stage) => {
                let made = instructions
                    .iter()
                    .any(|(name, of)| *name == "FROM" && of.ends_with(&format!(" AS {stage}")));
                assert!(made && text.contains(&format!("/release/mussikon-hub {}", parts[1])));
            }
            None => assert!(root().join(parts[0]).exists(), "{what}"),
        }
    }
    assert_eq!(copied, 2);
    // Neither of these belongs into an image, and the first would be gigabytes.
    let left_out = read(".dockerignore");
    for folder in ["target/", "data/", ".git/"] {
        assert!(left_out.lines().any(|line| line == folder), "{folder}");
    }
}
