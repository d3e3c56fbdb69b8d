//! Several hubs on one store and one exchange, on virtual time: where commands go, how events reach other
//! nodes when hints are lost, who is present when nodes die, and what a node that is cut off still does.

mod counts;
mod ear;
mod handover;
mod kinds;
mod listening;
mod mail;
mod presence;
mod routing;
mod slow;
mod stranger;
mod tails;
mod town;
mod wire;
