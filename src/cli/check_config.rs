//! `check-config`: the effective configuration, key by key, with where each value comes from.

use super::{Failed, print};
use crate::config::{Loaded, leaves};

pub fn run(loaded: &Loaded) -> Result<(), Failed> {
    let tree = serde_json::to_value(&loaded.config).map_err(Failed::because)?;
    let mut lines = Vec::new();
    leaves(&tree, "", &mut |key, value| {
        let origin = loaded.origins.get(key).map_or("default", String::as_str);
        // Dotted keys with JSON values are valid TOML; a key without a value is only named.
        lines.push(if value.is_null() {
            format!("# {key} is not set")
        } else {
            format!("{key} = {value} # {origin}")
        });
    });
    lines.iter().try_for_each(|line| print(line))
}
