//! Which processes belong to an instance: its session, its control groups, and whatever carries its name in the
//! environment (a child that made a session of its own).
//!
//! A session's number is the pid of its leader. It says something only while the kernel keeps that pid for our leader; when
//! the leader is gone, the environment and the control group decide alone.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::process::{Handle, Identity};
use super::stat::{self, Environment, Stat};

/// So long a process may take to become another program.
const PATIENCE: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(1);

/// Longer than the environment of nearly every process, bytes.
const USUAL_LENGTH: usize = 128 << 10;

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
    let environment = environment(pid)?;
    let variables: HashSet<&[u8]> = environment.split(|byte| *byte == 0).collect();
    let place = wanted.iter().position(|wanted| {
        !wanted.marks.is_empty() && wanted.marks.iter().all(|mark| variables.contains(mark.as_bytes()))
    })?;
    // The number may have gone to another process between the two reads.
    (stat::read(pid)?.start_ticks == stat.start_ticks).then_some(place)
}

/// The environment of a process. For a moment while it becomes another program the kernel shows none: then it is read again.
fn environment(pid: i32) -> Option<Vec<u8>> {
    let begun = Instant::now();
    let mut empty_at = None;
    loop {
        let environment = read_at_once(pid)?;
        if !environment.is_empty() || begun.elapsed() > PATIENCE {
            return Some(environment);
        }
        match stat::read(pid)?.environment() {
            Environment::Never => return Some(environment),
            Environment::Somewhere => std::thread::yield_now(),
            // It is laid out empty before it is filled.
            Environment::Empty { at } if empty_at == Some(at) => return Some(environment),
            Environment::Empty { at } => {
                empty_at = Some(at);
                std::thread::sleep(MOMENT);
            }
        }
    }
}

/// In one call as far as it goes: what one call began, the next may find at its end because the process is another program by then.
fn read_at_once(pid: i32) -> Option<Vec<u8>> {
    let mut file = File::open(format!("/proc/{pid}/environ")).ok()?;
    let mut environment = Vec::with_capacity(USUAL_LENGTH);
    file.read_to_end(&mut environment).ok()?;
    Some(environment)
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
    #[test]
    fn one_that_becomes_another_program_all_the_time_is_always_found() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("again");
        fs::write(&script, format!("exec /bin/sh {}\n", script.display())).unwrap();
        let mark = format!("BASCULE_TEST_MARK=again-{}", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let mut child = Command::new("/bin/sh").arg(&script).env(name, value).spawn().unwrap();
        let wanted = [Wanted { marks: vec![mark.clone()], ..none() }];
        while find(&wanted)[0].is_empty() {
            std::thread::yield_now();
        }
        let begun = Instant::now();
        let mut missed = 0;
        while begun.elapsed() < Duration::from_secs(2) {
            missed += usize::from(find(&wanted)[0].is_empty());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(missed, 0);
    }
}
