//! Answers without events of their own leave once the head they rest on is confirmed: by one read for all
//! that wait, or by an append that begins after they were decided and succeeds. An append that had begun
//! before proves nothing: it may have landed long ago, and others after it.

use super::{Action, Pipeline, Waiting};
use crate::ids::Timestamp;
use crate::journal::{Head, ReadError};
use crate::machines::Machine;

impl<M: Machine> Pipeline<M> {
    pub(super) fn fence(&mut self, waiting: Waiting<M>, out: &mut Vec<Action<M>>) {
        if self.fence_running.is_empty() {
            self.fence_running.push(waiting);
            self.read_head(out);
        } else {
            // The read under way may have seen the head before this command came in.
            self.fence_next.push(waiting);
        }
    }

    fn read_head(&mut self, out: &mut Vec<Action<M>>) {
        self.fences += 1;
        out.push(Action::FenceHead { fence: self.fences });
    }

    /// The head, read to confirm answers that rest on an unchanged journal.
    pub fn head_fenced(
        &mut self,
        fence: u64,
        head: Result<Head, ReadError>,
        now: Timestamp,
        out: &mut Vec<Action<M>>,
    ) {
        if fence != self.fences || self.fence_running.is_empty() {
            return;
        }
        match head {
            Err(error) => {
                let answer = self.unavailable(error.to_string());
                for waiting in std::mem::take(&mut self.fence_running) {
                    waiting.asked.answer(Err(answer.clone()));
                }
            }
            Ok(head) if self.is_ours(head) => {
                for waiting in std::mem::take(&mut self.fence_running) {
                    waiting.asked.answer(waiting.answer);
                }
            }
            // The append in flight will tell, and its outcome decides about all that wait here.
            Ok(_) if self.in_flight.is_some() => return,
            Ok(_) => return self.lose(now, out),
        }
        self.fence_running.append(&mut self.fence_next);
        if !self.fence_running.is_empty() {
            self.read_head(out);
        }
        self.advance(now, out);
    }

    /// A successful append began after everything here was decided: the journal was as they saw it.
    pub(super) fn confirm_fenced(&mut self) {
        let fenced = self.unfence();
        for mut waiting in fenced.into_iter().rev() {
            waiting.confirmed = true;
            self.waiting.push_front(waiting);
        }
    }

    /// Takes out what waits for the head; the read under way is void.
    pub(super) fn unfence(&mut self) -> Vec<Waiting<M>> {
        self.fences += 1;
        let running = self.fence_running.drain(..);
        running.chain(self.fence_next.drain(..)).collect()
    }

    fn is_ours(&self, head: Head) -> bool {
        let flying = self.in_flight.as_ref().map(|f| f.append.row.head());
        head == self.durable || flying == Some(head)
    }
}
