//! Connection tokens: what a negotiation settled, signed, so that no node has to remember it.

use actors::ids::{Timestamp, UserId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const FORMAT: u8 = 1;
const BODY: usize = 42;
const MAC: usize = 16;
const STATEFUL: u8 = 1;
const TOKEN_IS_ID: u8 = 2;

/// What a negotiation settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// The connection: 128 random bits.
    pub key: u128,
    /// Stateful reconnect was agreed.
    pub stateful: bool,
    /// Negotiate version 0: the token itself is the connection's public id.
    pub token_is_id: bool,
    /// Until when it may be used to connect.
    pub expires_at: Timestamp,
    /// Whose negotiation it was, as a digest.
    pub user: UserDigest,
}

/// Stands for a user, or for nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserDigest([u8; 16]);

impl UserDigest {
    /// Of an authenticated user or of an anonymous caller.
    pub fn of(user: Option<&UserId>) -> Self {
        let mut digest = [0; 16];
        if let Some(user) = user {
            digest.copy_from_slice(&blake3::hash(user.as_str().as_bytes()).as_bytes()[..16]);
        }
        UserDigest(digest)
    }
}

/// Signs tokens and checks them.
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// All nodes of a cluster need the same key.
    pub fn new(key: [u8; 32]) -> Self {
        TokenKey(key)
    }

    /// The token for a ticket of the hub at `path`.
    pub fn sign(&self, path: &str, ticket: &Ticket) -> String {
        let mut bytes = Vec::with_capacity(BODY + MAC);
        let stateful = if ticket.stateful { STATEFUL } else { 0 };
        let token_is_id = if ticket.token_is_id { TOKEN_IS_ID } else { 0 };
        bytes.extend([FORMAT, stateful | token_is_id]);
        bytes.extend(ticket.key.to_be_bytes());
        bytes.extend(ticket.expires_at.0.to_be_bytes());
        bytes.extend(ticket.user.0);
        let mac = self.mac(path, &bytes);
        bytes.extend(&mac.as_bytes()[..MAC]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The ticket of a token that this key signed for the hub at `path`, however old.
    pub fn verify(&self, path: &str, token: &str) -> Option<Ticket> {
        let mut bytes = [0; BODY + MAC];
        if URL_SAFE_NO_PAD.decode_slice(token, &mut bytes) != Ok(BODY + MAC) {
            return None;
        }
        let (body, mac) = bytes.split_at(BODY);
        // Comparing hashes of blake3 takes the same time wherever they differ.
        let mut expected = [0; 32];
        expected[..MAC].copy_from_slice(&self.mac(path, body).as_bytes()[..MAC]);
        let mut given = [0; 32];
        given[..MAC].copy_from_slice(mac);
        if blake3::Hash::from(expected) != blake3::Hash::from(given) || body[0] != FORMAT {
            return None;
        }
        Some(Ticket {
            key: u128::from_be_bytes(body[2..18].try_into().ok()?),
            stateful: body[1] & STATEFUL != 0,
            token_is_id: body[1] & TOKEN_IS_ID != 0,
            expires_at: Timestamp(u64::from_be_bytes(body[18..26].try_into().ok()?)),
            user: UserDigest(body[26..42].try_into().ok()?),
        })
    }

    fn mac(&self, path: &str, body: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(body).update(path.as_bytes());
        hasher.finalize()
    }
}

/// The public id of a connection.
pub fn public_id(key: u128) -> String {
    // Not the key itself: who knows the id must not be able to tell anything of the token.
    let digest = blake3::derive_key("mussikon hub public connection id", &key.to_be_bytes());
    URL_SAFE_NO_PAD.encode(&digest[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket() -> Ticket {
        Ticket {
            key: 0x0123_4567_89ab_cdef_0011_2233_4455_6677,
            stateful: true,
            token_is_id: false,
            expires_at: Timestamp(1_700_000_000_123),
            user: UserDigest::of(UserId::parse("anna").ok().as_ref()),
        }
    }

    #[test]
    fn a_ticket_comes_back_only_with_the_same_key_path_and_bytes() {
        let key = TokenKey::new([7; 32]);
        let token = key.sign("/hubs/chat", &ticket());
        assert_eq!(key.verify("/hubs/chat", &token), Some(ticket()));
        assert_eq!(key.verify("/hubs/echo", &token), None);
        assert_eq!(TokenKey::new([8; 32]).verify("/hubs/chat", &token), None);
        assert_eq!(key.verify("/hubs/chat", ""), None);
        assert_eq!(key.verify("/hubs/chat", &format!("{token}A")), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(key.verify("/hubs/chat", &changed), None, "at {at}");
        }
    }

    #[test]
    fn public_ids_are_22_characters_and_tell_nothing_of_the_key() {
        let id = public_id(ticket().key);
        assert_eq!(id.len(), 22);
        assert_ne!(id, public_id(ticket().key + 1));
        let key = URL_SAFE_NO_PAD.encode(ticket().key.to_be_bytes());
        assert_ne!(id, key);
        assert_ne!(UserDigest::of(None), ticket().user);
    }
}
