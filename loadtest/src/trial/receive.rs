//! What a trial does with received bytes: short cuts for what is hot, the protocol crate for the rest.

use protocol::{HubMessage, Outcome};

use super::Trial;
use super::books::Books;
use crate::fleet::{Event, slot};
use crate::hub::{self, HubError};
use crate::stamp::Stamp;
use crate::target::ConnectError;
use crate::websocket;
use crate::wire::Record;

impl<B: Books> Trial<'_, B> {
    /// Reads what a connection received, answers its pings, and enters everything into the books.
    pub(super) fn read(&mut self, index: usize) {
        if self.churn.as_ref().is_some_and(|one| !one.is_here(index)) {
            return self.read_returning(index);
        }
        let Self {
            fleet,
            scanners,
            ledger,
            plan,
            books,
            churn,
            others,
            bytes,
            clock,
            frame,
            ..
        } = self;
        frame.clear();
        let scanner = &scanners[slot(fleet.target.encoding_of(index))];
        let since_ns = churn.as_ref().map_or(0, |one| one.since_ns(index));
        let read: Result<(), ConnectError> = fleet.pool.read(index, |received| {
            let now_ns = clock.now_ns();
            let used = websocket::frames::<ConnectError>(received, |opcode, payload| {
                match opcode {
                    websocket::TEXT | websocket::BINARY => {}
                    websocket::PING => {
                        websocket::push_frame(frame, websocket::PONG, payload, Some(*b"mask"));
                        return Ok(());
                    }
                    websocket::CLOSE => return Err(HubError::Closed("close frame".into()).into()),
                    _ => return Ok(()),
                }
                let whole = scanner.records(payload, |record| {
                    let (stamp, ours, acknowledged) = match record {
                        Record::Delivery { sequence, stamp } => {
                            (stamp, ledger.delivered(index, sequence, stamp), false)
                        }
                        Record::Acknowledged { sequence, stamp } => {
                            (stamp, ledger.answered(stamp, Some(sequence)), true)
                        }
                        Record::Other(record) => return others.push((index, record.to_vec())),
                    };
                    let Some(intended_ns) = plan.intended(stamp).filter(|_| ours) else {
                        return;
                    };
                    match acknowledged {
                        true => books.acknowledgement(stamp.index, intended_ns, now_ns),
                        false if intended_ns < since_ns => {}
                        false => books.delivery(stamp.index, intended_ns, now_ns),
                    }
                });
                if whole {
                    Ok(())
                } else {
                    Err(HubError::PartialRecord.into())
                }
            })?;
            *bytes += used as u64;
            Ok(used)
        });
        let answered = frame.is_empty() || fleet.pool.write(index, frame).is_ok();
        let understood = self.take_others();
        if read.is_err() || !answered || !understood {
            self.ledger.fault().disconnected += 1;
            self.fleet.pool.close(index);
        }
    }

    /// Takes in what had no short cut; false when some of it makes no sense.
    pub(super) fn take_others(&mut self) -> bool {
        let others = std::mem::take(&mut self.others);
        others
            .iter()
            .all(|(index, record)| self.other(*index, record).is_ok())
    }

    /// A record without a short cut.
    fn other(&mut self, connection: usize, record: &[u8]) -> Result<(), HubError> {
        let now_ns = self.clock.now_ns();
        let encoding = self.fleet.target.encoding_of(connection);
        for message in hub::read_messages(encoding, record)? {
            self.returned(connection, &message, now_ns)?;
            match message {
                HubMessage::Invocation { call, .. } => {
                    let Some(argument) = call.arguments.first() else {
                        continue;
                    };
                    if call.target == hub::RECEIVE_MESSAGE {
                        self.slow_records += 1;
                        let delivery: hub::Delivery = argument.decode()?;
                        let stamp = delivery.text.as_bytes().get(1..).and_then(Stamp::read);
                        let Some(stamp) = stamp else { continue };
                        let ours = self.ledger.delivered(connection, delivery.sequence, stamp);
                        let since_ns =
                            self.churn
                                .as_ref()
                                .map_or(0, |one| match one.is_here(connection) {
                                    true => one.since_ns(connection),
                                    false => u64::MAX,
                                });
                        if let Some(intended_ns) = self.plan.intended(stamp)
                            && ours
                            && intended_ns >= since_ns
                        {
                            self.books.delivery(stamp.index, intended_ns, now_ns);
                        }
                    } else if call.target == "StreamReset" {
                        self.ledger.fault().unexpected += 1;
                    } else if let Some(sequence) = argument.decode::<Event>()?.sequence {
                        self.ledger.advance(connection, sequence);
                    }
                }
                HubMessage::Completion {
                    invocation_id,
                    outcome,
                    ..
                } => {
                    let Some(stamp) = Stamp::read(invocation_id.as_bytes()) else {
                        continue;
                    };
                    let sequence = match &outcome {
                        Outcome::Result(result) => {
                            self.slow_records += 1;
                            Some(result.decode::<hub::Sent>()?.sequence)
                        }
                        Outcome::Void | Outcome::Error(_) => None,
                    };
                    if let Some(intended_ns) = self.plan.intended(stamp)
                        && self.ledger.answered(stamp, sequence)
                    {
                        match sequence {
                            Some(_) => self.books.acknowledgement(stamp.index, intended_ns, now_ns),
                            None => self.books.refused(intended_ns),
                        }
                    }
                }
                HubMessage::Close { error, .. } => {
                    return Err(HubError::Closed(error.unwrap_or_default()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
