//! Which steps of a request somebody may be shown who is no party to it.

use super::{Hub, HubError};
use crate::ids::{EntityId, RequestId, Sequence};
use crate::journal::{PageLimit, Range};
use crate::machines::request::codec::{Peek, peek};
use crate::machines::request::{RequestState, RequestView};
use crate::machines::terms::{Caller, PlatformRole};

/// Records read at once.
const RECORDS: usize = 256;

/// How long, and from where on, somebody may follow a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch {
    /// What came up to this is not to be shown.
    pub after: Sequence,
    /// Whether the right to see it ends with the step that leads out of the open states.
    pub while_open: bool,
}

impl Hub {
    /// What a caller who sees a request so may watch of it, who wishes for what is after `after` (all that is new when left
    /// out). Who has a part in it, and moderators, may watch all; musicians what came after it was open for the first time;
    /// everybody else what came after it was opened last, and until it is open no more.
    pub async fn watch(
        &self,
        request: &RequestId,
        by: &Caller,
        view: &RequestView,
        after: Option<Sequence>,
    ) -> Result<Watch, HubError> {
        let head = view.sequence;
        if view.is_whole_for(by) || view.mine.is_some() {
            let after = after.unwrap_or(head);
            let while_open = false;
            return Ok(Watch { after, while_open });
        }
        let musician = by.role == PlatformRole::Musician;
        // A position that never was would begin at the beginning.
        let wished = after.map_or(head, |after| match after > head {
            true => Sequence::ZERO,
            false => after,
        });
        let opens = |step: &Peek| match musician {
            true => is_hidden(step.from) && !is_hidden(step.to),
            false => !step.from.is_open() && step.to.is_open(),
        };
        Ok(Watch {
            after: self.last_step(request, wished, head, opens).await?,
            while_open: !musician,
        })
    }

    /// The last step behind `after` that is such a one; `after` if there is none.
    async fn last_step(
        &self,
        request: &RequestId,
        after: Sequence,
        head: Sequence,
        is_one: impl Fn(&Peek) -> bool,
    ) -> Result<Sequence, HubError> {
        let entity = EntityId::request(request);
        let limit = PageLimit {
            records: RECORDS,
            bytes: self.parts.limits.page_bytes,
        };
        let (mut found, mut read) = (after, after);
        while read < head {
            let journal = &self.parts.journal;
            let rows = journal.read(&entity, Range::After(read), limit).await?;
            let Some(last) = rows.last() else { break };
            let steps = rows.iter().flat_map(|row| row.entries());
            for (sequence, record) in steps.filter(|(sequence, _)| *sequence > after) {
                if peek(&record.header).is_some_and(|step| is_one(&step)) {
                    found = sequence;
                }
            }
            read = last.last();
        }
        Ok(found)
    }
}

/// Whether a request in this state is its organizer's and the moderators' business.
fn is_hidden(state: RequestState) -> bool {
    matches!(state, RequestState::Draft | RequestState::Pending)
}
