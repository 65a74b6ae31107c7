//! Whether limits on memory and cores (`resources`) can be had, through cgroup v2 or v1. Without them a deploy works, and
//! says that the limits do not.

use std::path::Path;

use rustix::fs::{Access, access};

use super::Finding;

const ROOT: &str = "/sys/fs/cgroup";

/// One finding for each of memory and cpu.
pub fn controllers() -> Vec<Finding> {
    [("memory limit", "memory"), ("cpu limit", "cpu")]
        .map(|(check, controller)| finding(check, controller, Path::new(ROOT)))
        .to_vec()
}

fn finding(check: &'static str, controller: &str, root: &Path) -> Finding {
    let fix = "run as root, or let systemd delegate the controllers (`Delegate=yes` in the unit)";
    let v2 = std::fs::read_to_string(root.join("cgroup.controllers")).ok();
    let v2_has = v2.as_ref().is_some_and(|list| list.split_whitespace().any(|one| one == controller));
    let (place, version) = if v2_has {
        (root.to_owned(), "cgroup v2")
    } else if root.join(controller).is_dir() {
        (root.join(controller), "cgroup v1")
    } else {
        return Finding::warning(
            check,
            "this machine has no such controller: `resources` is not enforced",
            fix,
        );
    };
    match access(&place, Access::WRITE_OK) {
        Ok(()) => Finding::good(check, format!("enforced through {version}")),
        Err(_) => Finding::warning(
            check,
            format!("{version} is there, and this user may not use it: `resources` is not enforced"),
            fix,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn both_versions_are_known() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(finding("m", "memory", root.path()).grade, Grade::Warning);
        std::fs::create_dir(root.path().join("memory")).unwrap();
        assert!(finding("m", "memory", root.path()).says.contains("v1"));
        std::fs::write(root.path().join("cgroup.controllers"), "cpu memory io\n").unwrap();
        assert!(finding("m", "memory", root.path()).says.contains("v2"));
    }
}
