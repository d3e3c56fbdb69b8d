//! Matching requests over HTTP: drafts, lists, what others see, every step.

mod answers;
mod drafts;
mod lists;
mod parts;
mod rows;
mod shapes;
mod steps;
mod wishes;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
pub(super) use wishes::{MyRole, StateWord};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(lists::mine, drafts::create))
        .routes(routes!(lists::open))
        .routes(routes!(lists::pending))
        .routes(routes!(drafts::look, drafts::edit))
        .routes(routes!(parts::applications))
        .routes(routes!(parts::candidates))
        .routes(routes!(parts::audit))
        .merge(steps::routes())
}
