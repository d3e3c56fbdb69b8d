//! The search over a store, and the index made anew: musicians of a country, written by their machines.

use actors::hub::reindex::{Reindexed, rebuild};
use actors::hub::search::{look, search};
use actors::ids::{EntityId, UserId};
use actors::journal::memory::MemoryJournal;
use actors::journal::{Append, Head, Journal, Row, SideWrites, Table, TableRow, TableWrite};
use actors::machines::matching::{Found, MatchingLimits, NoMatch, Wanted};
use actors::machines::terms::{Budget, Caller, Cents, Gig, Place, PlatformRole, Term};
use actors::machines::user::{ProfileInput, User, UserCommand, UserLimits};
use actors::machines::{Context, Machine};

use crate::desk::{Desk, id, madrid, pianist};

/// A store and the machines that write to it.
struct Town {
    store: MemoryJournal,
    desk: Desk,
    limits: MatchingLimits,
}

impl Town {
    fn new() -> Self {
        Self {
            store: MemoryJournal::new(),
            desk: Desk::new(),
            limits: MatchingLimits::default(),
        }
    }

    /// A musician by name, so many kilometres north of Madrid.
    async fn settle(&self, name: &str, km: f64, change: impl FnOnce(&mut ProfileInput)) {
        let mut profile = pianist();
        let place = profile.place.as_mut().expect("a place");
        place.lat += km / 111.195;
        profile.radius_km = 400.0;
        change(&mut profile);
        self.ask(name, profile, true).await;
    }

    /// Appends what follows from a profile, with its rows in the index or, as a bad night would have it, without.
    async fn ask(&self, name: &str, profile: ProfileInput, rows: bool) {
        let user = id(name);
        let entity = EntityId::user(&user);
        let recovered = actors::runtime::recovery::recover::<User>(&self.store, &entity).await;
        let recovered = recovered.expect("readable");
        let (mut machine, head): (User, Head) = (recovered.machine, recovered.head);
        let context = Context {
            now: self.desk.now,
            limits: &UserLimits::default(),
        };
        let role = PlatformRole::Musician;
        let command = UserCommand::SetProfile {
            by: Caller { user, role },
            key: None,
            expected: None,
            profile,
        };
        let decision = machine.decide(&context, &command).expect("good");
        for event in decision.events {
            let sequence = head.sequence.next();
            machine.apply(sequence, &event);
            let side = match rows {
                true => machine.effects(sequence, &event),
                false => SideWrites::default(),
            };
            let row = Row::seal(head, 0, vec![User::encode(&event)]);
            let entity = entity.clone();
            let append = Append {
                entity,
                after: head,
                row,
                side,
            };
            self.store.append(append).await.expect("appended");
        }
    }

    fn gig(&self) -> Gig {
        Gig {
            event_type: term("concierto"),
            instrument: term("piano"),
            more_instruments: Vec::new(),
            genre: Some(term("jazz")),
            window: self.desk.hours(100, 103),
            place: madrid(),
            budget: Budget {
                min: Cents(1_000),
                max: Cents(20_000),
                negotiable: false,
            },
        }
    }

    async fn find(&self, radius_km: f64, except: &[&str], limit: usize) -> Found {
        let except: Vec<UserId> = except.iter().map(|name| id(name)).collect();
        let gig = self.gig();
        let found = search(&self.store, &self.limits, &gig, radius_km, &except, limit);
        found.await.expect("found")
    }

    async fn index(&self) -> Vec<TableRow> {
        let rows = self
            .store
            .scan_rows(Table::Musicians, Vec::new(), None, 10_000);
        rows.await.expect("rows")
    }
}

fn term(text: &str) -> Term {
    Term::parse(text).expect("a term")
}

fn names(found: &Found) -> Vec<&str> {
    let candidates = found.candidates.iter();
    candidates
        .map(|candidate| candidate.user.as_str())
        .collect()
}

#[tokio::test]
async fn musicians_are_found_across_cells_and_ranked() {
    let town = Town::new();
    for (name, km) in [
        ("here", 0.0),
        ("near", 30.0),
        ("far", 90.0),
        ("away", 180.0),
    ] {
        town.settle(name, km, |_| {}).await;
    }
    town.settle("singer", 1.0, |profile| {
        profile.instruments = vec![("canto".into(), 9)]
    })
    .await;
    town.settle("hidden", 1.0, |profile| profile.available = false)
        .await;
    assert_eq!(
        names(&town.find(100.0, &[], 10).await),
        ["here", "near", "far"]
    );
    assert_eq!(names(&town.find(10.0, &[], 10).await), ["here"]);
    assert_eq!(names(&town.find(100.0, &["here"], 1).await), ["near"]);
    let found = town.find(100.0, &[], 10).await;
    assert_eq!(found.candidates[0].cost, Some(Cents(18_000)));
    assert!((found.candidates[1].distance_km - 30.0).abs() < 0.8);
}

#[tokio::test]
async fn without_candidates_the_search_looks_further_and_says_why() {
    let mut town = Town::new();
    assert_eq!(
        town.find(20.0, &[], 10).await.reasons,
        [NoMatch::Instrument]
    );
    town.settle("away", 150.0, |_| {}).await;
    let found = town.find(20.0, &[], 10).await;
    assert_eq!(found.reasons, [NoMatch::Place]);
    assert_eq!(found.alternatives[0].user, id("away"));
    town.limits.alternatives_km = 50.0;
    assert_eq!(
        town.find(20.0, &[], 10).await.reasons,
        [NoMatch::Instrument]
    );
}

#[tokio::test]
async fn many_in_one_cell_are_read_in_pages_up_to_a_bound() {
    let mut town = Town::new();
    town.limits.page_rows = 7;
    for n in 0..40 {
        town.settle(&format!("p{n:02}"), 0.1, |_| {}).await;
    }
    town.settle("best", 30.0, |profile| profile.instruments[0].1 = 50)
        .await;
    let found = town.find(60.0, &[], 100).await;
    assert_eq!(found.candidates.len(), 41);
    town.limits.rows = 20;
    let found = town.find(60.0, &[], 100).await;
    assert_eq!(found.candidates.len(), 20, "the nearest cells first");
    assert_eq!(names(&found)[19], "p19");
    town.limits.candidates = 3;
    assert_eq!(town.find(60.0, &[], 100).await.candidates.len(), 3);
}

#[tokio::test]
async fn less_than_a_gig_may_be_known() {
    let town = Town::new();
    town.settle("ann", 5.0, |profile| profile.genres.clear())
        .await;
    let mut wanted = Wanted::from(&town.gig());
    (wanted.window, wanted.budget, wanted.event_type) = (None, None, None);
    let found = look(&town.store, &town.limits, &wanted, 50.0, &[], 10)
        .await
        .expect("found");
    assert_eq!(names(&found), ["ann"]);
    wanted.place.lat = f64::NAN;
    let nowhere = look(&town.store, &town.limits, &wanted, 50.0, &[], 10)
        .await
        .expect("found");
    assert!(nowhere.candidates.is_empty());
}

#[tokio::test]
async fn an_unreadable_row_hides_nobody_else() {
    let town = Town::new();
    town.settle("ann", 0.0, |_| {}).await;
    town.settle("bob", 0.0, |_| {}).await;
    let mut rows = town.index().await;
    let row = rows
        .iter_mut()
        .find(|row| row.key.starts_with(b"piano"))
        .expect("a row");
    let broken = TableWrite {
        table: Table::Musicians,
        key: row.key.clone(),
        rank: row.rank,
        value: Some(vec![99, 1, 2].into()),
    };
    town.store.put_rows(vec![broken]).await.expect("written");
    assert_eq!(names(&town.find(50.0, &[], 10).await), ["bob"]);
}

#[tokio::test]
async fn the_index_made_anew_is_the_one_that_the_machines_wrote() {
    let town = Town::new();
    town.settle("ann", 0.0, |_| {}).await;
    town.settle("bob", 40.0, |_| {}).await;
    town.settle("cy", 0.0, |profile| profile.musician = false)
        .await;
    let before = town.index().await;
    let done = rebuild(&town.store, town.desk.now)
        .await
        .expect("made anew");
    let all_well = Reindexed {
        users: 3,
        musicians: 2,
        rows: 4,
        removed: 0,
    };
    assert_eq!((done, town.index().await), (all_well, before));
}

#[tokio::test]
async fn rows_that_were_lost_or_belong_to_nobody_are_put_right() {
    let town = Town::new();
    town.settle("ann", 0.0, |_| {}).await;
    town.settle("bob", 0.0, |_| {}).await;
    // Bob moves, but nothing of it reaches the index; somebody is there whom nobody knows; a key names no user.
    let mut moved = pianist();
    moved.place = Some(Place {
        lat: 10.0,
        ..madrid()
    });
    town.ask("bob", moved, false).await;
    let stray = |key: &[u8], rank| TableWrite {
        table: Table::Musicians,
        key: key.to_vec(),
        rank,
        value: Some(vec![1].into()),
    };
    let strays = vec![stray(b"piano\x1f8439\0nobody", 7), stray(b"nothing", 3)];
    town.store.put_rows(strays).await.expect("written");
    let done = rebuild(&town.store, town.desk.now)
        .await
        .expect("made anew");
    assert_eq!(
        done,
        Reindexed {
            users: 2,
            musicians: 2,
            rows: 4,
            removed: 4
        }
    );
    let after = town.index().await;
    assert_eq!(after.len(), 4);
    assert_eq!(names(&town.find(50.0, &[], 10).await), ["ann"]);
    let again = rebuild(&town.store, town.desk.now)
        .await
        .expect("made anew");
    assert_eq!((again.removed, town.index().await), (0, after));
}
