//! The artifact store: build, take, verify, share, prune.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use bascule_engine::ports::{Artifacts, Presence, Target};
use bascule_model::problem::Code;
use bascule_secrets::SecretValue;
use bascule_secrets::redact::Redactor;

use crate::support::*;

#[tokio::test]
async fn the_same_files_are_the_same_artifact_and_lie_there_once() {
    let world = World::new();
    world.script("shop", "echo 1");
    fs::create_dir(world.project().join("static")).unwrap();
    fs::write(world.project().join("static/a.css"), "a { }").unwrap();
    fs::write(world.project().join("static/b.css"), "a { }").unwrap();
    let first = world.artifact(&["shop", "static/"]).await;
    let again = world.artifact(&["static", "shop"]).await;
    assert_eq!(first, again);
    let contents = || fs::read_dir(world.state().join("artifacts/contents")).unwrap().count();
    assert_eq!(contents(), 2, "two stylesheets with the same contents are kept once");

    fs::write(world.project().join("static/b.css"), "b { }").unwrap();
    let changed = world.artifact(&["shop", "static/"]).await;
    assert_ne!(first, changed);
    assert_eq!(contents(), 3);
    let plain = world.project().join("shop");
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).unwrap();
    assert_ne!(world.artifact(&["shop", "static/"]).await, changed, "the mode counts");

    let store = world.store();
    let keep = std::slice::from_ref(&first);
    let unneeded = store.unneeded(keep).await.unwrap();
    assert_eq!(unneeded.len(), 2, "{unneeded:?}");
    let folder = world.state().join("artifacts/contents");
    let size = || -> u64 {
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let before = size();
    store.prune(keep).await.unwrap();
    assert_eq!(before - size(), unneeded.iter().map(|one| one.bytes).sum::<u64>(), "{unneeded:?}");
    assert_eq!(store.unneeded(keep).await.unwrap(), []);
    assert_eq!(contents(), 2);
    assert_eq!(store.verify(&first).await.unwrap(), Presence::Whole);
    assert_eq!(store.verify(&changed).await.unwrap(), Presence::Missing);
    assert_eq!(store.verify("sha256:../../etc").await.unwrap(), Presence::Missing);
}

#[tokio::test]
async fn a_change_on_disk_is_found_and_healed_by_making_it_again() {
    let world = World::new();
    world.script("shop", "exec sleep 1000");
    fs::write(world.project().join("data"), "one").unwrap();
    let digest = world.artifact(&["shop", "data"]).await;
    let store = world.store();
    let contents = world.state().join("artifacts/contents");
    let path = fs::read_dir(contents)
        .unwrap()
        .flatten()
        .find(|entry| fs::read(entry.path()).unwrap() == b"one")
        .unwrap()
        .path();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&path, "two").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    assert_eq!(store.verify(&digest).await.unwrap(), Presence::Changed("data".to_owned()));

    let target = world.target().await;
    let spec = blue(release(1, &digest, vec![command("web", &["./shop"])]));
    let refused = problem(target.start(world.generation, &spec).await.unwrap_err());
    assert_eq!(refused.code, Code::ArtifactChanged);
    assert!(refused.message.contains("data"), "{refused}");
    assert!(target.slots().await.unwrap().is_empty() && world.processes().is_empty());

    assert_eq!(world.artifact(&["shop", "data"]).await, digest);
    assert_eq!(store.verify(&digest).await.unwrap(), Presence::Whole);
    fs::remove_file(&path).unwrap();
    assert_eq!(store.verify(&digest).await.unwrap(), Presence::Changed("data".to_owned()));
}

#[tokio::test]
async fn a_release_folder_has_no_second_copy_and_is_repaired() {
    let world = World::new();
    world.script("shop", "exec sleep 1000");
    fs::create_dir_all(world.project().join("static/deep")).unwrap();
    fs::write(world.project().join("static/deep/a.css"), "a { }").unwrap();
    std::os::unix::fs::symlink("deep/a.css", world.project().join("static/link")).unwrap();
    let digest = world.artifact(&["shop", "static"]).await;
    let target = world.target().await;
    let spec = blue(release(1, &digest, vec![command("web", &["./shop"])]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    target.stop(world.generation, &slot).await.unwrap();

    let app = world.state().join("releases/shop/staging/r1-abcdef/app");
    assert_eq!(read(&app.join("static/link")), "a { }");
    let shop = fs::metadata(app.join("shop")).unwrap();
    assert_eq!(shop.permissions().mode() & 0o777, 0o555);
    let stored = fs::read_dir(world.state().join("artifacts/contents"))
        .unwrap()
        .flatten()
        .any(|entry| entry.metadata().unwrap().ino() == shop.ino());
    assert!(stored || has_reflinks(&app), "it is a second copy");

    fs::remove_file(app.join("shop")).unwrap();
    fs::write(app.join("shop"), "another program").unwrap();
    fs::remove_dir_all(app.join("static/deep")).unwrap();
    fs::write(app.join("written by the app"), "its own").unwrap();
    target.start(world.generation, &spec).await.unwrap();
    assert_eq!(fs::read(app.join("shop")).unwrap(), fs::read(world.project().join("shop")).unwrap());
    assert_eq!(read(&app.join("static/link")), "a { }");
    assert_eq!(read(&app.join("written by the app")), "its own");
    target.stop(world.generation, &slot).await.unwrap();
}

fn has_reflinks(folder: &std::path::Path) -> bool {
    let from = fs::File::open(folder.join("shop")).unwrap();
    let to = fs::File::create(folder.join("reflink")).unwrap();
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

#[tokio::test]
async fn what_a_death_left_is_swept() {
    let world = World::new();
    world.script("shop", "exec sleep 1000");
    let digest = world.artifact(&["shop"]).await;
    let artifacts = world.state().join("artifacts");
    fs::write(artifacts.join("contents/.new-half"), "half").unwrap();
    fs::write(artifacts.join(format!("contents/{}-444", "0".repeat(64))), "of no artifact").unwrap();
    fs::create_dir(artifacts.join("sha256/.new-half")).unwrap();
    fs::write(artifacts.join("sha256/.new-half/index"), "half").unwrap();
    let store = world.store();
    assert_eq!(fs::read_dir(artifacts.join("contents")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(artifacts.join("sha256")).unwrap().count(), 1);
    assert_eq!(store.verify(&digest).await.unwrap(), Presence::Whole);
}

#[tokio::test]
async fn a_build_makes_what_files_names_in_a_clean_environment() {
    let world = World::new();
    let log = world.state().join("logs/build.log");
    let store = world.store();
    let source = world.source(Some("env; mkdir -p out && echo built > out/app"), &["out/app"]);
    let digest = store.make(&source, &log, &Redactor::none()).await.unwrap();
    assert_eq!(store.verify(&digest).await.unwrap(), Presence::Whole);
    let output = read(&log);
    assert!(output.contains("HOME=/nowhere") && !output.contains("CARGO"), "{output}");

    let nothing = store.make(&world.source(None, &[]), &log, &Redactor::none()).await.unwrap();
    assert_eq!(store.verify(&nothing).await.unwrap(), Presence::Whole, "an artifact may be empty");
}

#[tokio::test]
async fn a_failed_build_tells_its_status_and_last_lines() {
    let world = World::new();
    let log = world.state().join("build.log");
    let source = world.source(Some("for i in $(seq 100); do echo line $i; done; echo oh >&2; exit 7"), &[]);
    let error = problem(world.store().make(&source, &log, &Redactor::none()).await.unwrap_err());
    assert_eq!(error.code, Code::BuildFailed);
    assert!(error.message.contains("exit status 7") && error.message.ends_with("line 100\noh"), "{error}");
    assert!(error.message.contains("line 82\n") && !error.message.contains("line 81\n"), "{error}");
    assert!(error.remedy.contains(log.to_str().unwrap()));
    let missing = world.source(Some("true"), &["target/release/shop"]);
    let error = problem(world.store().make(&missing, &log, &Redactor::none()).await.unwrap_err());
    assert_eq!(error.code, Code::ArtifactMissing);
}

#[tokio::test]
async fn a_build_log_has_no_secret_though_it_comes_in_pieces_and_late() {
    let world = World::new();
    let log = world.state().join("build.log");
    let secret = SecretValue::new("hunter2-hunter2".to_owned());
    let redactor = Redactor::new([("TOKEN", &secret)]);
    let command = "printf 'a hunt'; sleep 0.2; printf 'er2-hun' >&2; sleep 0.2; echo 'ter2 b'; \
                   (sleep 1; echo later hunter2-hunter2; echo end) & echo the end is hunter; exit 3";
    let failed = world.store().make(&world.source(Some(command), &[]), &log, &redactor).await.unwrap_err();
    let error = problem(failed);
    assert!(error.message.ends_with("\na [secret TOKEN] b\nthe end is hunter"), "{error}");
    // What the build left running goes on writing.
    let whole =
        eventually("what was left behind", async || Some(read(&log)).filter(|text| text.contains("\nend")));
    assert_eq!(whole.await, "a [secret TOKEN] b\nthe end is hunter\nlater [secret TOKEN]\nend\n");
}

#[tokio::test]
async fn a_build_that_is_given_up_is_ended_with_all_it_started() {
    let world = World::new();
    let pids = world.project().join("pids");
    let source = world.source(Some("echo $$ >> pids; sh -c 'echo $$ >> pids; sleep 1000' & wait"), &[]);
    let store = world.store();
    let log = world.state().join("build.log");
    let build = tokio::spawn(async move { store.make(&source, &log, &Redactor::none()).await });
    let started = eventually("two processes of the build", async || {
        let text = read(&pids);
        let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        (pids.len() == 2).then_some(pids)
    })
    .await;
    assert!(started.iter().all(|pid| runs(*pid)));
    build.abort();
    eventually("the end of the build", async || started.iter().all(|pid| !runs(*pid)).then_some(())).await;
}

#[tokio::test]
async fn a_survey_follows_git_where_there_is_a_repository() {
    let world = World::new();
    let git = |words: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(words).current_dir(world.project()).env_clear().envs(environment());
        command.stdout(std::process::Stdio::null()).status().is_ok_and(|status| status.success())
    };
    if !git(&["init", "--quiet"]) {
        println!("NOT RUN: there is no git on this machine");
        return;
    }
    world.script("main", "echo 1");
    fs::write(world.project().join(".gitignore"), "ignored\n").unwrap();
    let store = world.store();
    let built = world.source(Some("make"), &["out"]);
    let first = store.survey(&built).await.unwrap();
    fs::write(world.project().join("ignored"), "x").unwrap();
    assert_eq!(store.survey(&built).await.unwrap(), first);
    fs::create_dir(world.project().join(".hidden")).unwrap();
    fs::write(world.project().join(".hidden/new"), "x").unwrap();
    let second = store.survey(&built).await.unwrap();
    assert_ne!(second, first, "a new file that is not ignored is a source");
    assert!(git(&["add", "."]));
    assert_eq!(store.survey(&built).await.unwrap(), second);
    fs::remove_file(world.project().join(".hidden/new")).unwrap();
    assert_eq!(store.survey(&built).await.unwrap(), first, "what was deleted is none any more");
}

#[tokio::test]
async fn a_full_disk_is_told_and_leaves_nothing_behind() {
    let world = World::new();
    fs::create_dir(world.state()).unwrap();
    let state = world.state();
    let mount = |words: &[&str]| {
        let mut command = std::process::Command::new("mount");
        command.args(words).arg(&state).stderr(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"]) {
        println!("NOT RUN: this user may not mount a small file system");
        return;
    }
    let _mounted = Mounted(&state);
    let store = world.store();
    fs::write(world.project().join("small"), vec![1; 100_000]).unwrap();
    fs::write(world.project().join("large"), vec![2; 1_000_000]).unwrap();
    let log = world.project().join("build.log");
    let error = problem(
        store.make(&world.source(None, &["small", "large"]), &log, &Redactor::none()).await.unwrap_err(),
    );
    assert_eq!(error.code, Code::DiskFull);
    assert!(error.message.contains("contents") && error.message.contains("bytes are free"), "{error}");
    assert_eq!(fs::read_dir(state.join("artifacts/contents")).unwrap().count(), 0);
    let digest = store.make(&world.source(None, &["small"]), &log, &Redactor::none()).await.unwrap();
    assert_eq!(store.verify(&digest).await.unwrap(), Presence::Whole);

    // An instance whose records find no room either.
    let target = world.target().await;
    fs::write(state.join("fill"), "").unwrap();
    let mut filler = fs::File::options().append(true).open(state.join("fill")).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 512]).is_ok() {}
    let spec = blue(release(1, &digest, vec![shell("web", "exec sleep 1000")]));
    let error = problem(target.start(world.generation, &spec).await.unwrap_err());
    assert_eq!(error.code, Code::DiskFull, "{error}");
    assert!(world.processes().is_empty());
    drop(filler);
    fs::remove_file(state.join("fill")).unwrap();
    target.start(world.generation, &spec).await.unwrap();
    target.stop(world.generation, &reference(&spec)).await.unwrap();
}

/// A file system of a test, taken off at its end.
struct Mounted<'a>(&'a std::path::Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[tokio::test]
async fn a_survey_tells_what_would_be_made_and_makes_nothing() {
    let world = World::new();
    world.script("shop", "echo 1");
    let store = world.store();
    let files = world.source(None, &["shop"]);
    let surveyed = store.survey(&files).await.unwrap();
    assert_eq!(store.verify(&surveyed).await.unwrap(), Presence::Missing);
    assert_eq!(world.artifact(&["shop"]).await, surveyed);

    let built = world.source(Some("make"), &["out"]);
    let first = store.survey(&built).await.unwrap();
    assert_eq!(first.len(), 64);
    for ignored in ["out/x", "target/x", "node_modules/x", ".hidden/x"] {
        let path = world.project().join(ignored);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    assert_eq!(store.survey(&built).await.unwrap(), first, "what is built is no source");
    world.script("shop", "echo 2");
    assert_ne!(store.survey(&built).await.unwrap(), first);
}
