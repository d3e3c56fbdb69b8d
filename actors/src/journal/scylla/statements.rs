//! Every statement, prepared once.

use scylla::client::execution_profile::ExecutionProfileHandle;
use scylla::client::session::Session;
use scylla::statement::Statement;
use scylla::statement::prepared::PreparedStatement;

use super::options::{ScyllaError, ScyllaOptions};
use super::session::Profiles;

/// How a statement is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Conditional: sent once.
    Append,
    /// A linearizable read.
    Serial,
    /// A read of what never changes.
    History,
    /// A read, or a write that may run again.
    Plain,
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident: $kind:ident, $text:literal;)+) => {
        /// The statements, by what they do.
        pub(super) struct Statements {
            $($(#[$doc])* pub $name: PreparedStatement,)+
        }

        impl Statements {
            pub(super) async fn prepare(
                session: &Session,
                options: &ScyllaOptions,
                profiles: &Profiles,
            ) -> Result<Self, ScyllaError> {
                let ready = |kind, text| prepare(session, options, profiles, kind, text);
                Ok(Self { $($name: ready(Kind::$kind, $text).await?,)+ })
            }
        }
    };
}

statements! {
    /// The append: row, head and digest in one conditional write.
    append: Append, "UPDATE {ks}.journal{write} SET row = ?, erasures = 0, head = ?, digest = ? \
        WHERE entity = ? AND bucket = ? AND last = ? IF head = ? AND digest = ?";
    /// The head of a bucket, linearizable.
    head: Serial, "SELECT DISTINCT head, digest FROM {ks}.journal WHERE entity = ? AND bucket = ?{read}";
    /// One row by its last sequence, linearizable.
    row: Serial, "SELECT row, erasures FROM {ks}.journal \
        WHERE entity = ? AND bucket = ? AND last = ?{read}";
    /// Rows that end at or after a sequence.
    rows_up: History, "SELECT last, row FROM {ks}.journal \
        WHERE entity = ? AND bucket = ? AND last >= ?{read}";
    /// Rows that end before a sequence, the last first.
    rows_down: History, "SELECT last, row FROM {ks}.journal \
        WHERE entity = ? AND bucket = ? AND last < ? ORDER BY last DESC{read}";
    /// The row that holds a sequence or the first after it.
    row_at: History, "SELECT last, row FROM {ks}.journal \
        WHERE entity = ? AND bucket = ? AND last >= ? LIMIT 1{read}";
    /// Where the last row before a sequence ends.
    end_before: Plain, "SELECT last FROM {ks}.journal \
        WHERE entity = ? AND bucket = ? AND last < ? ORDER BY last DESC LIMIT 1{read}";
    /// The row with some bodies removed, unless somebody removed others meanwhile.
    erase: Append, "UPDATE {ks}.journal{write} SET row = ?, erasures = ? \
        WHERE entity = ? AND bucket = ? AND last = ? IF erasures = ?";
    /// Removes rows that end before a sequence.
    drop_rows: Plain, "DELETE FROM {ks}.journal USING TIMESTAMP ?{and} \
        WHERE entity = ? AND bucket = ? AND last < ?";
    /// Bucket hint, first retained, removed up to.
    root: Plain, "SELECT bucket, first_retained, trimmed FROM {ks}.roots WHERE entity = ?{read}";
    /// Raises the hint; the number itself is the time stamp, so that the highest stays.
    set_bucket: Plain, "UPDATE {ks}.roots USING TIMESTAMP ?{and} SET bucket = ? WHERE entity = ?";
    /// Raises the first retained sequence in the same way.
    set_retained: Plain,
        "UPDATE {ks}.roots USING TIMESTAMP ?{and} SET first_retained = ? WHERE entity = ?";
    /// Raises what is removed in the same way.
    set_trimmed: Plain, "UPDATE {ks}.roots USING TIMESTAMP ?{and} SET trimmed = ? WHERE entity = ?";
    /// All entities.
    entities: Plain, "SELECT entity FROM {ks}.roots{read}";
    /// One version of an overlay.
    put_overlay: Plain, "INSERT INTO {ks}.overlays (entity, bucket, sequence, applied, state) \
        VALUES (?, ?, ?, ?, ?){write}";
    /// Removes the versions below one.
    drop_overlay: Plain, "DELETE FROM {ks}.overlays{write} \
        WHERE entity = ? AND bucket = ? AND sequence = ? AND applied < ?";
    /// All versions of overlays in a range.
    overlays: Plain, "SELECT sequence, applied, state FROM {ks}.overlays \
        WHERE entity = ? AND bucket = ? AND sequence >= ? AND sequence <= ?{read}";
    /// Removes overlays before a sequence.
    drop_overlays: Plain, "DELETE FROM {ks}.overlays USING TIMESTAMP ?{and} \
        WHERE entity = ? AND bucket = ? AND sequence < ?";
    /// One snapshot.
    put_snapshot: Plain, "INSERT INTO {ks}.snapshots (entity, sequence, digest, state) \
        VALUES (?, ?, ?, ?){write}";
    /// Removes the snapshots before one.
    drop_snapshots: Plain, "DELETE FROM {ks}.snapshots{write} WHERE entity = ? AND sequence < ?";
    /// The newest snapshot.
    snapshot: Plain, "SELECT sequence, digest, state FROM {ks}.snapshots \
        WHERE entity = ? LIMIT 1{read}";
    /// Where the newest snapshot is.
    snapshot_at: Plain, "SELECT sequence FROM {ks}.snapshots WHERE entity = ? LIMIT 1{read}";
    /// One version of a table row.
    put_row: Plain, "INSERT INTO {ks}.table_rows (family, key, rank, value) \
        VALUES (?, ?, ?, ?){write}";
    /// Removes the versions below one.
    drop_row: Plain, "DELETE FROM {ks}.table_rows{write} \
        WHERE family = ? AND key = ? AND rank < ?";
    /// The version of a table row that counts.
    get_row: Plain, "SELECT rank, value FROM {ks}.table_rows \
        WHERE family = ? AND key = ? LIMIT 1{read}";
    /// All versions of the rows of a family from a key on.
    scan_rows: Plain, "SELECT key, rank, value FROM {ks}.table_rows \
        WHERE family = ? AND key >= ?{read}";
    /// All families.
    families: Plain, "SELECT DISTINCT family FROM {ks}.table_rows{read}";
    /// Arms an alarm.
    arm: Plain, "INSERT INTO {ks}.wakeups (shard, due, entity) VALUES (?, ?, ?){write}";
    /// Clears it.
    clear: Plain, "DELETE FROM {ks}.wakeups{write} WHERE shard = ? AND due = ? AND entity = ?";
    /// What is due in one shard.
    due: Plain, "SELECT due, entity FROM {ks}.wakeups WHERE shard = ? AND due >= ? AND due <= ?{read}";
}

async fn prepare(
    session: &Session,
    options: &ScyllaOptions,
    profiles: &Profiles,
    kind: Kind,
    text: &str,
) -> Result<PreparedStatement, ScyllaError> {
    let text = fill(text, options, kind);
    let mut prepared = Box::pin(session.prepare(Statement::new(text)))
        .await
        .map_err(ScyllaError::request("preparing a statement"))?;
    let profile: &ExecutionProfileHandle = match kind {
        Kind::Append => &profiles.append,
        Kind::Serial => &profiles.serial,
        Kind::History => &profiles.history,
        Kind::Plain => &profiles.plain,
    };
    prepared.set_execution_profile_handle(Some(profile.clone()));
    prepared.set_is_idempotent(kind != Kind::Append);
    prepared.set_page_size(i32::from(options.page_rows));
    Ok(prepared)
}

/// The text for this keyspace, with or without time-outs of the server's own.
fn fill(text: &str, options: &ScyllaOptions, kind: Kind) -> String {
    let ms = match kind {
        Kind::Append | Kind::Serial => options.append_timeout_ms,
        Kind::History | Kind::Plain => options.request_timeout_ms,
    };
    let (alone, and) = match options.using_timeout {
        true => (
            format!(" USING TIMEOUT {ms}ms"),
            format!(" AND TIMEOUT {ms}ms"),
        ),
        false => (String::new(), String::new()),
    };
    text.replace("{ks}", &options.keyspace)
        .replace("{write}", &alone)
        .replace("{read}", &alone)
        .replace("{and}", &and)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_outs_of_the_server_are_a_switch() {
        let mut options = ScyllaOptions::default();
        let text = "UPDATE {ks}.t USING TIMESTAMP ?{and} SET a = ?";
        let plain = fill(text, &options, Kind::Plain);
        assert_eq!(plain, "UPDATE mussikon.t USING TIMESTAMP ? SET a = ?");
        options.using_timeout = true;
        let timed = fill(text, &options, Kind::Plain);
        assert_eq!(
            timed,
            "UPDATE mussikon.t USING TIMESTAMP ? AND TIMEOUT 3000ms SET a = ?"
        );
        let read = fill("SELECT a FROM {ks}.t{read}", &options, Kind::Append);
        assert_eq!(read, "SELECT a FROM mussikon.t USING TIMEOUT 1500ms");
    }
}
