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
use crate::suite::ground::Ground;
use crate::suite::workload::{Connect, encoding};
use crate::suite::{Fault, Findings, Scenario, SiteError};
use crate::token::Claims;

/// Between two looks at a member that is to come back.
const LOOK: Duration = Duration::from_millis(100);
/// How long hubs may take to tell who owns a room.
const ASK: Duration = Duration::from_secs(5);

/// A deployment in use.
pub(super) struct Given<'d> {
    deployment: &'d Deployment,
    fronts: Vec<Proxy>,
    /// Where each hub tells of its health, and the path.
    health: Vec<(SocketAddr, String)>,
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
        Ok(Self {
            deployment,
            fronts,
            health,
        })
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
        let (server, path) = place_of_health(member).await?;
        let back = async {
            while !matches!(http::get(server, &path, None).await, Ok(answer) if answer.status == 200)
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

    fn operator(&self) -> Option<String> {
        let claims = self.claims("operator").role("admin");
        claims.sign(&self.deployment.secret).ok()
    }

    fn claims(&self, user: &str) -> Claims {
        claims(self.deployment, user)
    }
}

fn claims(deployment: &Deployment, user: &str) -> Claims {
    let mut claims = Claims::user(user);
    if let Some(issuer) = &deployment.issuer {
        claims = claims.issuer(issuer);
    }
    if let Some(audience) = &deployment.audience {
        claims = claims.audience(audience);
    }
    claims
}

async fn address(member: &Member, url: &str) -> Result<SocketAddr, SiteError> {
    let (host, _) = authority(url).unwrap_or((url, "/"));
    let found = lookup_host(host).await?.next();
    let missing = || format!("{} {}: {host} is not found", member.kind, member.name);
    found.ok_or_else(|| SiteError::System(std::io::Error::other(missing())))
}

async fn place_of_health(member: &Member) -> Result<(SocketAddr, String), SiteError> {
    let url = member
        .health
        .as_deref()
        .or(member.url.as_deref())
        .unwrap_or_default();
    let (_, path) = authority(url).unwrap_or((url, "/"));
    let path = match path {
        "/" if member.kind == Kind::Hub => "/health/ready",
        path => path,
    };
    Ok((address(member, url).await?, path.to_owned()))
}

impl Ground for Given<'_> {
    fn connect(&self) -> Connect {
        let urls: Vec<String> = self.fronts.iter().map(Proxy::url).collect();
        let deployment = self.deployment.clone();
        Box::new(move |user, number| {
            let from = number % urls.len();
            let turned = urls[from..].iter().chain(&urls[..from]);
            let mut hubs: VecDeque<String> = turned.map(|url| format!("{url}/hubs/chat")).collect();
            // An unsigned token is refused by the hub, which a run would show.
            let token = claims(&deployment, user)
                .role("user")
                .sign(&deployment.secret)
                .ok();
            let first = hubs.pop_front().unwrap_or_default();
            let mut settings = Settings::new(first, encoding(number), token);
            settings.others = hubs;
            settings.silence = Duration::from_secs(5);
            settings
        })
    }

    async fn unready(&self) -> Option<String> {
        let hubs = self.deployment.of(Kind::Hub);
        for (hub, (server, path)) in hubs.iter().zip(&self.health) {
            let name = &hub.name;
            match http::get(*server, path, None).await {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => {
                    let said = String::from_utf8_lossy(&answer.body).into_owned();
                    return Some(format!("hub {name} is not ready: {said}"));
                }
                Err(error) => return Some(format!("hub {name}: {error}")),
            }
            // Whoever does not tell is not asked further.
            let metrics = http::get(*server, "/metrics", self.operator().as_deref()).await;
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
        let other = self.health[(hub + 1) % self.health.len()].0;
        for room in rooms.iter().filter(|_| hubs.len() > 1) {
            let path = format!("/admin/rooms/{room}");
            let operator = self.operator();
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

    fn findings(&mut self, _scenario: Scenario) -> Findings {
        Findings::default()
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
