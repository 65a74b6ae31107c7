//! Which artifact a deploy takes: the one that is named, the one that settled in another environment, or one that is still to be
//! made. What is promoted is taken by its digest, and with the migrations that it ran on there.

use bascule_journal::Standard;
use bascule_model::gate::Provenance;
use bascule_model::ids::{EnvironmentKey, EnvironmentName};
use bascule_model::plan::Promoted;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Release, TargetKind};
use bascule_model::schema::Schema;

use crate::draft::Wish;
use crate::engine::Engine;
use crate::planner;

/// A release that is live and settled in the environment that artifacts are taken from.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    from: EnvironmentName,
    pub(crate) release: Release,
}

impl Settled {
    pub(crate) fn promoted(&self) -> Promoted {
        Promoted { environment: self.from.clone(), release: self.release.id.clone() }
    }
}

impl Engine {
    /// What settled in the environment that the wish takes artifacts from; none where it takes none.
    pub(crate) async fn settled_there(&self, wish: &Wish) -> Result<Option<Settled>, Problem> {
        let Some(from) = &wish.promote_from else { return Ok(None) };
        let key = EnvironmentKey { app: wish.key().app.clone(), environment: from.clone() };
        let environment = self.environment(&key).await?;
        let Some(live) = &environment.live else {
            return Err(nothing(wish, from, "nothing is live there"));
        };
        let record = self.journal.release(&key, &live.release).await?;
        let has_settled = environment.settled.last() == Some(&live.release);
        match record.filter(|record| record.standard == Standard::Settled && has_settled) {
            Some(record) => Ok(Some(Settled { from: from.clone(), release: record.release })),
            None => Err(nothing(wish, from, &format!("{} is live there and has not settled", live.release))),
        }
    }
}

fn nothing(wish: &Wish, from: &EnvironmentName, why: &str) -> Problem {
    Problem::new(
        Code::NothingToPromote,
        format!("{} takes what settled in {from}, and {why}", planner::named(wish.key())),
        format!(
            "`bascule deploy {from}`, and when it has settled `bascule deploy {}`",
            wish.key().environment
        ),
    )
}

/// The digest of the artifact that is taken; none: one is made.
pub(crate) fn chosen(wish: &Wish, settled: Option<&Settled>) -> Result<Option<String>, Problem> {
    let key = wish.key();
    let Some(Settled { from, release }) = settled else {
        return match &wish.artifact {
            Some(digest) if !fits(digest, wish.release.target) => Err(unfit(wish, digest)),
            named => Ok(named.clone()),
        };
    };
    match &wish.artifact {
        Some(named) if *named != release.artifact => Err(Problem::new(
            Code::PromotionRefused,
            format!(
                "{} takes what settled in {from}, which is {}, and not {named}",
                planner::named(key),
                release.artifact
            ),
            format!(
                "bring {named} live in {from} first, or deploy what settled: `bascule deploy {}`",
                key.environment
            ),
        )),
        _ if !fits(&release.artifact, wish.release.target) => Err(unfit(wish, &release.artifact)),
        _ => Ok(Some(release.artifact.clone())),
    }
}

/// Files are for processes, images for containers.
fn fits(digest: &str, target: TargetKind) -> bool {
    digest.starts_with("image:") == (target != TargetKind::Process)
}

fn unfit(wish: &Wish, digest: &str) -> Problem {
    let what = if digest.starts_with("image:") { "an image" } else { "files" };
    let runs = wish.release.target.as_str();
    Problem::new(
        Code::PromotionRefused,
        format!("{digest} is {what}, and {} has the target {runs}", planner::named(wish.key())),
        "give both environments the same `target` in bascule.toml",
    )
}

/// Where the artifact is from: what is promoted keeps what was known of it there.
pub(crate) fn provenance(wish: &Wish, settled: Option<&Settled>) -> Option<Provenance> {
    match settled {
        Some(settled) => settled
            .release
            .provenance
            .clone()
            .or_else(|| wish.provenance.clone().filter(|_| wish.artifact.is_some())),
        None => wish.provenance.clone(),
    }
}

/// What the reader of a plan should know when the manifest is not of the artifact's commit.
pub(crate) fn note(wish: &Wish, settled: &Settled) -> Option<String> {
    let here = wish.provenance.as_ref()?;
    let there = settled.release.provenance.as_ref()?;
    if here.commit == there.commit && !here.dirty {
        return None;
    }
    let dirty = if here.dirty { " with changes that are in no commit" } else { "" };
    Some(format!(
        "services and configuration are those of the folder, commit {}{dirty}; the artifact is of commit {}",
        here.commit, there.commit
    ))
}

/// Whether the migrations in the folder are those that the promoted release ran on.
pub(crate) fn same_migrations(wish: &Wish, settled: &Settled, ours: Option<&Schema>) -> Result<(), Problem> {
    let Settled { from, release } = settled;
    let theirs = release.schema.as_ref();
    let differ = match (theirs, ours) {
        // Where Bascule has nothing to do with the database, its migrations are somebody else's business.
        (_, None) => false,
        (None, Some(ours)) => !ours.versions.is_empty(),
        (Some(theirs), Some(ours)) => theirs.set != ours.set,
    };
    if !differ {
        return Ok(());
    }
    let (ours, theirs) = (versions(ours), versions(theirs));
    let only = |left: &[String], right: &[String]| -> Vec<String> {
        left.iter().filter(|version| !right.contains(version)).cloned().collect()
    };
    let (more, fewer) = (only(&ours, &theirs), only(&theirs, &ours));
    let difference = match (more.is_empty(), fewer.is_empty()) {
        (true, true) => "the same versions stand there with other contents".to_owned(),
        (false, true) => format!("only here: {}", more.join(", ")),
        (true, false) => format!("only there: {}", fewer.join(", ")),
        (false, false) => format!("only here: {}; only there: {}", more.join(", "), fewer.join(", ")),
    };
    let commit = match &release.provenance {
        Some(provenance) => format!("check out {}, of which {} is made", provenance.commit, release.id),
        None => format!("check out what {} is made of", release.id),
    };
    Err(Problem::new(
        Code::PromotionMigrations,
        format!(
            "the migrations in the folder are not those that {} runs on in {from}: {difference}",
            release.id
        ),
        format!(
            "{commit}, then `bascule deploy {}` again; or bring the others live in {from} first",
            wish.key().environment
        ),
    ))
}

fn versions(schema: Option<&Schema>) -> Vec<String> {
    schema.map(|schema| schema.versions.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use bascule_model::manifest::Policy;
    use bascule_model::release::{Configuration, Source};

    use super::*;
    use crate::testing::{ARTIFACT, release, schema};

    fn wish(artifact: Option<&str>) -> Wish {
        Wish {
            release: release("production", &[]),
            configuration: Configuration::default(),
            source: Source {
                project: PathBuf::from("/project"),
                command: None,
                files: Vec::new(),
                image: None,
                migrations: None,
            },
            artifact: artifact.map(str::to_owned),
            provenance: None,
            promote_from: None,
            policy: Policy::default(),
        }
    }

    fn settled(artifact: &str) -> Settled {
        let mut release = release("staging", &[]);
        artifact.clone_into(&mut release.artifact);
        Settled { from: "staging".parse().unwrap(), release }
    }

    fn commit(commit: &str) -> Provenance {
        Provenance { commit: commit.to_owned(), dirty: false, pipeline: None }
    }

    #[test]
    fn what_settled_is_taken_and_nothing_else() {
        for (named, there, target, expected) in [
            (None, None, TargetKind::Process, Ok(None)),
            (Some("sha256:bb"), None, TargetKind::Process, Ok(Some("sha256:bb"))),
            (Some("sha256:bb"), None, TargetKind::Docker, Err(Code::PromotionRefused)),
            (None, Some(ARTIFACT), TargetKind::Process, Ok(Some(ARTIFACT))),
            (Some(ARTIFACT), Some(ARTIFACT), TargetKind::Process, Ok(Some(ARTIFACT))),
            (Some("sha256:bb"), Some(ARTIFACT), TargetKind::Process, Err(Code::PromotionRefused)),
            (None, Some(ARTIFACT), TargetKind::Docker, Err(Code::PromotionRefused)),
            (None, Some("image:sha256:cc"), TargetKind::Docker, Ok(Some("image:sha256:cc"))),
            (None, Some("image:sha256:cc"), TargetKind::Process, Err(Code::PromotionRefused)),
        ] {
            let mut wish = wish(named);
            wish.release.target = target;
            let settled = there.map(settled);
            let found = chosen(&wish, settled.as_ref());
            let found = found.as_ref().map(Option::as_deref).map_err(|problem| problem.code);
            assert_eq!(found, expected, "{named:?} {there:?} {target:?}");
        }
    }

    #[test]
    fn what_is_promoted_keeps_its_commit() {
        let mut there = settled(ARTIFACT);
        let mut wish = wish(None);
        wish.provenance = Some(commit("here"));
        assert_eq!(provenance(&wish, None), Some(commit("here")));
        // The folder's commit says nothing of an artifact that was not made of it.
        assert_eq!(provenance(&wish, Some(&there)), None);
        wish.artifact = Some(ARTIFACT.to_owned());
        assert_eq!(provenance(&wish, Some(&there)), Some(commit("here")));
        there.release.provenance = Some(commit("there"));
        assert_eq!(provenance(&wish, Some(&there)), Some(commit("there")));
    }

    #[test]
    fn a_manifest_of_another_commit_is_said() {
        let mut there = settled(ARTIFACT);
        there.release.provenance = Some(commit("a"));
        let mut wish = wish(None);
        assert_eq!(note(&wish, &there), None);
        wish.provenance = Some(commit("a"));
        assert_eq!(note(&wish, &there), None);
        wish.provenance = Some(commit("b"));
        assert!(note(&wish, &there).unwrap().contains("commit b; the artifact is of commit a"));
        wish.provenance = Some(Provenance { dirty: true, ..commit("a") });
        assert!(note(&wish, &there).unwrap().contains("in no commit"));
    }

    #[test]
    fn migrations_are_those_that_the_promoted_release_runs_on() {
        let refused = |theirs: Option<Schema>, ours: Option<Schema>| {
            let mut there = settled(ARTIFACT);
            there.release.schema = theirs;
            there.release.provenance = Some(commit("c0ffee"));
            same_migrations(&wish(None), &there, ours.as_ref()).err()
        };
        assert_eq!(refused(Some(schema("a")), Some(schema("a"))), None);
        assert_eq!(refused(None, None), None);
        assert_eq!(refused(Some(schema("a")), None), None);
        assert_eq!(refused(None, Some(Schema { versions: Vec::new(), ..schema("a") })), None);
        let more = Schema { versions: vec!["1".to_owned(), "2".to_owned()], ..schema("b") };
        for (theirs, ours, says) in [
            (Some(schema("a")), Some(schema("b")), "with other contents"),
            (Some(schema("a")), Some(more.clone()), "only here: 2"),
            (Some(more), Some(schema("a")), "only there: 2"),
            (None, Some(schema("a")), "only here: 1"),
        ] {
            let problem = refused(theirs, ours).unwrap();
            assert_eq!(problem.code, Code::PromotionMigrations);
            assert!(problem.message.contains(says), "{says}: {}", problem.message);
            assert!(problem.remedy.contains("c0ffee"), "{}", problem.remedy);
        }
    }
}
