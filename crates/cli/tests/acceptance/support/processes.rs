//! The processes of one world, found in /proc: all of them carry its home folder in their environment.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// Its command line.
    pub command: Vec<String>,
}

impl Process {
    /// Whether it is the program under test with that subcommand.
    pub fn is_bascule(&self, subcommand: &str) -> bool {
        self.command.get(1).is_some_and(|first| first == subcommand)
            && !self.environment.contains_key("BASCULE_INSTANCE")
    }
}

/// Every process whose home is that folder and that has not ended.
pub fn of(home: &Path) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let home = home.to_string_lossy();
    let mut found: Vec<Process> = entries
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let words = |name: &str| -> Option<Vec<String>> {
                let bytes = fs::read(entry.path().join(name)).ok()?;
                let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
                Some(words.map(|word| String::from_utf8_lossy(word).into_owned()).collect())
            };
            let environment: BTreeMap<String, String> = words("environ")?
                .iter()
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            (environment.get("HOME").is_some_and(|its| *its == home)).then_some(())?;
            Some(Process { pid, environment, command: words("cmdline")? })
        })
        .collect();
    found.sort_by_key(|process| process.pid);
    found
}

/// Kills one process; one that is gone already is no matter.
pub fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}
