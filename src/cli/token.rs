//! `token`: a token for trying things out, signed as the hub expects it.

use std::sync::Arc;

use actors::clock::SystemClock;
use actors::ids::UserId;
use actors::machines::terms::PlatformRole;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::{Failed, print};
use crate::auth::{JwtAuthenticator, signing_secret};
use crate::config::Config;

#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Whose token (the claim `sub`)
    #[arg(long, value_name = "ID", value_parser = user)]
    user: UserId,
    /// Role on the platform; without one the token is that of a mere user
    #[arg(long, value_parser = roles())]
    role: Option<String>,
    /// How long it is valid: 90s, 15m, 1h, 7d
    #[arg(long, default_value = "1h", value_parser = seconds)]
    ttl: u64,
}

fn user(text: &str) -> Result<UserId, String> {
    UserId::parse(text).map_err(|e| e.to_string())
}

fn roles() -> PossibleValuesParser {
    PlatformRole::ALL.map(PlatformRole::as_str).into()
}

fn seconds(text: &str) -> Result<u64, String> {
    let expected = || "expected a whole number and s, m, h or d, such as 90s or 1h".to_owned();
    let unit = text.chars().last().ok_or_else(expected)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let count: u64 = text[..text.len() - 1].parse().map_err(|_| expected())?;
    count
        .checked_mul(factor)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(expected)
}

pub fn run(config: &Config, args: &TokenArgs) -> Result<(), Failed> {
    if !config.auth.accept_own_tokens {
        let useless = "auth.accept_own_tokens is false: the hub would refuse the token";
        return Err(Failed(useless.into()));
    }
    let secret = signing_secret(config).map_err(Failed::because)?;
    let issuer = JwtAuthenticator::new(&secret, &config.auth, Arc::new(SystemClock));
    let token = issuer
        .issue(&args.user, args.role.as_deref(), args.ttl)
        .map_err(Failed::because)?;
    print(&token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_unit_and_nothing_else_passes() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("1h"), Ok(3_600));
        assert_eq!(seconds("7d"), Ok(604_800));
        for wrong in [
            "",
            "h",
            "1",
            "1w",
            "-1h",
            "1.5h",
            "0s",
            "99999999999999999999d",
            "1 h",
            "é",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds(&format!("{}d", u64::MAX)).ok(), None);
    }
}
