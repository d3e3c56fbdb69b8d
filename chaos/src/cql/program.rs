//! Where the CQL server's program comes from: a Java machine of this system, jars that Maven resolves once, and an archive
//! of loaded classes that halves the time of a start.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::runtime::Handle;

use super::config::class_path;
use super::{CqlError, CqlNode, CqlSpec};
use crate::provision::{ProvisionError, at, is_program, on_path, once_of, run};

const POM: &str = include_str!("pom.xml");
const MAVEN: &str = "install Maven (Debian: maven) and let it reach its repository, or name running nodes with \
                     MUSSIKON_TEST_CQL_NODES";
const JAVA: &str = "install Java 17 (Debian: openjdk-17-jre-headless) or set JAVA_HOME to it, or name running nodes with \
                    MUSSIKON_TEST_CQL_NODES";
/// The goal, with its version, that copies what the POM names.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
/// How long the server may take to end in order; on the way it writes the archive.
const ARCHIVE_WITHIN: Duration = Duration::from_secs(90);

/// What is needed to run a node.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    pub(super) java: PathBuf,
    pub(super) class_path: OsString,
    /// The option that uses, or makes, the archive of classes.
    pub(super) archive: Option<OsString>,
}

/// A Java machine that can run the server.
struct Java {
    program: PathBuf,
    major: u32,
    version: String,
}

/// Finds Java, and fills `build` with the jars and the archive unless that is done already. Blocks; `runtime` runs the node
/// whose classes are archived.
pub(super) fn provide(build: &Path, runtime: &Handle) -> Result<Installation, CqlError> {
    let java = java()?;
    let jars = once_of(build, "cql-jars", &[POM], resolve)?;
    let mut installation = Installation {
        java: java.program,
        class_path: class_path(&jars.join("lib"))?,
        archive: None,
    };
    // Older machines cannot archive the classes of an application in this way.
    if java.major >= 17 {
        let inputs = [
            java.version.as_bytes(),
            installation.class_path.as_encoded_bytes(),
        ];
        let folder = once_of(build, "cql-classes", &inputs, |folder| {
            archive(&installation, folder, runtime)
        })?;
        let mut option = OsString::from("-XX:SharedArchiveFile=");
        option.push(folder.join("classes.jsa"));
        installation.archive = Some(option);
    }
    Ok(installation)
}

fn resolve(folder: &Path) -> Result<(), ProvisionError> {
    let pom = folder.join("pom.xml");
    fs::write(&pom, POM).map_err(at(&pom))?;
    let mut output = OsString::from("-DoutputDirectory=");
    output.push(folder.join("lib"));
    run(
        "mvn",
        Command::new("mvn")
            .args(["--quiet", "--batch-mode", COPY, "-DincludeScope=runtime"])
            .arg(output)
            .current_dir(folder),
        MAVEN,
    )
}

/// Runs a node once to its first answer and lets it end in order, which writes the archive.
fn archive(installation: &Installation, folder: &Path, runtime: &Handle) -> Result<(), CqlError> {
    let mut option = OsString::from("-XX:ArchiveClassesAtExit=");
    let classes = folder.join("classes.jsa");
    option.push(&classes);
    let installation = Installation {
        archive: Some(option),
        ..installation.clone()
    };
    let scratch = folder.join("node");
    let spec = CqlSpec::new(folder, &scratch);
    runtime.block_on(async {
        let mut node = CqlNode::start_single(&spec, &installation).await?;
        node.terminate(ARCHIVE_WITHIN).await?;
        if classes.exists() {
            return Ok(());
        }
        Err(CqlError::NoArchive { logs: node.logs() })
    })?;
    fs::remove_dir_all(&scratch).map_err(at(&scratch))?;
    Ok(())
}

/// The first Java that fits: of JAVA_HOME, of PATH, of the places where systems keep several.
fn java() -> Result<Java, ProvisionError> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut places: Vec<PathBuf> = home.into_iter().chain(on_path("java")).collect();
    let kept = fs::read_dir("/usr/lib/jvm").into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = kept.map(|entry| entry.path().join("bin/java")).collect();
    kept.sort();
    places.append(&mut kept);
    places
        .into_iter()
        .filter(|program| is_program(program))
        .filter_map(describe)
        .find(|java| matches!(java.major, 11 | 17))
        .ok_or(ProvisionError::Missing {
            program: "java (version 11 or 17)",
            remedy: JAVA,
        })
}

/// What a Java says about itself, if it says anything.
fn describe(program: PathBuf) -> Option<Java> {
    let output = Command::new(&program)
        .arg("-version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let version = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(Java {
        major: major(&version)?,
        program,
        version,
    })
}

/// 17 of `openjdk version "17.0.15" …`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_once("version \"")?.1;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_a_java_is_understood() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(major("openjdk version \"21\" 2023-09-19"), Some(21));
        assert_eq!(major("java version \"1.8.0_202\""), Some(1));
        assert_eq!(major("no java here"), None);
    }
}
