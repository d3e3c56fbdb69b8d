//! Results of the notification hub's methods as clients read them.

use actors::hub::InboxPage;
use actors::ids::Sequence;
use actors::machines::request::RequestView;
use serde::Serialize;

use crate::gateway::notice_shapes::ShownNotification;

#[derive(Serialize)]
pub(super) struct Done {
    pub sequence: Sequence,
    pub unread: u64,
}

#[derive(Serialize)]
pub(super) struct Count {
    pub unread: u64,
    pub head: Sequence,
}

#[derive(Serialize)]
pub(super) struct Page<'a> {
    notifications: Vec<ShownNotification<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Sequence>,
    unread: u64,
    head: Sequence,
}

impl<'a> Page<'a> {
    pub fn new(page: &'a InboxPage) -> Self {
        let items = page.items.iter();
        let shown =
            items.filter_map(|i| ShownNotification::new(i.sequence, &i.notification, i.read));
        Self {
            notifications: shown.collect(),
            next: page.next,
            unread: page.unread,
            head: page.head,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Watched<'a> {
    request_id: &'a str,
    sequence: Sequence,
    state: &'static str,
}

impl<'a> Watched<'a> {
    pub fn new(view: &'a RequestView) -> Self {
        Self {
            request_id: view.id.as_str(),
            sequence: view.sequence,
            state: view.state.as_str(),
        }
    }
}
