//! What a node says of itself, read from the text format of Prometheus: just the names that a record keeps.

/// Seconds of processor time since the process began.
const CPU: &str = "process_cpu_seconds_total";
/// Bytes of resident memory.
const RESIDENT: &str = "process_resident_memory_bytes";
/// Open files and sockets.
const OPEN_FILES: &str = "process_open_fds";
/// Tasks of the runtime.
const TASKS: &str = "mussikon_tasks";
/// Client connections.
const CONNECTIONS: &str = "musical_matching_active_connections";
/// Entities whose actor is awake.
const ENTITIES: &str = "mussikon_entities_awake";
/// What has a subscriber on a node; all of them together are its subscriptions.
const SUBSCRIBED: [&str; 3] = [
    "mussikon_rooms_subscribed",
    "mussikon_inboxes_subscribed",
    "mussikon_requests_subscribed",
];

/// One look at a node. What it did not tell is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Processor time so far, in seconds.
    pub cpu_s: Option<f64>,
    /// Resident memory in kilobytes.
    pub resident_kb: Option<f64>,
    /// Open files and sockets.
    pub open_files: Option<f64>,
    /// Tasks of the runtime.
    pub tasks: Option<f64>,
    /// Client connections.
    pub connections: Option<f64>,
    /// Entities awake.
    pub entities: Option<f64>,
    /// Rooms, inboxes and requests with a subscriber.
    pub subscriptions: Option<f64>,
}

impl Look {
    /// Reads the metrics that are known here and leaves out all others, and lines that are none.
    pub fn read(text: &str) -> Self {
        let mut look = Self::default();
        for (name, value) in text.lines().filter_map(metric) {
            let (member, value) = match name {
                CPU => (&mut look.cpu_s, value),
                RESIDENT => (&mut look.resident_kb, value / 1024.0),
                OPEN_FILES => (&mut look.open_files, value),
                TASKS => (&mut look.tasks, value),
                CONNECTIONS => (&mut look.connections, value),
                ENTITIES => (&mut look.entities, value),
                _ if SUBSCRIBED.contains(&name) => (&mut look.subscriptions, value),
                _ => continue,
            };
            *member = Some(member.unwrap_or(0.0) + value);
        }
        look
    }

    /// The same, with what is not told taken from elsewhere.
    pub fn or(self, other: Self) -> Self {
        Self {
            cpu_s: self.cpu_s.or(other.cpu_s),
            resident_kb: self.resident_kb.or(other.resident_kb),
            open_files: self.open_files.or(other.open_files),
            tasks: self.tasks.or(other.tasks),
            connections: self.connections.or(other.connections),
            entities: self.entities.or(other.entities),
            subscriptions: self.subscriptions.or(other.subscriptions),
        }
    }
}

/// Name and value of a line; labels, which may hold anything in quotes, and a time behind the value are left out.
fn metric(line: &str) -> Option<(&str, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (name, rest) = match line.split_once('{') {
        Some((name, rest)) => (name, rest.rsplit_once('}')?.1),
        None => line.split_once(' ')?,
    };
    let value: f64 = rest.split_ascii_whitespace().next()?.parse().ok()?;
    value.is_finite().then_some((name.trim_end(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# HELP process_cpu_seconds_total Total.
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
process_resident_memory_bytes 1.048576e6
process_open_fds 17 1700000000000
musical_matching_active_connections{hub=\"a } b\"} 3
musical_matching_active_connections{hub=\"{c\",x=\"\"} 4
mussikon_rooms_subscribed 5
mussikon_inboxes_subscribed 6
mussikon_requests_subscribed 7
mussikon_entities_awake_total 99
mussikon_entities_awake NaN
broken{
also
";

    #[test]
    fn known_names_are_read_summed_over_their_labels_and_nothing_else() {
        let expected = Look {
            cpu_s: Some(12.5),
            resident_kb: Some(1024.0),
            open_files: Some(17.0),
            tasks: None,
            connections: Some(7.0),
            entities: None,
            subscriptions: Some(18.0),
        };
        assert_eq!(Look::read(TEXT), expected);
        assert_eq!(Look::read(""), Look::default());
    }

    #[test]
    fn what_a_node_does_not_tell_is_taken_from_elsewhere() {
        let told = Look::read("process_open_fds 3\n");
        let seen = Look {
            open_files: Some(9.0),
            cpu_s: Some(1.0),
            ..Look::default()
        };
        let both = told.or(seen);
        assert_eq!((both.open_files, both.cpu_s), (Some(3.0), Some(1.0)));
    }
}
