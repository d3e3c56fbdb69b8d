//! The templates in English.

use super::Templates;
use crate::machines::notice::NoticeKind;

pub(super) fn templates(kind: NoticeKind) -> Templates {
    let (title, message) = match kind {
        NoticeKind::NewRequest => (
            "New request[: {instrument}]",
            "Wanted: {instrument|a musician}[ for {eventType}][, {date}][, in {location}][, from {budgetMin}][, up to {budgetMax}].",
        ),
        NoticeKind::TopMatch => (
            "A request for you[: {instrument}]",
            "You are one of the best for it: {instrument|a musician}[ for {eventType}][, {date}][, in {location}][, from {budgetMin}][, up to {budgetMax}].",
        ),
        NoticeKind::MusicianApplication => (
            "New application",
            "{musicianName|A musician} would play[ {instrument}][ for {eventType}][, {date}][, for {rate}].",
        ),
        NoticeKind::ApplicationAccepted => (
            "Application accepted",
            "You were chosen[: {instrument}][ for {eventType}][, {date}][, in {location}].",
        ),
        NoticeKind::ApplicationRejected => (
            "Application not accepted",
            "This time it was not you[: {instrument}][ for {eventType}][, {date}][. Reason: {reason}].",
        ),
        NoticeKind::RequestAssignment => (
            "Request assigned",
            "The request has found its musician[, {musicianName}][: {instrument}][ for {eventType}][, {date}][, in {location}].",
        ),
        NoticeKind::StatusChange => (
            "Request[ {newStatus}]",
            "The request[ for {instrument}][, {date},] is {newStatus|in another state} now[; it was {oldStatus}][. A musician has {standing}][. Reason: {reason}].",
        ),
        NoticeKind::NoMusiciansAvailable => (
            "No musicians found",
            "Nobody fits your request[ for {instrument}][, {date}] yet[. What stands in the way: {reasons}][. Near misses: {alternatives}].",
        ),
        NoticeKind::ConflictWarning => (
            "Times collide",
            "The request[ for {instrument}][, {date},] collides with something else[: {conflictFrom} to {conflictUntil}].",
        ),
        NoticeKind::NewMessage => (
            "New message[ from {senderName}]",
            "{message|Somebody has written to you.}",
        ),
        NoticeKind::EventReminder => (
            "Coming up[: {eventType}]",
            "Your event is near[: {date}][, in {location}].",
        ),
        NoticeKind::ProfileUpdated => ("Profile changed", "Your profile was changed."),
        NoticeKind::ReviewReceived => (
            "New review",
            "{reviewerName|Somebody} has written about you[: {rating} of 5].",
        ),
        NoticeKind::PaymentReceived => (
            "Payment received",
            "A payment has come in[: {amount}][, for {eventType}].",
        ),
        NoticeKind::PaymentFailed => (
            "Payment failed",
            "A payment has failed[: {amount}][. Reason: {reason}].",
        ),
        NoticeKind::ContractSigned => (
            "Contract signed",
            "The contract was signed[: {eventType}][, {date}].",
        ),
        NoticeKind::ContractExpired => (
            "Contract expired",
            "The contract has run out[: {eventType}][, {date}].",
        ),
        NoticeKind::Marketing => ("{title|News for you}", "{message|There is something new.}"),
        NoticeKind::System => (
            "{title|From the platform}",
            "{message|There is news about the platform.}",
        ),
        NoticeKind::Security => (
            "{title|Security of your account}",
            "{message|Please look at the security of your account.}",
        ),
    };
    Templates { title, message }
}
