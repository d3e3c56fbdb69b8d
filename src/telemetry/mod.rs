//! Logs and metrics: where they go, and what they are called.

pub mod matches;
pub mod metrics;
pub mod process;

use std::io;
use std::path::Path;

use thiserror::Error;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::config::{Config, LogConfig, LogFormat};

/// Why logging could not begin.
#[derive(Debug, Error)]
pub enum LogError {
    /// The directory or a file in it cannot be written.
    #[error("log files in {dir} cannot be written: {reason}")]
    File {
        /// The directory.
        dir: String,
        /// What happened.
        reason: String,
    },
    /// The level is not understood.
    #[error("log.level: {0}")]
    Level(String),
    /// Logging began before.
    #[error("logging was started twice")]
    Twice,
}

/// Keeps the writers alive; what waits is written when this is dropped.
pub struct LogGuard {
    _writers: Vec<WorkerGuard>,
}

/// Starts logging for the whole process: to standard error, and to one file per day.
pub fn start(config: &Config) -> Result<LogGuard, LogError> {
    let (subscriber, guard) = subscriber(&config.log, &config.log_dir(), io::stderr())?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    Ok(guard)
}

/// The subscriber itself, writing its console lines to `console`.
fn subscriber<W: io::Write + Send + 'static>(
    config: &LogConfig,
    dir: &Path,
    console: W,
) -> Result<(impl tracing::Subscriber + Send + Sync, LogGuard), LogError> {
    let mut guards = Vec::new();
    let mut layers: Vec<Box<dyn Layer<Registry> + Send + Sync>> = Vec::new();
    if config.console != LogFormat::Off {
        let writer = queue(config, console, &mut guards);
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(false);
        layers.push(match config.console {
            LogFormat::Json => layer.json().flatten_event(true).boxed(),
            _ => layer.boxed(),
        });
    }
    if config.file {
        let writer = queue(config, daily_file(config, dir)?, &mut guards);
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(writer)
            .with_ansi(false);
        layers.push(layer.json().flatten_event(true).boxed());
    }
    let filter = EnvFilter::builder()
        .parse(&config.level)
        .map_err(|e| LogError::Level(e.to_string()))?;
    let subscriber = tracing_subscriber::registry().with(layers).with(filter);
    Ok((subscriber, LogGuard { _writers: guards }))
}

fn daily_file(config: &LogConfig, dir: &Path) -> Result<RollingFileAppender, LogError> {
    let failed = |reason: String| LogError::File {
        dir: dir.display().to_string(),
        reason,
    };
    std::fs::create_dir_all(dir).map_err(|e| failed(e.to_string()))?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("mussikon-hub")
        .filename_suffix("log")
        .max_log_files(config.keep_files)
        .build(dir)
        .map_err(|e| failed(e.to_string()))
}

/// A log line must not make its writer wait for a disk or a terminal.
fn queue<W: io::Write + Send + 'static>(
    config: &LogConfig,
    writer: W,
    guards: &mut Vec<WorkerGuard>,
) -> NonBlocking {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(config.queue_lines)
        .lossy(true)
        .finish(writer);
    guards.push(guard);
    writer
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Console(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Console {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(config: &LogConfig, dir: &Path) -> (String, Vec<serde_json::Value>) {
        let console = Console::default();
        let (subscriber, guard) = subscriber(config, dir, console.clone()).expect("started");
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(room = "r1", "something happened");
            tracing::debug!("too small to log");
        });
        drop(guard);
        let text = String::from_utf8(console.0.lock().clone()).expect("text");
        let mut lines = Vec::new();
        for entry in std::fs::read_dir(dir).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            assert!(
                name.starts_with("mussikon-hub.20") && name.ends_with(".log"),
                "{name}"
            );
            let text = std::fs::read_to_string(path).expect("read");
            lines.extend(text.lines().map(|l| serde_json::from_str(l).expect("json")));
        }
        (text, lines)
    }

    #[test]
    fn events_go_to_the_console_as_text_and_to_the_daily_file_as_json() {
        let folder = tempfile::tempdir().expect("a folder");
        let (console, file) = logged(&LogConfig::default(), &folder.path().join("logs"));
        assert_eq!(console.lines().count(), 1, "{console}");
        assert!(console.contains("INFO") && console.contains("something happened room=\"r1\""));
        assert_eq!(file.len(), 1);
        assert_eq!(file[0]["message"], "something happened");
        assert_eq!(
            (&file[0]["room"], &file[0]["level"]),
            (&"r1".into(), &"INFO".into())
        );
    }

    #[test]
    fn console_format_level_and_file_are_configurable() {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = folder.path().join("logs");
        let json = LogConfig {
            console: LogFormat::Json,
            level: "debug".into(),
            file: false,
            ..LogConfig::default()
        };
        let (console, file) = logged(&json, &dir);
        let lines: Vec<serde_json::Value> = console
            .lines()
            .map(|l| serde_json::from_str(l).expect("json"))
            .collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1]["level"], "DEBUG");
        assert!(file.is_empty() && !dir.exists());
        let off = LogConfig {
            console: LogFormat::Off,
            ..LogConfig::default()
        };
        let (console, file) = logged(&off, &dir);
        assert_eq!((console.as_str(), file.len()), ("", 1));
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").expect("written");
        let error = daily_file(&LogConfig::default(), &blocked.join("logs")).expect_err("refused");
        assert!(error.to_string().contains("file/logs"), "{error}");
    }
}
