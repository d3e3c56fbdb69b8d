//! Sets the connection up: addresses, identity, encryption, how often to try again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use rand::Rng;

use super::{Link, NatsError, NatsOptions};
use crate::bus::{BusEvent, BusLimits};
use crate::ids::NodeId;

/// Requests, pings and hints that the driver holds before it makes callers wait.
const DRIVER_QUEUE: usize = 2_048;

pub(super) async fn connect(
    addresses: &str,
    node: &NodeId,
    options: &NatsOptions,
    limits: &BusLimits,
    link: Arc<Link>,
) -> Result<Client, NatsError> {
    let servers = parse(addresses)?;
    let longest = options.reconnect_ms.max(2);
    let mut connect = ConnectOptions::new()
        .name(node.as_str())
        .no_echo()
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_millis(options.connect_ms.max(1)))
        .ping_interval(Duration::from_millis(options.ping_ms.max(1)))
        .subscription_capacity(limits.in_messages.max(1))
        .client_capacity(DRIVER_QUEUE)
        .reconnect_delay_callback(move |attempts| {
            let most = longest.min(25 << attempts.min(10));
            Duration::from_millis(rand::rng().random_range(most / 2..=most))
        })
        .event_callback(move |event| {
            let link = link.clone();
            async move { heard(&link, &event) }
        })
        .require_tls(options.tls);
    if let Some((user, password)) = identity(&servers) {
        connect = connect.user_and_password(user, password);
    }
    if is_set(&options.ca_file) {
        connect = connect.add_root_certificates(options.ca_file.clone());
    }
    if is_set(&options.cert_file) {
        connect =
            connect.add_client_certificate(options.cert_file.clone(), options.key_file.clone());
    }
    if is_set(&options.credentials_file) {
        let path = &options.credentials_file;
        connect = connect
            .credentials_file(path)
            .await
            .map_err(|error| NatsError::Credentials {
                path: path.display().to_string(),
                reason: error.to_string(),
            })?;
    }
    let client = connect.connect(servers).await;
    client.map_err(|error| NatsError::Connect(error.to_string()))
}

/// The first user and password in the addresses: the driver reads none there, and servers that it learns of
/// from others want them too.
fn identity(servers: &[ServerAddr]) -> Option<(String, String)> {
    let named = servers.iter().find_map(|server| {
        let user = server.username()?;
        Some((user, server.password().unwrap_or_default()))
    });
    named.map(|(user, password)| (percent_decoded(user), percent_decoded(password)))
}

/// A part of an address as it was meant: `%40` is `@`. What is no such sign stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|d| char::from(*d).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// Addresses separated by commas. What is wrong is told without the part that may be a password.
pub(super) fn parse(addresses: &str) -> Result<Vec<ServerAddr>, NatsError> {
    let parts = addresses
        .split(',')
        .map(str::trim)
        .filter(|p| !p.is_empty());
    let servers: Vec<ServerAddr> = parts
        .map(|part| {
            let shown = part.rsplit('@').next().unwrap_or_default();
            part.parse()
                .map_err(|_| NatsError::Address(shown.to_owned()))
        })
        .collect::<Result<_, _>>()?;
    if servers.is_empty() {
        return Err(NatsError::Address(String::new()));
    }
    Ok(servers)
}

fn heard(link: &Link, event: &Event) {
    match event {
        Event::Connected => {
            tracing::info!("connected to NATS");
            link.changed(BusEvent::Connected);
        }
        Event::Disconnected | Event::Closed => {
            metrics::counter!("mussikon_bus_disconnects_total").increment(1);
            tracing::warn!("cut off from NATS");
            link.changed(BusEvent::Disconnected);
        }
        Event::SlowConsumer(subscription) => {
            metrics::counter!("mussikon_bus_dropped_total", "what" => "in").increment(1);
            tracing::warn!(subscription, "hints were dropped: this node is too slow");
            link.changed(BusEvent::SlowConsumer);
        }
        // The server evicts clients over minutes; the driver connects to another one when that happens.
        Event::LameDuckMode => tracing::warn!("the NATS server is about to end"),
        Event::Draining => {}
        Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
        // One for each attempt to connect; that the connection is lost has been said.
        Event::ClientError(error) if !link.is_connected() => {
            tracing::debug!(%error, "NATS is not reached yet");
        }
        Event::ClientError(error) => tracing::warn!(%error, "the NATS client reports an error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_addresses_are_read_and_a_bad_one_is_named_without_its_password() {
        let two = parse("nats://a:4222, tls://user:pw@b:4333").expect("valid");
        assert_eq!((two.len(), two[1].host(), two[1].port()), (2, "b", 4333));
        let error = parse("nats://ok:1,nats://u:geheim@b:notaport").expect_err("no port");
        let text = error.to_string();
        assert!(
            text.contains("b:notaport") && !text.contains("geheim"),
            "{text}"
        );
        assert!(parse(" , ").is_err());
    }

    #[test]
    fn user_and_password_come_from_the_first_address_that_has_them_as_they_were_meant() {
        let servers = parse("nats://a:1,nats://hub:p%40ss%2Fw%C3%B6rd%zz@b:2,nats://x:y@c:3");
        let found = identity(&servers.expect("valid"));
        assert_eq!(found, Some(("hub".into(), "p@ss/w\u{f6}rd%zz".into())));
        assert_eq!(identity(&parse("nats://a:1").expect("valid")), None);
    }
}
