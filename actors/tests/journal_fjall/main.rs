//! The embedded store: the suite of all providers, and what only files, disks and processes can do to it.

mod damage;
mod faults;
mod logs;
mod opening;
mod place;
#[cfg(target_os = "linux")]
mod power;
mod process;
mod space;

use actors::journal::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_conforms() {
    assert_eq!(conformance::failures(&place::Embedded).await, []);
}
