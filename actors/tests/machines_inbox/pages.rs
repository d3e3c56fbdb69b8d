//! Pages of an inbox as a hub reads them from its journal.

use std::sync::Arc;

use actors::hub::{Hub, HubLimits, HubParts, InboxPage};
use actors::ids::{EntityId, RequestId, Sequence};
use actors::journal::memory::MemoryJournal;
use actors::machines::inbox::{InboxCommand, InboxLimits, SettingsPatch};
use actors::machines::notice::{NoticeKind, Priority};
use actors::testing::words::{Paused, user};

use crate::desk::{notice, words};

async fn hub(change: impl FnOnce(&mut HubLimits)) -> Hub {
    let journal = Arc::new(MemoryJournal::new());
    let mut limits = HubLimits::default();
    change(&mut limits);
    let parts = HubParts {
        journal: journal.clone(),
        wakeups: journal,
        clock: Arc::new(Paused::default()),
        limits,
        salt: 1,
    };
    Hub::start(parts).await.expect("started")
}

async fn add(hub: &Hub, numbers: std::ops::RangeInclusive<u64>) {
    for number in numbers {
        let add = InboxCommand::Add {
            from: EntityId::request(&RequestId::parse("gig").expect("an id")),
            number,
            notice: notice(NoticeKind::NewRequest, Priority::Normal),
        };
        ask(hub, add).await;
    }
}

async fn ask(hub: &Hub, command: InboxCommand) {
    hub.inbox(&user("ann"), command).await.expect("answered");
}

async fn page(hub: &Hub, before: Option<u64>, limit: usize) -> InboxPage {
    let before = before.map(Sequence);
    let page = hub.inbox_page(&user("ann"), before, limit).await;
    page.expect("a page")
}

/// Sequences of a page, with a minus if read.
fn listed(page: &InboxPage) -> Vec<i64> {
    let sign = |read: bool| if read { -1 } else { 1 };
    let items = page.items.iter();
    items
        .map(|item| item.sequence.0 as i64 * sign(item.read))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn pages_go_from_the_newest_down_and_show_what_is_read() {
    let hub = hub(|_| {}).await;
    add(&hub, 1..=5).await;
    ask(
        &hub,
        InboxCommand::MarkRead {
            target: Sequence(4),
        },
    )
    .await;
    ask(&hub, InboxCommand::MarkAllRead { up_to: Sequence(2) }).await;
    let first = page(&hub, None, 3).await;
    assert_eq!(listed(&first), [5, -4, 3]);
    assert_eq!((first.unread, first.head), (2, Sequence(7)));
    assert_eq!(first.next, Some(Sequence(3)));
    let second = page(&hub, Some(3), 3).await;
    assert_eq!((listed(&second), second.next), (vec![-2, -1], None));
    let words = first.items[0].notification.content.clone().expect("there");
    assert_eq!(words.title, "Nueva solicitud: guitarra");
    let exact = page(&hub, None, 5).await;
    assert_eq!((exact.items.len(), exact.next), (5, None));
    let beyond = page(&hub, Some(u64::MAX), 1).await;
    assert_eq!(listed(&beyond), [5]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_inbox_is_a_page_too() {
    let hub = hub(|_| {}).await;
    let empty = page(&hub, None, 10).await;
    let expected = InboxPage {
        items: Vec::new(),
        next: None,
        unread: 0,
        head: Sequence::ZERO,
    };
    assert_eq!(empty, expected);
    assert_eq!(page(&hub, Some(0), 10).await, expected);
    let settings = SettingsPatch {
        muted: words(&[]),
        ..SettingsPatch::default()
    };
    ask(&hub, InboxCommand::SetSettings { settings }).await;
    let settled = page(&hub, None, 10).await;
    assert_eq!(
        (settled.items.len(), settled.next, settled.head),
        (0, None, Sequence(1))
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_put_away_is_left_out_however_much_it_is() {
    let looked_at = 300;
    let hub = hub(|limits| {
        limits.inbox = InboxLimits {
            page_records: looked_at,
            ..InboxLimits::default()
        };
    })
    .await;
    add(&hub, 1..=400).await;
    for target in 2..=400 {
        let target = Sequence(target);
        ask(&hub, InboxCommand::Dismiss { target }).await;
    }
    let mut pages = 0;
    let mut before = None;
    let found = loop {
        let page = page(&hub, before, 10).await;
        pages += 1;
        match page.next {
            Some(next) if page.items.is_empty() => before = Some(next.0),
            _ => break page,
        }
    };
    assert_eq!(
        (listed(&found), found.next, found.unread),
        (vec![1], None, 1)
    );
    assert_eq!(pages, 799_usize.div_ceil(looked_at));
}

#[tokio::test(start_paused = true)]
async fn a_page_has_at_most_so_many_and_at_least_one() {
    let hub = hub(|limits| {
        limits.inbox.page = 2;
        limits.inbox.unread = 3;
    })
    .await;
    add(&hub, 1..=5).await;
    assert_eq!(listed(&page(&hub, None, 100).await), [5, 4]);
    assert_eq!(listed(&page(&hub, Some(4), 0).await), [3]);
    assert_eq!(
        listed(&page(&hub, Some(3), 2).await),
        [-2, -1],
        "the oldest count as read"
    );
}
