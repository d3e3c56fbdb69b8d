//! `index rebuild`: makes the index of musicians anew from the journals of the users.

use actors::clock::{Clock, SystemClock};
use actors::hub::reindex;
use clap::{Args, Subcommand};
use serde_json::json;

use super::look::with_journal;
use super::{Failed, print};
use crate::config::Config;

#[derive(Debug, Args)]
pub struct IndexArgs {
    #[command(subcommand)]
    command: IndexCommand,
}

#[derive(Debug, Subcommand)]
enum IndexCommand {
    /// Read all users, write the rows that they should have and remove all others
    ///
    /// With the cluster store it may run at any time, also beside hubs; with the embedded one the hub must not be running.
    /// What was done is printed as one line of JSON.
    Rebuild,
}

pub fn run(config: &Config, args: &IndexArgs) -> Result<(), Failed> {
    let IndexCommand::Rebuild = args.command;
    let now = SystemClock.now();
    with_journal(config, async |journal| {
        let done = Box::pin(reindex::rebuild(journal, now)).await;
        let done = done.map_err(Failed::because)?;
        print(&json!({
            "users": done.users, "musicians": done.musicians, "rows": done.rows,
            "removed": done.removed,
        }))
    })
}
