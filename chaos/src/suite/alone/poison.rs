//! A room that fails whenever it is asked: its newest stored row is damaged before anybody reads it again. Where the store is
//! one of the cluster, the row is put back in the end, and the room must be there again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::poisoned::Poisoned;
use super::probe::{metric, until};
use super::{Carried, Scene, log, rows};
use crate::member::now;
use crate::suite::error::SiteError;
use crate::suite::format::Check;
use crate::suite::measure::served_again;
use crate::suite::site::Site;

/// How long the other rooms may take to be served after the start.
const SERVED: Duration = Duration::from_secs(30);
/// How long all hubs may take to tell what they counted.
const TOLD: Duration = Duration::from_secs(5);
/// Between two questions about the damaged room.
const PAUSE: Duration = Duration::from_millis(50);
const COUNTED: [&str; 2] = [
    "mussikon_corrupt_entities_total",
    "mussikon_entity_failures_total",
];

/// Makes a room, damages it, and asks for it all the time while the others go on.
pub(super) async fn poison(
    site: &mut Site<'_>,
    scene: &Scene<'_>,
    hub: usize,
    number: usize,
    millis: u64,
) -> Result<Carried, SiteError> {
    let poisoned = Poisoned::make(format!("poisoned-{number}"), &site.connect(), hub).await?;
    let owner = site.owner(poisoned.room(), hub).await;
    let owner = owner.ok_or_else(|| SiteError::Refused {
        what: format!("who owns the room {}", poisoned.room()),
        reason: "no other hub told in time".to_owned(),
    })?;
    let damaged = damage(site, owner, poisoned.room()).await?;
    site.process_mut(owner).restart().await?;
    let started = now();
    let served = async || {
        let attempts = scene.history.attempts.since(started);
        let unready = site.unready().await;
        served_again(&attempts, scene.rooms, started).filter(|_| unready.is_none())
    };
    let served = until(SERVED, served).await;
    let in_force = now();
    let before = until(TOLD, async || counted(site).await).await;
    let mut answers = BTreeMap::new();
    while now().duration_since(in_force) < Duration::from_millis(millis) {
        for said in poisoned.ask(site, hub).await {
            *answers.entry(said).or_insert(0) += 1;
        }
        sleep(PAUSE).await;
    }
    let end = now();
    let after = until(TOLD, async || counted(site).await).await;
    let mut checks = vec![
        Check::new(
            "the other rooms are served again after the start",
            served.map_or("not all were", |_| "they were"),
            served.is_some(),
        ),
        judge(&answers),
        Check::new(
            format!("{} or {} counts it", COUNTED[0], COUNTED[1]),
            format!("{before:?} before, {after:?} after"),
            before.is_some() && after > before,
        ),
    ];
    if let Some(damaged) = damaged {
        damaged.repair(&site.servers()?.cql).await?;
        checks.push(poisoned.is_back(site, hub).await);
    }
    // The other rooms are all that senders send to.
    Ok(Carried::seen(in_force, checks).while_others_go_on(in_force, end))
}

/// Ends the owner and damages the room's newest row. What can be put back under running hubs is answered.
async fn damage(
    site: &mut Site<'_>,
    owner: usize,
    room: &str,
) -> Result<Option<rows::Damaged>, SiteError> {
    let hub = site.process(owner);
    let Some(keyspace) = hub.variable("MUSSIKON_SCYLLA__KEYSPACE") else {
        let data = hub.folder().join("data");
        site.process_mut(owner).kill();
        log::damage(&data, room)?;
        return Ok(None);
    };
    let keyspace = keyspace.to_owned();
    // Whoever owns the room next may read it at once, so it is damaged before. The owner has it in memory.
    let damaged = rows::damage(&site.servers()?.cql, &keyspace, room).await?;
    site.process_mut(owner).kill();
    Ok(Some(damaged))
}

/// What all hubs have counted of entities that fail.
async fn counted(site: &Site<'_>) -> Option<f64> {
    let mut sum = 0.0;
    for hub in 0..site.places().len() {
        for name in COUNTED {
            sum += metric(site, hub, name).await?;
        }
    }
    Some(sum)
}

/// Every answer must be an error, and none may be missing.
fn judge(answers: &BTreeMap<String, usize>) -> Check {
    let is_error = |answer: &String| {
        answer.starts_with("Refused")
            || answer.starts_with("HTTP 4")
            || answer.starts_with("HTTP 5")
    };
    let told: Vec<String> = answers
        .iter()
        .map(|(answer, count)| format!("{count} times {answer}"))
        .collect();
    Check::new(
        "whoever asks for the damaged room is answered with an error, every time",
        told.join(", "),
        !answers.is_empty() && answers.keys().all(is_error),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_error_or_is_missing_is_not_accepted() {
        let judged = |answers: &[&str]| {
            let answers = answers.iter().map(|answer| ((*answer).to_owned(), 1));
            judge(&answers.collect()).kept
        };
        assert!(judged(&["Refused(\"internal\")", "HTTP 500", "HTTP 404"]));
        assert!(!judged(&["Refused(\"internal\")", "HTTP 200"]));
        assert!(!judged(&["Done"]) && !judged(&["Nothing(\"late\")"]) && !judged(&[]));
    }
}
