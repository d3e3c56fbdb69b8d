//! The load suite: open-loop load on a SignalR hub, judged against what this machine can do.

mod aims;
mod args;
mod bench;
mod capacity;
mod clock;
mod comeback;
mod evening;
mod faults;
mod figures;
mod fleet;
mod fsync;
mod hub;
mod ledger;
mod plan;
mod pool;
mod process;
#[cfg(test)]
mod readme;
mod reconnect;
mod reference;
mod report;
mod requests;
mod run;
mod stamp;
mod storm;
mod subject;
mod suite;
mod target;
mod timetable;
mod token;
mod trial;
mod websocket;
mod wire;

use clap::Parser;
use std::io::{self, Write};
use std::process::ExitCode;

use args::{Cli, Command, ReferenceArgs};
use report::Outcome;
use suite::Suite;

/// Something was lost, doubled, contradictory or refused, or the floor of a scenario was missed.
const EXIT_INCORRECT: u8 = 1;
/// The run could not be made.
const EXIT_ERROR: u8 = 2;
/// The run says nothing about the hub.
const EXIT_GENERATOR_LIMITED: u8 = 3;

fn main() -> ExitCode {
    match execute(Cli::parse().command) {
        Ok(Outcome::Passed) => ExitCode::SUCCESS,
        Ok(Outcome::Incorrect | Outcome::FloorMissed) => EXIT_INCORRECT.into(),
        Ok(Outcome::GeneratorLimited) => EXIT_GENERATOR_LIMITED.into(),
        Err(error) => {
            eprintln!("loadtest: {error}");
            EXIT_ERROR.into()
        }
    }
}

fn execute(command: Command) -> Result<Outcome, Box<dyn std::error::Error>> {
    Ok(match command {
        Command::ReferenceServer(args) => reference_server(args)?,
        Command::Run(args) => run::run(&args)?,
        Command::Work => {
            run::work()?;
            Outcome::Passed
        }
        Command::Fanout(args) => Suite::new(&args.common).fanout(&args)?,
        Command::Rooms(args) => Suite::new(&args.common).rooms(&args)?,
        Command::Ack(args) => Suite::new(&args.common).ack(&args)?,
        Command::Idle(args) => Suite::new(&args.common).idle(args.connections, args.rooms)?,
        Command::Reconnect(args) => Suite::new(&args.common).reconnect(&args)?,
        Command::Evening(args) => Suite::new(&args.common).evening(&args)?,
        Command::Inbox(args) => Suite::new(&args.common).inbox(&args)?,
        Command::Requests(args) => Suite::new(&args.common).requests(&args)?,
        Command::Capacity(args) => Suite::new(&args.common).capacity(&args)?,
        Command::Limit(args) => Suite::new(&args.common).limit(&args)?,
        Command::All(args) => Suite::new(&args.common).all(&args)?,
        Command::Compare(args) => run::compare::run(&args)?,
        Command::Page(args) => run::file::draw(&args)?,
    })
}

fn reference_server(args: ReferenceArgs) -> io::Result<Outcome> {
    if args.end_with_parent {
        process::end_with_parent();
    }
    process::raise_file_limit();
    let options = reference::Options {
        coalesce: args.coalesce,
        acknowledge: args.acknowledge,
        fault: args.fault,
    };
    reference::serve(args.listen, options, |address| {
        // Nobody to tell is no reason to stop.
        let _ = writeln!(io::stdout(), "{}{address}", process::LISTENING);
    })?;
    Ok(Outcome::Passed)
}
