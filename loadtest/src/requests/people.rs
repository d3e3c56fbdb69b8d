//! Before anything is measured everybody writes a profile, musicians their hours, and some requests are published.

use hyper::header::HeaderValue;
use serde_json::Value;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use super::answers::{Created, read};
use super::cast::Cast;
use super::client::{Answer, Call, Client};
use super::ledger::Books;
use super::operation::Verb;
use super::script::Kind;
use super::{RequestsError, crowd};
use crate::token::Credentials;

/// Users who do so at the same time.
const AT_ONCE: usize = 64;

/// A token for everybody, as a header.
pub fn tokens(cast: &Cast, credentials: &Credentials) -> Result<Vec<HeaderValue>, RequestsError> {
    if let Credentials::Token(_) = credentials {
        return Err(RequestsError::NoSecret);
    }
    let header = |number| {
        let (user, role) = cast.user(number);
        let token = credentials.token_as(&user, role)?;
        HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| RequestsError::NoSecret)
    };
    (0..cast.users()).map(header).collect()
}

/// What is there before anything is measured.
pub struct People {
    cast: Cast,
    client: Rc<Client>,
    failed: RefCell<Option<RequestsError>>,
    /// Open requests with their organizers.
    open: RefCell<Vec<(u32, Books)>>,
}

impl People {
    /// Writes all profiles and hours and publishes requests, of which the first has this number; the first refusal ends it.
    pub async fn settle(
        cast: &Cast,
        client: Rc<Client>,
        requests: Range<u32>,
    ) -> Result<Vec<(u32, Books)>, RequestsError> {
        let people = Rc::new(Self {
            cast: cast.clone(),
            client,
            failed: RefCell::new(None),
            open: RefCell::new(Vec::new()),
        });
        let users = people.clone();
        let profile = move |user| users.clone().at(move |this| this.profile(user as u32));
        crowd(AT_ONCE, cast.users() as usize, profile).await;
        let (organizers, first) = (people.clone(), requests.start);
        let publish = move |at| {
            organizers
                .clone()
                .at(move |this| this.publish(first + at as u32))
        };
        crowd(AT_ONCE, requests.len(), publish).await;
        match people.failed.take() {
            None => Ok(people.open.take()),
            Some(error) => Err(error),
        }
    }

    /// Does something unless something has failed.
    async fn at<F: Future<Output = Result<(), RequestsError>>>(
        self: Rc<Self>,
        task: impl FnOnce(Rc<Self>) -> F,
    ) {
        if self.failed.borrow().is_some() {
            return;
        }
        if let Err(error) = task(self.clone()).await {
            self.failed.replace(Some(error));
        }
    }

    async fn profile(self: Rc<Self>, user: u32) -> Result<(), RequestsError> {
        let put = async |path: &str, body: Value| self.ask(Verb::Put, path, user, Some(body)).await;
        match user.checked_sub(self.cast.musicians) {
            Some(organizer) => {
                put("/api/profile", self.cast.organizer_profile(organizer)).await?;
            }
            None => {
                put("/api/profile", self.cast.profile(user)).await?;
                let hours = self.cast.hours(user, 0);
                put("/api/profile/availability", hours).await?;
            }
        }
        Ok(())
    }

    /// A request that is there to be found; its organizer chooses, so that nobody takes it.
    async fn publish(self: Rc<Self>, number: u32) -> Result<(), RequestsError> {
        let organizer = self.cast.organizer(number % self.cast.organizers);
        let draft = self.cast.draft(number, Kind::OrganizerChooses.mode());
        let path = "/api/requests";
        let created = self.ask(Verb::Post, path, organizer, Some(draft)).await?;
        let id = read::<Created>(&created).map(|created| created.request_id);
        let id = id.ok_or_else(|| RequestsError::People(format!("POST {path}: no id")))?;
        let submit = format!("{path}/{id}/submit");
        self.ask(Verb::Post, &submit, organizer, None).await?;
        let books = Books {
            id: Some(id),
            submitted: true,
            ..Books::default()
        };
        self.open.borrow_mut().push((organizer, books));
        Ok(())
    }

    async fn ask(
        &self,
        verb: Verb,
        path: &str,
        user: u32,
        body: Option<Value>,
    ) -> Result<Answer, RequestsError> {
        let call = Call {
            verb,
            path: path.into(),
            user,
            key: None,
            body: body.map(|body| body.to_string()),
        };
        let why = match self.client.call(&call).await {
            Ok(answer) if answer.status < 300 => return Ok(answer),
            Ok(answer) => {
                let body = String::from_utf8_lossy(&answer.body);
                format!("{} {body}", answer.status)
            }
            Err(trouble) => trouble.name().to_owned(),
        };
        Err(RequestsError::People(format!("{verb:?} {path}: {why}")))
    }
}
