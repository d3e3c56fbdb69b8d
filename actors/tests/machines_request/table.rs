//! Every cell of the table of transitions: state by trigger by capacity, each tried on a request that meets all conditions.
//! What is allowed is written down here a second time, so that the table does not change by accident.

use std::collections::{BTreeMap, BTreeSet};

use actors::machines::errand::Errand;
use actors::machines::request::diagram;
use actors::machines::request::transitions::{self, Effect, Guard, TRANSITIONS};
use actors::machines::request::{
    Actor, Change, RequestCommand, RequestRejection, RequestReply, RequestState, Trigger,
};
use actors::machines::terms::SlotRefusal;

use crate::desk::{Desk, caller, user};
use crate::table::setups::{Setup, setups, wish};

#[path = "setups.rs"]
mod setups;

/// Who may do what when: `O` owner, `S` assigned musician, `G` any organizer, `M` any musician, `D` moderator, `A` admin,
/// `H` the hub.
const CELLS: &str = "
                   draft pending active inReview assigned inProgress completed cancelled expired disputed
edit               OA    .       .      .        .        .          .         .         .       .
submit             OA    .       .      .        .        .          .         .         .       .
approve            .     DA      .      .        .        .          .         .         .       .
refuse             .     DA      .      .        .        .          .         .         .       .
search             .     .       H      .        .        .          .         .         .       .
offer              .     .       H      .        .        .          .         .         .       .
runOut             .     .       H      .        .        .          .         .         .       .
decline            .     .       M      M        .        .          .         .         .       .
apply              .     .       M      M        .        .          .         .         .       .
withdraw           .     .       M      M        .        .          .         .         .       .
letGo              .     .       .      M        .        .          .         .         .       .
rejectApplication  .     .       OA     OA       .        .          .         .         .       .
accept             .     .       M      M        .        .          .         .         .       .
choose             .     .       OA     OA       .        .          .         .         .       .
slotGranted        .     .       .      H        .        .          .         .         .       .
slotRefused        .     .       .      H        .        .          .         .         .       .
review             .     .       OA     .        .        .          .         .         .       .
reopen             .     .       .      OA       .        .          .         .         .       .
dropOut            .     .       .      .        S        .          .         .         .       .
cancel             OA    OA      OA     OA       OA       .          .         .         .       .
start              .     .       .      .        OSA      .          .         .         .       .
complete           .     .       .      .        OSA      OSA        .         .         .       .
dispute            .     .       .      .        OS       OS         OS        .         .       .
resolve            .     .       .      .        .        .          .         .         .       DA
expire             .     H       H      H        .        .          .         .         .       .
remind             .     .       .      .        H        .          .         .         .       .
";

/// Who may know of it at all.
const SEEN: &str = "
      draft pending active inReview assigned inProgress completed cancelled expired disputed
seen  OA    ODA     OSGMDAU OSGMDAU OSMDA    OSMDA      OSMDA     OSMDA     OSMDA   OSMDA
";

fn letter(actor: Actor) -> char {
    match actor {
        Actor::Owner => 'O',
        Actor::Assigned => 'S',
        Actor::Organizer => 'G',
        Actor::Musician => 'M',
        Actor::Moderator => 'D',
        Actor::Admin => 'A',
        Actor::User => 'U',
        Actor::System => 'H',
    }
}

/// The letters of each cell, by row and state.
fn cells(text: &'static str) -> BTreeMap<(&'static str, RequestState), &'static str> {
    let mut lines = text.trim().lines();
    let states: Vec<&str> = lines.next().expect("a head").split_whitespace().collect();
    let expected: Vec<&str> = RequestState::ALL
        .iter()
        .map(|state| state.as_str())
        .collect();
    assert_eq!(states, expected);
    let mut cells = BTreeMap::new();
    for line in lines {
        let mut words = line.split_whitespace();
        let row = words.next().expect("a name");
        for state in RequestState::ALL {
            let letters = words.next().expect("a cell");
            cells.insert((row, *state), letters.trim_matches('.'));
        }
        assert_eq!(words.next(), None, "{row}");
    }
    cells
}

fn users() -> impl Iterator<Item = Actor> {
    Actor::ALL
        .iter()
        .copied()
        .filter(|actor| *actor != Actor::System)
}

fn triggers() -> impl Iterator<Item = Trigger> {
    let all = Trigger::ALL.iter().copied();
    all.filter(|trigger| *trigger != Trigger::Create)
}

fn is_hubs(trigger: Trigger) -> bool {
    transitions::by(trigger).all(|row| row.roles == [Actor::System])
}

#[test]
fn the_table_allows_what_is_written_here() {
    let cells = cells(CELLS);
    for trigger in triggers() {
        for state in RequestState::ALL {
            let rows = TRANSITIONS.iter();
            let rows = rows.filter(|row| row.from == Some(*state) && row.trigger == trigger);
            let letters: BTreeSet<char> =
                rows.flat_map(|row| row.roles).map(|r| letter(*r)).collect();
            let expected: BTreeSet<char> = cells[&(trigger.as_str(), *state)].chars().collect();
            assert_eq!(
                letters,
                expected,
                "{} in {}",
                trigger.as_str(),
                state.as_str()
            );
        }
    }
    let creation: Vec<&[Actor]> = transitions::by(Trigger::Create)
        .map(|row| row.roles)
        .collect();
    assert_eq!(creation, [&[Actor::Organizer, Actor::Admin][..]]);
}

/// What a user must be told who tries what is not allowed.
fn expected_rejection(trigger: Trigger, state: RequestState, who: &[char]) -> RequestRejection {
    let (cells, seen) = (cells(CELLS), cells(SEEN));
    let has = |letters: &str| letters.chars().any(|letter| who.contains(&letter));
    let row = |state: &RequestState| cells[&(trigger.as_str(), *state)];
    if !has(seen[&("seen", state)]) {
        return RequestRejection::NotFound;
    }
    if !RequestState::ALL.iter().any(|state| has(row(state))) || !row(&state).is_empty() {
        return RequestRejection::Forbidden(trigger);
    }
    let answers = [Trigger::Accept, Trigger::Apply, Trigger::Choose];
    if answers.contains(&trigger) && state.has_musician() {
        return RequestRejection::AlreadyAssigned;
    }
    RequestRejection::WrongState { trigger, state }
}

/// All that someone is: by the role in the token, and by the part in this request.
fn capacities(actor: Actor) -> Vec<char> {
    match actor {
        Actor::Owner => vec!['O', 'G'],
        Actor::Assigned => vec!['S', 'M'],
        other => vec![letter(other)],
    }
}

#[test]
fn every_cell_of_users_is_allowed_or_refused_as_written() {
    let cells = cells(CELLS);
    let mut tried = 0;
    for trigger in triggers().filter(|trigger| !is_hubs(*trigger)) {
        for state in RequestState::ALL {
            for setup in setups(*state, trigger) {
                for actor in users() {
                    tried += usize::from(try_cell(&cells, &setup, *state, trigger, actor));
                }
            }
        }
    }
    assert!(tried > 1_000, "{tried}");
}

/// False if nobody is in that capacity in that state.
fn try_cell(
    cells: &BTreeMap<(&'static str, RequestState), &'static str>,
    setup: &Setup,
    state: RequestState,
    trigger: Trigger,
    actor: Actor,
) -> bool {
    let mut desk = setup.desk.clone();
    let name = match actor {
        Actor::Owner => "olga",
        Actor::Assigned if desk.request.assigned().is_some() => "mia",
        Actor::Assigned => return false,
        Actor::Organizer => "otto",
        Actor::Musician => setup.musician,
        Actor::Moderator => "mod",
        Actor::Admin => "ada",
        Actor::User => "uwe",
        Actor::System => return false,
    };
    let who = capacities(actor);
    let letters = cells[&(trigger.as_str(), state)];
    let change = wish(trigger, setup.outcome);
    let says = format!("{name} would {} in {}", trigger.as_str(), state.as_str());
    if letters.chars().any(|letter| who.contains(&letter)) {
        let events = desk.records.len();
        desk.ask(name, change).expect(&says);
        assert_eq!(desk.records.len(), events + 1, "{says}");
        let entry = desk.last();
        assert_eq!(
            (entry.event.trigger(), entry.from),
            (trigger, state),
            "{says}"
        );
        assert!(letters.contains(letter(entry.role)), "{says}");
        assert_eq!(entry.by, Some(user(name)), "{says}");
    } else if (trigger, actor) == (Trigger::Accept, Actor::Assigned) && state.has_musician() {
        // The repeat of what took effect.
        assert!(
            matches!(desk.ask(name, change), Ok(RequestReply::Done(_))),
            "{says}"
        );
    } else {
        // Who takes back what was not reserved takes back something else, and is told of that.
        let told = if trigger == Trigger::LetGo {
            Trigger::Withdraw
        } else {
            trigger
        };
        assert_eq!(
            desk.refused(name, change),
            expected_rejection(told, state, &who),
            "{says}"
        );
    }
    true
}

#[test]
fn every_cell_of_the_hub_brings_its_event_or_nothing() {
    let cells = cells(CELLS);
    for trigger in triggers().filter(|trigger| is_hubs(*trigger)) {
        for state in RequestState::ALL {
            let allowed = cells[&(trigger.as_str(), *state)] == "H";
            for setup in setups(*state, trigger) {
                let mut desk = setup.desk.clone();
                let events = desk.records.len();
                prompt(&mut desk, trigger);
                let new = desk.records.len() - events;
                let says = format!("{} in {}", trigger.as_str(), state.as_str());
                if allowed {
                    assert_eq!(new, 1, "{says}");
                    let entry = desk.last();
                    assert_eq!(
                        (entry.event.trigger(), entry.from),
                        (trigger, *state),
                        "{says}"
                    );
                    assert_eq!((entry.by, entry.role), (None, Actor::System), "{says}");
                } else {
                    let other = (new == 1).then(|| desk.last().event.trigger());
                    assert_ne!(other, Some(trigger), "{says}");
                }
            }
        }
    }
}

/// The hub brings what may lead to this.
fn prompt(desk: &mut Desk, trigger: Trigger) {
    let reserved = desk
        .errands
        .iter()
        .any(|(_, e)| matches!(e, Errand::Reserve { .. }));
    let searched = desk
        .errands
        .iter()
        .any(|(_, e)| matches!(e, Errand::Search { .. }));
    match trigger {
        Trigger::Offer if searched => desk.found(&[("new", 0.9)]),
        Trigger::RunOut if searched => desk.found_nobody(&[], &[]),
        Trigger::SlotGranted if reserved => desk.answer_slot(Ok(())),
        Trigger::SlotRefused if reserved => desk.answer_slot(Err(SlotRefusal::Full)),
        _ => desk.wake(),
    }
}

#[test]
fn every_line_of_the_table_is_taken_and_does_elsewhere_what_it_says() {
    let mut taken = BTreeSet::new();
    for trigger in triggers() {
        for setup in RequestState::ALL
            .iter()
            .flat_map(|state| setups(*state, trigger))
        {
            let mut desk = setup.desk.clone();
            let events = desk.records.len();
            if is_hubs(trigger) {
                prompt(&mut desk, trigger);
            } else {
                let names = ["olga", setup.musician, "mia", "mod"];
                let change = wish(trigger, setup.outcome);
                let _ = names
                    .iter()
                    .any(|name| desk.ask(name, change.clone()).is_ok());
            }
            if desk.records.len() == events {
                continue;
            }
            let entry = desk.last();
            let row = transitions::find(Some(entry.from), entry.to, entry.event.trigger());
            let row = row.expect("every entry has its line");
            does_what_it_says(row.effects, &desk.new_errands(), &format!("{entry:?}"));
            taken.insert((entry.event.trigger(), row.from, row.to));
        }
    }
    let all = TRANSITIONS.iter().filter(|row| row.from.is_some());
    let all: BTreeSet<_> = all.map(|row| (row.trigger, row.from, row.to)).collect();
    assert_eq!(all.len() + 1, TRANSITIONS.len(), "no two lines agree");
    let missed: Vec<_> = all.difference(&taken).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

/// Whether errands and consequences are the same. Telling may be left out: who does something is not told of it.
fn does_what_it_says(effects: &[Effect], errands: &[Errand], says: &str) {
    let has = |effect| effects.contains(&effect);
    let any = |is: fn(&Errand) -> bool| errands.iter().any(is);
    assert_eq!(
        any(|e| matches!(e, Errand::Confirm { .. })),
        has(Effect::Confirm),
        "{says}"
    );
    let reserves = any(|e| matches!(e, Errand::Reserve { .. }));
    let may_reserve = has(Effect::Reserve) || has(Effect::ReserveNext);
    assert!(reserves || !has(Effect::Reserve), "{says}");
    assert!(may_reserve || !reserves, "{says}");
    assert_eq!(
        any(|e| matches!(e, Errand::Search { .. })),
        has(Effect::Search),
        "{says}"
    );
    let arranged = has(Effect::OpenRoom) || has(Effect::KeepRoom) || has(Effect::LeaveRoom);
    assert_eq!(
        any(|e| matches!(e, Errand::Arrange { .. })),
        arranged,
        "{says}"
    );
    if any(|e| matches!(e, Errand::Release { .. })) {
        assert!(has(Effect::Release), "{says}");
    }
    let given_back = any(|e| matches!(e, Errand::GiveBack { .. }));
    assert_eq!(given_back, has(Effect::GiveBack), "{says}");
    if has(Effect::ReserveNext) {
        let organizer =
            |e: &Errand| matches!(e, Errand::Notify { user: to, .. } if *to == user("olga"));
        let told = errands.iter().any(organizer);
        assert_ne!(told, reserves, "the next one, or the organizer: {says}");
    }
    let told = any(|e| matches!(e, Errand::Notify { .. }));
    let tells = [
        Effect::TellCandidates,
        Effect::TellOrganizer,
        Effect::TellMusician,
        Effect::TellOthers,
        Effect::TellNobodyFound,
        Effect::ReserveNext,
    ];
    assert!(!told || tells.into_iter().any(has), "{says}");
}

#[test]
fn whoever_may_not_create_is_told_so_and_an_id_is_used_once() {
    for actor in users().filter(|actor| *actor != Actor::Assigned) {
        let mut desk = Desk::new();
        let name = match actor {
            Actor::Owner | Actor::Organizer => "olga",
            Actor::Musician => "mia",
            Actor::Moderator => "mod",
            Actor::Admin => "ada",
            _ => "uwe",
        };
        let create = wish(Trigger::Create, Default::default());
        if matches!(name, "olga" | "ada") {
            desk.ask(name, create).expect("may create");
        } else {
            let forbidden = RequestRejection::Forbidden(Trigger::Create);
            assert_eq!(desk.refused(name, create), forbidden);
        }
    }
}

#[test]
fn the_documents_name_every_step_condition_and_consequence() {
    let diagram = diagram::mermaid();
    assert!(
        diagram.starts_with("stateDiagram-v2\n    [*] --> draft: create\n"),
        "{diagram}"
    );
    for line in [
        "active --> inReview: accept",
        "cancelled --> [*]",
        "expired --> [*]",
    ] {
        assert!(diagram.contains(line), "{diagram}");
    }
    assert!(!diagram.contains("active --> active"), "{diagram}");
    let steps = diagram::steps();
    assert_eq!(steps.lines().count(), TRANSITIONS.len() + 2);
    let first = "| – | draft | `create` | organizer, admin | valid input |  |";
    assert_eq!(steps.lines().nth(2), Some(first));
    let meanings = diagram::meanings();
    assert_eq!(
        meanings.lines().count(),
        Guard::ALL.len() + Effect::ALL.len() + 2
    );
    let used: BTreeSet<Guard> = TRANSITIONS
        .iter()
        .flat_map(|row| row.guards)
        .copied()
        .collect();
    assert_eq!(used.len(), Guard::ALL.len(), "no condition is idle");
    let used: BTreeSet<Effect> = TRANSITIONS
        .iter()
        .flat_map(|row| row.effects)
        .copied()
        .collect();
    assert_eq!(used.len(), Effect::ALL.len(), "no consequence is idle");
}

#[test]
fn nobody_is_the_hub() {
    // What the hub brings bears no caller, and what a caller wishes is never taken for the hub's.
    for trigger in triggers().filter(|trigger| is_hubs(*trigger)) {
        let change = RequestCommand::Change {
            by: caller("ada"),
            key: None,
            change: Change::Approve,
        };
        assert!(matches!(change, RequestCommand::Change { .. }));
        assert!(transitions::by(trigger).all(|row| !row.roles.contains(&Actor::Admin)));
    }
}
