//! The table of transitions as documents show it: a diagram of states and two tables.

use super::transitions::{Effect, Guard, TRANSITIONS, Transition};
use super::{Actor, RequestState};

/// The states and what leads from one to another, as a mermaid diagram. Steps that stay in their state are left out.
pub fn mermaid() -> String {
    let mut lines = vec!["stateDiagram-v2".to_owned()];
    for row in TRANSITIONS.iter().filter(|row| row.from != Some(row.to)) {
        let from = row.from.map_or("[*]", RequestState::as_str);
        let (to, trigger) = (row.to.as_str(), row.trigger.as_str());
        lines.push(format!("    {from} --> {to}: {trigger}"));
    }
    for state in RequestState::ALL {
        let leaves = |row: &&Transition| row.from == Some(*state) && row.to != *state;
        if !TRANSITIONS.iter().any(|row| leaves(&row)) {
            lines.push(format!("    {} --> [*]", state.as_str()));
        }
    }
    lines.join("\n")
}

/// Every step, as a markdown table.
pub fn steps() -> String {
    let mut lines = vec![
        "| from | to | by | who | if | then |".to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    lines.extend(TRANSITIONS.iter().map(step));
    lines.join("\n")
}

fn step(row: &Transition) -> String {
    let listed = |words: Vec<&'static str>| words.join(", ");
    let roles = row.roles.iter().map(|role: &Actor| role.as_str());
    let guards = row.guards.iter().map(|guard| guard.as_str());
    let effects = row.effects.iter().map(|effect| effect.as_str());
    format!(
        "| {} | {} | `{}` | {} | {} | {} |",
        row.from.map_or("–", RequestState::as_str),
        row.to.as_str(),
        row.trigger.as_str(),
        listed(roles.collect()),
        listed(guards.collect()),
        listed(effects.collect()),
    )
}

/// What the conditions and the consequences mean, as a markdown table.
pub fn meanings() -> String {
    let mut lines = vec!["| name | means |".to_owned(), "|---|---|".to_owned()];
    let guards = Guard::ALL.iter().map(|one| (one.as_str(), one.means()));
    let effects = Effect::ALL.iter().map(|one| (one.as_str(), one.means()));
    lines.extend(
        guards
            .chain(effects)
            .map(|(name, means)| format!("| {name} | {means} |")),
    );
    lines.join("\n")
}
