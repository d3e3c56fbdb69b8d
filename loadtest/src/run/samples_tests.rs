//! Samples are what a node says, and of its process what it does not say.

use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;

/// A node that answers as many questions as there are answers, and the questions that it got.
fn node(answers: &'static [&'static str]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        let mut questions = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().unwrap();
            let mut bytes = [0; 2048];
            let read = socket.read(&mut bytes).unwrap();
            questions.push(String::from_utf8_lossy(&bytes[..read]).to_lowercase());
            socket.write_all(answer.as_bytes()).unwrap();
        }
        questions
    };
    (address, thread::spawn(serve))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work)
}

fn one_look(address: SocketAddr, pid: Option<u32>) -> (Look, Option<LookError>) {
    block_on(async {
        let client = Client::builder(TokioExecutor::new()).build_http();
        look(client, Some(address), pid, Some("secret".into())).await
    })
}

#[test]
fn a_node_is_asked_with_the_token_and_its_process_fills_the_holes() {
    let (address, asked) = node(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\nprocess_open_fds 7\n\n",
    ]);
    let (look, silent) = one_look(address, Some(std::process::id()));
    assert!(silent.is_none(), "{silent:?}");
    assert_eq!(look.open_files, Some(7.0), "as the node says");
    assert!(
        look.resident_kb.is_some_and(|kb| kb > 500.0),
        "as the process shows"
    );
    let questions = asked.join().unwrap();
    assert!(
        questions[0].starts_with("get /metrics http/1.1"),
        "{questions:?}"
    );
    assert!(
        questions[0].contains("authorization: bearer secret"),
        "{questions:?}"
    );
}

#[test]
fn a_refusal_and_a_dead_address_are_named_and_the_process_is_still_seen() {
    let (address, asked) =
        node(&["HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]);
    let (look, silent) = one_look(address, Some(std::process::id()));
    assert!(
        matches!(silent, Some(LookError::Status(StatusCode::UNAUTHORIZED))),
        "{silent:?}"
    );
    assert!(look.open_files.is_some_and(|files| files > 2.0));
    asked.join().unwrap();
    // The listener is gone with its thread.
    let (look, silent) = one_look(address, None);
    assert!(
        matches!(silent, Some(LookError::Connection(_))),
        "{silent:?}"
    );
    assert_eq!(look, Look::default());
}

#[test]
fn a_sampler_looks_at_once_and_ends_when_it_is_told() {
    let own = std::process::id();
    let sampler = Sampler::start(&[], None, &[own]);
    let samples = sampler.finish();
    assert!(!samples.is_empty());
    assert_eq!(samples[0].node, format!("process {own}"));
    assert!(samples[0].resident_kb.is_some_and(|kb| kb > 500.0));
    assert_eq!(samples[0].cpu_cores, None, "there is nothing before it");
}

#[test]
fn processor_use_is_the_difference_of_two_looks_and_nothing_across_a_restart() {
    let mut node = nodes(&[], &[1]).remove(0);
    let cpu = |cpu_s| Look {
        cpu_s: Some(cpu_s),
        ..Look::default()
    };
    for (at_s, cpu_s) in [(0.0, 10.0), (2.0, 13.0), (3.0, 0.25), (4.0, 0.75)] {
        node.take(at_s, (cpu(cpu_s), None));
    }
    node.take(5.0, (Look::default(), Some(LookError::Late)));
    let cores: Vec<Option<f64>> = node.samples.iter().map(|sample| sample.cpu_cores).collect();
    assert_eq!(
        cores,
        [None, Some(1.5), None, Some(0.5)],
        "a look that told nothing is no sample"
    );
    assert!(node.silent.is_some());
}

#[test]
fn when_there_are_too_many_pairs_become_one() {
    let sample = |n: u32| Sample {
        at_s: f64::from(n),
        cpu_cores: (n > 0).then_some(f64::from(n)),
        resident_kb: Some(f64::from(n * 10)),
        ..Sample::default()
    };
    let all: Vec<Sample> = (0..5).map(sample).collect();
    let half = halved(&all);
    let told: Vec<_> = half
        .iter()
        .map(|one| (one.at_s, one.cpu_cores, one.resident_kb))
        .collect();
    let expected = [
        (1.0, Some(1.0), Some(10.0)),
        (3.0, Some(2.5), Some(30.0)),
        (4.0, Some(4.0), Some(40.0)),
    ];
    assert_eq!(told, expected);
}
