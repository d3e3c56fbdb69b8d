//! The command line: what can be asked of the program, and which settings come with it.

mod check_config;
mod index;
mod look;
mod migrate;
mod nodes;
mod serve;
mod token;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{FileChoice, Sources, load};

/// Exit code for a configuration or a command line that is not valid; clap uses the same.
const EXIT_INVALID: u8 = 2;

/// A durable, resumable realtime messaging hub for SignalR clients.
#[derive(Debug, Parser)]
#[command(
    name = "mussikon-hub",
    version,
    args_conflicts_with_subcommands = false
)]
pub struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Settings win over `MUSSIKON_*` variables, which win over the file, which wins over the defaults.
#[derive(Debug, Args)]
struct Settings {
    /// File with settings [default: mussikon.toml in the working directory, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to serve on; port 0 picks a free one
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Directory of everything the hub keeps
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<String>,
    /// development or production
    #[arg(long, global = true)]
    env: Option<String>,
    /// Serve /hubs/echo and /hubs/echo-auth for interoperability tests
    #[arg(long, global = true)]
    echo_hub: bool,
    /// Any other setting, such as room.text_chars=500; may be given more than once
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the hub (what happens without a command)
    Serve,
    /// Print a token signed with the configured secret
    Token(token::TokenArgs),
    /// Print the effective configuration with secrets hidden, or everything that is wrong with it
    CheckConfig,
    /// Create the schema in the ScyllaDB cluster, or bring it to this version; may run again at any time
    Migrate,
    /// List the nodes of the cluster as lines of JSON, by listening to their signs of life for a moment and asking each
    Nodes(nodes::NodesArgs),
    /// Look after the index by which musicians are found
    Index(index::IndexArgs),
    /// List the rooms in the journal; the hub must not be running
    Rooms(look::RoomsArgs),
    /// Print the events of a room as lines of JSON; the hub must not be running
    Tail(look::TailArgs),
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl Settings {
    fn sources(&self) -> Sources {
        let named = [
            ("--listen", "listen", self.listen.clone()),
            ("--data-dir", "data_dir", self.data_dir.clone()),
            ("--env", "env", self.env.clone()),
            (
                "--echo-hub",
                "echo_hub",
                self.echo_hub.then(|| "true".into()),
            ),
        ];
        let named = named
            .into_iter()
            .filter_map(|(flag, key, value)| Some((flag.into(), key.into(), value?)));
        let set = self
            .set
            .iter()
            .map(|(key, value)| (format!("--set {key}"), key.clone(), value.clone()));
        Sources {
            file: self
                .config
                .clone()
                .map_or(FileChoice::Default, FileChoice::Named),
            env: std::env::vars_os().collect(),
            flags: named.chain(set).collect(),
        }
    }
}

/// Carries out what was asked; the exit code says how it went: 0 well, 1 failed, 2 not valid.
pub fn run(cli: Cli) -> ExitCode {
    let loaded = match load(&cli.settings.sources()) {
        Ok(loaded) => loaded,
        Err(problems) => {
            complain(&problems);
            return ExitCode::from(EXIT_INVALID);
        }
    };
    let done = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(&loaded.config),
        Command::Token(args) => token::run(&loaded.config, &args),
        Command::CheckConfig => check_config::run(&loaded),
        Command::Migrate => migrate::run(&loaded.config),
        Command::Nodes(args) => nodes::run(&loaded.config, &args),
        Command::Index(args) => index::run(&loaded.config, &args),
        Command::Rooms(args) => look::rooms(&loaded.config, &args),
        Command::Tail(args) => look::tail(&loaded.config, &args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            complain(&failed);
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed, for the person who gave it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl Failed {
    fn because(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

fn complain(what: &dyn std::fmt::Display) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(io::stderr(), "mussikon-hub: {what}");
}

/// Prints a line; a reader that has gone away, such as `head`, ends the command quietly.
fn print(line: &dyn std::fmt::Display) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(Failed::because),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_flags_become_settings() {
        Cli::command().debug_assert();
        let cli = Cli::try_parse_from([
            "mussikon-hub",
            "--listen",
            "127.0.0.1:0",
            "check-config",
            "--set",
            "room.text_chars=5",
            "--echo-hub",
        ])
        .expect("valid");
        assert!(matches!(cli.command, Some(Command::CheckConfig)));
        let flags = cli.settings.sources().flags;
        let flag = |flag: &str, key: &str, value: &str| (flag.into(), key.into(), value.into());
        assert_eq!(
            flags,
            [
                flag("--listen", "listen", "127.0.0.1:0"),
                flag("--echo-hub", "echo_hub", "true"),
                flag("--set room.text_chars", "room.text_chars", "5"),
            ]
        );
        let wrong = Cli::try_parse_from(["mussikon-hub", "--set", "room.text_chars"]);
        assert!(
            wrong
                .expect_err("no value")
                .to_string()
                .contains("KEY=VALUE")
        );
    }
}
