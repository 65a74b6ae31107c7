//! Builds that do not succeed: which step, its last lines, and where the rest is.

use std::fs;

use bascule_engine::ports::Artifacts;
use bascule_model::problem::Code;
use bascule_model::release::{Configuration, ImageBuild, ImageFrom};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails() {
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        world.busybox();
        let run = "RUN for n in $(/bin/busybox seq 40); do echo line-$n; done; echo it is broken >&2; exit 3";
        world.write("Dockerfile", format!("{BASE}RUN echo fine\n{run}\n"));
        let failed = world.build(builder).await.unwrap_err();
        assert_eq!(failed.code, Code::BuildFailed);
        let message = &failed.message;
        assert!(message.contains("RUN for n in") && message.contains('3'), "{message}");
        assert!(message.contains("\nline-40") && message.contains("\nit is broken"), "{message}");
        assert!(!message.contains("line-9\n"), "the last lines alone: {message}");
        let log = world.log_path();
        assert!(failed.remedy.contains(&log.display().to_string()), "{failed:?}");
        let log = world.log();
        assert!(log.contains("line-1\n") && log.contains("fine"), "{log}");
        assert!(world.images.list_unneeded(&[]).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_words_without_a_line_s_end() {
    for builder in BUILDERS {
        for to in ["1", "2"] {
            let Some(world) = World::new().await else { return };
            world.busybox();
            world.write("Dockerfile", format!("{BASE}RUN echo one; echo -n last words >&{to}; exit 1\n"));
            let failed = world.build(builder).await.unwrap_err();
            let lines: Vec<&str> = failed.message.lines().collect();
            assert!(lines.contains(&"one") && lines.contains(&"last words"), "{builder:?}: {failed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_that_cannot_be_read() {
    for builder in BUILDERS {
        for (text, says) in
            [("FROM scratch\nCOPPY . /\n", "COPPY"), ("FROM scratch\nCOPY nothing /\n", "nothing")]
        {
            let Some(world) = World::new().await else { return };
            world.write("Dockerfile", text);
            let failed = world.build(builder).await.unwrap_err();
            assert_eq!(failed.code, Code::BuildFailed, "{failed}");
            assert!(failed.message.to_lowercase().contains(&says.to_lowercase()), "{failed}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there() {
    let Some(world) = World::new().await else { return };
    let survey = async |build: ImageBuild| {
        let source = world.source(ImageFrom::Build(build), None);
        problem(world.images.survey(&source, &Configuration::default()).await.unwrap_err())
    };
    let missing = survey(build()).await;
    assert_eq!(missing.code, Code::ArtifactMissing);
    assert!(missing.message.contains("project/Dockerfile"), "{missing}");
    world.write("Dockerfile", "FROM scratch\n");
    let missing = survey(ImageBuild { context: "nowhere".to_owned(), ..build() }).await;
    assert_eq!(missing.code, Code::ArtifactMissing);
    assert!(missing.message.contains("nowhere"), "{missing}");
    world.write(".dockerignore", "a\n[b\n");
    let wrong = survey(build()).await;
    assert_eq!(wrong.code, Code::BuildFailed);
    assert!(wrong.message.contains(".dockerignore") && wrong.message.contains("[b"), "{wrong}");
    fs::remove_file(world.project().join(".dockerignore")).unwrap();
    fs::remove_file(world.project().join("Dockerfile")).unwrap();
    fs::create_dir(world.project().join("Dockerfile")).unwrap();
    assert_eq!(survey(build()).await.code, Code::ArtifactMissing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_dockerfiles_that_cannot_be_fetched() {
    let Some(world) = World::new().await else { return };
    world.write("Dockerfile", "# syntax=127.0.0.1:1/dockerfile:1\nFROM scratch\nCOPY . /\n");
    let failed = world.build(bascule_target_docker::Builder::Best).await.unwrap_err();
    assert_eq!(failed.code, Code::BuildFailed);
    assert!(failed.remedy.contains("# syntax=127.0.0.1:1/dockerfile:1"), "{failed:?}");
}
