//! What mends a member of a deployment: made ready before it is hurt, and carried out also when this process is killed.

use std::process::Stdio;

use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::member::COMMAND;

/// Does what mends a member when it is told to, or when whoever was to tell it is gone.
const MEND: &str = r#"exec 3<&0 </dev/null
trap '' HUP INT TERM
read -r _ <&3
exec 3<&-
exec /bin/sh -c "$0""#;

/// What mends a member; it also does so when this is dropped.
pub(super) struct Mending {
    what: String,
    child: Child,
}

impl Mending {
    /// Makes ready to run this command, whatever happens to this process.
    pub(super) fn prepare(what: String, command: &str) -> std::io::Result<Self> {
        let child = Command::new("/bin/sh")
            .args(["-c", MEND, command])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // An interrupt from the terminal is none of its business.
            .process_group(0)
            .spawn()?;
        Ok(Self { what, child })
    }

    /// Mends it, and waits until that is done.
    pub(super) async fn mend(mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        let what = self.what;
        match timeout(COMMAND, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(format!("{what} was not mended: {status}")),
            Ok(Err(error)) => Err(format!("{what} was not mended: {error}")),
            Err(_) => Err(format!("{what} was not mended within {COMMAND:?}")),
        }
    }
}
