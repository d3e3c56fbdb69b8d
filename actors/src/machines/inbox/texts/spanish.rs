//! The templates in Spanish.

use super::Templates;
use crate::machines::notice::NoticeKind;

pub(super) fn templates(kind: NoticeKind) -> Templates {
    let (title, message) = match kind {
        NoticeKind::NewRequest => (
            "Nueva solicitud[: {instrument}]",
            "Se busca: {instrument|músico}[ para {eventType}][, {date}][, en {location}][, desde {budgetMin}][, hasta {budgetMax}].",
        ),
        NoticeKind::TopMatch => (
            "Una solicitud para ti[: {instrument}]",
            "Estás entre los mejores para ella: {instrument|músico}[ para {eventType}][, {date}][, en {location}][, desde {budgetMin}][, hasta {budgetMax}].",
        ),
        NoticeKind::MusicianApplication => (
            "Nueva postulación",
            "{musicianName|Un músico} tocaría[ {instrument}][ para {eventType}][, {date}][, por {rate}].",
        ),
        NoticeKind::ApplicationAccepted => (
            "Postulación aceptada",
            "Te han elegido[: {instrument}][ para {eventType}][, {date}][, en {location}].",
        ),
        NoticeKind::ApplicationRejected => (
            "Postulación no aceptada",
            "Esta vez no has sido tú[: {instrument}][ para {eventType}][, {date}][. Motivo: {reason}].",
        ),
        NoticeKind::RequestAssignment => (
            "Solicitud asignada",
            "La solicitud ya tiene músico[, {musicianName}][: {instrument}][ para {eventType}][, {date}][, en {location}].",
        ),
        NoticeKind::StatusChange => (
            "Solicitud[ {newStatus}]",
            "La solicitud[ de {instrument}][, {date},] está ahora {newStatus|en otro estado}[; antes estaba {oldStatus}][. Un músico {standing}][. Motivo: {reason}].",
        ),
        NoticeKind::NoMusiciansAvailable => (
            "No se encontraron músicos",
            "Nadie encaja todavía con tu solicitud[ de {instrument}][, {date}][. Lo impide: {reasons}][. Casi encajan: {alternatives}].",
        ),
        NoticeKind::ConflictWarning => (
            "Horarios que chocan",
            "La solicitud[ de {instrument}][, {date},] choca con otra cosa[: {conflictFrom} a {conflictUntil}].",
        ),
        NoticeKind::NewMessage => (
            "Nuevo mensaje[ de {senderName}]",
            "{message|Alguien te ha escrito.}",
        ),
        NoticeKind::EventReminder => (
            "Pronto[: {eventType}]",
            "Tu evento se acerca[: {date}][, en {location}].",
        ),
        NoticeKind::ProfileUpdated => ("Perfil modificado", "Tu perfil ha cambiado."),
        NoticeKind::ReviewReceived => (
            "Nueva reseña",
            "{reviewerName|Alguien} ha escrito sobre ti[: {rating} de 5].",
        ),
        NoticeKind::PaymentReceived => (
            "Pago recibido",
            "Ha llegado un pago[: {amount}][, por {eventType}].",
        ),
        NoticeKind::PaymentFailed => (
            "Pago fallido",
            "Un pago ha fallado[: {amount}][. Motivo: {reason}].",
        ),
        NoticeKind::ContractSigned => (
            "Contrato firmado",
            "El contrato se ha firmado[: {eventType}][, {date}].",
        ),
        NoticeKind::ContractExpired => (
            "Contrato vencido",
            "El contrato ha vencido[: {eventType}][, {date}].",
        ),
        NoticeKind::Marketing => ("{title|Novedades}", "{message|Hay algo nuevo.}"),
        NoticeKind::System => (
            "{title|De la plataforma}",
            "{message|Hay novedades sobre la plataforma.}",
        ),
        NoticeKind::Security => (
            "{title|Seguridad de tu cuenta}",
            "{message|Revisa, por favor, la seguridad de tu cuenta.}",
        ),
    };
    Templates { title, message }
}
