//! A door before several hubs that sends each TCP connection to the next one: nobody stays where he was.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct Balancer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Balancer {
    pub async fn start(hubs: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, hubs));
        Self { address, accepting }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, hubs: Vec<SocketAddr>) {
    let turn = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((mut client, _)) = listener.accept().await else {
            continue;
        };
        let (hubs, turn) = (hubs.clone(), turn.clone());
        tokio::spawn(async move {
            for _ in 0..hubs.len() {
                let next = turn.fetch_add(1, Ordering::Relaxed) % hubs.len();
                // A hub that is not there refuses at once, and the next one is asked.
                if let Ok(mut hub) = TcpStream::connect(hubs[next]).await {
                    // An end of either side is an end for both.
                    let _ = copy_bidirectional(&mut client, &mut hub).await;
                    return;
                }
            }
        });
    }
}
