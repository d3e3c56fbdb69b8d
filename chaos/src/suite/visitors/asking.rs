//! Which classes hubs of somebody else answer at all. One that they refuse for good is left out, and named; one that fails in
//! another way is not, for that is what a run is to show.

use std::net::SocketAddr;

use super::submits::ORGANIZER;
use crate::http;
use crate::suite::class::Class;
use crate::suite::ground::Unasked;
use crate::suite::signer::Signer;

/// Asks once for each class over HTTP, as users of these names; the room must be there.
pub(in crate::suite) async fn unasked(
    hub: SocketAddr,
    signer: &Signer,
    newcomers: &str,
    room: &str,
) -> Vec<Unasked> {
    let questions = [
        (
            Class::Read,
            format!("/api/rooms/{room}/messages?limit=1"),
            "user",
        ),
        (Class::Submit, "/api/requests?limit=1".to_owned(), ORGANIZER),
    ];
    let mut unasked = Vec::new();
    for (class, path, role) in questions {
        let token = signer.sign(&format!("{newcomers}{role}"), role);
        let answer = http::get(hub, &path, token.as_deref()).await;
        let Some(status) = answer.ok().map(|answer| answer.status) else {
            continue;
        };
        if is_for_good(status) {
            let reason = format!("{path} is answered with {status} to a user of role {role}");
            unasked.push(Unasked { class, reason });
        }
    }
    unasked
}

/// Whether it will not be another one later.
fn is_for_good(status: u16) -> bool {
    matches!(status, 400..=499 | 501) && !matches!(status, 408 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A hub that answers pages with one status and requests with another one.
    async fn hub(pages: u16, requests: u16) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut asked = [0; 2000];
                let length = socket.read(&mut asked).await.unwrap();
                let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
                let status = match asked.starts_with("GET /api/rooms/stage/messages") {
                    true => pages,
                    false => requests,
                };
                let answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\n\r\n");
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        address
    }

    #[tokio::test]
    async fn what_is_refused_for_good_is_left_out_and_named() {
        let asked = async |pages, requests| {
            let hub = hub(pages, requests).await;
            unasked(hub, &Signer::own(), "new-", "stage").await
        };
        assert_eq!(asked(200, 200).await, []);
        // Trouble is no refusal.
        assert_eq!(asked(503, 429).await, []);
        let refused = asked(404, 403).await;
        let classes: Vec<Class> = refused.iter().map(|one| one.class).collect();
        assert_eq!(classes, [Class::Read, Class::Submit]);
        let reason = &refused[1].reason;
        assert!(
            reason.contains("403") && reason.contains("organizer"),
            "{reason}"
        );
    }
}
