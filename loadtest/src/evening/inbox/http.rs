//! HTTP/1.1 on the same event loop as the lines: connections that are kept alive, one request in flight on each, and requests that are
//! asked again when their connection ends.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use thiserror::Error;

use crate::clock::Clock;
use crate::fleet::connect;
use crate::pool::{Pool, Ready};
use crate::target::Target;

/// Requests that may wait for a connection.
const MOST_WAITING: usize = 200_000;
/// A connection that ended is not tried again before.
const AGAIN_NS: u64 = 300_000_000;
/// How often requests are looked at for whether they are too old.
const LOOK_NS: u64 = 50_000_000;
/// Headers of an answer.
const MOST_HEADERS: usize = 64;

/// A request that is under way.
#[derive(Debug)]
pub struct Call<T> {
    /// Whoever asks knows it by this.
    pub tag: T,
    /// All its bytes.
    pub request: Vec<u8>,
    /// When it was asked first.
    asked_ns: u64,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer<T> {
    /// Which.
    pub tag: T,
    /// Status and body, or why there are none.
    pub outcome: Result<(u16, Vec<u8>), HttpError>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpError {
    /// Not within the time.
    #[error("no answer in time")]
    Timeout,
    /// More wait than may.
    #[error("too many requests wait for a connection")]
    Full,
    /// The answer is no HTTP that is understood here.
    #[error("an answer that is not understood: {0}")]
    Answer(String),
    /// The connection ended or could not be made.
    #[error(transparent)]
    Socket(#[from] io::Error),
}

struct Slot<T> {
    call: Option<Call<T>>,
    is_open: bool,
}

/// Connections for HTTP.
pub struct Http<T> {
    pool: Pool,
    target: Target,
    clock: Clock,
    limit_ns: u64,
    slots: Vec<Slot<T>>,
    idle: Vec<usize>,
    waiting: VecDeque<Call<T>>,
    /// Requests whose connection ended, and when they are asked again.
    later: VecDeque<(u64, Call<T>)>,
    answers: Vec<Answer<T>>,
    looked_ns: u64,
    ready: Vec<Ready>,
}

impl<T: Copy> Http<T> {
    /// So many connections at most; a request without an answer for `limit` is given up.
    pub fn new(
        target: &Target,
        connections: u32,
        limit: Duration,
        clock: Clock,
    ) -> io::Result<Self> {
        let mut pool = Pool::new()?;
        let idle: Vec<usize> = (0..connections).map(|_| pool.reserve()).collect();
        Ok(Self {
            pool,
            target: target.clone(),
            clock,
            limit_ns: limit.as_nanos() as u64,
            slots: idle
                .iter()
                .map(|_| Slot {
                    call: None,
                    is_open: false,
                })
                .collect(),
            idle,
            waiting: VecDeque::new(),
            later: VecDeque::new(),
            answers: Vec::new(),
            looked_ns: 0,
            ready: Vec::new(),
        })
    }

    /// Asks for something.
    pub fn ask(&mut self, tag: T, request: Vec<u8>) {
        if self.waiting.len() >= MOST_WAITING {
            return self.answers.push(Answer {
                tag,
                outcome: Err(HttpError::Full),
            });
        }
        self.waiting.push_back(Call {
            tag,
            request,
            asked_ns: self.clock.now_ns(),
        });
    }

    /// Requests without an answer.
    #[cfg(test)]
    pub fn under_way(&self) -> usize {
        self.waiting.len() + self.later.len() + self.slots.len() - self.idle.len()
    }

    /// What has come.
    pub fn turn(&mut self) -> io::Result<Vec<Answer<T>>> {
        let now_ns = self.clock.now_ns();
        while self
            .later
            .front()
            .is_some_and(|(due_ns, _)| *due_ns <= now_ns)
        {
            self.waiting
                .extend(self.later.pop_front().map(|(_, call)| call));
        }
        while !self.waiting.is_empty()
            && let Some(slot) = self.idle.pop()
        {
            if let Some(call) = self.waiting.pop_front() {
                self.send(slot, call);
            }
        }
        let mut ready = std::mem::take(&mut self.ready);
        self.pool.wait(Some(Duration::ZERO), &mut ready)?;
        for event in &ready {
            if let Ready::Socket {
                index,
                readable,
                writable,
            } = *event
            {
                if writable && self.pool.flush(index).is_err() {
                    self.ended(index, now_ns);
                }
                if readable {
                    self.read(index, now_ns);
                }
            }
        }
        self.ready = ready;
        if now_ns > self.looked_ns + LOOK_NS {
            self.looked_ns = now_ns;
            self.give_up(now_ns);
        }
        Ok(std::mem::take(&mut self.answers))
    }

    fn send(&mut self, slot: usize, call: Call<T>) {
        let request = &call.request;
        let number = self.target.first.saturating_add(slot as u32);
        let sent = match self.slots[slot].is_open {
            true => self.pool.write(slot, request),
            false => connect(self.target.address(slot), number)
                .and_then(|stream| self.pool.renew(slot, stream))
                .and_then(|()| self.pool.queue(slot, request).map(drop)),
        };
        self.slots[slot] = Slot {
            call: Some(call),
            is_open: sent.is_ok(),
        };
        if sent.is_err() {
            self.ended(slot, self.clock.now_ns());
        }
    }

    fn read(&mut self, index: usize, now_ns: u64) {
        let mut found = None;
        let read = self.pool.read(index, |bytes| {
            if found.is_some() {
                return Ok(bytes.len());
            }
            let answer = whole_answer(bytes)?;
            let used = answer.as_ref().map_or(0, |(used, ..)| *used);
            found = answer;
            Ok::<usize, HttpError>(used)
        });
        if let Some((_, status, body)) = found
            && let Some(call) = self.slots[index].call.take()
        {
            self.idle.push(index);
            self.answers.push(Answer {
                tag: call.tag,
                outcome: Ok((status, body)),
            });
        }
        match read {
            Ok(()) => {}
            // Nobody asks once more for what is not understood.
            Err(error @ HttpError::Answer(_)) => {
                self.slots[index].is_open = false;
                if let Some(call) = self.slots[index].call.take() {
                    self.idle.push(index);
                    self.answers.push(Answer {
                        tag: call.tag,
                        outcome: Err(error),
                    });
                }
            }
            Err(_) => self.ended(index, now_ns),
        }
    }

    /// A connection is gone; what was asked on it is asked again in a moment.
    fn ended(&mut self, index: usize, now_ns: u64) {
        self.pool.close(index);
        self.slots[index].is_open = false;
        if let Some(call) = self.slots[index].call.take() {
            self.idle.push(index);
            self.later.push_back((now_ns + AGAIN_NS, call));
        }
    }

    fn give_up(&mut self, now_ns: u64) {
        let limit_ns = self.limit_ns;
        let is_old = |call: &Call<T>| now_ns > call.asked_ns + limit_ns;
        let mut old: Vec<T> = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Some(call) = slot.call.take_if(|call| is_old(call)) {
                slot.is_open = false;
                self.pool.close(index);
                self.idle.push(index);
                old.push(call.tag);
            }
        }
        old.extend(
            self.waiting
                .iter()
                .filter(|call| is_old(call))
                .map(|call| call.tag),
        );
        self.waiting.retain(|call| !is_old(call));
        old.extend(
            self.later
                .iter()
                .filter(|(_, call)| is_old(call))
                .map(|(_, call)| call.tag),
        );
        self.later.retain(|(_, call)| !is_old(call));
        let answers = old.into_iter().map(|tag| Answer {
            tag,
            outcome: Err(HttpError::Timeout),
        });
        self.answers.extend(answers);
    }
}

/// Bytes, status and body of the answer at the start of `bytes`; `None` when it is not whole yet.
fn whole_answer(bytes: &[u8]) -> Result<Option<(usize, u16, Vec<u8>)>, HttpError> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head
        .parse(bytes)
        .map_err(|error| HttpError::Answer(error.to_string()))?;
    let httparse::Status::Complete(start) = parsed else {
        return Ok(None);
    };
    let length = head
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| {
        std::str::from_utf8(header.value)
            .ok()?
            .trim()
            .parse::<usize>()
            .ok()
    });
    let Some(length) = length else {
        return Err(HttpError::Answer(
            "it does not say how long it is".to_owned(),
        ));
    };
    let Some(end) = start.checked_add(length).filter(|end| *end <= bytes.len()) else {
        return Ok(None);
    };
    Ok(Some((
        end,
        head.code.unwrap_or_default(),
        bytes[start..end].to_vec(),
    )))
}

/// A request as it is sent; with a body it is JSON.
pub fn request(
    verb: &str,
    path: &str,
    token: &str,
    key: Option<&str>,
    body: Option<&str>,
) -> Vec<u8> {
    let mut head =
        format!("{verb} {path} HTTP/1.1\r\nhost: loadtest\r\nauthorization: Bearer {token}\r\n");
    if let Some(key) = key {
        head.push_str(&format!("idempotency-key: {key}\r\n"));
    }
    if let Some(body) = body {
        head.push_str(&format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    head.push_str("\r\n");
    head.push_str(body.unwrap_or_default());
    head.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    fn http(address: SocketAddr, limit: Duration) -> Http<u32> {
        let target = Target {
            addresses: vec![address],
            ..Target::nowhere()
        };
        Http::new(&target, 1, limit, Clock::start()).unwrap()
    }

    /// Answers each request, one a connection if so wished, with what the number of requests so far says.
    fn server(answer: fn(u32) -> Option<String>) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut count = 0;
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut buffer = [0; 4096];
                while let Ok(1..) = stream.read(&mut buffer) {
                    count += 1;
                    let Some(answer) = answer(count) else {
                        break;
                    };
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        address
    }

    type Heard = (u32, Result<(u16, Vec<u8>), String>);

    fn all(mut http: Http<u32>, asks: u32) -> Vec<Heard> {
        for tag in 0..asks {
            http.ask(tag, request("GET", "/", "t", None, None));
        }
        let mut answers = Vec::new();
        while answers.len() < asks as usize {
            for Answer { tag, outcome } in http.turn().unwrap() {
                answers.push((tag, outcome.map_err(|error| error.to_string())));
            }
        }
        assert_eq!(http.under_way(), 0);
        answers
    }

    #[test]
    fn requests_take_turns_on_a_connection_and_one_that_ended_is_made_again() {
        let address = server(|count| {
            let length = 2 + usize::from(count > 3);
            let body = &"abc"[..length];
            (count != 2)
                .then(|| format!("HTTP/1.1 20{count} OK\r\nContent-Length: {length}\r\n\r\n{body}"))
        });
        let answers = all(http(address, Duration::from_secs(60)), 3);
        let expected = |tag, status, body: &str| (tag, Ok((status, body.as_bytes().to_vec())));
        // The second request found nobody: it was asked again behind the third.
        assert_eq!(
            answers,
            [
                expected(0, 201, "ab"),
                expected(2, 203, "ab"),
                expected(1, 204, "abc")
            ]
        );
    }

    #[test]
    fn whoever_gets_no_answer_is_told_why() {
        let silent = server(|_| Some(String::new()));
        let answers = all(http(silent, Duration::from_millis(30)), 2);
        assert!(
            answers
                .iter()
                .all(|(_, outcome)| *outcome == Err("no answer in time".to_owned())),
            "{answers:?}"
        );
        let strange = server(|_| Some("HTTP/1.1 200 OK\r\n\r\n".to_owned()));
        let answers = all(http(strange, Duration::from_secs(60)), 1);
        let because = "an answer that is not understood: it does not say how long it is";
        assert_eq!(answers, [(0, Err(because.to_owned()))]);
    }

    #[test]
    fn an_answer_is_whole_or_waited_for() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1";
        for cut in 0..answer.len() - 8 {
            assert!(whole_answer(&answer[..cut]).unwrap().is_none(), "{cut}");
        }
        let (used, status, body) = whole_answer(answer).unwrap().unwrap();
        assert_eq!(
            (used, status, &body[..]),
            (answer.len() - 8, 200, b"abc".as_slice())
        );
        assert!(whole_answer(b"SSH-2.0\r\n\r\n").is_err());
    }
}
