//! One hub as it is served: its path, its methods by name, and their metrics.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Histogram, counter, histogram};

use super::app::{HubApp, InvokeError, Method};

/// A hub and where it is served.
#[derive(Clone)]
pub struct HubRoute {
    /// Path of the hub, such as `/hubs/chat`.
    pub path: &'static str,
    /// The hub.
    pub app: Arc<dyn HubApp>,
    /// Whether callers need a token.
    pub auth_required: bool,
}

/// A route with what is looked up in it.
pub(super) struct Hub {
    pub route: HubRoute,
    methods: Vec<Entry>,
    unknown: Counter,
    as_written: HashMap<&'static str, usize>,
    in_lower_case: HashMap<String, usize>,
}

/// How a call ended, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// With what was asked for.
    Well,
    /// Because of what the caller asked, or how often.
    Refused,
    /// Because of the hub.
    Failed,
}

impl From<&InvokeError> for Ended {
    fn from(error: &InvokeError) -> Self {
        if error.is_fault() {
            Ended::Failed
        } else {
            Ended::Refused
        }
    }
}

/// A method and its metrics.
pub(super) struct Entry {
    pub method: Method,
    succeeded: Counter,
    refused: Counter,
    failed: Counter,
    duration: Histogram,
}

impl Hub {
    pub fn new(route: HubRoute) -> Arc<Self> {
        let mut hub = Hub {
            methods: Vec::new(),
            unknown: counter!("musical_matching_requests_total",
                "endpoint" => route.path, "method" => "INVOKE", "status" => "refused"),
            as_written: HashMap::new(),
            in_lower_case: HashMap::new(),
            route,
        };
        for (at, method) in hub.route.app.methods().iter().enumerate() {
            hub.methods.push(Entry::new(hub.route.path, *method));
            hub.as_written.insert(method.name, at);
            hub.in_lower_case.insert(method.name.to_lowercase(), at);
        }
        Arc::new(hub)
    }

    /// The method that a client means by `target`: as written, else without regard to case.
    pub fn find(&self, target: &str) -> Option<usize> {
        let as_written = self.as_written.get(target);
        let found = as_written.or_else(|| self.in_lower_case.get(&target.to_lowercase()));
        found.copied()
    }

    /// Counts a call of a method that there is not.
    pub fn record_unknown(&self) {
        self.unknown.increment(1);
    }

    /// A method by what [`Hub::find`] returned.
    pub fn entry(&self, at: usize) -> &Entry {
        &self.methods[at]
    }
}

impl Entry {
    fn new(path: &'static str, method: Method) -> Self {
        let endpoint = format!("{path} {}", method.name);
        let total = |status: &'static str| {
            counter!("musical_matching_requests_total",
                "endpoint" => endpoint.clone(), "method" => "INVOKE", "status" => status)
        };
        Entry {
            method,
            succeeded: total("ok"),
            refused: total("refused"),
            failed: total("error"),
            duration: histogram!("musical_matching_request_duration_seconds",
                "endpoint" => endpoint.clone(), "method" => "INVOKE"),
        }
    }

    /// Counts a finished call.
    pub fn record(&self, ended: Ended, took: Duration) {
        match ended {
            Ended::Well => self.succeeded.increment(1),
            Ended::Refused => self.refused.increment(1),
            Ended::Failed => self.failed.increment(1),
        }
        self.duration.record(took.as_secs_f64());
    }
}
