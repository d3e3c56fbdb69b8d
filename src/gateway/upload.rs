//! Upload streams: items on their way from a client to the method that reads them, bounded in number.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use parking_lot::Mutex;
use protocol::Raw;
use thiserror::Error;

/// The client ended its stream with an error; the text is the client's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the client's stream failed: {0}")]
pub struct UploadFailed(pub String);

/// The items of one upload stream, for the method that asked for it. Dropping it makes the rest of the
/// items go nowhere.
pub struct Upload(Arc<Mutex<Pipe>>);

/// The connection's end of an upload stream.
pub(super) struct UploadSender(Arc<Mutex<Pipe>>);

struct Pipe {
    items: VecDeque<Raw>,
    capacity: usize,
    end: Option<Result<(), UploadFailed>>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A stream of at most `capacity` waiting items.
pub(super) fn upload(capacity: usize) -> (UploadSender, Upload) {
    let pipe = Arc::new(Mutex::new(Pipe {
        items: VecDeque::new(),
        capacity: capacity.max(1),
        end: None,
        reader_gone: false,
        reader: None,
        writer: None,
    }));
    (UploadSender(pipe.clone()), Upload(pipe))
}

impl UploadSender {
    /// Hands an item over, or gives it back after noting whom to wake when there is room.
    pub fn push(&self, item: Raw, cx: &mut Context<'_>) -> Result<(), Raw> {
        let mut pipe = self.0.lock();
        if pipe.reader_gone || pipe.end.is_some() {
            return Ok(());
        }
        if pipe.items.len() >= pipe.capacity {
            pipe.writer = Some(cx.waker().clone());
            return Err(item);
        }
        pipe.items.push_back(item.detached());
        pipe.wake_reader();
        Ok(())
    }

    /// No more items follow.
    pub fn end(&self, end: Result<(), UploadFailed>) {
        let mut pipe = self.0.lock();
        pipe.end.get_or_insert(end);
        pipe.wake_reader();
    }
}

impl Clone for UploadSender {
    fn clone(&self) -> Self {
        UploadSender(self.0.clone())
    }
}

impl Stream for Upload {
    type Item = Result<Raw, UploadFailed>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut pipe = self.0.lock();
        if let Some(item) = pipe.items.pop_front() {
            pipe.wake_writer();
            return Poll::Ready(Some(Ok(item)));
        }
        match &mut pipe.end {
            Some(end) => match std::mem::replace(end, Ok(())) {
                Ok(()) => Poll::Ready(None),
                Err(failed) => Poll::Ready(Some(Err(failed))),
            },
            None => {
                pipe.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut pipe = self.0.lock();
        pipe.reader_gone = true;
        pipe.items.clear();
        pipe.wake_writer();
    }
}

impl Pipe {
    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use futures_util::task::noop_waker;
    use protocol::Encoding;

    use super::*;

    fn item(n: u32) -> Raw {
        Raw::encode(Encoding::Json, &n).expect("a number")
    }

    #[tokio::test]
    async fn items_come_in_order_then_the_end_and_a_full_pipe_gives_back() {
        let waker = noop_waker();
        let mut cx = Context::from_waker(&waker);
        let (sender, mut upload) = upload(2);
        assert!(sender.push(item(1), &mut cx).is_ok());
        assert!(sender.push(item(2), &mut cx).is_ok());
        assert_eq!(sender.push(item(3), &mut cx), Err(item(3)));
        assert_eq!(upload.next().await, Some(Ok(item(1))));
        assert!(sender.push(item(3), &mut cx).is_ok());
        sender.end(Err(UploadFailed("broken".into())));
        sender.end(Ok(()));
        assert_eq!(upload.next().await, Some(Ok(item(2))));
        assert_eq!(upload.next().await, Some(Ok(item(3))));
        assert_eq!(
            upload.next().await,
            Some(Err(UploadFailed("broken".into())))
        );
        assert_eq!(upload.next().await, None);
    }

    #[tokio::test]
    async fn a_full_pipe_wakes_its_writer_when_the_reader_reads_or_leaves() {
        let (sender, mut reader) = upload(1);
        let fill = |sender: UploadSender| {
            std::future::poll_fn(move |cx| match sender.push(item(7), cx) {
                Ok(()) => Poll::Ready(()),
                Err(_) => Poll::Pending,
            })
        };
        fill(sender.clone()).await;
        let second = tokio::spawn(fill(sender.clone()));
        assert_eq!(reader.next().await, Some(Ok(item(7))));
        second.await.expect("the second item found room");
        let third = tokio::spawn(fill(sender));
        tokio::task::yield_now().await;
        drop(reader);
        third.await.expect("nobody reads, so nothing waits");
    }
}
