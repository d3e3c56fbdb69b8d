//! What a request, an application and a reason must be like. An input is looked at as a whole: all that is wrong with it is
//! said at once.

use super::input::{Brief, RequestInput, Texts};
use super::limits::RequestLimits;
use crate::ids::Timestamp;
use crate::machines::terms::{Budget, Cents, FieldError, Gig, Place, Term, Window};

/// Kinds of event whose budgets are round.
const CORPORATE: [&str; 3] = ["corporate", "evento_corporativo", "evento corporativo"];

/// What is wrong, as it is found.
#[derive(Default)]
pub(super) struct Findings(Vec<FieldError>);

impl Findings {
    pub fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.0.push(FieldError {
            field: field.into(),
            problem: problem.into(),
        });
    }

    fn require(&mut self, right: bool, field: &str, problem: impl FnOnce() -> String) {
        if !right {
            self.add(field, problem());
        }
    }

    /// A word of a vocabulary.
    fn term(&mut self, field: &str, text: &str) -> Option<Term> {
        match Term::parse(text) {
            Ok(term) => Some(term),
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }

    /// A free text, trimmed: lines are allowed, other control characters are not.
    pub fn text(&mut self, field: &str, text: &str, min: usize, max: usize) -> String {
        let text = text.trim();
        let chars = text.chars().count();
        self.require((min..=max).contains(&chars), field, || {
            format!("must have {min} to {max} characters, not {chars}")
        });
        let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        self.require(!text.chars().any(odd), field, || {
            "must not contain control characters".into()
        });
        text.to_owned()
    }

    /// The same, of which nothing is left if it is blank.
    fn optional(&mut self, field: &str, text: Option<&str>, max: usize) -> Option<String> {
        let text = self.text(field, text.unwrap_or_default(), 0, max);
        (!text.is_empty()).then_some(text)
    }

    /// Everything that was found.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }
}

/// A request, or all that is wrong with it at this time.
pub(super) fn brief(
    input: &RequestInput,
    now: Timestamp,
    limits: &RequestLimits,
) -> Result<Brief, Vec<FieldError>> {
    let mut findings = Findings::default();
    let texts = texts(&mut findings, input, limits);
    let event_type = findings.term("eventType", &input.event_type);
    let instrument = findings.term("instrument", &input.instrument);
    let more = more_instruments(&mut findings, &input.more_instruments, limits);
    let genre = input
        .genre
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    let genre = genre.and_then(|text| findings.term("genre", text));
    window(&mut findings, input.window, now, limits);
    let place = place(&mut findings, &input.place, limits);
    budget(&mut findings, input.budget, event_type.as_ref(), limits);
    if let Some(attendees) = input.attendees {
        findings.require(
            (1..=limits.attendees).contains(&attendees),
            "attendees",
            || format!("must be 1 to {}", limits.attendees),
        );
    }
    if let Some(km) = input.radius_km {
        findings.require(km > 0.0 && km <= limits.radius_max_km, "radiusKm", || {
            format!("must be above 0 and at most {}", limits.radius_max_km)
        });
    }
    if let Some(deadline) = input.deadline {
        let fits = deadline > now && deadline <= input.window.from;
        findings.require(fits, "deadline", || {
            "must lie in the future and not after the event begins".into()
        });
    }
    findings.finish()?;
    // Nothing was found, so both are there.
    let (Some(event_type), Some(instrument)) = (event_type, instrument) else {
        return Err(Vec::new());
    };
    Ok(Brief {
        gig: Gig {
            event_type,
            instrument,
            more_instruments: more,
            genre,
            window: input.window,
            place,
            budget: input.budget,
        },
        mode: input.mode,
        attendees: input.attendees,
        radius_km: input.radius_km,
        deadline: input.deadline,
        texts,
    })
}

/// Whether a draft, right when it was written, may be submitted now.
pub(super) fn submission(
    draft: &Brief,
    now: Timestamp,
    limits: &RequestLimits,
) -> Result<(), Vec<FieldError>> {
    let mut found = brief(&draft.written(), now, limits)
        .err()
        .unwrap_or_default();
    let mut findings = Findings::default();
    let (min, max) = (limits.description_min_chars, usize::MAX);
    let chars = draft.texts.description.chars().count();
    findings.require((min..=max).contains(&chars), "description", || {
        format!("must have at least {min} characters before it is submitted, not {chars}")
    });
    found.extend(findings.finish().err().unwrap_or_default());
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// The words of an application, trimmed, or all that is wrong with it.
pub(super) fn application(
    rate: Cents,
    words: &str,
    limits: &RequestLimits,
) -> Result<String, Vec<FieldError>> {
    let mut findings = Findings::default();
    let most = limits.budget_max_cents;
    findings.require((1..=most).contains(&rate.0), "rate", || {
        format!("must be 1 to {most} hundredths")
    });
    let words = findings.text("words", words, 0, limits.application_chars);
    findings.finish().map(|()| words)
}

/// A reason, trimmed.
pub(super) fn reason(
    field: &str,
    text: &str,
    min: usize,
    limits: &RequestLimits,
) -> Result<String, Vec<FieldError>> {
    let mut findings = Findings::default();
    let text = findings.text(field, text, min, limits.reason_chars);
    findings.finish().map(|()| text)
}

fn texts(findings: &mut Findings, input: &RequestInput, limits: &RequestLimits) -> Texts {
    let (title, dress) = (input.title.as_deref(), input.dress_code.as_deref());
    let equipment = input.equipment.as_deref();
    let most = limits.description_max_chars;
    Texts {
        title: findings.optional("title", title, limits.title_chars),
        description: findings.text("description", &input.description, 0, most),
        dress_code: findings.optional("dressCode", dress, limits.dress_code_chars),
        equipment: findings.optional("equipment", equipment, limits.equipment_chars),
    }
}

/// Each once, in the order given; the first of those that are too many is named, the rest is not read.
fn more_instruments(
    findings: &mut Findings,
    names: &[String],
    limits: &RequestLimits,
) -> Vec<Term> {
    let most = limits.more_instruments;
    findings.require(names.len() <= most, "moreInstruments", || {
        format!("must be at most {most}, not {}", names.len())
    });
    let mut more = Vec::new();
    for (index, name) in names.iter().take(most).enumerate() {
        let term = findings.term(&format!("moreInstruments[{index}]"), name);
        more.extend(term.filter(|term| !more.contains(term)));
    }
    more
}

fn window(findings: &mut Findings, window: Window, now: Timestamp, limits: &RequestLimits) {
    let Window { from, to } = window;
    findings.require(
        from >= now.plus_millis(limits.lead_ms),
        "window.from",
        || format!("must lie at least {} ms ahead", limits.lead_ms),
    );
    let far = now.plus_millis(limits.horizon_ms);
    findings.require(from <= far, "window.from", || {
        format!("must lie at most {} ms ahead", limits.horizon_ms)
    });
    let (min, max) = (limits.duration_min_ms, limits.duration_max_ms);
    let lasts = window.millis();
    findings.require(
        to > from && (min..=max).contains(&lasts),
        "window.to",
        || format!("must be {min} to {max} ms after window.from"),
    );
}

fn place(findings: &mut Findings, place: &Place, limits: &RequestLimits) -> Place {
    let Place { lat, lng, address } = place;
    findings.require((-90.0..=90.0).contains(lat), "place.lat", || {
        "must be -90 to 90".into()
    });
    findings.require((-180.0..=180.0).contains(lng), "place.lng", || {
        "must be -180 to 180".into()
    });
    let (min, max) = (limits.address_min_chars, limits.address_max_chars);
    let address = findings.text("place.address", address, min, max);
    Place {
        lat: *lat,
        lng: *lng,
        address,
    }
}

fn budget(
    findings: &mut Findings,
    budget: Budget,
    event_type: Option<&Term>,
    limits: &RequestLimits,
) {
    let (least, most) = (limits.budget_min_cents, limits.budget_max_cents);
    let corporate = event_type.is_some_and(|kind| CORPORATE.contains(&kind.as_str()));
    let step = limits.corporate_step_cents;
    for (field, amount) in [("budget.min", budget.min), ("budget.max", budget.max)] {
        findings.require((least..=most).contains(&amount.0), field, || {
            format!("must be {least} to {most} hundredths")
        });
        let round = !corporate || step == 0 || amount.0.is_multiple_of(step);
        findings.require(round, field, || {
            format!("must be a multiple of {step} hundredths for a corporate event")
        });
    }
    findings.require(budget.min <= budget.max, "budget.max", || {
        "must not be below budget.min".into()
    });
}
