//! What a trial does with received bytes: short cuts for what is hot, the protocol crate for the rest.

use protocol::{HubMessage, Outcome};

use super::Trial;
use crate::fleet::Event;
use crate::hub::{self, HubError};
use crate::stamp::Stamp;
use crate::target::ConnectError;
use crate::websocket;
use crate::wire::Record;

impl Trial<'_> {
    /// Reads what a connection received, answers its pings, and enters everything into the books.
    pub(super) fn read(&mut self, index: usize) {
        let Self {
            fleet,
            scanner,
            ledger,
            plan,
            latency,
            acknowledgement,
            others,
            bytes,
            clock,
            frame,
            ..
        } = self;
        frame.clear();
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
                    let (stamp, ours, histogram) = match record {
                        Record::Delivery { sequence, stamp } => (
                            stamp,
                            ledger.delivered(index, sequence, stamp),
                            &mut *latency,
                        ),
                        Record::Acknowledged { sequence, stamp } => (
                            stamp,
                            ledger.answered(stamp, Some(sequence)),
                            &mut *acknowledgement,
                        ),
                        Record::Other(record) => return others.push((index, record.to_vec())),
                    };
                    if ours && stamp.index >= plan.measured_from {
                        histogram.saturating_record(
                            now_ns.saturating_sub(plan.intended_ns(stamp.index)) / 1000,
                        );
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
        let others = std::mem::take(others);
        let understood = others
            .iter()
            .all(|(index, record)| self.other(*index, record).is_ok());
        if read.is_err() || !answered || !understood {
            self.ledger.fault().disconnected += 1;
            self.fleet.pool.close(index);
        }
    }

    /// A record without a short cut.
    fn other(&mut self, connection: usize, record: &[u8]) -> Result<(), HubError> {
        let now_ns = self.clock.now_ns();
        for message in hub::read_messages(self.fleet.target.encoding, record)? {
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
                        if self.ledger.delivered(connection, delivery.sequence, stamp) {
                            self.record_latency(stamp, now_ns, false);
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
                    if self.ledger.answered(stamp, sequence) && sequence.is_some() {
                        self.record_latency(stamp, now_ns, true);
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

    fn record_latency(&mut self, stamp: Stamp, now_ns: u64, acknowledgement: bool) {
        if stamp.index >= self.plan.measured_from {
            let since = now_ns.saturating_sub(self.plan.intended_ns(stamp.index)) / 1000;
            let histogram = if acknowledgement {
                &mut self.acknowledgement
            } else {
                &mut self.latency
            };
            histogram.saturating_record(since);
        }
    }
}
