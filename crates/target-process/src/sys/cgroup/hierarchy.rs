//! Where a controller's groups can be made: read from `/proc/self/mountinfo` (proc(5)) and `/proc/self/cgroup` (cgroups(7)).

use std::fs;
use std::path::{Path, PathBuf};

use super::Controller;

/// A mounted hierarchy that has a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Version 2.
    pub(super) unified: bool,
    /// Groups below which ours may be made, the best first.
    pub(super) bases: Vec<PathBuf>,
}

/// Finds the hierarchy of a controller, or says why there is none.
pub(super) fn find(mountinfo: &str, own: &str, controller: Controller) -> Result<Hierarchy, String> {
    let mounts: Vec<Mount<'_>> = mountinfo.lines().filter_map(Mount::parse).collect();
    let unified = mounts.iter().filter(|mount| mount.kind == "cgroup2").find(|mount| {
        let controllers = fs::read_to_string(Path::new(mount.point).join("cgroup.controllers"));
        controllers.is_ok_and(|list| list.split_ascii_whitespace().any(|name| name == controller.name()))
    });
    if let Some(mount) = unified {
        let path = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
        return Ok(Hierarchy { unified: true, bases: bases(mount, path) });
    }
    let legacy = mounts.iter().find(|mount| {
        mount.kind == "cgroup" && mount.options.split(',').any(|option| option == controller.name())
    });
    match legacy {
        Some(mount) => {
            let path = own.lines().find_map(|line| legacy_path(line, controller)).unwrap_or("/");
            Ok(Hierarchy { unified: false, bases: bases(mount, path) })
        }
        None => Err(format!("the {} control group controller is not mounted", controller.name())),
    }
}

fn legacy_path(line: &str, controller: Controller) -> Option<&str> {
    let mut fields = line.splitn(3, ':').skip(1);
    let names = fields.next()?;
    names.split(',').any(|name| name == controller.name()).then(|| fields.next())?
}

/// The own group, the one around it, the topmost one: those that can be seen here.
fn bases(mount: &Mount<'_>, own: &str) -> Vec<PathBuf> {
    let top = PathBuf::from(mount.point);
    let below = own.strip_prefix(mount.root.trim_end_matches('/')).unwrap_or("/").trim_start_matches('/');
    let own = top.join(below);
    let mut bases = vec![own.clone()];
    if own != top {
        bases.extend(own.parent().map(Path::to_owned));
        bases.push(top);
    }
    bases.dedup();
    bases.retain(|base| base.is_dir());
    bases
}

impl Hierarchy {
    /// Makes a group below the first base that allows it.
    pub(super) fn make(&self, controller: Controller, names: &[&str]) -> Result<PathBuf, String> {
        let mut reasons = Vec::new();
        for base in &self.bases {
            match self.make_below(base, controller, names) {
                Ok(group) => return Ok(group),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.pop().unwrap_or_else(|| "no control group can be seen".to_owned()))
    }

    fn make_below(&self, base: &Path, controller: Controller, names: &[&str]) -> Result<PathBuf, String> {
        let mut group = base.to_owned();
        for name in names {
            if self.unified {
                let control = group.join("cgroup.subtree_control");
                let enabled = fs::read_to_string(&control).unwrap_or_default();
                if !enabled.split_ascii_whitespace().any(|name| name == controller.name()) {
                    fs::write(&control, format!("+{}", controller.name()))
                        .map_err(|error| format!("{}: {error}", control.display()))?;
                }
            }
            group.push(name);
            match fs::create_dir(&group) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(format!("{}: {error}", group.display()));
                }
                _ => {}
            }
        }
        Ok(group)
    }
}

struct Mount<'a> {
    root: &'a str,
    point: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, point) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        Some(Self { root, point, kind: after.next()?, options: after.nth(1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legacy_hierarchy_of_a_controller_is_found_with_the_own_group() {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().to_str().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        let mounts = format!(
            "31 29 0:27 / /elsewhere rw - cgroup cgroup rw,cpuset\n32 29 0:28 / {point} rw,relatime shared:9 - cgroup cgroup rw,memory\n"
        );
        let own = "5:memory:/a/b\n3:cpu,cpuacct:/c\n0::/d\n";
        let found = find(&mounts, own, Controller::Memory).unwrap();
        let path = |rest: &str| folder.path().join(rest);
        let bases = vec![path("a/b"), path("a"), folder.path().to_owned()];
        assert_eq!(found, Hierarchy { unified: false, bases });
        assert!(find(&mounts, own, Controller::Cpu).unwrap_err().contains("cpu"));
        let group = found.make(Controller::Memory, &["bascule", "s", "i"]).unwrap();
        assert_eq!(group, path("a/b/bascule/s/i"));
        assert!(group.is_dir());
    }

    #[test]
    fn version_2_is_taken_when_it_has_the_controller_which_is_enabled_on_the_way_down() {
        let folder = tempfile::tempdir().unwrap();
        let point = folder.path().to_str().unwrap();
        fs::create_dir_all(folder.path().join("unit")).unwrap();
        fs::write(folder.path().join("cgroup.controllers"), "cpu memory pids\n").unwrap();
        let mounts = format!("32 29 0:28 / {point} rw - cgroup2 cgroup2 rw\n");
        let found = find(&mounts, "0::/unit\n", Controller::Cpu).unwrap();
        assert!(found.unified);
        let group = found.make(Controller::Cpu, &["bascule"]).unwrap();
        assert_eq!(group, folder.path().join("unit/bascule"));
        let control = folder.path().join("unit/cgroup.subtree_control");
        assert_eq!(fs::read_to_string(control).unwrap(), "+cpu");
    }
}
