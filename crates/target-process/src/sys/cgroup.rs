//! Limits by control groups: one group per instance, in version 2 where it has the controllers, else in version 1.
//!
//! Groups are made below the control plane's own group or, where that cannot be divided (version 2 allows no processes in an
//! inner group), beside it: `bascule/<state id>/<instance>`. What surrounds the control plane limits the instances too.

mod hierarchy;

use std::fs;
use std::path::{Path, PathBuf};

use bascule_model::release::Limits;

use hierarchy::Hierarchy;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controller {
    Memory,
    Cpu,
}

impl Controller {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
        }
    }
}

/// The period over which cpu time is counted, in microseconds.
const CPU_PERIOD: u64 = 100_000;
/// The least quota that the kernel takes, in microseconds: a hundredth of a core.
const LEAST_QUOTA: u64 = 1_000;

/// The control groups of this machine, as far as this process may use them.
#[derive(Debug)]
pub(crate) struct ControlGroups {
    memory: Result<Hierarchy, String>,
    cpu: Result<Hierarchy, String>,
    state_id: String,
}

impl ControlGroups {
    /// Looks at what is mounted. Makes nothing.
    pub(crate) fn detect(state_id: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let find = |controller: Controller| hierarchy::find(&mounts, &own, controller);
        Self { memory: find(Controller::Memory), cpu: find(Controller::Cpu), state_id: state_id.to_owned() }
    }

    fn hierarchy(&self, controller: Controller) -> &Result<Hierarchy, String> {
        match controller {
            Controller::Memory => &self.memory,
            Controller::Cpu => &self.cpu,
        }
    }

    /// Why a limit cannot be had, if so. Tries it out.
    pub(crate) fn refusal(&self, controller: Controller) -> Option<String> {
        let probe = format!("probe-{}", std::process::id());
        let made = self.make(controller, &probe);
        let refusal = match &made {
            Ok(group) => limit_files(self.is_unified(controller), controller)
                .iter()
                .find(|name| fs::OpenOptions::new().write(true).open(group.join(name)).is_err())
                .map(|name| format!("{} cannot be written", group.join(name).display())),
            Err(reason) => Some(reason.clone()),
        };
        if let Ok(group) = made {
            remove(&group);
        }
        refusal
    }

    fn is_unified(&self, controller: Controller) -> bool {
        self.hierarchy(controller).as_ref().is_ok_and(|hierarchy| hierarchy.unified)
    }

    fn make(&self, controller: Controller, name: &str) -> Result<PathBuf, String> {
        let hierarchy = self.hierarchy(controller).as_ref().map_err(Clone::clone)?;
        hierarchy.make(controller, &[("bascule"), &self.state_id, name])
    }

    /// Makes the groups that the limits ask for and sets them. What cannot be had is left out: [`Self::refusal`] says it.
    pub(crate) fn prepare(&self, instance: &str, limits: &Limits) -> Vec<PathBuf> {
        let mut groups = Vec::new();
        let wanted = [(Controller::Memory, limits.memory), (Controller::Cpu, limits.cpu_millis)];
        for (controller, amount) in wanted {
            let Some(amount) = amount else { continue };
            let Ok(group) = self.make(controller, instance) else { continue };
            match self.set(&group, controller, amount) {
                Ok(()) if !groups.contains(&group) => groups.push(group),
                Ok(()) => {}
                Err(_) if groups.contains(&group) => {}
                Err(_) => remove(&group),
            }
        }
        groups
    }

    fn set(&self, group: &Path, controller: Controller, amount: u64) -> std::io::Result<()> {
        match (controller, self.is_unified(controller)) {
            (Controller::Memory, true) => {
                fs::write(group.join("memory.max"), amount.to_string())?;
                // Swapping instead of dying would hide the limit; a kernel without swap accounting has no such file.
                ignore_missing(fs::write(group.join("memory.swap.max"), "0"))
            }
            (Controller::Memory, false) => {
                let limit = group.join("memory.limit_in_bytes");
                // Memory and swap together can be set only when they are not below memory alone.
                let together = group.join("memory.memsw.limit_in_bytes");
                let _ = fs::write(&together, "-1");
                fs::write(limit, amount.to_string())?;
                ignore_missing(fs::write(together, amount.to_string()))
            }
            (Controller::Cpu, true) => {
                fs::write(group.join("cpu.max"), format!("{} {CPU_PERIOD}", quota(amount)))
            }
            (Controller::Cpu, false) => {
                fs::write(group.join("cpu.cfs_period_us"), CPU_PERIOD.to_string())?;
                fs::write(group.join("cpu.cfs_quota_us"), quota(amount).to_string())
            }
        }
    }

    /// Removes what was made for all instances together, when none is left.
    pub(crate) fn tidy(&self) {
        for hierarchy in [&self.memory, &self.cpu].into_iter().flatten() {
            for base in &hierarchy.bases {
                let ours = base.join("bascule");
                // Only empty groups can be removed: those of others and of other state folders stay.
                let _ = fs::remove_dir(ours.join(&self.state_id));
                let _ = fs::remove_dir(ours);
            }
        }
    }
}

fn ignore_missing(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn quota(millis: u64) -> u64 {
    (millis.saturating_mul(CPU_PERIOD) / 1000).max(LEAST_QUOTA)
}

fn limit_files(unified: bool, controller: Controller) -> &'static [&'static str] {
    match (controller, unified) {
        (Controller::Memory, true) => &["memory.max", "cgroup.procs"],
        (Controller::Memory, false) => &["memory.limit_in_bytes", "cgroup.procs"],
        (Controller::Cpu, true) => &["cpu.max", "cgroup.procs"],
        (Controller::Cpu, false) => &["cpu.cfs_quota_us", "cgroup.procs"],
    }
}

/// How often the kernel killed a process of these groups for want of memory.
pub(crate) fn out_of_memory_kills(groups: &[PathBuf]) -> u64 {
    let count = |path: PathBuf| {
        let text = fs::read_to_string(path).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse::<u64>().ok()
    };
    groups
        .iter()
        .filter_map(|group| {
            count(group.join("memory.events")).or_else(|| count(group.join("memory.oom_control")))
        })
        .sum()
}

/// Removes a group; its processes are gone. One that the kernel still counts as busy goes with the next `stop` or `prune`.
pub(crate) fn remove(group: &Path) {
    for _ in 0..50 {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == std::io::ErrorKind::ResourceBusy => {
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_shares_become_quotas() {
        assert_eq!(quota(500), 50_000);
        assert_eq!(quota(2500), 250_000);
        assert_eq!(quota(1), LEAST_QUOTA);
    }

    #[test]
    fn kills_are_read_from_both_versions() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for group in [&one, &two] {
            fs::create_dir(group).unwrap();
        }
        fs::write(one.join("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n").unwrap();
        fs::write(two.join("memory.events"), "low 0\nmax 9\noom 1\noom_kill 1\n").unwrap();
        assert_eq!(out_of_memory_kills(&[one, two, folder.path().join("none")]), 3);
    }
}
