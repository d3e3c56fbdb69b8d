//! A wall clock that jumps: libfaketime between the hub and the system, told by a file that is changed while the hub runs.
//! The monotonic clock goes on as it should.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::probe::{every_room_goes_on, rest_of, until};
use super::{Carried, Scene};
use crate::debian::{find, unpacked};
use crate::http;
use crate::member::now;
use crate::provision::ProvisionError;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::signer::SECRET;
use crate::suite::site::Site;
use crate::token::Claims;

/// Names the library, if it is set.
const VARIABLE: &str = "MUSSIKON_TEST_FAKETIME";
const LIBRARY: &str = "libfaketimeMT.so.1";
const REMEDY: &str = "name the library libfaketimeMT.so.1 with MUSSIKON_TEST_FAKETIME (Debian: libfaketime), or let apt-get \
                      reach its package index";
/// The library reads its file once a second.
const TAKEN: Duration = Duration::from_secs(5);
/// How far the clock that is seen may be from the one that is wanted: tokens have whole seconds. Less than half of the
/// smallest jump.
const NEAR: i64 = 3;

/// The library: named, or from its Debian package.
pub(super) fn provide(build: &Path) -> Result<PathBuf, ProvisionError> {
    if let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) {
        return match path.is_file() {
            true => Ok(path),
            false => Err(ProvisionError::NotAProgram {
                variable: VARIABLE,
                path,
            }),
        };
    }
    let folder = unpacked(build, "libfaketime", REMEDY)?;
    find(&folder, LIBRARY).ok_or(ProvisionError::Missing {
        program: LIBRARY,
        remedy: REMEDY,
    })
}

/// What a hub needs so that its clock can be moved later; it is right at first.
pub(super) fn variables(library: &Path, file: &Path) -> Result<Vec<(String, String)>, SiteError> {
    set(file, 0)?;
    let [library, file] = [library, file].map(|path| path.to_string_lossy().into_owned());
    let variables = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", file),
        ("FAKETIME_CACHE_DURATION", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("NO_FAKE_STAT", "1".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    Ok(variables.into())
}

/// Whole or not at all: hubs read it all the time.
fn set(file: &Path, seconds: i64) -> std::io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, format!("{seconds:+}\n"))?;
    fs::rename(new, file)
}

/// Moves the clock of all hubs, looks at what comes of it, and moves it back.
pub(super) async fn jump(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    seconds: i64,
    millis: u64,
) -> Result<Carried, SiteError> {
    let file = scene.kit.clock.as_deref();
    let file = file.ok_or(SiteError::Kit("hubs whose clock can be moved"))?;
    set(file, seconds)?;
    let moved = until(TAKEN, async || is_at(site, hub, seconds).await).await;
    let in_force = now();
    rest_of(millis, in_force).await;
    let before_back = now();
    set(file, 0)?;
    let back = until(TAKEN, async || is_at(site, hub, 0).await).await;
    let attempts = scene.history.attempts.since(in_force);
    let told = |seen: Option<()>| match seen {
        Some(()) => "tokens end when they should by that clock",
        None => "it did not",
    };
    let checks = vec![
        Check::new(
            format!("the hub's clock moves by {seconds} s"),
            told(moved),
            moved.is_some(),
        ),
        every_room_goes_on(&attempts, scene.rooms, in_force, before_back),
        Check::new("the hub's clock moves back", told(back), back.is_some()),
    ];
    Ok(Carried::seen(in_force, checks))
}

/// Whether a hub's clock is as far from ours as that: it takes a token that ends a little later by its clock, and none that
/// ended a little before.
async fn is_at(site: &Site<'_>, hub: usize, seconds: i64) -> Option<()> {
    let ask = async |ends: i64| {
        let token = ending(ends).sign(SECRET).ok()?;
        let answer = http::get(site.address(hub), "/api/inbox/unread", Some(&token)).await;
        answer.ok().map(|answer| answer.status)
    };
    let (before, after) = (ask(seconds - NEAR).await?, ask(seconds + NEAR).await?);
    (before == 401 && after == 200).then_some(())
}

/// A token that ends so many seconds from now by our clock.
fn ending(seconds: i64) -> Claims {
    let claims = Claims::user("clock-probe").role("user");
    let apart = Duration::from_secs(seconds.unsigned_abs());
    match seconds < 0 {
        true => claims.expired(apart),
        false => claims.expires_in(apart),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_says_by_how_much_and_in_which_direction() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let mut said = Vec::new();
        for seconds in [3600, -7, 0] {
            set(&file, seconds).unwrap();
            said.push(fs::read_to_string(&file).unwrap());
        }
        assert_eq!(said, ["+3600\n", "-7\n", "+0\n"]);
    }

    #[test]
    fn a_token_may_have_ended_already() {
        let exp = |seconds| {
            serde_json::to_value(ending(seconds)).unwrap()["exp"]
                .as_i64()
                .unwrap()
        };
        let apart = exp(3603) - exp(-3597);
        assert!((7200..7203).contains(&apart), "{apart}");
    }
}
