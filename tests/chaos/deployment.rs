//! A hub that this test starts as somebody else would, and that the suite may hurt only as a file allows.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chaos::ports::Port;
use chaos::suite::{
    Class, DeployedError, Deployment, Fault, Plan, Report, Scenario, Topology, Verdict,
    run_deployed,
};
use tempfile::TempDir;

use super::{folder, short};

const SECRET: &str = "a secret of this deployment, long enough for any rule";
/// Nobody needs the hub longer than that, whatever becomes of this test.
const SECONDS: u32 = 300;

/// A hub that runs by itself, started by a script and known by its pid file.
struct Somebody {
    folder: TempDir,
    port: Port,
}

impl Somebody {
    fn start() -> Self {
        let somebody = Self {
            folder: folder(),
            port: Port::claim([127, 0, 0, 1]).unwrap(),
        };
        let script = format!(
            "#!/bin/sh\ncd '{folder}' || exit 1\n\
             export MUSSIKON_JWT_SECRET='{SECRET}' MUSSIKON_LISTEN={address} MUSSIKON_DATA_DIR=data \
             MUSSIKON_NODE_ID=theirs MUSSIKON_ROOM__SENDS_PER_SECOND=0\n\
             timeout {SECONDS} /bin/sh -c 'echo $$ > pid; exec \"{hub}\"' >> log 2>&1 < /dev/null &\n",
            folder = somebody.folder.path().display(),
            address = somebody.port.address(),
            hub = env!("CARGO_BIN_EXE_mussikon-hub"),
        );
        let path = somebody.script();
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new(&path).status().unwrap().success());
        somebody
    }

    fn script(&self) -> PathBuf {
        self.folder.path().join("start")
    }

    fn pid(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pid")).unwrap_or_default()
    }

    /// Its description, which allows this.
    fn described(&self, hurt: &str) -> Deployment {
        let text = format!(
            "secret_env = \"SECRET\"\n[traffic]\npause_ms = 5\nconverge_within_ms = 60000\nrequests = true\n[[hub]]\nname = \"theirs\"\nurl = \"http://{}\"\n\
             hurt = {hurt}\npid_file = \"{}\"\nstart = \"{}\"\n",
            self.port.address(),
            self.folder.path().join("pid").display(),
            self.script().display(),
        );
        let path = self.folder.path().join("site.toml");
        std::fs::write(&path, text).unwrap();
        Deployment::read(&path, |_| Some(SECRET.to_owned())).unwrap()
    }

    async fn run(&self, scenario: Scenario, hurt: &str) -> Result<Report, DeployedError> {
        let plan = Plan {
            length: Duration::from_secs(3),
            longest: Duration::from_secs(1),
            ..short(scenario, Topology::Existing)
        };
        let deployment = self.described(hurt);
        let done = run_deployed(&deployment, &plan, self.folder.path().to_owned());
        done.await.map(|(report, _)| report)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Somebody {
    fn drop(&mut self) {
        let pid = self.pid();
        let exe = std::fs::read_link(Path::new("/proc").join(pid.trim()).join("exe"));
        if exe.is_ok_and(|exe| exe == Path::new(env!("CARGO_BIN_EXE_mussikon-hub"))) {
            let _ = Command::new("/bin/sh")
                .args(["-c", "kill -s KILL \"$0\"", pid.trim()])
                .status();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_of_somebody_else_is_hurt_as_it_may_be_and_keeps_every_promise() {
    let theirs = Somebody::start();
    let allowed = "[\"kill\", \"pause\", \"restart\"]";
    for scenario in [
        Scenario::KillHub,
        Scenario::RollingRestart,
        Scenario::PauseHub,
        Scenario::CutLinks,
    ] {
        let before = theirs.pid();
        let done = theirs.run(scenario, allowed).await;
        let report = done.unwrap_or_else(|error| panic!("{error}\n{}", theirs.log()));
        assert_eq!(
            report.verdict,
            Verdict::Kept,
            "{report:#?}\n{}",
            theirs.log()
        );
        assert!(
            !report.faults.is_empty() && report.acknowledged > 100,
            "{report:#?}"
        );
        // Everything was asked for, and the faults of whoever went away were seen from outside.
        assert_eq!(report.classes.len(), Class::ALL.len(), "{report:#?}");
        assert!(report.submitted > 0 && report.pages > 0, "{report:#?}");
        assert!(report.convergence.judged > 0, "{report:#?}");
        // Whoever ends is another process afterwards, and nobody else is.
        let ends = report.faults.iter().any(|struck| {
            matches!(
                struck.step.fault,
                Fault::KillHub { .. } | Fault::DrainHub { .. }
            )
        });
        assert_eq!(ends, theirs.pid() != before, "{scenario:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_allowed_is_refused_and_the_hub_left_alone() {
    let theirs = Somebody::start();
    for (scenario, hurt) in [
        (Scenario::KillHub, "[\"pause\", \"restart\"]"),
        (Scenario::PauseHub, "[]"),
        (Scenario::RollingRestart, "[\"kill\"]"),
    ] {
        let refused = theirs.run(scenario, hurt).await;
        assert!(
            matches!(refused, Err(DeployedError::Refused(_))),
            "{refused:?}"
        );
    }
    // It has heard nothing of it: what hurts nobody is kept by the same process.
    let report = theirs.run(Scenario::HalfOpen, "[]").await;
    let report = report.unwrap_or_else(|error| panic!("{error}\n{}", theirs.log()));
    assert_eq!(report.verdict, Verdict::Kept, "{report:#?}");
}
