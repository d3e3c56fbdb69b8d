//! What the process itself uses, read when somebody asks for the metrics.

use metrics::gauge;
use metrics_process::collector;

/// Reads processor time, memory, files and tasks. What the system does not tell stays as it was.
pub fn record() {
    let used = collector::collect();
    if let Some(seconds) = used.cpu_seconds_total {
        gauge!("process_cpu_seconds_total").set(seconds);
    }
    if let Some(bytes) = used.resident_memory_bytes {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    if let Some(files) = used.open_fds {
        gauge!("process_open_fds").set(files as f64);
    }
    if let Some(files) = used.max_fds {
        gauge!("process_max_fds").set(files as f64);
    }
    if let Some(threads) = used.threads {
        gauge!("process_threads").set(threads as f64);
    }
    if let Some(seconds) = used.start_time_seconds {
        gauge!("process_start_time_seconds").set(seconds as f64);
    }
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        gauge!("mussikon_tasks").set(runtime.metrics().num_alive_tasks() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::record;

    #[tokio::test]
    async fn a_look_finds_this_process_and_its_tasks() {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let waiting = tokio::spawn(std::future::pending::<()>());
        metrics::with_local_recorder(&recorder, record);
        let text = handle.render();
        let told = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| value.trim().parse().ok())
                .unwrap_or(-1.0)
        };
        assert!(told("mussikon_tasks ") >= 1.0, "{text}");
        assert!(told("process_resident_memory_bytes ") > 1e6, "{text}");
        assert!(told("process_open_fds ") > 2.0, "{text}");
        assert!(told("process_max_fds ") >= told("process_open_fds "));
        assert!(told("process_threads ") >= 1.0, "{text}");
        assert!(told("process_cpu_seconds_total ") >= 0.0, "{text}");
        assert!(told("process_start_time_seconds ") > 1.7e9, "{text}");
        waiting.abort();
    }
}
