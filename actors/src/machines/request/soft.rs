//! What is unusual about a request and allowed all the same: its organizer is told.

use super::input::Brief;
use crate::machines::terms::FieldError;

/// What is usual for a kind of event: names, budget in whole units of the currency, hours.
type Usual = (&'static [&'static str], (u64, u64), (u64, u64));

const USUAL: [Usual; 5] = [
    (&["wedding", "boda"], (200, 2_000), (2, 8)),
    (&["party", "fiesta_privada"], (100, 800), (2, 6)),
    (&["corporate", "evento_corporativo"], (300, 1_500), (1, 4)),
    (&["concert", "concierto"], (500, 3_000), (1, 3)),
    (&["ceremony", "ceremonia"], (150, 1_000), (1, 2)),
];

const HOUR_MS: u64 = 3_600_000;

/// What is unusual for the kind of event.
pub fn unusual(brief: &Brief) -> Vec<FieldError> {
    let (gig, kind) = (&brief.gig, brief.gig.event_type.as_str());
    let usual = USUAL.iter().find(|(names, ..)| names.contains(&kind));
    let Some((_, (least, most), (short, long))) = usual else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut add = |field: &str, problem: String| {
        let field = field.into();
        found.push(FieldError { field, problem });
    };
    if gig.budget.max.0 < least * 100 {
        add(
            "budget.max",
            format!("is usually at least {least} for a {kind}"),
        );
    }
    if gig.budget.min.0 > most * 100 {
        add(
            "budget.min",
            format!("is usually at most {most} for a {kind}"),
        );
    }
    let lasts = gig.window.millis();
    if lasts < short * HOUR_MS || lasts > long * HOUR_MS {
        let problem = format!("is usually {short} to {long} hours after window.from for a {kind}");
        add("window.to", problem);
    }
    found
}
