//! `.dockerignore` on the real engine: what arrives in an image is what the table says, with both builders, and where Docker's
//! own client is on the machine, what it sends too.

use std::collections::BTreeSet;
use std::process::Command;

use bollard::query_parameters::RemoveImageOptions;

use crate::support::*;

const FILES: &[&str] = &[
    "a",
    "ab",
    "b/a",
    "b/c/a",
    "b/c/d.md",
    "docs/README.md",
    "docs/other.md",
    "README.md",
    "x.log",
    "logs/x.log",
    "logs/keep.log",
    ".env",
    ".env.example",
    ".git/config",
    "node_modules/p/index.js",
    "app/node_modules/p/i.js",
    "temp1",
    "s/temp2",
    "s/t/temp3",
];

/// Rules, and the files that are left out.
const TABLE: &[(&str, &[&str])] = &[
    ("# nothing\n\n", &[]),
    ("a\n", &["a"]),
    ("/a\nab/\n", &["a", "ab"]),
    ("**/a\n", &["a", "b/a", "b/c/a"]),
    ("*.md\n", &["README.md"]),
    ("**/*.md\n!README.md\n", &["b/c/d.md", "docs/README.md", "docs/other.md"]),
    ("*/temp*\n", &["s/temp2"]),
    ("*/*/temp*\ntemp?\n", &["s/t/temp3", "temp1"]),
    ("**/node_modules\n.git\n", &["node_modules/p/index.js", "app/node_modules/p/i.js", ".git/config"]),
    ("docs\n!docs/README.md\n", &["docs/other.md"]),
    ("docs/*\n!docs/*.md\ndocs/other.md\n", &["docs/other.md"]),
    (".env*\n!.env.example\n", &[".env"]),
    ("b/**\n", &["b/a", "b/c/a", "b/c/d.md"]),
    ("b/c/../a\n./ab\n", &["b/a", "ab"]),
    ("logs/[a-k]*.log\n*.lo[^a-f]\n", &["logs/keep.log", "x.log"]),
    ("Dockerfile\n.dockerignore\na\n", &["Dockerfile", ".dockerignore", "a"]),
    ("**/Dockerfile\n", &["Dockerfile"]),
    (".dockerignore\n", &[".dockerignore"]),
];

fn expected(left_out: &[&str]) -> BTreeSet<String> {
    let all = FILES.iter().chain(&["Dockerfile", ".dockerignore"]);
    all.filter(|file| !left_out.contains(file)).map(|file| (*file).to_owned()).collect()
}

async fn arrived(world: &World, digest: &str) -> BTreeSet<String> {
    let files = world.files(digest).await;
    files.into_iter().filter(|(_, says)| says.starts_with('-')).map(|(path, _)| path).collect()
}

/// Docker's own client does not begin again what the removal of another image ended.
fn built_by_docker_s_own(world: &World, name: &str) {
    let mut said = String::new();
    for _ in 0..6 {
        let run = Command::new("docker")
            .args(["build", "-q", "-t", name, "."])
            .current_dir(world.project())
            .env("DOCKER_BUILDKIT", "0")
            .output()
            .unwrap();
        if run.status.success() {
            return;
        }
        said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(said.contains("unable to find image \"sha256:"), "{said}");
    }
    panic!("{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives() {
    let Some(world) = World::new().await else { return };
    let is_client_here = has("docker");
    world.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    for file in FILES {
        world.write(file, file);
    }
    for (rules, left_out) in TABLE {
        world.write(".dockerignore", rules);
        for builder in BUILDERS {
            let made = world.build(builder).await.unwrap();
            assert_eq!(arrived(&world, &made.digest).await, expected(left_out), "{rules:?} {builder:?}");
            world.images.remove_unneeded(&[]).await.unwrap();
        }
        if is_client_here {
            let name = format!("bascule-test-ignored-{}", world.state_id);
            built_by_docker_s_own(&world, &name);
            world.note_other(&name);
            assert_eq!(
                arrived(&world, &name).await,
                expected(left_out),
                "{rules:?} with Docker's own client"
            );
            let remove = |docker: bollard::Docker, name: String| async move {
                docker.remove_image(&name, None::<RemoveImageOptions>, None).await
            };
            until_done(remove, &name).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_of_folders_that_are_left_out() {
    // Docker's older client did not look into these folders; BuildKit's does.
    let Some(world) = World::new().await else { return };
    world.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    for file in FILES {
        world.write(file, file);
    }
    world.write(".dockerignore", "*\n!**/keep.log\n!**/node_modules/**/i*.js\n");
    for builder in BUILDERS {
        let made = world.build(builder).await.unwrap();
        let files: Vec<String> = arrived(&world, &made.digest).await.into_iter().collect();
        assert_eq!(
            files,
            ["app/node_modules/p/i.js", "logs/keep.log", "node_modules/p/index.js"],
            "{builder:?}"
        );
        world.images.remove_unneeded(&[]).await.unwrap();
    }
}
