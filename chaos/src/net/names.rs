//! Names of namespaces: whose they are can be read from them, so that those of a run that is gone are told apart.

use std::fs;

/// What all names begin with.
const SCHEME: &str = "mussikon-chaos";

/// Names of one run, of which a process may have several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    owner: Owner,
    run: u64,
}

/// A process. Its id alone may be another's by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    pid: u32,
    /// When it began, in the kernel's ticks after the machine's start.
    began: u64,
}

impl Names {
    /// Those of this process' run of that number; none if the kernel does not tell when it began.
    pub(super) fn own(run: u64) -> Option<Self> {
        let pid = std::process::id();
        let began = began(pid)?;
        Some(Self {
            owner: Owner { pid, began },
            run,
        })
    }

    /// The name of the namespace in the middle.
    pub(super) fn middle(&self) -> String {
        self.of("middle")
    }

    /// The name of a hub's namespace.
    pub(super) fn hub(&self, hub: usize) -> String {
        self.of(&format!("hub{hub}"))
    }

    fn of(&self, what: &str) -> String {
        let Owner { pid, began } = self.owner;
        format!("{SCHEME}-{pid}-{began}-{}-{what}", self.run)
    }
}

/// Those of the names that are of this scheme and whose process is gone. `began` tells when the process of an id began.
pub(super) fn stale<'n>(
    names: impl IntoIterator<Item = &'n str>,
    began: impl Fn(u32) -> Option<u64>,
) -> Vec<&'n str> {
    let gone = |name: &&str| owner(name).is_some_and(|owner| began(owner.pid) != Some(owner.began));
    names.into_iter().filter(gone).collect()
}

/// The process that a name was made by; none if it is not of this scheme.
fn owner(name: &str) -> Option<Owner> {
    let parts: Vec<&str> = name.strip_prefix(SCHEME)?.split('-').collect();
    let ["", pid, began, run, _] = parts[..] else {
        return None;
    };
    run.parse::<u64>().ok()?;
    Some(Owner {
        pid: pid.parse().ok()?,
        began: began.parse().ok()?,
    })
}

/// When a process began, in ticks after the machine's start; none if there is no such process.
pub(super) fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_scheme_whose_process_is_gone_are_stale() {
        let own = Names::own(3).unwrap();
        let mine = own.hub(1);
        let Owner { pid, began: at } = own.owner;
        let reused = format!("{SCHEME}-{pid}-{}-0-middle", at + 1);
        let dead = format!("{SCHEME}-999999999-5-0-hub2");
        let names = [
            mine.as_str(),
            &reused,
            &dead,
            "mussikon-chaos-1",
            "mussikon-chaos-x-5-0-hub2",
            "mussikon-chaotic-999999999-5-0-hub2",
            "somebody-else",
        ];
        assert_eq!(stale(names, began), [reused.as_str(), &dead]);
    }

    #[test]
    fn a_name_tells_who_made_it_and_no_two_of_a_process_are_the_same() {
        let own = Names::own(3).unwrap();
        for name in [own.middle(), own.hub(0), own.hub(2)] {
            assert_eq!(owner(&name), Some(own.owner), "{name}");
        }
        assert_ne!(own.hub(0), own.hub(1));
        assert_ne!(own.hub(0), Names::own(4).unwrap().hub(0));
    }
}
