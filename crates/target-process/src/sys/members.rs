//! Which processes belong to an instance: its session, its control groups, and whatever carries its name in the
//! environment (a child that made a session of its own).
//!
//! A session's number is the pid of its leader. It says something only while the kernel keeps that pid for our leader; when
//! the leader is gone, the environment and the control group decide alone.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use super::process::{Handle, Identity};
use super::stat::{self, Stat};

/// Whose processes are looked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The process that was started, if the record names one.
    pub(crate) leader: Option<Identity>,
    /// What its children carry, as `NAME=value`, all of them.
    pub(crate) marks: Vec<String>,
    /// Its control groups.
    pub(crate) groups: Vec<PathBuf>,
}

/// A process that belongs to an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) identity: Identity,
    /// Whether it is in the process group that was made for the instance.
    pub(crate) in_group: bool,
}

/// The processes of each, in the order asked, in one pass over `/proc`. Those that have ended are not counted.
pub(crate) fn find(wanted: &[Wanted]) -> Vec<Vec<Member>> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let leaders: Vec<Option<Identity>> =
        wanted.iter().map(|wanted| wanted.leader.filter(|leader| leader.is_there())).collect();
    let grouped: Vec<HashSet<i32>> = wanted.iter().map(|wanted| in_control_groups(&wanted.groups)).collect();
    let mut found = vec![Vec::new(); wanted.len()];
    for pid in stat::pids() {
        if pid == own {
            continue;
        }
        let Some(stat) = stat::read(pid).filter(|stat| !stat.has_ended()) else { continue };
        let by_session = |leader: &Option<Identity>| leader.is_some_and(|leader| leader.pid == stat.session);
        let place = leaders
            .iter()
            .position(by_session)
            .or_else(|| grouped.iter().position(|pids| pids.contains(&pid)))
            .or_else(|| marked(pid, &stat, wanted));
        if let Some(place) = place {
            let identity = Identity { pid, start_ticks: stat.start_ticks };
            let in_group =
                leaders[place].map_or(stat.group == stat.session, |leader| leader.pid == stat.group);
            found[place].push(Member { identity, in_group });
        }
    }
    found
}

fn marked(pid: i32, stat: &Stat, wanted: &[Wanted]) -> Option<usize> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let variables: HashSet<&[u8]> = environment.split(|byte| *byte == 0).collect();
    let place = wanted.iter().position(|wanted| {
        !wanted.marks.is_empty() && wanted.marks.iter().all(|mark| variables.contains(mark.as_bytes()))
    })?;
    // The number may have gone to another process between the two reads.
    (stat::read(pid)?.start_ticks == stat.start_ticks).then_some(place)
}

fn in_control_groups(groups: &[PathBuf]) -> HashSet<i32> {
    let lists = groups.iter().filter_map(|group| fs::read_to_string(group.join("cgroup.procs")).ok());
    lists.flat_map(|list| list.lines().filter_map(|line| line.parse().ok()).collect::<Vec<_>>()).collect()
}

/// Sends a signal to members, each only if it is still the process that was found.
pub(crate) fn signal(members: &[Member], signal: rustix::process::Signal) {
    for handle in members.iter().filter_map(|member| Handle::open(member.identity)) {
        // One that may not be signalled is found again by the next look, and reported when it stays.
        let _ = handle.signal(signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    use super::*;

    fn none() -> Wanted {
        Wanted { leader: None, marks: Vec::new(), groups: Vec::new() }
    }

    #[test]
    fn a_child_that_left_the_session_is_found_by_its_environment() {
        let mark = format!("BASCULE_TEST_MARK=members-{}", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let mut child = Command::new("setsid")
            .args(["--fork", "sleep", "1000"])
            .env(name, value)
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
            .unwrap();
        child.wait().unwrap();
        let wanted = [none(), Wanted { marks: vec![mark.clone()], ..none() }];
        let found = find(&wanted);
        assert!(found[0].is_empty());
        assert_eq!(found[1].len(), 1);
        signal(&found[1], rustix::process::Signal::KILL);
        while !find(&wanted)[1].is_empty() {
            std::thread::yield_now();
        }
    }
}
