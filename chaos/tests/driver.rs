//! A client script's verdict is believed only when it ran cases, none failed, and it ended well and in time.
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::time::Duration;

use chaos::driver::{DriverError, run};

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

async fn verdict(text: &str) -> Result<usize, DriverError> {
    run(script(text), Duration::from_secs(10), async |_| {}).await
}

const PASSED: &str = r#"echo '{"case":"one","passed":true}'"#;

#[tokio::test]
async fn cases_that_passed_are_counted() {
    let text = format!(r#"{PASSED}; echo words; {PASSED}; echo '{{"passed":2,"failed":0}}'"#);
    assert_eq!(verdict(&text).await.unwrap(), 2);
}

#[tokio::test]
async fn no_case_a_failed_case_and_a_bad_end_are_failures() {
    let failed = r#"echo '{"case":"two","passed":false,"error":"at two"}'"#;
    for text in [
        "true",
        &format!("{PASSED}; {failed}"),
        &format!("{PASSED}; echo why >&2; exit 1"),
    ] {
        let error = verdict(text).await.unwrap_err();
        assert!(
            matches!(error, DriverError::Failed { .. }),
            "{text}: {error}"
        );
        for word in ["at two", "why"]
            .into_iter()
            .filter(|word| text.contains(word))
        {
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[tokio::test]
async fn wishes_are_granted_in_their_order() {
    let text = format!(
        r#"for deed in cut heal; do echo "{{\"ask\":\"$deed\"}}"; read answer; [ "$answer" = done ] || exit 1; done; {PASSED}"#
    );
    let mut deeds = Vec::new();
    let passed = run(script(&text), Duration::from_secs(10), async |deed| {
        deeds.push(deed)
    })
    .await;
    assert_eq!(passed.unwrap(), 1);
    assert_eq!(deeds, ["cut", "heal"]);
}

#[tokio::test]
async fn a_script_that_hangs_is_killed() {
    let hanging = run(
        script("echo begun; sleep 100"),
        Duration::from_millis(300),
        async |_| {},
    )
    .await;
    let error = hanging.unwrap_err();
    assert!(
        matches!(error, DriverError::Late { .. }) && error.to_string().contains("begun"),
        "{error}"
    );
}
