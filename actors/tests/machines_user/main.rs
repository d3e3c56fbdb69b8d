//! The rules of users by example and by property: profiles, hours, times of requests, the index of musicians.

mod desk;
mod fit;

mod best;
mod bytes;
mod index;
mod keys;
mod likeness;
mod profile;
mod search;
mod settle;
mod slots;
mod world;
