//! What each experiment believes, in a sentence that can turn out to be false.

use super::fault::Scenario;

impl Scenario {
    /// What is believed to hold under this trouble. The run's judgement, its checks and its convergence can show it to be
    /// false.
    pub fn hypothesis(self) -> &'static str {
        match self {
            Self::KillHub => {
                "A hub that is killed loses nothing that it acknowledged, and every room is served again when it is back, \
                 or by another hub before that."
            }
            Self::PauseHub => {
                "A hub that stands still delays its clients and loses nothing, and no two owners of a room ever both have \
                 their way."
            }
            Self::RollingRestart => {
                "Hubs that are drained and started again one after the other end with status 0 and cost nobody a message."
            }
            Self::CutLinks => {
                "Clients whose connections are reset resume where they were, without a hole or a repetition."
            }
            Self::HalfOpen => {
                "Clients whose connections die without a word resume within 5 seconds of noticing it."
            }
            Self::SlowLinks => "Late bytes make everything late and nothing wrong.",
            Self::RestartNats => {
                "Without its broker a cluster loses no message and no order, and readers are at the head within 5 seconds \
                 of its return."
            }
            Self::PauseNats => {
                "A broker that stands still for a while and goes on with what it held costs no message and no order."
            }
            Self::CutNats => {
                "A hub that is cut off from NATS, even in one direction only, never writes beside the owner of a room, and \
                 its readers catch up when it is back."
            }
            Self::KillCql => {
                "CQL nodes that are killed come back with everything that was acknowledged."
            }
            Self::PauseCql => {
                "A CQL node that stands still leaves appends in doubt, and each of them comes out as one message or none."
            }
            Self::Partition => {
                "A hub that is cut off from NATS and from the store acknowledges nothing that is lost later, others take \
                 its rooms over, and all is together again within 5 seconds of the end."
            }
            Self::PartitionOneWay => {
                "A hub that hears its servers but is not heard, or is heard and hears nothing, never writes beside the \
                 owner of a room."
            }
            Self::PartitionPair => {
                "One hub that does not reach one server costs no message and no order."
            }
            Self::Loss => {
                "Packets that get lost between a hub and its servers make everything late and nothing wrong."
            }
            Self::Throttle => {
                "A hub with little bandwidth to its servers becomes slower and nothing else."
            }
            Self::LameDuck => {
                "A NATS server that sends its clients away before it ends is left in time, and no message goes with it."
            }
            Self::SplitNats => {
                "A NATS server that is cut off from the others parts hubs for a while and costs no message and no order."
            }
            Self::SlowConsumer => {
                "A hub that NATS drops because it takes nothing comes back, and its readers have no hole."
            }
            Self::LoseQuorum => {
                "Without a quorum of the store nothing is acknowledged, and senders are refused with a code within 8 \
                 seconds."
            }
            Self::CutCql => {
                "A hub that is cut off from the store acknowledges nothing that is not stored, and serves again within 5 \
                 seconds of the end."
            }
            Self::SlowCql => "One CQL node that answers late makes answers late and loses nothing.",
            Self::RollingUpgrade => {
                "Hubs that are changed for the next build one after the other, and back again, understand each other's \
                 data and words all the time."
            }
            Self::Mixed => "All of these one after the other do no more harm than each alone.",
            Self::StaleData => {
                "No store survives data that goes back: the suite must find the run broken, or its judgement is worth \
                 nothing."
            }
            Self::FullDisk => {
                "A full disk makes the hub refuse with a typed error and keep all that it acknowledged, and it serves again \
                 when there is space, after a restart at most."
            }
            Self::SyncError => {
                "After a failed sync the hub acknowledges nothing more and says that it is not ready, and after a restart \
                 nothing acknowledged is missing."
            }
            Self::ClockJump => {
                "A wall clock that jumps by up to an hour in either direction loses nothing and stops nobody."
            }
            Self::CpuPressure => {
                "A hub that must share its cores with busy loops becomes slower and nothing else."
            }
            Self::MemoryPressure => {
                "A hub whose page cache is squeezed by a hungry neighbour goes on and does not grow by more than 128 MiB."
            }
            Self::ConnectionFlood => {
                "Thousands of sockets from elsewhere that never become clients do not keep ordinary clients out."
            }
            Self::SlowClients => {
                "Clients that stop reading cost the others nothing and the hub a bounded amount of memory, and get all of \
                 it in order when they read again."
            }
            Self::PoisonRoom => {
                "A room whose stored rows do not verify is refused with an error and counted, and the other rooms stay \
                 99.9 % available; where its row can be put back, the room is there again."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_scenario_has_a_hypothesis_of_its_own_in_one_sentence() {
        let all = Scenario::value_variants().iter();
        let sentences: std::collections::HashSet<&str> = all.map(|s| s.hypothesis()).collect();
        assert_eq!(sentences.len(), Scenario::value_variants().len());
        for sentence in sentences {
            let ends = sentence.matches(". ").count();
            assert!(sentence.ends_with('.') && ends == 0, "{sentence}");
        }
    }
}
