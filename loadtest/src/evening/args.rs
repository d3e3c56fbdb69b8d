//! The options of `evening` and `inbox`.

use clap::Args;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::args::{Common, TimeArgs, positive};

/// Options of `evening`.
#[derive(Args, Clone)]
pub struct EveningArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// People.
    #[arg(long)]
    pub users: Option<u32>,
    /// Messages per second that people intend to send.
    #[arg(long, default_value_t = 100.0, value_parser = positive)]
    pub rate: f64,
    /// How long is measured, and how long it warms up before that.
    #[command(flatten)]
    pub time: TimeArgs,
    /// What both kinds of traffic have.
    #[command(flatten)]
    pub more: MoreArgs,
}

/// Options of `inbox`.
#[derive(Args, Clone)]
pub struct InboxArgs {
    /// Options of every command.
    #[command(flatten)]
    pub common: Common,
    /// People.
    #[arg(long)]
    pub users: Option<u32>,
    /// Notices per second.
    #[arg(long, default_value_t = 50.0, value_parser = positive)]
    pub rate: f64,
    /// How long is measured, and how long it warms up before that.
    #[command(flatten)]
    pub time: TimeArgs,
    /// What both kinds of traffic have.
    #[command(flatten)]
    pub more: MoreArgs,
}

/// Options of both kinds of traffic.
#[derive(Args, Clone)]
pub struct MoreArgs {
    /// Any setting of the traffic, as NAME=VALUE; may be repeated.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<(String, Value)>,
    /// What rooms, people and times follow from.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Every second user speaks the other encoding.
    #[arg(long)]
    pub mixed: bool,
}

fn setting(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    let value = serde_json::from_str(value)
        .map_err(|_| format!("{value} is neither a number nor true or false"))?;
    Ok((name.to_owned(), value))
}

impl MoreArgs {
    /// The settings of the traffic: the defaults, with what was given.
    pub fn spec<S: DeserializeOwned>(&self, users: Option<u32>) -> Result<S, serde_json::Error> {
        let users = users.map(|users| ("users".to_owned(), Value::from(users)));
        let given: Map<String, Value> = self.settings.iter().cloned().chain(users).collect();
        serde_json::from_value(Value::Object(given))
    }
}
