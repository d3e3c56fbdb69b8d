//! What a CQL node is told: its place in the cluster, its settings file and the options of its Java machine.

use std::ffi::OsString;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::program::Installation;
use crate::certificates::Certificate;
use crate::provision::{ProvisionError, at};

const SETTINGS: &str = include_str!("node.yaml");
const LOGGING: &str = r#"<configuration>
  <appender name="stdout" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{HH:mm:ss.SSS} %level [%thread] %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="stdout"/></root>
</configuration>
"#;

/// Keeps the server from locking its whole heap in memory, which costs a second and hundreds of MiB: the limit binds
/// ordinary users, and root loses the right that would lift it.
const UNLOCKED: &str = r#"ulimit -l 0
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  exec setpriv --inh-caps=-ipc_lock --bounding-set=-ipc_lock -- "$@"
fi
exec "$@""#;

/// Doors of Java's modules that the server needs opened.
const EXPORTS: &[&str] = &[
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.unsupported/sun.misc",
];
const OPENS: &[&str] = &[
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac",
    "jdk.management/com.sun.management.internal",
];

/// A node's place.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Where it serves clients.
    pub(super) address: SocketAddr,
    /// Where nodes talk with each other; the same on every node.
    pub(super) storage_port: u16,
    /// The address of the first node.
    pub(super) seed: IpAddr,
    /// Where its part of the ring begins.
    pub(super) token: i64,
}

/// The token of node `number` of `size` that share the ring evenly.
pub(super) fn token(number: usize, size: usize) -> i64 {
    let step = (1u128 << 64) / size.max(1) as u128;
    let token = i128::from(i64::MIN) + (step * number as u128) as i128;
    // Within the ring as long as `number` is below `size`.
    i64::try_from(token).unwrap_or(i64::MAX)
}

/// Writes what the node reads and returns the program's arguments after `/bin/sh`.
pub(super) fn prepare(
    installation: &Installation,
    spec: &super::CqlSpec,
    place: &Place,
    folder: &Path,
) -> Result<Vec<OsString>, ProvisionError> {
    for needed in [folder.to_owned(), folder.join("tmp")] {
        fs::create_dir_all(&needed).map_err(at(&needed))?;
    }
    let settings = folder.join("node.yaml");
    let mut text = settings_text(spec, place, folder);
    if let Some(shown) = &spec.tls {
        let keys = folder.join("certificate.pem");
        fs::write(&keys, key_and_certificate(shown)?).map_err(at(&keys))?;
        text.push_str(&tls_text(&keys));
    }
    fs::write(&settings, text).map_err(at(&settings))?;
    let logging = folder.join("logging.xml");
    fs::write(&logging, LOGGING).map_err(at(&logging))?;

    let mut arguments: Vec<OsString> = ["-c", UNLOCKED, "unlocked"].map(Into::into).to_vec();
    arguments.push(installation.java.clone().into());
    arguments.extend(machine_options(spec.heap_megabytes).map(Into::into));
    for (option, doors) in [("--add-exports", EXPORTS), ("--add-opens", OPENS)] {
        let opened = doors
            .iter()
            .map(|door| format!("{option}={door}=ALL-UNNAMED"));
        arguments.extend(opened.map(Into::into));
    }
    arguments.extend(properties(folder, &settings, &logging).map(Into::into));
    if let Some(option) = &installation.archive {
        arguments.push(option.clone());
    }
    arguments.push("-cp".into());
    arguments.push(installation.class_path.clone());
    arguments.push("org.apache.cassandra.service.CassandraDaemon".into());
    Ok(arguments)
}

fn machine_options(heap_megabytes: u32) -> impl Iterator<Item = String> {
    let fixed = [
        "-Xss384k",
        "-XX:+UseSerialGC",
        "-XX:MaxDirectMemorySize=256M",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        // Quick to start counts for more than quick when hot.
        "-XX:TieredStopAtLevel=1",
        "-Xlog:disable",
        "-Xlog:all=error:stderr",
    ];
    let heap = ["-Xms", "-Xmx"].map(|option| format!("{option}{heap_megabytes}M"));
    heap.into_iter().chain(fixed.map(str::to_owned))
}

fn properties(folder: &Path, settings: &Path, logging: &Path) -> impl Iterator<Item = String> {
    let path = |path: &Path| path.display().to_string();
    [
        ("cassandra.config", format!("file://{}", path(settings))),
        ("cassandra.storagedir", path(folder)),
        ("cassandra.logdir", path(folder)),
        ("logback.configurationFile", path(logging)),
        ("java.io.tmpdir", path(&folder.join("tmp"))),
        ("cassandra-foreground", "yes".to_owned()),
        // The ring of a test stands from its start: nothing to wait for when a node joins, settles or leaves.
        ("cassandra.ring_delay_ms", "0".to_owned()),
        ("cassandra.skip_wait_for_gossip_to_settle", "0".to_owned()),
        ("cassandra.superuser_setup_delay_ms", "0".to_owned()),
        ("cassandra.shutdown_announce_in_ms", "0".to_owned()),
        ("cassandra.consistent.rangemovement", "false".to_owned()),
        ("java.net.preferIPv4Stack", "true".to_owned()),
        ("jdk.attach.allowAttachSelf", "true".to_owned()),
        ("io.netty.tryReflectionSetAccessible", "true".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| format!("-D{name}={value}"))
}

fn settings_text(spec: &super::CqlSpec, place: &Place, folder: &Path) -> String {
    let authenticator = match spec.password {
        true => "PasswordAuthenticator",
        false => "AllowAllAuthenticator",
    };
    let fields = [
        ("TOKEN", place.token.to_string()),
        ("SEED", format!("{}:{}", place.seed, place.storage_port)),
        ("HOST", place.address.ip().to_string()),
        ("STORAGE_PORT", place.storage_port.to_string()),
        ("PORT", place.address.port().to_string()),
        ("FOLDER", folder.display().to_string()),
        ("AUTHENTICATOR", authenticator.to_owned()),
    ];
    let mut text = fields
        .iter()
        .fold(SETTINGS.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        });
    for (name, value) in &spec.settings {
        // A setting may stand in the file once only.
        let given = format!("{name}:");
        text = text
            .lines()
            .filter(|line| !line.starts_with(&given))
            .map(|line| format!("{line}\n"))
            .collect();
        text.push_str(&format!("{given} {value}\n"));
    }
    text
}

/// Key and certificate as the server wants them, in one file.
fn key_and_certificate(shown: &Certificate) -> Result<String, ProvisionError> {
    let read = |path: &Path| fs::read_to_string(path).map_err(at(path));
    Ok(read(&shown.key)? + &read(&shown.certificate)?)
}

/// The lines that have clients encrypt, and that let in nobody else.
fn tls_text(key_and_certificate: &Path) -> String {
    format!(
        "client_encryption_options: {{enabled: true, optional: false, require_client_auth: \"false\", \
         ssl_context_factory: {{class_name: org.apache.cassandra.security.PEMBasedSslContextFactory}}, \
         keystore: \"{}\"}}\n",
        key_and_certificate.display()
    )
}

/// All jars of a folder, as a class path in a fixed order.
pub(super) fn class_path(folder: &Path) -> Result<OsString, ProvisionError> {
    let mut jars: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "jar") {
            jars.push(path);
        }
    }
    jars.sort();
    let jars: Vec<OsString> = jars.into_iter().map(Into::into).collect();
    Ok(jars.join(&OsString::from(":")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cut_the_ring_evenly() {
        assert_eq!(token(0, 1), i64::MIN);
        let three = [0, 1, 2].map(|number| token(number, 3));
        let gaps = [
            three[1].wrapping_sub(three[0]),
            three[2].wrapping_sub(three[1]),
            three[0].wrapping_sub(three[2]),
        ];
        assert!(
            gaps.iter().all(|gap| gap.abs_diff(gaps[0]) <= 1),
            "{gaps:?}"
        );
    }

    #[test]
    fn every_field_is_filled_in_and_a_given_setting_replaces_the_files_own() {
        let mut spec = super::super::CqlSpec::new("build", "folder");
        spec.settings
            .push(("write_request_timeout".into(), "300ms".into()));
        let place = Place {
            address: ([127, 0, 0, 2], 9042).into(),
            storage_port: 7000,
            seed: [127, 0, 0, 1].into(),
            token: -5,
        };
        let text = settings_text(&spec, &place, Path::new("/node"));
        let filled: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(!filled.iter().any(|line| line.contains('{')), "{text}");
        assert!(text.contains("seeds: \"127.0.0.1:7000\""), "{text}");
        let times: Vec<&&str> = filled
            .iter()
            .filter(|line| line.starts_with("write_request_timeout:"))
            .collect();
        assert_eq!(times, [&"write_request_timeout: 300ms"]);
    }
}
