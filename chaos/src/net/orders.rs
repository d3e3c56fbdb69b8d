//! What the kernel is told, as arguments of `ip` and `tc`: pure text, with what takes it back.
//!
//! Between each hub and the middle lies a pair of devices. The middle bears one address for each server, where the hubs'
//! proxies listen, so that a rule about addresses hurts a hub's way to one server and not what its clients say. What is to be
//! lost is lost where it arrives: the sender sees nothing of it, as with a real network.

use std::net::{IpAddr, Ipv4Addr};

use crate::suite::{Server, Way};

/// The range for measurements of networks, which nobody routes.
const NETWORK: [u8; 2] = [198, 18];
/// All addresses of servers.
const SERVERS: &str = "198.18.200.0/23";
const NATS: u8 = 200;
const CQL: u8 = 201;
/// The device of a hub.
const UP: &str = "eth0";

/// Where an order is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Between hubs and servers.
    Middle,
    /// At a hub, from 0.
    Hub(usize),
}

/// One call of a program within a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) place: Place,
    /// `ip` or `tc`.
    pub(super) program: &'static str,
    pub(super) arguments: Vec<String>,
    /// What takes it back, if anything needs to.
    pub(super) undo: Option<Vec<String>>,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn ip(place: Place, text: &str) -> Order {
    Order {
        place,
        program: "ip",
        arguments: words(text),
        undo: None,
    }
}

/// Where a hub listens.
pub fn hub_address(hub: usize) -> IpAddr {
    address(number(hub), 2)
}

/// Where hubs find a server.
pub fn server_address(server: Server) -> IpAddr {
    match server {
        Server::Nats { server } => address(NATS, number(server) + 1),
        Server::Cql { node } => address(CQL, number(node) + 1),
    }
}

fn address(third: u8, fourth: u8) -> IpAddr {
    let [first, second] = NETWORK;
    Ipv4Addr::new(first, second, third, fourth).into()
}

/// Sites have a handful of each.
fn number(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(NATS - 1).min(NATS - 1)
}

/// Makes ready what was just created: devices, addresses, ways, and rules that may come before the local table.
pub(super) fn build(hubs: usize, servers: &[Server], middle: &str, names: &[String]) -> Vec<Order> {
    let mut orders = rules_first(Place::Middle);
    orders.push(ip(Place::Middle, "link set dev lo up"));
    for server in servers {
        let address = server_address(*server);
        orders.push(ip(Place::Middle, &format!("addr add {address}/32 dev lo")));
    }
    for (hub, name) in names.iter().enumerate().take(hubs) {
        let (there, here) = (hub_address(hub), address(number(hub), 1));
        let place = Place::Hub(hub);
        let pair =
            format!("link add name hub{hub} netns {middle} type veth peer name {UP} netns {name}");
        orders.extend(rules_first(place));
        orders.extend([
            ip(Place::Middle, &pair),
            ip(Place::Middle, &format!("addr add {here}/24 dev hub{hub}")),
            ip(Place::Middle, &format!("link set dev hub{hub} up")),
            ip(place, "link set dev lo up"),
            ip(place, &format!("addr add {there}/24 dev {UP}")),
            ip(place, &format!("link set dev {UP} up")),
            ip(place, &format!("route add default via {here}")),
        ]);
    }
    orders
}

/// The local table comes first otherwise, and whatever arrives would be let in before any rule is asked.
fn rules_first(place: Place) -> Vec<Order> {
    vec![
        ip(place, "rule add pref 100 lookup local"),
        ip(place, "rule del pref 0"),
    ]
}

/// Loses what passes between a hub and one server, or all.
pub(super) fn cut(hub: usize, way: Way, server: Option<Server>) -> Vec<Order> {
    let hub_address = hub_address(hub);
    let servers = server.map_or_else(
        || SERVERS.to_owned(),
        |server| server_address(server).to_string(),
    );
    let rule = |place, from: &str, to: &str| Order {
        undo: Some(words(&format!(
            "rule del pref 10 from {from} to {to} blackhole"
        ))),
        ..ip(
            place,
            &format!("rule add pref 10 from {from} to {to} blackhole"),
        )
    };
    let hub_address = hub_address.to_string();
    let from_hub = || rule(Place::Middle, &hub_address, &servers);
    let to_hub = || rule(Place::Hub(hub), &servers, &hub_address);
    match way {
        Way::Both => vec![from_hub(), to_hub()],
        Way::FromHub => vec![from_hub()],
        Way::ToHub => vec![to_hub()],
    }
}

/// Loses a share of all packets between a hub and everybody, in both directions.
pub(super) fn lose(hub: usize, percent: u8) -> Vec<Order> {
    let program = losing(percent);
    let mut orders = Vec::new();
    for (place, device) in ends(hub) {
        orders.push(Order {
            place,
            program: "tc",
            arguments: words(&format!("qdisc add dev {device} clsact")),
            // The filter goes with it.
            undo: Some(words(&format!("qdisc del dev {device} clsact"))),
        });
        let mut arguments = words(&format!(
            "filter add dev {device} ingress protocol ip bpf da bytecode"
        ));
        arguments.push(program.clone());
        orders.push(Order {
            place,
            program: "tc",
            arguments,
            undo: None,
        });
    }
    orders
}

/// A program for the kernel's packet filter that drops by chance. There is no `netem` in every kernel.
fn losing(percent: u8) -> String {
    let below = (u64::from(percent.min(100)) << 32) / 100;
    let below = below.min(u64::from(u32::MAX));
    // Load a random number; below the share return "drop" (2), else "no opinion" (-1).
    format!("4,32 0 0 4294963256,53 1 0 {below},6 0 0 2,6 0 0 4294967295")
}

/// Lets so many bytes pass per second in each direction.
pub(super) fn throttle(hub: usize, bytes_per_second: u32) -> Vec<Order> {
    let limit = |(place, device)| Order {
        place,
        program: "tc",
        // To this program `bps` are bytes.
        arguments: words(&format!(
            "qdisc add dev {device} root tbf rate {bytes_per_second}bps burst 16kb latency 400ms"
        )),
        undo: Some(words(&format!("qdisc del dev {device} root"))),
    };
    ends(hub).map(limit).to_vec()
}

/// Both ends of a hub's pair of devices.
fn ends(hub: usize) -> [(Place, String); 2] {
    [
        (Place::Middle, format!("hub{hub}")),
        (Place::Hub(hub), UP.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(orders: &[Order]) -> Vec<(Place, String)> {
        let text = |order: &Order| (order.place, order.arguments.join(" "));
        orders.iter().map(text).collect()
    }

    #[test]
    fn each_direction_is_lost_where_it_arrives() {
        let one = Some(Server::Nats { server: 1 });
        let from = "rule add pref 10 from 198.18.2.2 to 198.18.200.2 blackhole".to_owned();
        let to = "rule add pref 10 from 198.18.200.2 to 198.18.2.2 blackhole".to_owned();
        let (from, to) = ((Place::Middle, from), (Place::Hub(2), to));
        assert_eq!(
            said(&cut(2, Way::FromHub, one)),
            std::slice::from_ref(&from)
        );
        assert_eq!(said(&cut(2, Way::ToHub, one)), std::slice::from_ref(&to));
        assert_eq!(said(&cut(2, Way::Both, one)), [from, to]);
        let all = said(&cut(0, Way::FromHub, None));
        assert!(all[0].1.contains("to 198.18.200.0/23"), "{all:?}");
    }

    #[test]
    fn all_that_is_done_to_a_network_can_be_taken_back() {
        for orders in [cut(1, Way::Both, None), throttle(1, 5000), lose(1, 10)] {
            let undone = orders.iter().filter_map(|order| order.undo.as_ref());
            assert_eq!(undone.count(), 2, "{orders:?}");
            for undo in orders.iter().filter_map(|order| order.undo.as_ref()) {
                assert!(undo.contains(&"del".to_owned()), "{undo:?}");
            }
        }
    }

    #[test]
    fn a_share_becomes_a_part_of_all_numbers() {
        assert!(losing(0).contains(",53 1 0 0,"), "{}", losing(0));
        assert!(losing(25).contains(",53 1 0 1073741824,"), "{}", losing(25));
        assert!(
            losing(100).contains(",53 1 0 4294967295,"),
            "{}",
            losing(100)
        );
    }

    #[test]
    fn hubs_and_servers_have_addresses_of_their_own() {
        let servers = [
            server_address(Server::Nats { server: 0 }),
            server_address(Server::Nats { server: 2 }),
            server_address(Server::Cql { node: 0 }),
            hub_address(0),
            hub_address(2),
        ];
        let names: std::collections::BTreeSet<_> = servers.iter().collect();
        assert_eq!(names.len(), servers.len(), "{servers:?}");
        assert_eq!(
            server_address(Server::Cql { node: 2 }).to_string(),
            "198.18.201.3"
        );
    }
}
