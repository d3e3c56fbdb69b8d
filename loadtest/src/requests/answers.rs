//! What answers mean: which are expected, and what is learned from them.

use serde::Deserialize;

use super::calls::{Scene, Turn, text_of};
use super::client::{Answer, Call};
use super::contradictions::Contradictions;
use super::ledger::{Fact, Outcome};
use super::operation::Operation;
use super::script::Who;

#[derive(Deserialize)]
struct Problem {
    code: String,
}

/// A request, as far as it is of interest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// Its id.
    pub request_id: String,
}

#[derive(Deserialize)]
struct Wanted {
    outcome: String,
}

#[derive(Deserialize)]
struct Sent {
    sequence: u64,
}

#[derive(Deserialize)]
struct Inbox {
    head: u64,
}

#[derive(Deserialize)]
struct People {
    items: Vec<Person>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    musician_id: String,
}

#[derive(Deserialize)]
struct Open {
    items: Vec<OpenRequest>,
}

#[derive(Deserialize)]
struct OpenRequest {
    request: Created,
}

/// Why an answer is an error; `None` if it is one that a user may get.
pub fn unexpected(turn: &Turn<'_>, scene: &Scene, answer: &Answer) -> Option<String> {
    let operation = turn.step.operation;
    let wishes = matches!(operation, Operation::Accept | Operation::Choose);
    match answer.status {
        202 if !wishes => return Some("202".into()),
        200..300 => return None,
        _ => {}
    }
    let code = read::<Problem>(answer).map_or_else(|| "?".into(), |problem| problem.code);
    let expected = match (operation, answer.status, code.as_str()) {
        // Another one was quicker.
        (Operation::Accept, 409, "already_assigned") => true,
        (Operation::Accept, 409, "wrong_state") => scene.books.cancelled,
        // It was open when the list was read.
        (Operation::LookAtRequest, 403 | 404, _) => turn.step.who == Who::Visitor,
        _ => false,
    };
    (!expected).then(|| format!("{} {code}", answer.status))
}

/// Takes in an expected answer; false if it is not what the document of the API says.
pub fn learn(
    turn: &Turn<'_>,
    call: &Call,
    scene: &mut Scene,
    answer: &Answer,
    wrong: &mut Contradictions,
) -> bool {
    let learned = facts(turn, call, scene, answer);
    if let Some(Some(fact)) = &learned {
        scene.books.enter(fact.clone(), wrong);
    }
    learned.is_some()
}

/// `None`: the answer cannot be read. `Some(None)`: it says nothing for the books.
fn facts(turn: &Turn<'_>, call: &Call, scene: &mut Scene, answer: &Answer) -> Option<Option<Fact>> {
    let done = answer.status < 300;
    Some(match turn.step.operation {
        Operation::Accept => Some(Fact::Wanted(call.user, outcome(answer)?)),
        Operation::Choose => Some(Fact::Wanted(scene.chosen?, outcome(answer)?)),
        _ if !done => None,
        Operation::Create => Some(Fact::Created(read::<Created>(answer)?.request_id)),
        Operation::Submit => Some(Fact::Submitted),
        Operation::Apply => Some(Fact::Applied(call.user)),
        Operation::Cancel => Some(Fact::Cancelled),
        Operation::Send => {
            let sent = read::<Sent>(answer)?;
            Some(Fact::Said(sent.sequence, text_of(call)?))
        }
        Operation::Inbox => {
            scene.inbox_head = read::<Inbox>(answer)?.head;
            None
        }
        Operation::Candidates => {
            let people = read::<People>(answer)?.items;
            let ours = people
                .iter()
                .filter_map(|one| turn.cast.musician_number(&one.musician_id));
            scene.offered = ours.collect();
            None
        }
        Operation::SearchMusicians => {
            let mut people = read::<People>(answer)?.items;
            let ours = |one: &Person| turn.cast.musician_number(&one.musician_id).is_some();
            people.retain(ours);
            scene.found = pick(people, turn.story.number).map(|one| one.musician_id);
            None
        }
        Operation::OpenRequests => {
            let open = read::<Open>(answer)?.items;
            let found = pick(open, turn.story.number);
            scene.found = found.map(|one| one.request.request_id);
            None
        }
        _ => None,
    })
}

fn outcome(answer: &Answer) -> Option<Outcome> {
    if answer.status == 409 {
        return Some(Outcome::Taken);
    }
    match read::<Wanted>(answer)?.outcome.as_str() {
        "assigned" => Some(Outcome::Assigned),
        "taken" => Some(Outcome::Taken),
        "conflicted" => Some(Outcome::Conflicted),
        "waiting" => Some(Outcome::Waiting),
        _ => None,
    }
}

/// One of several, by a number that is random.
fn pick<T>(mut all: Vec<T>, number: u32) -> Option<T> {
    let at = (number as usize).checked_rem(all.len())?;
    Some(all.swap_remove(at))
}

/// The body, as far as it is of interest.
pub fn read<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Option<T> {
    serde_json::from_slice(&answer.body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::cast::Cast;
    use crate::requests::plan::{Slot, Story};
    use crate::requests::script::{Kind, Step};

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            replayed: false,
            body: body.as_bytes().to_vec().into(),
        }
    }

    fn at(who: Who, operation: Operation, check: impl FnOnce(&Turn<'_>)) {
        let cast = Cast {
            nonce: "0a".into(),
            musicians: 100,
            organizers: 3,
            seed: 1,
            midnight_s: 0,
        };
        let story = Story {
            kind: Kind::FirstAccept,
            person: 2,
            number: 5,
        };
        let slot = Slot {
            story: 9,
            stage: 1,
            step: 0,
            repeats: false,
            repeated: false,
        };
        let step = Step { operation, who };
        let (cast, story) = (&cast, &story);
        check(&Turn {
            cast,
            story,
            slot,
            step,
        });
    }

    #[test]
    fn a_loser_is_told_so_and_any_other_refusal_is_an_error() {
        at(Who::Offered(0), Operation::Accept, |turn| {
            let mut scene = Scene::default();
            let problem = |status, code: &str| answer(status, &format!("{{\"code\":\"{code}\"}}"));
            let fine = |scene: &Scene, answer: &Answer| unexpected(turn, scene, answer).is_none();
            assert!(fine(&scene, &problem(409, "already_assigned")));
            assert!(fine(&scene, &answer(202, "{}")));
            for (status, code) in [
                (409, "wrong_state"),
                (409, "gave_back"),
                (429, "rate_limited"),
                (503, "overloaded"),
                (404, "request_not_found"),
            ] {
                let named = unexpected(turn, &scene, &problem(status, code));
                assert_eq!(named, Some(format!("{status} {code}")));
            }
            scene.books.cancelled = true;
            assert!(fine(&scene, &problem(409, "wrong_state")));
        });
        at(Who::Organizer, Operation::Submit, |turn| {
            let named = unexpected(turn, &Scene::default(), &answer(202, "{}"));
            assert_eq!(named.as_deref(), Some("202"));
        });
    }

    #[test]
    fn answers_are_entered_as_facts_and_what_cannot_be_read_is_told() {
        let mut wrong = Contradictions::default();
        let mut scene = Scene::default();
        let mut take = |who, operation, said: Answer| {
            let mut understood = false;
            at(who, operation, |turn| {
                let call = turn.call(&mut scene).unwrap_or_else(|| turn.instead());
                understood = learn(turn, &call, &mut scene, &said, &mut wrong);
            });
            understood
        };
        assert!(take(
            Who::Organizer,
            Operation::Create,
            answer(201, "{\"requestId\":\"r\",\"x\":1}")
        ));
        let offered = "{\"items\":[{\"musicianId\":\"m0a-4\"},{\"musicianId\":\"stranger\"},{\"musicianId\":\"m0a-7\"}]}";
        assert!(take(
            Who::Organizer,
            Operation::Candidates,
            answer(200, offered)
        ));
        let won = "{\"outcome\":\"assigned\"}";
        assert!(take(Who::Offered(1), Operation::Accept, answer(200, won)));
        assert!(take(Who::Offered(0), Operation::Accept, answer(409, "{}")));
        assert!(take(
            Who::Winner,
            Operation::Send,
            answer(201, "{\"sequence\":12}")
        ));
        assert!(!take(
            Who::Offered(0),
            Operation::Accept,
            answer(200, "{\"outcome\":\"maybe\"}")
        ));
        assert!(!take(
            Who::Organizer,
            Operation::Create,
            answer(201, "created")
        ));
        assert_eq!(scene.offered, [4, 7]);
        assert_eq!(
            (scene.books.id.as_deref(), scene.books.winner),
            (Some("r"), Some(7))
        );
        assert_eq!(scene.books.said[0].0, 12);
        assert!(wrong.none());
    }

    #[test]
    fn a_repeat_is_asked_for_by_the_same_call_and_every_post_has_a_key() {
        let mut scene = Scene::default();
        scene.books.id = Some("r".into());
        at(Who::Organizer, Operation::Submit, |turn| {
            let call = turn.call(&mut scene);
            let call = call.map(|call| (call.path, call.key, call.user, call.body));
            let path = "/api/requests/r/submit".to_owned();
            assert_eq!(call, Some((path, Some("0a-9-1-0".into()), 102, None)));
        });
        at(Who::Offered(0), Operation::Accept, |turn| {
            assert!(turn.call(&mut scene).is_none(), "nobody was offered it");
            assert_eq!(turn.instead().path, "/api/inbox/unread");
        });
    }
}
