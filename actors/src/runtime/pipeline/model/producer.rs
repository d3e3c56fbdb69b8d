//! Producers in the model: each works through its script and retries with the same id what it cannot be sure of.

use super::note::{Ask, Told, Wish};
use super::world::World;
use crate::runtime::AskError;

#[derive(Clone, Hash)]
pub struct Producer {
    pub script: Vec<Wish>,
    pub at: usize,
    pub attempt: u8,
    /// The owner asked, and how many notes were acknowledged by then.
    pub waiting: Option<(usize, usize)>,
    /// No try of the current command had an unknown outcome.
    pub certain: bool,
}

impl Producer {
    pub fn new(script: &[Wish]) -> Self {
        Self {
            script: script.to_vec(),
            at: 0,
            attempt: 0,
            waiting: None,
            certain: true,
        }
    }
}

impl World {
    pub(super) fn ask(&mut self, p: usize, i: usize) {
        self.begun = true;
        self.producers[p].waiting = Some((i, self.acknowledged.len()));
        let ask = self.current(p);
        self.owners[i].ask(ask);
    }

    pub(super) fn leave(&mut self, p: usize) {
        let producer = &self.producers[p];
        let (i, _) = producer.waiting.expect("it waits");
        let ask = self.current(p);
        self.owners[i].answers.remove(&ask);
        self.unknown(p);
    }

    fn current(&self, p: usize) -> Ask {
        let producer = &self.producers[p];
        Ask {
            producer: p,
            attempt: producer.attempt,
            wish: producer.script[producer.at],
        }
    }

    pub(super) fn unknown(&mut self, p: usize) {
        self.producers[p].certain = false;
        self.again(p);
    }

    /// The next try, or the end of this producer.
    fn again(&mut self, p: usize) {
        let producer = &mut self.producers[p];
        producer.waiting = None;
        if producer.attempt < self.faults.retries {
            producer.attempt += 1;
        } else {
            producer.at = producer.script.len();
        }
    }

    /// Producers take what has been answered.
    pub(super) fn hear(&mut self) -> Result<(), String> {
        for p in 0..self.producers.len() {
            let Some((i, floor)) = self.producers[p].waiting else {
                continue;
            };
            let ask = self.current(p);
            let receiver = self.owners[i].answers.get_mut(&ask);
            let Some(Ok(answer)) = receiver.map(tokio::sync::oneshot::Receiver::try_recv) else {
                continue;
            };
            self.owners[i].answers.remove(&ask);
            match (answer, ask.wish) {
                (Ok(Told::At(sequence)), Wish::Note(id)) => {
                    self.acknowledged.push((id, sequence));
                    self.finish(p);
                }
                (Ok(Told::Count(count)), Wish::Count) if count >= floor => self.finish(p),
                (Ok(told), wish) => {
                    return Err(format!(
                        "{wish:?} was told {told:?}, {floor} were acknowledged"
                    ));
                }
                (Err(AskError::OutcomeUnknown), _) => self.unknown(p),
                (Err(AskError::Unavailable { .. }), wish) => {
                    let last = self.producers[p].attempt == self.faults.retries;
                    if let Wish::Note(id) = wish
                        && last
                        && self.producers[p].certain
                    {
                        self.refused.push(id);
                    }
                    self.again(p);
                }
                (Err(error), _) => return Err(format!("nobody should hear {error}")),
            }
        }
        Ok(())
    }

    fn finish(&mut self, p: usize) {
        let producer = &mut self.producers[p];
        producer.waiting = None;
        producer.at += 1;
        producer.attempt = 0;
        producer.certain = true;
    }
}
