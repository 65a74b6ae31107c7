//! Fresh data folders are made once for each user of the machine and copied from then on.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::keeper::{as_user, give};

/// Copies the template `name` to `to`; `make` says how one is made, given the folder that it goes to.
pub fn copy(name: &str, user: &str, to: &Path, make: impl FnOnce(&Path) -> Command) {
    let owner = rustix::process::geteuid().as_raw();
    let template = std::env::temp_dir().join(format!("bascule-test-{name}-{owner}"));
    if !template.is_dir() {
        build(&template, user, make);
    }
    let done = Command::new("cp").arg("-a").arg(&template).arg(to).status();
    assert!(done.is_ok_and(|status| status.success()), "copying {}", template.display());
}

/// Made beside its place and moved there: of several that come at once, one wins and the others take what is there.
fn build(template: &Path, user: &str, make: impl FnOnce(&Path) -> Command) {
    let parent: PathBuf = std::env::temp_dir();
    let beside = tempfile::Builder::new().prefix("bascule-template-").tempdir_in(parent).expect("a folder");
    give(user, beside.path());
    let data = beside.path().join("data");
    let command = make(&data);
    let mut privileged = as_user(user, Path::new(command.get_program()));
    let output =
        privileged.args(command.get_args()).current_dir("/").output().expect("the server's installer");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let _ = std::fs::rename(&data, template);
    assert!(template.is_dir(), "{} was not made", template.display());
}
