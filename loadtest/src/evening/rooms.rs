//! The rooms of an evening, made at the hub before anybody comes.

use protocol::{Encoding, Raw};
use serde::Deserialize;

use super::cast::{Cast, Kind};
use crate::hub::{self, HubError, NewGroup};
use crate::target::{Caller, ConnectError, OWNER, ROOMS_AT_ONCE, Target};

/// The group of rooms that an evening uses.
const GROUP: u32 = 0;

/// What `CreateRoom` answers, as far as it is needed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made {
    room_id: String,
}

/// The name of a user: nobody of another run has it.
pub fn user_name(target: &Target, user: u32) -> String {
    format!("lt{}-u{user}", target.nonce)
}

/// Makes all rooms with their people in them; answers their names.
pub fn make(cast: &Cast, target: &Target) -> Result<Vec<String>, ConnectError> {
    let mut names = Vec::new();
    let mut owner = Caller::connect(target, OWNER)?;
    let shared: Vec<u32> = cast
        .of_kind(Kind::Public)
        .chain(cast.of_kind(Kind::Group))
        .collect();
    for some in shared.chunks(ROOMS_AT_ONCE) {
        let records = some.iter().map(|&room| {
            let name = target.room_name(GROUP, room);
            match cast.kind(room) {
                Kind::Public => hub::create_room(target.encoding, "make", &name),
                Kind::Group | Kind::Direct => {
                    let members: Vec<String> = people(cast, target, room).collect();
                    let group = NewGroup {
                        room_id: Some(&name),
                        kind: "group",
                        members: &members,
                    };
                    create(target.encoding, &group)
                }
            }
        });
        let made = owner.ask(&records.collect::<Result<Vec<_>, _>>()?)?;
        names.extend(named(&made)?);
    }
    // A room of two is made by one of them; those of one person are made at once.
    let direct: Vec<u32> = cast.of_kind(Kind::Direct).collect();
    let first = |room: u32| cast.user(cast.members(room)[0]);
    let mut of_two = vec![String::new(); direct.len()];
    let mut order: Vec<usize> = (0..direct.len()).collect();
    order.sort_by_key(|&at| first(direct[at]));
    for theirs in order.chunk_by(|&a, &b| first(direct[a]) == first(direct[b])) {
        let mut caller = Caller::connect(target, &user_name(target, first(direct[theirs[0]])))?;
        let records = theirs.iter().map(|&at| {
            let other: Vec<String> = people(cast, target, direct[at]).skip(1).collect();
            create(
                target.encoding,
                &NewGroup {
                    room_id: None,
                    kind: "direct",
                    members: &other,
                },
            )
        });
        let made = caller.ask(&records.collect::<Result<Vec<_>, _>>()?)?;
        for (&at, name) in theirs.iter().zip(named(&made)?) {
            of_two[at] = name;
        }
    }
    names.extend(of_two);
    Ok(names)
}

fn people<'a>(cast: &'a Cast, target: &'a Target, room: u32) -> impl Iterator<Item = String> + 'a {
    cast.members(room)
        .iter()
        .map(|&slot| user_name(target, cast.user(slot)))
}

fn create(encoding: Encoding, room: &NewGroup<'_>) -> Result<Vec<u8>, HubError> {
    hub::ask(
        encoding,
        "make",
        "CreateRoom",
        vec![Raw::encode(encoding, room)?],
    )
}

fn named(made: &[Raw]) -> Result<Vec<String>, HubError> {
    let names = made.iter().map(|room| Ok(room.decode::<Made>()?.room_id));
    names.collect()
}
