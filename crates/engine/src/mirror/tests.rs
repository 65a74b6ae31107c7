use bascule_journal::{MemoryJournal, Take};
use bascule_model::ids::Slot;
use bascule_model::manifest::InstanceText;
use bascule_model::plan::{ArtifactPlan, PlannedStep, RunKind, Standing, Way};
use bascule_model::release::Credentials;
use bascule_model::run::{OnFailure, Touches};

use super::*;
use crate::testing::{key, release};

/// Seals nothing.
struct Open;

impl Vault for Open {
    fn seal(&self, _: &ReleaseId, configuration: &Configuration) -> Result<Vec<u8>, Problem> {
        Ok(serde_json::to_vec(configuration).unwrap())
    }

    fn open(&self, _: &ReleaseId, sealed: &[u8]) -> Result<Configuration, Problem> {
        Ok(serde_json::from_slice(sealed).unwrap())
    }

    fn fingerprint(&self, value: &str) -> String {
        value.to_owned()
    }
}

fn id(number: u64) -> ReleaseId {
    ReleaseId::new(number, "abcdef")
}

fn run(number: u64, live: Option<u64>) -> RunRecord {
    let plan = Plan {
        tasks: Vec::new(),
        kind: RunKind::Deploy,
        key: key("staging"),
        release: Some(id(number)),
        slot: Slot::Blue,
        live: live.map(|live| Standing { release: id(live), slot: Slot::Green }),
        standby: None,
        way: Way::Switch,
        content: String::new(),
        artifact: ArtifactPlan::None,
        promoted: None,
        provenance: None,
        services: Vec::new(),
        configuration: Vec::new(),
        schema: None,
        steps: vec![PlannedStep { name: "switch".to_owned(), says: String::new() }],
        notes: Vec::new(),
    };
    RunRecord {
        id: RunId::from_text(format!("run-{number}")),
        plan,
        actor: "ada".to_owned(),
        created_at: Timestamp::UNIX_EPOCH,
        finished_at: None,
        state: RunState::new(OnFailure::Undo, [("switch".to_owned(), Touches::World)]),
    }
}

/// A journal with a run of release `number`, whose values take so many bytes, as do those of `former` ones that had settled.
async fn journal(former: u64, bytes: usize) -> (MemoryJournal, RunId) {
    let journal = MemoryJournal::new();
    let number = former + 1;
    let text = InstanceText::literal(&"v".repeat(bytes));
    let env = [("web".parse().unwrap(), [("A".to_owned(), text)].into())].into();
    let sealed = serde_json::to_vec(&Configuration { env, ..Configuration::default() }).unwrap();
    let record = |number| {
        let release = Release { id: id(number), number, ..release("staging", &[]) };
        ReleaseRecord { release, sealed: sealed.clone(), standard: Standard::Settled, source: None }
    };
    let mut environment = EnvironmentRecord::new(key("staging"));
    environment.settled = (1..number).map(id).collect();
    environment.generation = Generation(1);
    let adopted = Adopted {
        run: RunRecord { id: RunId::from_text("run-0"), ..run(number, None) },
        environment,
        events: Vec::new(),
        releases: (1..=number).map(record).collect(),
        at: Timestamp::UNIX_EPOCH,
        actor: "ada".to_owned(),
    };
    journal.adopt(&adopted).await.unwrap();
    let until = Timestamp::UNIX_EPOCH;
    journal.resume(&adopted.run.id, "one", until, until, Take::IfFree).await.unwrap();
    (journal, adopted.run.id)
}

fn kept_numbers(mirrored: &Mirrored) -> Vec<u64> {
    mirrored.releases.iter().map(|kept| kept.release.number).collect()
}

#[tokio::test]
async fn what_stands_is_kept_and_former_releases_as_far_as_there_is_room() {
    let (store, id) = journal(8, 10).await;
    let mirrored = Mirrored::read(&of(&store, &Open, &id).await.unwrap()).unwrap();
    assert_eq!(kept_numbers(&mirrored), [9, 8, 7, 6, 5, 4]);
    assert_eq!(mirrored.environment.settled.len(), 5, "no more than can be gone back to");
    assert_eq!(mirrored.generation(), Generation(2));

    let (store, id) = journal(8, LIMIT / 3).await;
    let bytes = of(&store, &Open, &id).await.unwrap();
    assert!(bytes.len() <= LIMIT, "{}", bytes.len());
    assert_eq!(kept_numbers(&Mirrored::read(&bytes).unwrap()), [9, 8]);

    let (store, id) = journal(0, LIMIT).await;
    let refused = of(&store, &Open, &id).await.unwrap_err();
    assert_eq!(refused.code, Code::MirrorUnusable, "{refused}");
}

#[test]
fn what_only_a_build_needs_is_left_out() {
    let text = InstanceText::literal;
    let configuration = Configuration {
        env: [("web".parse().unwrap(), [("URL".to_owned(), text("db://u:p\"w@h"))].into())].into(),
        secrets: [
            ("variables.PASSWORD".to_owned(), text("p\"w")),
            ("variables.NPM".to_owned(), text("of-the-build")),
        ]
        .into(),
        build_secrets: [("NPM".to_owned(), "of-the-build".to_owned())].into(),
        registry: Some(Credentials { username: "u".to_owned(), password: "of-the-registry".to_owned() }),
        ..Configuration::default()
    };
    let kept = without_builds(configuration).unwrap();
    assert!(kept.registry.is_none() && kept.build_secrets.is_empty());
    assert_eq!(kept.secrets.keys().collect::<Vec<_>>(), ["variables.PASSWORD"]);
}

#[test]
fn who_takes_over_is_above_whatever_came_before() {
    for (before, after) in [(0, 1 << 32), (7, 1 << 32), ((1 << 32) - 1, 1 << 32), (1 << 32, 2 << 32)] {
        assert_eq!(generation_after(Generation(before)), Generation(after), "{before}");
    }
}

#[test]
fn a_run_knows_of_whom_it_found_and_whom_it_has_begun_to_move_the_traffic_to() {
    let environment = EnvironmentRecord {
        live: Some(Standing { release: id(1), slot: Slot::Green }),
        ..EnvironmentRecord::new(key("staging"))
    };
    let RunRecord { id: name, plan, actor, created_at, finished_at, state } = run(2, Some(1));
    let run = Run { id: name, plan, actor, created_at, finished_at, state };
    let mut mirrored =
        Mirrored { version: VERSION, environment, run, events: Vec::new(), releases: Vec::new() };
    let explained = |mirrored: &Mirrored| {
        [Some(id(1)), Some(id(2)), Some(id(3)), None].map(|live| mirrored.explains(live.as_ref()))
    };
    assert_eq!(explained(&mirrored), [true, false, false, false]);
    let began = bascule_model::run::Event::StepStarted { step: "switch".to_owned(), attempt: 1 };
    mirrored.run.state.on(&began).unwrap();
    assert_eq!(explained(&mirrored), [true, true, false, false]);
}
