//! When the store refuses to open, and what it says.

use std::path::Path;

use actors::journal::fjall::{FjallJournal, FjallOptions, OpenError};

use super::place::{Filled, fill, open};

async fn filled() -> Filled {
    fill(&FjallOptions::default(), 4, 50).await
}

fn refusal(directory: &Path) -> OpenError {
    open(directory).err().expect("the store refuses to open")
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).expect("the file is there")
}

fn write(directory: &Path, name: &str, text: &str) {
    std::fs::write(directory.join(name), text).expect("the file can be written");
}

fn accepting() -> FjallOptions {
    FjallOptions {
        accept_loss: true,
        ..FjallOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_commits_says_how_many() {
    let filled = filled().await;
    let directory = filled.directory.path();
    let recorded = read(directory, "commits");
    let count: u64 = recorded.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(count, filled.commits, "a clean close records every commit");

    // An older copy of the engine's files under the newer counter.
    let older = fill(&FjallOptions::default(), 2, 50).await;
    std::fs::remove_dir_all(directory.join("engine")).unwrap();
    std::fs::rename(
        older.directory.path().join("engine"),
        directory.join("engine"),
    )
    .unwrap();
    let lost = filled.commits - older.commits;
    let refusal = refusal(directory);
    let text = refusal.to_string();
    assert!(
        matches!(refusal, OpenError::CommitsMissing { acknowledged, found }
            if acknowledged == filled.commits && found == older.commits),
        "{text}"
    );
    assert!(
        text.starts_with(&format!("{lost} commits are missing")),
        "{text}"
    );
    assert_eq!(
        read(directory, "commits"),
        recorded,
        "a refusal changes nothing"
    );

    let store = FjallJournal::open(directory, &accepting()).expect("loss is accepted");
    assert_eq!(store.commits(), older.commits);
    drop(store);
    open(directory).expect("what was accepted once is the truth from then on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_engine_under_a_counter_is_a_loss() {
    let filled = filled().await;
    let directory = filled.directory.path();
    std::fs::remove_dir_all(directory.join("engine")).unwrap();
    let refusal = refusal(directory);
    let all = filled.commits;
    assert!(
        matches!(refusal, OpenError::CommitsMissing { acknowledged, found: 0 } if acknowledged == all),
        "{refusal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_damaged_counter_is_a_refusal_until_loss_is_accepted() {
    let filled = filled().await;
    let directory = filled.directory.path();
    let right = read(directory, "commits");
    let forged = right.replacen(char::is_numeric, "9", 1);
    let cases = [
        (None, "is missing"),
        (Some(""), "is unreadable"),
        (Some(forged.as_str()), "is unreadable"),
        (Some("\u{1}"), "is unreadable"),
    ];
    for (text, expected) in cases {
        match text {
            Some(text) => write(directory, "commits", text),
            None => std::fs::remove_file(directory.join("commits")).unwrap(),
        }
        let refusal = refusal(directory);
        assert!(matches!(refusal, OpenError::Counter { .. }), "{refusal}");
        assert!(refusal.to_string().ends_with(expected), "{refusal}");
    }
    FjallJournal::open(directory, &accepting()).expect("loss is accepted");
    let store = open(directory).expect("the counter is there again");
    assert_eq!(filled.corrupt_reads(&store).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_format_is_refused_by_name() {
    let filled = filled().await;
    let directory = filled.directory.path();
    write(directory, "format", "mussikon journal 2\n");
    let refusal_text = refusal(directory).to_string();
    assert!(
        refusal_text.contains("\"mussikon journal 2\""),
        "{refusal_text}"
    );
    assert!(
        refusal_text.contains("\"mussikon journal 1\""),
        "{refusal_text}"
    );
    std::fs::remove_file(directory.join("format")).unwrap();
    let refusal = refusal(directory);
    assert!(
        matches!(&refusal, OpenError::Format { found, .. } if found == "missing"),
        "{refusal}"
    );
    assert!(!directory.join("format").exists(), "nothing is made up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_use_is_refused_within_the_process_too() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).expect("a new store opens");
    let refusal = refusal(directory.path());
    assert!(matches!(refusal, OpenError::Locked { .. }), "{refusal}");
    store.close().await;
    open(directory.path()).expect("free again after closing, even while a handle is left");
    drop(store);
}

#[test]
fn a_setting_that_cannot_work_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let too_small = FjallOptions {
        log_bytes: 1 << 20,
        ..FjallOptions::default()
    };
    let refusal = FjallJournal::open(directory.path(), &too_small)
        .err()
        .unwrap();
    let text = refusal.to_string();
    assert_eq!(text, "log_bytes is 1048576, but must be at least 67108864");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "no directory").unwrap();
    let refusal = open(&file).err().unwrap();
    assert!(matches!(refusal, OpenError::Io { .. }), "{refusal}");
    assert!(refusal.to_string().contains("file"), "{refusal}");
}
