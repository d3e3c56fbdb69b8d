//! The JavaScript of the README, run as it stands there against the real hub.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;

use chaos::node::NodeClients;
use common::{BUILD, TestHub, sources, token};

/// The one block of JavaScript in the README.
fn snippet() -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    let blocks: Vec<&str> = text.split("```js\n").skip(1).collect();
    let [block] = blocks[..] else {
        panic!(
            "the README has {} blocks of JavaScript, not one",
            blocks.len()
        );
    };
    let (code, _) = block.split_once("```").unwrap();
    code.to_owned()
}

#[tokio::test]
async fn the_snippet_of_the_readme_chats() {
    let provide = || NodeClients::provide(&sources("clients/js"), Path::new(BUILD));
    let provided = tokio::task::spawn_blocking(provide).await.unwrap();
    let clients = provided.unwrap_or_else(|error| panic!("{error}"));
    let hub = TestHub::start().await;
    let script = clients.folder().join("readme.mjs");
    std::fs::write(&script, snippet()).unwrap();
    let run = move |url: String| {
        Command::new("node")
            .arg(&script)
            .args([url, token("ana")])
            .output()
    };
    let url = hub.url();
    let output = tokio::task::spawn_blocking(move || run(url)).await.unwrap();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{said}\n{complained}\n{}",
        hub.logs()
    );
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("ana: "))
        .collect();
    assert_eq!(
        lines,
        ["ana: Hello, musicians!", "ana: Goodbye!"],
        "{complained}"
    );
}
