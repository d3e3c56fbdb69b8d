//! Items of upload streams that have come before there was room for them in their streams, in order.

use std::collections::VecDeque;
use std::task::Context;

use protocol::Raw;

use super::upload::{UploadFailed, UploadSender};

/// What an entry costs beside its value, in bytes.
const ENTRY_BYTES: usize = 64;

/// Items and ends of upload streams on their way into the streams. One that waits holds up all that came later.
#[derive(Default)]
pub(super) struct Parked {
    parts: VecDeque<(UploadSender, Part)>,
    bytes: usize,
}

enum Part {
    Item(Raw),
    End(Result<(), UploadFailed>),
}

impl Part {
    fn bytes(&self) -> usize {
        ENTRY_BYTES
            + match self {
                Part::Item(item) => item.as_bytes().len(),
                Part::End(_) => 0,
            }
    }
}

impl Parked {
    /// An item for a stream.
    pub fn add_item(&mut self, upload: UploadSender, item: Raw) {
        self.add(upload, Part::Item(item));
    }

    /// The end of a stream.
    pub fn add_end(&mut self, upload: UploadSender, error: Option<String>) {
        let end = error.map_or(Ok(()), |text| Err(UploadFailed(text)));
        self.add(upload, Part::End(end));
    }

    fn add(&mut self, upload: UploadSender, part: Part) {
        self.bytes += part.bytes();
        self.parts.push_back((upload, part));
    }

    /// Hands over what there is room for; for the rest, `cx` is woken when there is.
    pub fn hand_over(&mut self, cx: &mut Context<'_>) {
        while let Some((upload, part)) = self.parts.pop_front() {
            self.bytes -= part.bytes();
            match part {
                Part::End(end) => upload.end(end),
                Part::Item(item) => {
                    if let Err(item) = upload.push(item, cx) {
                        // From here on it may wait for long.
                        let part = Part::Item(item.detached());
                        self.bytes += part.bytes();
                        self.parts.push_front((upload, part));
                        return;
                    }
                }
            }
        }
        if self.parts.capacity() > 0 {
            self.parts = VecDeque::new();
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// What waits, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::task::noop_waker;
    use protocol::Encoding;

    use super::super::upload::upload;
    use super::*;

    fn item(n: u32) -> Raw {
        Raw::encode(Encoding::Json, &n).expect("a number")
    }

    #[tokio::test]
    async fn parts_wait_in_order_and_an_end_does_not_overtake_items() {
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        let (sender, mut stream) = upload(1);
        let mut parked = Parked::default();
        for n in 1..=3 {
            parked.add_item(sender.clone(), item(n));
        }
        parked.add_end(sender, Some("broken".into()));
        parked.hand_over(&mut cx);
        assert_eq!(parked.bytes(), 3 * ENTRY_BYTES + 2);

        for n in 1..=3 {
            assert_eq!(stream.next().await, Some(Ok(item(n))));
            parked.hand_over(&mut cx);
        }
        assert!(parked.is_empty() && parked.bytes() == 0);
        let end = stream.next().await;
        assert_eq!(end, Some(Err(UploadFailed("broken".into()))));
    }

    #[test]
    fn a_stream_that_nobody_reads_any_more_holds_up_nothing() {
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        let (sender, stream) = upload(1);
        let mut parked = Parked::default();
        for n in 1..=3 {
            parked.add_item(sender.clone(), item(n));
        }
        parked.hand_over(&mut cx);
        assert!(!parked.is_empty());
        drop(stream);
        parked.hand_over(&mut cx);
        assert!(parked.is_empty());
    }
}
