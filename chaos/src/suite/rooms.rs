//! Makes rooms through whatever hubs are about at the start.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::client::{InvokeError, Settings};
use crate::member::{ANSWER, connected, is_for_good};

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

/// Makes public rooms, trying again what had no answer or was refused for the moment. Names the room that was refused.
pub(super) async fn make_rooms(
    settings: &Settings,
    rooms: impl IntoIterator<Item = &str>,
) -> Result<(), (String, InvokeError)> {
    let mut owner = connected(settings).await;
    for room in rooms {
        let mut in_doubt = false;
        loop {
            let wish = json!([{ "roomId": room, "kind": "public" }]);
            let asking = owner.invoke::<Value>("CreateRoom", wish);
            match timeout(ANSWER, asking)
                .await
                .unwrap_or(Err(InvokeError::Lost))
            {
                Ok(_) => break,
                // The attempt before had its effect after all.
                Err(error) if in_doubt && error.is_code("room_exists") => break,
                Err(error) if is_for_good(&error) => return Err((room.to_owned(), error)),
                Err(InvokeError::Lost) => {
                    in_doubt = true;
                    owner = connected(settings).await;
                }
                Err(_) => {
                    in_doubt = true;
                    sleep(PAUSE).await;
                }
            }
        }
    }
    Ok(())
}
