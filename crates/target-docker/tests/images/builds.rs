//! Building: what arrives, what is said of it, what is not built again. With both builders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use bascule_engine::ports::{Artifacts, Presence};
use bascule_model::problem::Code;
use bascule_model::release::{Configuration, ImageBuild};
use bascule_target_docker::Builder;

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn files_modes_links_and_labels_arrive() {
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        world.write("Dockerfile", "FROM scratch\nCOPY . /app/\nLABEL mine=1\n");
        world.write("static/deep/a.css", "a { }");
        world.write("run.sh", "echo");
        fs::set_permissions(world.project().join("run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("static/deep/a.css", world.project().join("link")).unwrap();
        let commit = "ab".repeat(20);
        world.write(".git/HEAD", format!("{commit}\n"));
        world.write(".dockerignore", ".git\n");
        let made = world.build(builder).await.unwrap();
        assert!(made.digest.starts_with("image:sha256:") && made.digest.len() == 77, "{}", made.digest);
        assert_eq!(made.says, None);
        let files = world.files(&made.digest).await;
        let expected = BTreeMap::from(
            [
                ("app", "drwxr-xr-x 0/0"),
                ("app/.dockerignore", "-rw-r--r-- 0/0"),
                ("app/Dockerfile", "-rw-r--r-- 0/0"),
                ("app/link", "lrwxrwxrwx 0/0 -> static/deep/a.css"),
                ("app/run.sh", "-rwxr-x--- 0/0"),
                ("app/static", "drwxr-xr-x 0/0"),
                ("app/static/deep", "drwxr-xr-x 0/0"),
                ("app/static/deep/a.css", "-rw-r--r-- 0/0"),
            ]
            .map(|(path, says)| (path.to_owned(), says.to_owned())),
        );
        assert_eq!(files, expected, "{builder:?}");
        let labels = world.labels(&made.digest).await;
        let (fingerprint, command) = world.survey(build()).await;
        assert_eq!(command, "docker build -f Dockerfile .");
        for (name, value) in [
            ("bascule.owner", world.state_id.as_str()),
            ("bascule.app", "shop"),
            ("bascule.environment", "test"),
            ("bascule.source", &fingerprint),
            ("bascule.commit", &commit),
            ("bascule.plan", PLAN),
            ("mine", "1"),
        ] {
            assert_eq!(labels[name], value, "{name}");
        }
        assert!(labels["bascule.created"].ends_with('Z'), "{labels:?}");
        let tags = world.inspect(&made.digest).await.unwrap().repo_tags.unwrap();
        assert!(tags[0].starts_with(&format!("bascule/shop:{}-", &fingerprint[..12])), "{tags:?}");
        assert!(world.log().contains("COPY . /app/"), "{}", world.log());
        assert!(world.notes.lock().unwrap().iter().any(|note| note.contains("COPY . /app/")));
        let presence = world.images.verify(&made.digest, &Configuration::default()).await.unwrap();
        assert_eq!(presence, Presence::Whole);
        let other = format!("image:sha256:{}", "0".repeat(64));
        let presence = world.images.verify(&other, &Configuration::default()).await.unwrap();
        assert_eq!(presence, Presence::Missing);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_sources_are_not_built_again() {
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        world.write("Dockerfile", "FROM scratch\nCOPY a /\n");
        world.write("a", "one");
        world.write("README", "text");
        world.write(".dockerignore", "README\n");
        let first = world.build(builder).await.unwrap();
        fs::remove_file(world.log_path()).unwrap();
        let again = world.build(builder).await.unwrap();
        assert_eq!(again.digest, first.digest);
        let says = again.says.unwrap();
        assert!(says.starts_with("nothing has changed since the image was built for test on 20"), "{says}");
        assert_eq!(world.log().trim(), says);

        let (before, _) = world.survey(build()).await;
        world.write("README", "another text");
        assert_eq!(world.survey(build()).await.0, before, "what is left out counts for nothing");
        world.write("state/journal", "of a control plane");
        assert_ne!(world.survey(build()).await.0, before);
        fs::remove_dir_all(world.project().join("state")).unwrap();
        fs::set_permissions(world.project().join("a"), fs::Permissions::from_mode(0o600)).unwrap();
        assert_ne!(world.survey(build()).await.0, before, "the mode counts");
        fs::set_permissions(world.project().join("a"), fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(world.survey(build()).await.0, before);

        // Of the same length, and with the time of the one before: it is another one all the same.
        let path = world.project().join("a");
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "two").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        let changed = world.build(builder).await.unwrap();
        assert_ne!(changed.digest, first.digest);
        assert_eq!(changed.says, None);
        let layers =
            async |digest: &str| world.inspect(digest).await.unwrap().root_fs.unwrap().layers.unwrap();
        assert_ne!(layers(&changed.digest).await, layers(&first.digest).await, "{builder:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn target_arguments_and_platform() {
    let Some(world) = World::new().await else { return };
    world.busybox();
    let dockerfile = "ARG NAME=none\nFROM scratch AS base\nCOPY busybox /bin/busybox\n\
        SHELL [\"/bin/busybox\", \"sh\", \"-c\"]\nARG NAME\nRUN echo > /of-$NAME\n\
        FROM base AS first\nCOPY Dockerfile /first\nFROM base\nCOPY Dockerfile /last\n";
    world.write("Dockerfile", dockerfile);
    let args = BTreeMap::from([("NAME".to_owned(), "me you".to_owned())]);
    let platform = Some("linux/amd64".to_owned()).filter(|_| cfg!(target_arch = "x86_64"));
    let build = ImageBuild { target: Some("first".to_owned()), args, platform, ..build() };
    let (first, command) = world.survey(build.clone()).await;
    assert!(command.contains("--target first") && command.contains("--build-arg NAME"), "{command}");
    assert!(!command.contains("me you"), "{command}");
    let others = [
        ImageBuild { target: None, ..build.clone() },
        ImageBuild { args: BTreeMap::new(), ..build.clone() },
        ImageBuild { secrets: vec!["token".to_owned()], ..build.clone() },
    ];
    for other in others {
        assert_ne!(world.survey(other).await.0, first);
    }
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        world.busybox();
        world.write("Dockerfile", dockerfile.replace("/of-$NAME", "\"/of-$NAME\""));
        let made = world.build_as(builder, build.clone(), &Configuration::default()).await.unwrap();
        let files: Vec<String> = world.files(&made.digest).await.into_keys().collect();
        assert!(files.contains(&"first".to_owned()) && !files.contains(&"last".to_owned()), "{files:?}");
        assert!(files.iter().any(|file| file.starts_with("of-me")), "{files:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_that_lies_elsewhere() {
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        world.write("docker/Dockerfile.web", "FROM scratch\nCOPY . /\n");
        world.write("docker/Dockerfile.web.dockerignore", "b\n");
        world.write("app/.dockerignore", "a\n");
        world.write("app/a", "");
        world.write("app/b", "");
        let build = ImageBuild {
            dockerfile: "docker/Dockerfile.web".to_owned(),
            context: "app".to_owned(),
            ..build()
        };
        let made = world.build_as(builder, build, &Configuration::default()).await.unwrap();
        let files: Vec<String> = world.files(&made.digest).await.into_keys().collect();
        match builder {
            Builder::Best => assert_eq!(files, [".dockerignore", "a"]),
            // It goes with the Dockerfile, as with Docker's own client.
            Builder::Classic => assert_eq!(files, ["a"]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_base_of_the_same_name_is_another_image() {
    for builder in BUILDERS {
        let Some(world) = World::new().await else { return };
        let base = format!("bascule-test-base-{}:1", world.state_id);
        world.note_other(&base);
        let name_base = async |text: &str| {
            world.write("Dockerfile", "FROM scratch\nCOPY base /\n");
            world.write("base", text);
            let made = world.build(builder).await.unwrap();
            let (repository, tag) = base.split_once(':').unwrap();
            let options = bollard::query_parameters::TagImageOptions {
                repo: Some(repository.to_owned()),
                tag: Some(tag.to_owned()),
            };
            docker().tag_image(made.digest.trim_start_matches("image:"), Some(options)).await.unwrap();
            world.write("Dockerfile", format!("FROM {base}\nCOPY a /\n"));
        };
        world.write("a", "");
        name_base("one").await;
        let first = world.build(builder).await.unwrap();
        name_base("two").await;
        world.write("base", "one");
        let second = world.build(builder).await.unwrap();
        assert_ne!(second.digest, first.digest, "{builder:?}");
        assert_eq!(world.build(builder).await.unwrap().digest, second.digest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_that_change_meanwhile_make_no_image() {
    let Some(world) = World::new().await else { return };
    world.busybox();
    world.write(
        "Dockerfile",
        format!("{BASE}RUN echo built-now; /bin/busybox sleep 3; : {}\nCOPY a /\n", world.state_id),
    );
    world.write("a", "one");
    let building = world.build(Builder::Best);
    let writing = async {
        world.until_logged("built-now\n").await;
        world.write("a", "two");
    };
    let (built, ()) = tokio::join!(building, writing);
    let refused = built.unwrap_err();
    assert_eq!(refused.code, Code::PlanStale, "{refused}");
    assert!(world.images.list_unneeded(&[]).await.unwrap().is_empty(), "nothing of it is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_of_somebody_else_is_left_to_them() {
    let Some(world) = World::new().await else { return };
    world.write("Dockerfile", "FROM scratch\nCOPY a /\n");
    world.write("a", "theirs");
    let theirs = world.build(Builder::Best).await.unwrap();
    world.write("a", "ours");
    let (fingerprint, _) = world.survey(build()).await;
    let Some(other) = World::new().await else { return };
    let tag = format!("{}-{}", &fingerprint[..12], &other.state_id[..8]);
    let options = bollard::query_parameters::TagImageOptions {
        repo: Some("bascule/shop".to_owned()),
        tag: Some(tag.clone()),
    };
    docker().tag_image(theirs.digest.trim_start_matches("image:"), Some(options)).await.unwrap();
    other.write("Dockerfile", "FROM scratch\nCOPY a /\n");
    other.write("a", "ours");
    let refused = other.build(Builder::Best).await.unwrap_err();
    assert_eq!(refused.code, Code::NameTaken, "{refused}");
    assert!(refused.message.contains(&tag) && refused.remedy.contains("docker tag"), "{refused:?}");
}
