//! A deployment as the ground of a run: its hubs behind proxies of the suite's own, and what it allows done to it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::{sleep, timeout};

use super::file::Deployment;
use super::member::{Hurt, Kind, Member, authority};
use crate::client::Settings;
use crate::http;
use crate::member::now;
use crate::proxy::Proxy;
use crate::suite::alone::{Carried, Scene};
use crate::suite::ground::{Ground, Place, Unasked};
use crate::suite::signer::Signer;
use crate::suite::visitors;
use crate::suite::workload::{Connect, encoding};
use crate::suite::{Alone, Class, Fault, Findings, Scenario, SiteError};

/// Between two looks at a member that is to come back.
const LOOK: Duration = Duration::from_millis(100);
/// How long hubs may take to tell who owns a room.
const ASK: Duration = Duration::from_secs(5);

/// A deployment in use.
pub(super) struct Given<'d> {
    deployment: &'d Deployment,
    fronts: Vec<Proxy>,
    /// Where each hub tells of its health.
    health: Vec<Place>,
    /// Begins the names of rooms and users of this run.
    newcomers: String,
    /// What its hubs did not tell.
    notes: Vec<String>,
}

impl<'d> Given<'d> {
    /// Finds its hubs.
    pub(super) async fn find(deployment: &'d Deployment) -> Result<Self, SiteError> {
        let (mut fronts, mut health) = (Vec::new(), Vec::new());
        for hub in deployment.of(Kind::Hub) {
            let url = hub.url.as_deref().unwrap_or_default();
            fronts.push(Proxy::start(address(hub, url).await?).await?);
            health.push(place_of_health(hub).await?);
        }
        let mut given = Self {
            deployment,
            fronts,
            health,
            newcomers: newcomers(),
            notes: Vec::new(),
        };
        given.notes = given.without_metrics().await;
        Ok(given)
    }

    fn member(&self, kind: Kind, number: usize) -> Result<&'d Member, SiteError> {
        let member = self.deployment.of(kind).get(number).copied();
        member.ok_or(SiteError::Unaffected {
            fault: "a fault of another deployment",
            seen: format!("there is no {kind} {number}"),
        })
    }

    /// Hurts a member for a while and mends it. Answers when it was hurt.
    async fn hurt(
        &self,
        (kind, number): (Kind, usize),
        hurt: Hurt,
        time: Duration,
    ) -> Result<Instant, SiteError> {
        let member = self.member(kind, number)?;
        let mending = member.hurt(hurt).await?;
        let in_force = now();
        sleep(time).await;
        mending.mend().await.map_err(std::io::Error::other)?;
        self.until_back(member).await?;
        Ok(in_force)
    }

    async fn until_back(&self, member: &Member) -> Result<(), SiteError> {
        if member.kind != Kind::Hub && member.health.is_none() {
            return Ok(());
        }
        let place = place_of_health(member).await?;
        let back = async {
            while !matches!(http::get(place.address, &place.ready, None).await, Ok(answer) if answer.status == 200)
            {
                sleep(LOOK).await;
            }
        };
        let within = self.deployment.start_within;
        timeout(within, back).await.map_err(|_| {
            let (kind, name) = (member.kind, &member.name);
            let text = format!("{kind} {name} was not back within {within:?}");
            SiteError::System(std::io::Error::other(text))
        })
    }

    /// Hubs whose metrics an operator is not given: then only their readiness can tell of a fault.
    async fn without_metrics(&self) -> Vec<String> {
        let mut without = Vec::new();
        for (hub, place) in self.deployment.of(Kind::Hub).iter().zip(&self.health) {
            let operator = self.signer().operator();
            let asked = http::get(place.address, "/metrics", operator.as_deref()).await;
            if let Some(status) = asked.ok().map(|answer| answer.status)
                && status != 200
            {
                without.push(format!(
                    "hub {} answers /metrics with {status}: only its readiness tells of faults",
                    hub.name
                ));
            }
        }
        without
    }
}

/// Names that nobody had before.
fn newcomers() -> String {
    let run = uuid::Uuid::new_v4().simple().to_string();
    format!("chaos-{}-", &run[..12])
}

async fn address(member: &Member, url: &str) -> Result<SocketAddr, SiteError> {
    let (host, _) = authority(url).unwrap_or((url, "/"));
    let found = lookup_host(host).await?.next();
    let missing = || format!("{} {}: {host} is not found", member.kind, member.name);
    found.ok_or_else(|| SiteError::System(std::io::Error::other(missing())))
}

async fn place_of_health(member: &Member) -> Result<Place, SiteError> {
    let url = member
        .health
        .as_deref()
        .or(member.url.as_deref())
        .unwrap_or_default();
    let (_, path) = authority(url).unwrap_or((url, "/"));
    let ready = match path {
        "/" if member.kind == Kind::Hub => "/health/ready",
        path => path,
    };
    let address = address(member, url).await?;
    Ok(Place {
        address,
        ready: ready.to_owned(),
    })
}

impl Ground for Given<'_> {
    fn connect(&self) -> Connect {
        let urls: Vec<String> = self.fronts.iter().map(Proxy::url).collect();
        let signer = self.signer();
        Box::new(move |user, number| {
            let from = number % urls.len();
            let turned = urls[from..].iter().chain(&urls[..from]);
            let mut hubs: VecDeque<String> = turned.map(|url| format!("{url}/hubs/chat")).collect();
            let token = signer.sign(user, "user");
            let first = hubs.pop_front().unwrap_or_default();
            let mut settings = Settings::new(first, encoding(number), token);
            settings.others = hubs;
            settings.silence = Duration::from_secs(5);
            settings
        })
    }

    fn fronts(&self) -> Vec<SocketAddr> {
        self.fronts.iter().map(Proxy::address).collect()
    }

    fn places(&self) -> Vec<Place> {
        self.health.clone()
    }

    fn signer(&self) -> Signer {
        Signer {
            secret: self.deployment.secret.clone(),
            issuer: self.deployment.issuer.clone(),
            audience: self.deployment.audience.clone(),
            lasting: None,
        }
    }

    fn newcomers(&self) -> String {
        self.newcomers.clone()
    }

    async fn unasked(&self, rooms: &[String]) -> Vec<Unasked> {
        let (Some(front), Some(room)) = (self.fronts.first(), rooms.first()) else {
            return Vec::new();
        };
        let mut unasked =
            visitors::unasked(front.address(), &self.signer(), &self.newcomers, room).await;
        if !self.deployment.traffic.requests {
            let file = self.deployment.path.display();
            unasked.retain(|one| one.class != Class::Submit);
            unasked.push(Unasked {
                class: Class::Submit,
                reason: format!("{file} does not allow `requests` in its `[traffic]`"),
            });
        }
        unasked
    }

    async fn unready(&self) -> Option<String> {
        let hubs = self.deployment.of(Kind::Hub);
        for (hub, place) in hubs.iter().zip(&self.health) {
            let name = &hub.name;
            match http::get(place.address, &place.ready, None).await {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => {
                    let said = String::from_utf8_lossy(&answer.body).into_owned();
                    return Some(format!("hub {name} is not ready: {said}"));
                }
                Err(error) => return Some(format!("hub {name}: {error}")),
            }
            // Whoever does not tell is not asked further.
            let operator = self.signer().operator();
            let metrics = http::get(place.address, "/metrics", operator.as_deref()).await;
            let told = metrics.map(|answer| (answer.status, answer.body));
            if let Ok((200, body)) = told
                && hubs.len() > 1
            {
                let known = http::metric(&String::from_utf8_lossy(&body), "mussikon_nodes");
                if known < hubs.len() as f64 {
                    return Some(format!("hub {name} knows {known} of {} hubs", hubs.len()));
                }
            }
        }
        None
    }

    /// None where nobody tells: then failovers are not measured.
    async fn owned(&self, hub: usize, rooms: &[String]) -> Vec<String> {
        let mut owned = Vec::new();
        let hubs = self.deployment.of(Kind::Hub);
        let other = self.health[(hub + 1) % self.health.len()].address;
        for room in rooms.iter().filter(|_| hubs.len() > 1) {
            let path = format!("/admin/rooms/{room}");
            let operator = self.signer().operator();
            let asked = timeout(ASK, http::get(other, &path, operator.as_deref())).await;
            let body = asked.map(|answer| answer.map(|answer| answer.body).unwrap_or_default());
            let told: serde_json::Value =
                serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
            if told["owner"] == hubs[hub].name.as_str() {
                owned.push(room.clone());
            }
        }
        owned
    }

    async fn carry_out(&mut self, fault: Fault) -> Result<Instant, SiteError> {
        let time = fault.lasting();
        let hub_of = |number| (Kind::Hub, number);
        match fault {
            Fault::KillHub { hub, .. } => self.hurt(hub_of(hub), Hurt::Kill, time).await,
            Fault::PauseHub { hub, .. } => self.hurt(hub_of(hub), Hurt::Pause, time).await,
            Fault::DrainHub { hub } => self.hurt(hub_of(hub), Hurt::Restart, time).await,
            Fault::RestartNats { server, .. } => {
                self.hurt((Kind::Nats, server), Hurt::Kill, time).await
            }
            Fault::PauseNats { server, .. } => {
                self.hurt((Kind::Nats, server), Hurt::Pause, time).await
            }
            Fault::KillCql { node, .. } => self.hurt((Kind::Cql, node), Hurt::Kill, time).await,
            Fault::PauseCql { node, .. } => self.hurt((Kind::Cql, node), Hurt::Pause, time).await,
            own => {
                let in_force = now();
                self.hurt_own(own, time).await?;
                Ok(in_force)
            }
        }
    }

    /// None of them comes as far as this: they are refused before anybody connects.
    async fn carry_out_alone(
        &mut self,
        fault: Alone,
        _scene: &Scene<'_>,
    ) -> Result<Carried, SiteError> {
        let missing = "its process, its data and its machine are somebody else's";
        Err(SiteError::Foreign { fault, missing })
    }

    fn findings(&mut self, _scenario: Scenario) -> Findings {
        Findings {
            notes: std::mem::take(&mut self.notes),
            ..Findings::default()
        }
    }

    fn logs(&self) -> String {
        "the logs are where the deployment keeps them".to_owned()
    }
}

impl Given<'_> {
    /// Hurts the suite's own connections.
    async fn hurt_own(&self, fault: Fault, time: Duration) -> Result<(), SiteError> {
        match fault {
            Fault::CutLinks { hub } => self.fronts[hub].cut(),
            Fault::HalfOpen { hub } => self.fronts[hub].half_open(),
            Fault::SlowLinks {
                hub, delay_millis, ..
            } => {
                self.fronts[hub].slow(Duration::from_millis(delay_millis));
                sleep(time).await;
                self.fronts[hub].heal();
            }
            other => {
                return Err(SiteError::Unaffected {
                    fault: "what a deployment does not allow",
                    seen: format!("{other:?} was planned"),
                });
            }
        }
        Ok(())
    }
}
