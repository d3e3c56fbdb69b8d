//! What faults leave behind is found: hubs that fail or do not come back, whatever the rooms say.

use std::net::SocketAddr;

use super::*;
use crate::attempts::Attempt;
use crate::hub::NAME;
use crate::process::{ProcessError, StartError};
use crate::suite::alone::Hurt;
use crate::suite::fault::Scenario;
use crate::suite::ground::Place;
use crate::suite::signer::Signer;
use crate::suite::workload::Connect;

/// A ground of no hubs that says what it is told to say.
#[derive(Default)]
struct Said {
    unready: Option<&'static str>,
    fails: Option<SiteError>,
}

impl Ground for Said {
    fn connect(&self) -> Connect {
        Box::new(|_, _| unreachable!("nobody connects here"))
    }

    fn fronts(&self) -> Vec<SocketAddr> {
        Vec::new()
    }

    fn places(&self) -> Vec<Place> {
        Vec::new()
    }

    fn signer(&self) -> Signer {
        Signer::own()
    }

    fn newcomers(&self) -> String {
        String::new()
    }

    async fn unasked(&self, _rooms: &[String]) -> Vec<Unasked> {
        Vec::new()
    }

    async fn unready(&self) -> Option<String> {
        self.unready.map(str::to_owned)
    }

    async fn owned(&self, _hub: usize, _rooms: &[String]) -> Vec<String> {
        Vec::new()
    }

    async fn carry_out(&mut self, _fault: Fault) -> Result<Instant, SiteError> {
        self.fails.take().map_or_else(|| Ok(now()), Err)
    }

    async fn carry_out_alone(
        &mut self,
        _fault: Hurt,
        _scene: &Scene<'_>,
    ) -> Result<Carried, SiteError> {
        Err(SiteError::Kit("anything"))
    }

    fn findings(&mut self, _scenario: Scenario) -> Findings {
        Findings::default()
    }

    fn logs(&self) -> String {
        String::new()
    }
}

/// Kills the only hub of such a ground, while its only room is served all the time. Answers what was stuck, and how many
/// faults were noted.
async fn killed(mut site: Said) -> (Result<Option<WorkloadError>, SiteError>, usize) {
    let (history, rooms) = (History::new(10_000), ["r".to_owned()]);
    let mut disturbing = Disturbing {
        site: &mut site,
        history: &history,
        rooms: &rooms,
        readers: Vec::new(),
        kit: &Kit::default(),
        patience: Duration::from_millis(300),
        converge_within: Duration::from_secs(5),
        deeds: Vec::new(),
    };
    let steps = [Step {
        at_millis: 0,
        fault: Fault::KillHub { hub: 0, millis: 0 },
    }];
    let serving = async {
        loop {
            history.attempts.add(Attempt {
                room: "r".into(),
                wished: now(),
                begun: now(),
                ended: now(),
                acknowledged: true,
                refused: false,
            });
            sleep(Duration::from_millis(5)).await;
        }
    };
    let stuck = tokio::select! {
        stuck = disturbing.carry_out(&steps, now()) => stuck,
        () = serving => unreachable!("it goes on for good"),
    };
    (stuck, disturbing.deeds.len())
}

#[tokio::test]
async fn a_hub_that_does_not_get_ready_again_is_stuck_though_every_room_is_served() {
    let (stuck, noted) = killed(Said::default()).await;
    assert!(matches!(stuck, Ok(None)), "{stuck:?}");
    assert_eq!(noted, 1);
    let site = Said {
        unready: Some("hub 0: nobody answers"),
        fails: None,
    };
    let (stuck, noted) = killed(site).await;
    let text = stuck.unwrap().unwrap().to_string();
    assert!(
        text.contains("hub 0: nobody answers") && text.contains("300ms"),
        "{text}"
    );
    assert_eq!(noted, 1);
}

#[tokio::test]
async fn a_hub_that_fails_in_a_fault_is_stuck_and_another_failure_ends_the_run() {
    let (logs, within) = (String::new(), Duration::from_secs(1));
    let silent = |name| {
        let logs = logs.clone();
        SiteError::Restart(StartError::Silent { name, within, logs })
    };
    let lingers = |name| {
        let logs = logs.clone();
        SiteError::Process(ProcessError::Lingers { name, within, logs })
    };
    let drained = SiteError::Drain {
        hub: 1,
        status: std::process::ExitStatus::default(),
        logs: logs.clone(),
    };
    for error in [silent(NAME), lingers(NAME), drained] {
        let text = error.to_string();
        let site = Said {
            unready: None,
            fails: Some(error),
        };
        let (stuck, noted) = killed(site).await;
        assert_eq!(stuck.unwrap().unwrap().to_string(), text);
        assert_eq!(noted, 1);
    }
    for error in [silent("the NATS server"), lingers("a CQL node")] {
        let site = Said {
            unready: None,
            fails: Some(error),
        };
        let (stuck, noted) = killed(site).await;
        assert!(stuck.is_err(), "{stuck:?}");
        assert_eq!(noted, 0);
    }
}
