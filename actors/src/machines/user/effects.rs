//! The musician's rows in the index, one per instrument, written with whatever changes what they say.

use bytes::Bytes;

use super::{User, UserEvent};
use crate::ids::Sequence;
use crate::ids::Timestamp;
use crate::journal::{SideWrites, Table, TableWrite};
use crate::machines::matching::card::{self, CardHead, MusicianCard};
use crate::machines::matching::cells;
use crate::machines::terms::Window;

impl User {
    pub(super) fn effects_of(&self, sequence: Sequence, event: &UserEvent) -> SideWrites {
        let changed = match event {
            UserEvent::ProfileSet { .. }
            | UserEvent::AvailabilitySet { .. }
            | UserEvent::BusyAdded { .. }
            | UserEvent::BusyRemoved { .. }
            | UserEvent::FiguresSet { .. }
            | UserEvent::SlotHeld { .. }
            | UserEvent::SlotReleased { .. }
            | UserEvent::SlotGivenBack { .. } => true,
            // The time was taken when it was held; what is forgotten is over, or was free.
            UserEvent::SlotBooked { .. }
            | UserEvent::SlotAsked { .. }
            | UserEvent::Forgotten { .. } => false,
        };
        let mut side = SideWrites::default();
        if changed {
            let gone = self.unlisted.iter().cloned();
            side.table.extend(gone.map(|key| row(key, sequence, None)));
            side.table.extend(self.index_rows(sequence, event.at()));
        }
        side
    }

    /// Keys of all rows that the index has of this user.
    pub fn index_keys(&self) -> Vec<Vec<u8>> {
        let profile = &self.facts.profile;
        let place = profile.place.as_ref().filter(|_| profile.is_listed());
        let Some(cell) = place.and_then(cells::cell_of) else {
            return Vec::new();
        };
        let instruments = profile.instruments.iter();
        let keys = instruments.map(|played| card::index_key(&played.name, &cell, &self.id));
        keys.collect()
    }

    /// All rows that the index has of this user, as of a moment.
    pub fn index_rows(&self, rank: Sequence, now: Timestamp) -> Vec<TableWrite> {
        let keys = self.index_keys();
        if keys.is_empty() {
            return Vec::new();
        }
        let card = self.card(now).map(|card| card.encode());
        let rows = keys.into_iter().map(|key| row(key, rank, card.clone()));
        rows.collect()
    }

    /// The card of a musician with a place.
    pub fn card(&self, now: Timestamp) -> Option<MusicianCard> {
        let (facts, profile) = (&self.facts, &self.facts.profile);
        let place = profile.place.as_ref()?;
        let instruments = profile.instruments.iter();
        Some(MusicianCard {
            head: CardHead {
                lat: place.lat,
                lng: place.lng,
                radius_km: profile.radius_km,
                hourly_rate: profile.hourly_rate,
                figures: facts.figures,
            },
            instruments: instruments
                .map(|played| (played.name.clone(), played.years))
                .collect(),
            genres: profile.genres.clone(),
            availability: facts.availability.clone(),
            taken: MusicianCard::merge_taken(self.taken().collect(), now),
        })
    }

    /// Busy times as they are, requests' times with the time to travel.
    fn taken(&self) -> impl Iterator<Item = Window> {
        let slots = self.facts.slots.values().filter(|slot| slot.is_taken());
        let slots = slots.map(|slot| slot.window.widened(slot.travel_ms));
        slots.chain(self.facts.busy.values().map(|busy| busy.window))
    }
}

fn row(key: Vec<u8>, rank: Sequence, value: Option<Bytes>) -> TableWrite {
    TableWrite {
        table: Table::Musicians,
        key,
        rank: rank.0,
        value,
    }
}
