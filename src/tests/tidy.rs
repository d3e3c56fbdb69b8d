//! The rules of the code that no compiler checks: layers, file heads, sizes, no traces of a machine.

use std::path::Path;

use super::{files, read};

const CODE: &[&str] = &["src", "actors", "protocol", "loadtest", "chaos", "tests"];
/// Most lines of a file before its tests.
const MAX_LINES: usize = 400;
/// Files that are longer, up to so many lines, and why.
const LONGER: &[(&str, usize, &str)] = &[(
    "src/telemetry/metrics/table.rs",
    500,
    "one row after the other, to be read as the table that it is",
)];

/// The lines of a file that are not its tests.
fn code_lines(text: &str) -> usize {
    text.lines()
        .take_while(|line| *line != "#[cfg(test)]")
        .count()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name == "tests"
        || name.ends_with("_tests")
        || path
            .components()
            .any(|c| c.as_os_str() == "tests" || c.as_os_str() == "testing")
}

#[test]
fn every_file_says_in_its_first_line_what_lives_there() {
    for path in files(CODE, ".rs") {
        let text = read(&path);
        let first = text.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("//! ") && first.len() > 12,
            "{}",
            path.display()
        );
    }
}

#[test]
fn files_are_short_enough_to_hold_in_mind() {
    let mut too_long = Vec::new();
    for path in files(CODE, ".rs").iter().filter(|p| !is_test(p)) {
        let listed = LONGER.iter().find(|(name, _, _)| path == Path::new(name));
        let most = listed.map_or(MAX_LINES, |(_, most, _)| *most);
        let lines = code_lines(&read(path));
        if lines > most {
            too_long.push(format!(
                "{}: {lines} lines, {most} are allowed",
                path.display()
            ));
        }
    }
    assert!(too_long.is_empty(), "{too_long:#?}");
    for (name, most, reason) in LONGER {
        assert!(*most > MAX_LINES && reason.len() > 20, "{name}");
        assert!(
            code_lines(&read(name)) > MAX_LINES,
            "{name} is short now: take it off the list"
        );
    }
}

/// Lines of code (not comments) below a folder that contain one of the words.
fn uses(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for path in files(&[folder], ".rs") {
        for (number, line) in read(&path).lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    found
}

#[test]
fn protocol_and_actors_know_nothing_of_each_other_and_only_the_root_joins_them() {
    let none: Vec<String> = Vec::new();
    assert_eq!(
        uses(
            "actors/src",
            &["protocol::", "mussikon_hub::", "axum", "tungstenite"]
        ),
        none
    );
    assert_eq!(
        uses(
            "protocol/src",
            &["actors::", "mussikon_hub::", "tokio", "axum"]
        ),
        none
    );
    let depends = |manifest: &str, on: &str| {
        let text = read(manifest);
        text.lines()
            .any(|line| line.starts_with(&format!("{on}.")) || line.starts_with(&format!("{on} ")))
    };
    assert!(depends("Cargo.toml", "actors") && depends("Cargo.toml", "protocol"));
    assert!(!depends("actors/Cargo.toml", "protocol") && !depends("protocol/Cargo.toml", "actors"));
}

#[test]
fn inside_actors_the_arrows_point_one_way() {
    let none: Vec<String> = Vec::new();
    let inner = |folder: &str, forbidden: &[&str]| uses(&format!("actors/src/{folder}"), forbidden);
    // Machines are pure: they name the data of a journal, never the journal.
    let machines = [
        "crate::runtime",
        "crate::cluster",
        "crate::hub",
        "crate::clock",
        "tokio::",
        "ractor",
        "async ",
        "dyn Journal",
        "Wakeups",
        "Clock",
    ];
    assert_eq!(inner("machines", &machines), none);
    assert_eq!(
        inner(
            "journal",
            &[
                "crate::machines",
                "crate::runtime",
                "crate::cluster",
                "crate::hub"
            ]
        ),
        none
    );
    assert_eq!(
        inner(
            "bus",
            &[
                "crate::machines",
                "crate::runtime",
                "crate::cluster",
                "crate::hub"
            ]
        ),
        none
    );
    assert_eq!(
        inner(
            "runtime",
            &["crate::cluster", "crate::hub", "machines::room"]
        ),
        none
    );
    assert_eq!(inner("cluster", &["crate::hub"]), none);
}

#[test]
fn only_one_file_names_the_websocket_library() {
    let found = uses("src", &["tungstenite"]);
    let elsewhere: Vec<_> = found
        .iter()
        .filter(|line| {
            !line.starts_with("src/gateway/websocket.rs") && !line.starts_with("src/tests/")
        })
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:#?}");
}

#[test]
fn nothing_tells_of_the_machine_it_was_written_on() {
    let traces = [
        concat!("/wo", "rk/"),
        concat!("/tmp/", "brief"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("shared", "/design"),
    ];
    for ending in [".rs", ".toml", ".md", ".yml", ".js", ".py", "run"] {
        for path in files(&["."], ending) {
            let text = read(&path);
            for trace in traces {
                assert!(!text.contains(trace), "{} contains {trace}", path.display());
            }
        }
    }
}

#[test]
fn the_main_file_is_short() {
    assert!(read("src/main.rs").lines().count() < 100);
}

#[test]
fn these_checks_see_what_they_look_for() {
    assert_eq!(code_lines("a\nb\n#[cfg(test)]\nmod tests {}\n"), 2);
    assert!(uses("actors/src", &["crate::journal"]).len() > 3);
    assert!(is_test(Path::new("src/http/tests.rs")) && !is_test(Path::new("src/http/mod.rs")));
    assert!(files(CODE, ".rs").len() > 50);
}
