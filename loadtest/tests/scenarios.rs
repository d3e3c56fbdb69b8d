//! Scenario files run against servers that do their work well, or wrong in a known way, in one process and in several.
#![allow(clippy::unwrap_used)]

mod servers;

use serde_json::Value;
use servers::{EXIT_INCORRECT, Ran, Reference, run};

const EXIT_ERROR: i32 = 2;

/// Short, and with limits that any machine meets; what is measured at all is looked at below.
const ROOMS: &str = r#"
name = "rooms"
about = "Two rooms of six for a second."
[profile]
kind = "ramp"
from = 100
to = 500
seconds = 2
warmup = 1
[traffic]
kind = "rooms"
rooms = 2
members = 6
senders = 3
[thresholds]
errors_percent = 0
delivery.per_second = 1
"#;

fn faults(ran: &Ran) -> Vec<String> {
    let faults = ran.record["subject"]["faults"].as_object().unwrap();
    let wrong = faults.iter().filter(|(_, count)| **count != 0);
    wrong
        .map(|(name, count)| format!("{name} {count}"))
        .collect()
}

fn total<'a>(ran: &'a Ran, class: &str) -> &'a Value {
    &ran.record["subject"]["classes"][class]
}

#[test]
fn a_scenario_counts_all_that_it_planned_in_all_encodings_and_any_number_of_processes() {
    for set in [
        "encoding=json processes=1",
        "encoding=mixed processes=1",
        "encoding=messagepack processes=2",
        // More processes than rooms: each has some members of both.
        "encoding=mixed processes=3",
    ] {
        let reference = Reference::start(&[]);
        let ran = run(ROOMS, &reference.options(), set);
        // 600 sends in the measured part, each acknowledged once and delivered to six.
        let acknowledged = total(&ran, "acknowledgement")["latency"]["count"]
            .as_u64()
            .unwrap();
        assert!(
            (599..=601).contains(&acknowledged),
            "{set}: {acknowledged}\n{}",
            ran.printed
        );
        assert_eq!(
            total(&ran, "delivery")["latency"]["count"],
            acknowledged * 6,
            "{set}"
        );
        assert_eq!(faults(&ran), [""; 0], "{set}");
        let subject = &ran.record["subject"];
        assert_eq!(subject["connections"], 12, "{set}");
        let seconds = subject["seconds"].as_array().unwrap();
        assert_eq!(seconds.len(), 3, "{set}");
        let of = |second: usize, member: &str| seconds[second][member].as_f64().unwrap();
        assert_eq!(
            (of(0, "planned"), of(1, "planned"), of(2, "planned")),
            (100.0, 200.0, 400.0)
        );
        assert_eq!(of(1, "connections"), 12.0, "{set}");
        let counted = seconds[2]["classes"]["acknowledgement"]["count"]
            .as_u64()
            .unwrap();
        assert!((399..=401).contains(&counted), "{set}: {counted}");
        // On a busy machine the generator may say that it was late, but never that the server was wrong.
        assert_ne!(ran.code, Some(EXIT_INCORRECT), "{set}: {}", ran.printed);
        assert_eq!(
            ran.record["machine"]["generators"].as_u64(),
            set.rsplit('=').next().unwrap().parse().ok()
        );
    }
}

#[test]
fn every_deliberate_mistake_is_noticed_across_processes() {
    // Seven hundred messages in one room, a mistake at every hundredth, at the last member only: half of them are elsewhere.
    let cases = [
        ("drop", "missing"),
        ("duplicate", "repeated"),
        ("swap", "skipped"),
        ("store", "doubled"),
        ("misacknowledge", "misacknowledged"),
    ];
    let check = |(fault, named): (&str, &str)| {
        let reference = Reference::start(&["--fault", fault]);
        let ran = run(ROOMS, &reference.options(), "processes=2 traffic.rooms=1");
        assert_eq!(ran.code, Some(EXIT_INCORRECT), "{fault}: {}", ran.printed);
        assert_eq!(ran.record["verdict"], "incorrect");
        let count = ran.record["subject"]["faults"][named].as_u64().unwrap();
        assert!(count >= 2, "{fault}: {named} is {count}\n{}", ran.printed);
    };
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || check(case));
        }
    });
}

#[test]
fn a_threshold_that_is_missed_is_an_exit_code_and_one_that_is_met_is_not() {
    let reference = Reference::start(&[]);
    let options = reference.options();
    let of = |set: &str| {
        let ran = run(ROOMS, &options, set);
        let verdict = ran.record["verdict"].as_str().unwrap().to_owned();
        (ran.code, verdict, ran)
    };
    let (code, verdict, ran) = of("thresholds.delivery.per_second=1000000");
    let missed = &ran.record["thresholds"][0];
    assert_eq!(
        (&missed["what"], &missed["met"]),
        (&"delivery.per_second".into(), &false.into())
    );
    let late = verdict == "generator_limited";
    assert!(
        late || (code, &*verdict) == (Some(1), "floor_missed"),
        "{}",
        ran.printed
    );
    let (code, verdict, ran) = of("thresholds.delivery.per_second=2");
    let late = verdict == "generator_limited";
    assert!(
        late || (code, &*verdict) == (Some(0), "passed"),
        "{}",
        ran.printed
    );
    assert_eq!(ran.record["thresholds"][0]["met"], true);
    assert_eq!(code == Some(3), late);
}

#[test]
fn a_storm_joins_every_connection_and_keeps_as_many_as_asked_for() {
    let storm = r#"
name = "storm"
about = "Connections that come ever faster."
encoding = "mixed"
[profile]
kind = "ramp"
from = 50
to = 250
seconds = 2
[traffic]
kind = "connect"
keep = 40
rooms = 7
"#;
    for processes in [1, 2] {
        let reference = Reference::start(&[]);
        let ran = run(
            storm,
            &reference.options(),
            &format!("processes={processes}"),
        );
        let connect = total(&ran, "connect");
        assert_eq!(connect["latency"]["count"], 300, "{}", ran.printed);
        assert_eq!(
            (connect["errors"].as_u64(), faults(&ran).len()),
            (Some(0), 0)
        );
        assert_eq!(ran.record["subject"]["connections"], 40, "{}", ran.printed);
    }
    // Nobody there who answers: all are errors, and that is what the implied threshold is for.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let reference = Reference::start(&[]);
    let options = format!(
        "{} --target http://{}",
        reference.options(),
        silent.local_addr().unwrap()
    );
    let set = "traffic.timeout_ms=300 profile.seconds=1";
    let ran = run(storm, &options, set);
    let connect = total(&ran, "connect");
    let errors = connect["errors"].as_u64().unwrap();
    let joined = connect["latency"]["count"].as_u64().unwrap();
    assert_eq!(errors + joined, 150, "{}", ran.printed);
    assert!(errors >= 50, "about every second one: {errors}");
    assert_eq!(ran.record["thresholds"][0]["met"], false);
}

#[test]
fn idle_connections_are_all_there_at_the_end_and_cost_something() {
    let idle = r#"
name = "idle"
about = "Connections that do nothing."
[profile]
kind = "steady"
rate = 0
seconds = 4
[traffic]
kind = "idle"
connections = 1000
rooms = 20
[thresholds]
memory.kb_per_connection = 1000
"#;
    let reference = Reference::start(&[]);
    let ran = run(idle, &reference.options(), "encoding=mixed");
    assert_eq!(
        total(&ran, "delivery")["latency"]["count"],
        1_000,
        "{}",
        ran.printed
    );
    assert_eq!(faults(&ran), [""; 0]);
    let figures = &ran.record["subject"]["figures"];
    let kb = figures["memory.kb_per_connection"].as_f64().unwrap();
    assert!(kb > 0.01 && kb < 1_000.0, "{kb} KB per connection");
    assert_eq!(ran.record["phases"][1]["name"], "probe");
    assert_eq!(ran.record["thresholds"][0]["measured"].as_f64(), Some(kb));
}

#[test]
fn what_is_wrong_with_a_file_is_said_before_anything_is_run() {
    let reference = Reference::start(&[]);
    for (set, because) in [
        ("traffic.rooms=0", "traffic.rooms is 0: 1 to"),
        ("traffic.room=1", "unknown field `room`"),
        ("profile.kind=flat", "unknown variant `flat`"),
        ("seed=x", "invalid type: string"),
    ] {
        let ran = run(ROOMS, &reference.options(), set);
        assert_eq!(
            (ran.code, &ran.record),
            (Some(EXIT_ERROR), &Value::Null),
            "{set}"
        );
        assert!(ran.printed.contains(because), "{set}: {}", ran.printed);
        assert!(
            ran.printed.contains("scenario.toml: "),
            "{set}: {}",
            ran.printed
        );
    }
}

/// Users who ask over HTTP need tokens of their own, which one ready-made token is not.
#[test]
fn what_one_of_several_processes_cannot_do_is_said_by_the_first() {
    let requests = r#"
name = "requests"
about = "Organizers and musicians."
processes = 2
[profile]
kind = "steady"
rate = 20
seconds = 1
[traffic]
kind = "requests"
musicians = 128
organizers = 2
"#;
    let reference = Reference::start(&[]);
    let ran = run(requests, &reference.options(), "");
    assert_eq!((ran.code, &ran.record), (Some(EXIT_ERROR), &Value::Null));
    let because = "of the load: users need tokens of their own";
    assert!(ran.printed.contains(because), "{}", ran.printed);
}
