//! Certificates for servers of tests, made by `openssl`: an authority, and what it signs for hosts.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use crate::provision::ProvisionError;
use crate::provision::{at, run};

const REMEDY: &str = "install openssl, which makes the certificates of tests";

/// One that signs certificates, good for a day.
#[derive(Clone, Debug)]
pub struct Authority {
    folder: PathBuf,
}

/// A certificate and its key, both PEM files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate, without the authority's.
    pub certificate: PathBuf,
    /// Its private key, not encrypted.
    pub key: PathBuf,
    /// The one host that it is for.
    pub host: IpAddr,
    /// The certificate of the authority that signed it.
    pub authority: PathBuf,
}

impl Authority {
    /// Makes one; its files go to `folder`, which is made too.
    pub fn new(folder: impl Into<PathBuf>) -> Result<Self, ProvisionError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        openssl(
            &folder,
            "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=authority -keyout authority.key -out authority.pem",
        )?;
        Ok(Self { folder })
    }

    /// Its own certificate, for clients to trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Signs a certificate for one address.
    pub fn issue(&self, host: IpAddr) -> Result<Certificate, ProvisionError> {
        let folder = &self.folder;
        let names = folder.join(format!("{host}.names"));
        fs::write(&names, format!("subjectAltName=IP:{host}\n")).map_err(at(&names))?;
        openssl(
            folder,
            &format!(
                "req -newkey rsa:2048 -nodes -subj /CN=server -keyout {host}.key -out {host}.request"
            ),
        )?;
        openssl(
            folder,
            &format!(
                "x509 -req -in {host}.request -CA authority.pem -CAkey authority.key -CAcreateserial \
                 -days 1 -extfile {host}.names -out {host}.pem"
            ),
        )?;
        Ok(Certificate {
            certificate: folder.join(format!("{host}.pem")),
            key: folder.join(format!("{host}.key")),
            host,
            authority: self.certificate(),
        })
    }
}

/// Runs it in a folder with arguments that hold no blanks themselves.
fn openssl(folder: &Path, arguments: &str) -> Result<(), ProvisionError> {
    let mut command = Command::new("openssl");
    command.args(arguments.split_whitespace());
    run("openssl", command.current_dir(folder), REMEDY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_authority_signs_leads_to_it_and_names_its_host() {
        let folder = tempfile::tempdir().unwrap();
        let mine = Authority::new(folder.path().join("mine")).unwrap();
        let other = Authority::new(folder.path().join("other")).unwrap();
        let made = mine.issue([127, 0, 0, 9].into()).unwrap();
        let verify = |authority: &Authority, host: &str| {
            let trusted = authority.certificate();
            let certificate = made.certificate.display();
            let trusted = trusted.display();
            let arguments = format!("verify -CAfile {trusted} -verify_ip {host} {certificate}");
            openssl(folder.path(), &arguments).is_ok()
        };
        assert!(verify(&mine, "127.0.0.9"));
        assert!(!verify(&mine, "127.0.0.1"));
        assert!(!verify(&other, "127.0.0.9"));
    }
}
