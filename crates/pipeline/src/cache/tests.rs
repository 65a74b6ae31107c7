//! Hits, and each kind of miss.

use super::*;
use crate::plan::Retry;

fn job() -> Job {
    Job {
        name: "unit".to_owned(),
        run: vec!["npm test".to_owned()],
        needs: Vec::new(),
        timeout_ms: 1,
        attempt_timeout_ms: 1,
        retry: Retry { attempts: 1, backoff_ms: 0, on: Vec::new() },
        cache: Some(cache()),
        reports: Vec::new(),
        secrets: Vec::new(),
        env: [("MODE".to_owned(), "fast".to_owned())].into(),
        given: Vec::new(),
        finally: None,
        inputs: Vec::new(),
    }
}

fn cache() -> Cache {
    Cache { key: vec!["lock".to_owned()], paths: vec!["modules".to_owned()], tools: Vec::new() }
}

fn files() -> BTreeMap<String, String> {
    [("lock", "1"), ("src/a.js", "2"), ("docs/x.md", "3")]
        .map(|(path, id)| (path.to_owned(), id.to_owned()))
        .into()
}

struct World {
    folder: tempfile::TempDir,
    store: Store,
    owner: Owner,
}

impl World {
    fn new(bound: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store { folder: folder.path().join("cache"), bound };
        let text = |text: &str| text.to_owned();
        let owner = Owner { app: text("shop"), stage: text("code quality"), job: text("unit") };
        let world = Self { folder, store, owner };
        fs::create_dir_all(world.project().join("modules/deep")).unwrap();
        fs::create_dir_all(world.run()).unwrap();
        fs::write(world.project().join("lock"), "v1").unwrap();
        fs::write(world.project().join("modules/deep/x"), "kept").unwrap();
        world
    }

    fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn look(&self, inputs: &Inputs) -> Found {
        self.store.look(&self.owner, inputs, &cache(), &self.project(), &self.run()).unwrap()
    }

    fn keep(&self, inputs: &Inputs) {
        let passed = Passed {
            run: "ship-1",
            inputs,
            cache: &cache(),
            project: &self.project(),
            run_folder: &self.run(),
            reports: &[],
        };
        self.store.keep(&self.owner, &passed).unwrap();
    }

    #[track_caller]
    fn misses(&self, inputs: &Inputs, why: &str) {
        match self.look(inputs) {
            Found::Miss(said) => assert_eq!(said, why),
            Found::Hit { run, .. } => panic!("it was found, of {run}"),
        }
    }
}

fn inputs(
    change: impl FnOnce(&mut Job, &mut BTreeMap<String, String>, &mut BTreeMap<String, String>),
) -> Inputs {
    let (mut job, mut files) = (job(), files());
    let mut tools = BTreeMap::from([("node --version".to_owned(), "22".to_owned())]);
    change(&mut job, &mut files, &mut tools);
    Inputs::of(&job, &job.env, &files, tools)
}

#[test]
fn the_same_is_found_and_each_change_has_its_reason() {
    let world = World::new(BOUND);
    let same = inputs(|_, _, _| {});
    world.misses(&same, "it never passed here");
    world.keep(&same);
    fs::remove_dir_all(world.project().join("modules")).unwrap();
    assert!(matches!(world.look(&same), Found::Hit { run, .. } if run == "ship-1"));
    assert_eq!(fs::read(world.project().join("modules/deep/x")).unwrap(), b"kept", "it is put back");

    world.misses(&inputs(|job, _, _| job.run = vec!["npm t".to_owned()]), "its command changed");
    world
        .misses(&inputs(|_, files, _| drop(files.insert("src/a.js".into(), "9".into()))), "src/a.js changed");
    world.misses(&inputs(|_, files, _| drop(files.insert("new".into(), "9".into()))), "new changed");
    world.misses(&inputs(|_, files, _| drop(files.remove("docs/x.md"))), "docs/x.md changed");
    world.misses(&inputs(|job, _, _| drop(job.env.remove("MODE"))), "the variable MODE changed");
    world.misses(
        &inputs(|_, _, tools| drop(tools.insert("node --version".into(), "24".into()))),
        "`node --version` answers something else",
    );
}

#[test]
fn only_what_it_names_is_looked_at() {
    let named = |id: &str| {
        inputs(|job, files, _| {
            job.inputs = vec!["src/**".to_owned(), "lock".to_owned()];
            files.insert("docs/x.md".to_owned(), id.to_owned());
        })
    };
    assert_eq!(named("3").key(), named("4").key());
    let beside = |id: &str| {
        inputs(|job, files, _| {
            job.inputs = vec!["../lib/**".to_owned()];
            files.insert("../lib/a".to_owned(), id.to_owned());
        })
    };
    assert_eq!(beside("4").differs(&beside("3")).as_deref(), Some("../lib/a changed"));
}

#[test]
fn no_value_of_a_variable_is_kept() {
    let text = serde_json::to_string(&inputs(|_, _, _| {})).unwrap();
    assert!(!text.contains("fast"), "{text}");
}

#[test]
fn the_oldest_go_first_and_it_is_said() {
    let world = World::new(2_500);
    fs::write(world.run().join("report"), vec![b'x'; 10]).unwrap();
    fs::write(world.project().join("modules/deep/x"), vec![b'x'; 1_200]).unwrap();
    let first = inputs(|_, _, _| {});
    world.keep(&first);
    let old = std::time::Duration::from_secs(100);
    for kind in ["results", "paths"] {
        for entry in fs::read_dir(world.store.folder.join(kind).join(world.owner.name())).unwrap() {
            let opened = File::open(entry.unwrap().path()).unwrap();
            let earlier = opened.metadata().unwrap().modified().unwrap() - old;
            opened.set_modified(earlier).unwrap();
        }
    }
    fs::write(world.project().join("lock"), "v2").unwrap();
    world.keep(&inputs(|_, files, _| drop(files.insert("lock".into(), "9".into()))));
    match world.look(&first) {
        Found::Miss(why) => assert!(why.contains("evicted") || why.contains("lock changed"), "{why}"),
        Found::Hit { .. } => panic!("the store is larger than its bound"),
    }
    assert!(size(&world.store.folder.join("results")) + size(&world.store.folder.join("paths")) <= 2_500);
}

#[test]
fn half_an_entry_is_none_and_is_made_again() {
    let world = World::new(BOUND);
    let same = inputs(|_, _, _| {});
    world.keep(&same);
    let entry = world.store.result(&world.owner, &same.key()).join("entry.json");
    fs::write(&entry, b"{").unwrap();
    assert!(matches!(world.look(&same), Found::Miss(_)));
}
