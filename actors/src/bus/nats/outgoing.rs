//! Hints on their way out: a queue bounded in messages and bytes, emptied by one task in order.

use std::future::Future;
use std::sync::Arc;

use async_nats::Client;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::{Link, headers};
use crate::bus::{BusLimits, Published, Trace};

enum Out {
    Hint {
        subject: String,
        trace: Trace,
        payload: Bytes,
        /// Given back when the hint has left.
        _bytes: OwnedSemaphorePermit,
    },
    Flush(oneshot::Sender<()>),
}

pub(super) struct Outgoing {
    queue: mpsc::Sender<Out>,
    bytes: Arc<Semaphore>,
    link: Arc<Link>,
}

impl Outgoing {
    pub fn start(client: Client, link: Arc<Link>, limits: &BusLimits) -> Self {
        let (queue, waiting) = mpsc::channel(limits.out_messages.max(1));
        tokio::spawn(run(client, waiting, link.clone()));
        let bytes = limits.out_bytes.min(Semaphore::MAX_PERMITS);
        Self {
            queue,
            bytes: Arc::new(Semaphore::new(bytes)),
            link,
        }
    }

    /// Queues a hint, or gives it up at once: the journal has what it tells.
    pub fn queue(&self, subject: String, trace: Trace, payload: Bytes) -> Published {
        let cost = u32::try_from(payload.len() + subject.len()).unwrap_or(u32::MAX);
        let permit = self.bytes.clone().try_acquire_many_owned(cost);
        let queued = match permit {
            Ok(permit) if self.link.is_connected() => self
                .queue
                .try_send(Out::Hint {
                    subject,
                    trace,
                    payload,
                    _bytes: permit,
                })
                .is_ok(),
            _ => false,
        };
        if queued {
            Published::Queued
        } else {
            metrics::counter!("mussikon_bus_dropped_total", "what" => "out").increment(1);
            Published::Dropped
        }
    }

    /// Done when everything queued so far is with the server, or the connection is gone.
    pub fn flush(&self) -> impl Future<Output = ()> + Send + 'static {
        let queue = self.queue.clone();
        async move {
            let (done, flushed) = oneshot::channel();
            if queue.send(Out::Flush(done)).await.is_ok() {
                let _ = flushed.await;
            }
        }
    }
}

async fn run(client: Client, mut waiting: mpsc::Receiver<Out>, link: Arc<Link>) {
    let counted = metrics::counter!("mussikon_bus_sent_total");
    while let Some(out) = waiting.recv().await {
        match out {
            // What waited while the connection broke is old news: nothing stale piles up in the driver.
            Out::Hint { .. } if !link.is_connected() => {
                metrics::counter!("mussikon_bus_dropped_total", "what" => "out").increment(1);
            }
            Out::Hint {
                subject,
                trace,
                payload,
                ..
            } => {
                let sent = client
                    .publish_with_headers(subject, headers(trace), payload)
                    .await;
                match sent {
                    Ok(()) => counted.increment(1),
                    Err(error) => tracing::warn!(%error, "a hint was not sent"),
                }
            }
            Out::Flush(done) => {
                if link.is_connected()
                    && let Err(error) = client.flush().await
                {
                    tracing::debug!(%error, "not flushed");
                }
                let _ = done.send(());
            }
        }
    }
}
