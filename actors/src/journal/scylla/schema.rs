//! The schema of the cluster store: its tables, how they come to be, and which hubs may use them.
//!
//! | table | one row is |
//! |---|---|
//! | `journal` | one append, in the partition of its entity and bucket; the partition's static columns are its head |
//! | `roots` | what is known of an entity: its newest bucket at least, what is retained, what is removed |
//! | `overlays` | one version of a message's overlay; the one that applies most counts |
//! | `snapshots` | one snapshot; the newest counts |
//! | `table_rows` | one version of a table row; the highest rank counts |
//! | `wakeups` | one durable alarm |
//! | `schema_info` | the version of all this, and who is changing it |
//!
//! Versions as rows let the highest rank win without any read or condition. Steps only add: a hub that does
//! not know a step goes on working, unless the step says otherwise.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::{Consistency, SerialConsistency, Statement};
use tokio::time::{Instant, sleep};

use super::errors;
use super::options::{ScyllaError, ScyllaOptions, Tablets};

/// The schema version that this hub creates and knows.
pub const KNOWN: i32 = 1;
/// The least schema version that this hub can work with.
pub const NEEDED: i32 = 1;

/// One addition to the schema. Each statement may run any number of times.
struct Step {
    /// The version it makes.
    version: i32,
    /// The least [`KNOWN`] of a hub that works with it.
    oldest: i32,
    statements: &'static [&'static str],
}

const STEPS: &[Step] = &[Step {
    version: 1,
    oldest: 1,
    statements: &[
        "CREATE TABLE IF NOT EXISTS {ks}.journal (entity blob, bucket bigint, last bigint, \
         head bigint STATIC, digest blob STATIC, row blob, erasures int, \
         PRIMARY KEY ((entity, bucket), last))",
        "CREATE TABLE IF NOT EXISTS {ks}.roots (entity blob PRIMARY KEY, bucket bigint, \
         first_retained bigint, trimmed bigint)",
        "CREATE TABLE IF NOT EXISTS {ks}.overlays (entity blob, bucket bigint, sequence bigint, \
         applied bigint, state blob, PRIMARY KEY ((entity, bucket), sequence, applied)) \
         WITH CLUSTERING ORDER BY (sequence ASC, applied DESC)",
        "CREATE TABLE IF NOT EXISTS {ks}.snapshots (entity blob, sequence bigint, digest blob, \
         state blob, PRIMARY KEY (entity, sequence)) \
         WITH CLUSTERING ORDER BY (sequence DESC) AND gc_grace_seconds = 86400",
        "CREATE TABLE IF NOT EXISTS {ks}.table_rows (family blob, key blob, rank bigint, \
         value blob, PRIMARY KEY (family, key, rank)) \
         WITH CLUSTERING ORDER BY (key ASC, rank DESC) AND gc_grace_seconds = 3600",
        "CREATE TABLE IF NOT EXISTS {ks}.wakeups (shard int, due bigint, entity blob, \
         PRIMARY KEY (shard, due, entity)) WITH gc_grace_seconds = 3600",
    ],
}];

const INFO: &str = "CREATE TABLE IF NOT EXISTS {ks}.schema_info (component text PRIMARY KEY, \
                    version int, oldest int, owner text)";
/// A migration that died gives the schema free after this long.
const LOCK_SECONDS: i32 = 60;
/// How long another migration is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(200);
/// How often a statement is tried while the schema settles: a node may hear of a keyspace or table seconds after the one
/// that made it, and calls a statement on it invalid until then.
const ATTEMPTS: u32 = 50;
/// How often a new version is noted: right after a table was made, replicas may refuse it for not knowing it.
const NOTES: u32 = 10;
/// How often the version is asked for before there is held to be none.
const LOOKS: u32 = 5;

/// Creates the keyspace and brings it to this hub's version; nothing happens if it is there already.
/// Several nodes may do it at once. Answers the version found before, 0 for none, and the one now.
pub(super) async fn migrate(
    session: &Session,
    options: &ScyllaOptions,
) -> Result<(i32, i32), ScyllaError> {
    run(session, &keyspace(options)).await?;
    run(session, &INFO.replace("{ks}", &options.keyspace)).await?;
    settle(session).await?;
    let owner = uuid::Uuid::new_v4().to_string();
    lock(session, options, &owner).await?;
    let outcome = upgrade(session, options).await;
    if let Err(error) = unlock(session, options, &owner).await {
        tracing::warn!(%error, seconds = LOCK_SECONDS, "the schema stays locked for a while");
    }
    outcome
}

/// Whether this hub may use the schema that is there; answers its version.
pub(super) async fn check(session: &Session, options: &ScyllaOptions) -> Result<i32, ScyllaError> {
    let (found, oldest) = version(session, options).await?;
    if found == 0 {
        let keyspace = options.keyspace.clone();
        return Err(ScyllaError::NoSchema { keyspace });
    }
    if found < NEEDED {
        let needed = NEEDED;
        return Err(ScyllaError::SchemaTooOld { found, needed });
    }
    if oldest > KNOWN {
        let known = KNOWN;
        return Err(ScyllaError::SchemaTooNew {
            found,
            oldest,
            known,
        });
    }
    Ok(found)
}

async fn upgrade(session: &Session, options: &ScyllaOptions) -> Result<(i32, i32), ScyllaError> {
    let (before, oldest) = version(session, options).await?;
    if oldest > KNOWN {
        return Err(ScyllaError::SchemaTooNew {
            found: before,
            oldest,
            known: KNOWN,
        });
    }
    for step in STEPS.iter().filter(|step| step.version > before) {
        for statement in step.statements {
            run(session, &statement.replace("{ks}", &options.keyspace)).await?;
        }
        settle(session).await?;
        note(session, options, before, step).await?;
        tracing::info!(
            version = step.version,
            keyspace = options.keyspace,
            "schema upgraded"
        );
    }
    Ok((before, before.max(KNOWN)))
}

/// Notes that a step is done. Whatever became of one try, another one does no harm.
async fn note(
    session: &Session,
    options: &ScyllaOptions,
    before: i32,
    step: &Step,
) -> Result<(), ScyllaError> {
    let first = before == 0 && step.version == STEPS[0].version;
    let (condition, rests_on) = match first {
        true => ("IF version = ?", None),
        false => ("IF version < ?", Some(step.version)),
    };
    let text = format!(
        "UPDATE {}.schema_info SET version = ?, oldest = ? WHERE component = 'hub' {condition}",
        options.keyspace
    );
    let mut attempt = 0;
    loop {
        attempt += 1;
        let values = (step.version, step.oldest, rests_on);
        match conditional(session, &text, values).await {
            Ok(_) => return Ok(()),
            Err(error) if attempt == NOTES => return Err(error),
            Err(error) => tracing::debug!(%error, attempt, "the schema's version is noted again"),
        }
        sleep(PAUSE).await;
    }
}

/// Version and oldest of the schema that is there; zeros for none.
async fn version(session: &Session, options: &ScyllaOptions) -> Result<(i32, i32), ScyllaError> {
    let text = format!(
        "SELECT version, oldest FROM {}.schema_info WHERE component = 'hub'",
        options.keyspace
    );
    let mut statement = Statement::new(text);
    statement.set_consistency(Consistency::LocalSerial);
    let failed = |error: String| ScyllaError::request("reading the schema's version")(error);
    let mut looks = 0;
    let result = loop {
        looks += 1;
        match session.query_unpaged(statement.clone(), ()).await {
            Ok(result) => break result,
            // Neither keyspace nor table, or the node that was asked has not heard of them yet.
            Err(error) if is_invalid(&error) && looks == LOOKS => return Ok((0, 0)),
            Err(error) if looks == LOOKS => return Err(failed(error.to_string())),
            Err(error) => tracing::debug!(%error, looks, "the schema's version is asked again"),
        }
        sleep(PAUSE).await;
    };
    let rows = result
        .into_rows_result()
        .map_err(|e| failed(e.to_string()))?;
    let row = rows.maybe_first_row::<(Option<i32>, Option<i32>)>();
    let (version, oldest) = row.map_err(|e| failed(e.to_string()))?.unwrap_or_default();
    Ok((version.unwrap_or_default(), oldest.unwrap_or_default()))
}

fn is_invalid(error: &ExecutionError) -> bool {
    use scylla::errors::{DbError, PrepareError, RequestAttemptError as Attempt};
    match error {
        ExecutionError::LastAttemptError(Attempt::DbError(DbError::Invalid, _)) => true,
        ExecutionError::PrepareError(PrepareError::AllAttemptsFailed { first_attempt }) => {
            matches!(first_attempt, Attempt::DbError(DbError::Invalid, _))
        }
        _ => false,
    }
}

/// Whether the server will never take a statement; one that is only called invalid may rest on something that the node
/// has not heard of yet.
fn is_wrong(error: &ExecutionError) -> bool {
    !is_invalid(error) && errors::refused(error) && !matches!(error, ExecutionError::EmptyPlan)
}

fn keyspace(options: &ScyllaOptions) -> String {
    let place = match options.datacenter.as_str() {
        "" => "replication_factor",
        datacenter => datacenter,
    };
    let tablets = match options.tablets {
        Tablets::Default => "",
        Tablets::On => " AND tablets = {'enabled': true}",
        Tablets::Off => " AND tablets = {'enabled': false}",
    };
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', '{place}': {}}}{tablets}",
        options.keyspace, options.replication
    )
}

/// One at a time; who died while it changed something is forgotten after a while.
async fn lock(session: &Session, options: &ScyllaOptions, owner: &str) -> Result<(), ScyllaError> {
    let text = format!(
        "INSERT INTO {}.schema_info (component, owner) VALUES ('migration', ?) IF NOT EXISTS \
         USING TTL {LOCK_SECONDS}",
        options.keyspace
    );
    let until = Instant::now() + PATIENCE;
    loop {
        // Being in doubt is being refused: the lock would free itself.
        let error = match conditional(session, &text, (owner,)).await {
            Ok(true) => return Ok(()),
            Ok(false) => ScyllaError::Migrating {
                seconds: PATIENCE.as_secs(),
            },
            Err(error) => error,
        };
        if Instant::now() >= until {
            return Err(error);
        }
        sleep(PAUSE).await;
    }
}

async fn unlock(
    session: &Session,
    options: &ScyllaOptions,
    owner: &str,
) -> Result<(), ScyllaError> {
    let text = format!(
        "DELETE FROM {}.schema_info WHERE component = 'migration' IF owner = ?",
        options.keyspace
    );
    conditional(session, &text, (owner,)).await.map(|_| ())
}

/// Whether a conditional statement was applied.
async fn conditional(
    session: &Session,
    text: &str,
    values: impl scylla::serialize::row::SerializeRow,
) -> Result<bool, ScyllaError> {
    const DOING: &str = "changing the schema's version";
    let mut statement = Statement::new(text);
    statement.set_consistency(Consistency::LocalQuorum);
    statement.set_serial_consistency(Some(SerialConsistency::LocalSerial));
    let mut attempt = 0;
    let result = loop {
        attempt += 1;
        match session.query_unpaged(statement.clone(), &values).await {
            Ok(result) => break result,
            // Only what was certainly not done is done again here; what is in doubt is up to the caller.
            Err(error) if is_invalid(&error) && attempt < ATTEMPTS => {
                tracing::debug!(%error, attempt, "a node does not know the schema yet");
            }
            Err(error) => return Err(ScyllaError::request(DOING)(error)),
        }
        sleep(PAUSE).await;
    };
    let applied = super::session::Applied::parse(result).map(|a| a.applied);
    applied.map_err(ScyllaError::request(DOING))
}

/// Runs a statement that may run again, until the server takes it.
async fn run(session: &Session, text: &str) -> Result<(), ScyllaError> {
    let mut attempt = 0;
    loop {
        let mut statement = Statement::new(text);
        statement.set_request_timeout(Some(Duration::from_secs(20)));
        attempt += 1;
        match session.query_unpaged(statement, ()).await {
            Ok(_) => return Ok(()),
            Err(error) if attempt == ATTEMPTS || is_wrong(&error) => {
                return Err(ScyllaError::request("changing the schema")(error));
            }
            Err(error) => tracing::debug!(%error, attempt, "schema statement tried again"),
        }
        sleep(PAUSE).await;
    }
}

async fn settle(session: &Session) -> Result<(), ScyllaError> {
    let settled = session.await_schema_agreement().await;
    let settled = settled.map(|_| ());
    settled.map_err(ScyllaError::request(
        "waiting for all nodes to know the schema",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_each_other_and_end_at_what_is_known() {
        let versions: Vec<_> = STEPS.iter().map(|step| step.version).collect();
        let expected: Vec<_> = (1..=KNOWN).collect();
        assert_eq!(versions, expected);
        assert!((1..=KNOWN).contains(&NEEDED));
        assert!(STEPS.iter().all(|step| step.oldest <= step.version));
    }

    #[test]
    fn the_keyspace_is_as_configured() {
        let mut options = ScyllaOptions {
            replication: 2,
            ..ScyllaOptions::default()
        };
        assert!(keyspace(&options).ends_with("'replication_factor': 2}"));
        options.datacenter = "east".into();
        options.tablets = Tablets::Off;
        let text = keyspace(&options);
        assert!(
            text.ends_with("'east': 2} AND tablets = {'enabled': false}"),
            "{text}"
        );
    }
}
