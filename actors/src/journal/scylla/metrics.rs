//! What is measured of the cluster store: how long requests take, which fail, which appends lose or are in doubt.

use scylla::errors::ExecutionError;
use tokio::time::Instant;

use crate::journal::AppendError;

/// Runs a request and records its time, and its failure if it fails.
pub(super) async fn timed<T>(
    operation: &'static str,
    request: impl Future<Output = Result<T, ExecutionError>>,
) -> Result<T, ExecutionError> {
    let begun = Instant::now();
    let outcome = request.await;
    metrics::histogram!("mussikon_scylla_request_seconds", "operation" => operation)
        .record(begun.elapsed().as_secs_f64());
    if let Err(error) = &outcome {
        metrics::counter!("mussikon_scylla_failures_total", "operation" => operation).increment(1);
        tracing::debug!(operation, %error, "a request to the cluster store failed");
    }
    outcome
}

/// Counts how an append ended.
pub(super) fn append_ended(outcome: &Result<(), AppendError>) {
    let outcome = match outcome {
        Ok(()) => "applied",
        Err(AppendError::Conflict { .. }) => "conflict",
        Err(AppendError::InDoubt(_)) => "in_doubt",
        Err(_) => "refused",
    };
    metrics::counter!("mussikon_scylla_appends_total", "outcome" => outcome).increment(1);
}
