//! What carries errands out for entities: the port between the generic actor and the hub that knows all kinds.

use futures_util::future::BoxFuture;
use thiserror::Error;

use crate::ids::EntityId;
use crate::machines::errand::Errand;

/// An errand is not done: it will be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not done yet: {0}")]
pub struct NotYet(pub String);

/// Carries errands out.
pub trait Errands: Send + Sync + 'static {
    /// Carries out an errand of `from`, and takes back to it what it must know. `Ok` when both are durable: then the errand
    /// is not carried out again, unless this node dies before it has said so.
    fn carry_out(
        &self,
        from: EntityId,
        number: u64,
        errand: Errand,
    ) -> BoxFuture<'static, Result<(), NotYet>>;
}

/// For entities that never ask for anything.
pub struct NoErrands;

impl Errands for NoErrands {
    fn carry_out(
        &self,
        _from: EntityId,
        _number: u64,
        _errand: Errand,
    ) -> BoxFuture<'static, Result<(), NotYet>> {
        let refused = Err(NotYet("nobody here carries errands out".into()));
        Box::pin(std::future::ready(refused))
    }
}
