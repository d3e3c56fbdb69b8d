//! Data that goes back to an older copy, as after a restore from a backup: what no store survives.

use std::path::Path;
use std::{fs, io};

use super::error::SiteError;
use super::servers::Servers;
use crate::hub::HubProcess;

/// Kills all hubs and, in a cluster, the CQL nodes; copies the data below `folder` the first time, replaces it by that copy
/// afterwards; starts all again.
pub(super) async fn go_back(
    hubs: &mut [HubProcess],
    servers: Option<&mut Servers>,
    folder: &Path,
) -> Result<(), SiteError> {
    hubs.iter_mut().for_each(|hub| hub.kill());
    match servers {
        None => {
            for hub in hubs.iter() {
                turn_back(&hub.folder().join("data"), &hub.folder().join("copy"))?;
            }
        }
        Some(servers) => {
            let nodes = &mut servers.cql.nodes;
            nodes.iter_mut().for_each(|node| node.kill());
            for (number, node) in nodes.iter().enumerate() {
                for part in ["data", "commitlog"] {
                    let copy = folder.join(format!("copy-{number}")).join(part);
                    turn_back(&node.folder().join(part), &copy)?;
                }
            }
            for node in nodes {
                node.restart().await?;
            }
        }
    }
    for hub in hubs {
        hub.restart().await?;
    }
    Ok(())
}

/// Copies the data, or if there is a copy puts it in the data's place.
fn turn_back(data: &Path, copy: &Path) -> io::Result<()> {
    if copy.exists() {
        fs::remove_dir_all(data)?;
        return copy_folder(copy, data);
    }
    copy_folder(data, copy)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
