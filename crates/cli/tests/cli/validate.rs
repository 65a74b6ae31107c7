//! `validate`, and what deploys say of a wrong manifest.

use serde_json::json;

use crate::support::{SOUND, Scratch, width};

const WRONG: &str = r#"app = "shop"

[services.web]
comand = ["./shop"]
port = "3000"
drain = 30

[environments.staging]
env = { TOKEN = "hunter2", LEVEL = 3 }
"#;

const SECRETIVE: &str = r#"app = "shop"

[services.web]
command = ["./shop"]
port = 3000
env = { TOKEN = "${API_TOKEN}" }

[environments.staging]
env_file = ".env.staging"
"#;

#[test]
fn a_sound_manifest() {
    let scratch = Scratch::with_manifest(SOUND);
    insta::assert_snapshot!(scratch.run(&["validate"]).told());
    let done = scratch.run(&["validate", "--output", "json"]);
    assert_eq!(done.status, 0);
    assert_eq!(done.last()["valid"], true);
    assert_eq!(done.last()["environments"], json!(["staging"]));
}

#[test]
fn every_mistake_at_once_and_no_value() {
    let scratch = Scratch::with_manifest(WRONG);
    let done = scratch.run(&["validate"]);
    assert!(!done.told().contains("hunter2"), "{}", done.told());
    assert!(width(&done.err) <= 80, "{}", done.err);
    insta::assert_snapshot!(done.told());
}

#[test]
fn as_json_a_wrong_manifest_is_an_answer() {
    let scratch = Scratch::with_manifest(WRONG);
    let done = scratch.run(&["validate", "--output", "json"]);
    assert_eq!(done.status, 2);
    assert_eq!(done.out.lines().count(), 1, "one object");
    let answer = done.last();
    assert_eq!(answer["valid"], false);
    let diagnostics = answer["diagnostics"].as_array().unwrap();
    assert!(diagnostics.len() >= 4, "{answer}");
    for diagnostic in diagnostics {
        assert!(diagnostic["code"].as_str().unwrap().starts_with("MANIFEST_"), "{diagnostic}");
        assert!(diagnostic["line"].as_u64().unwrap() >= 1, "{diagnostic}");
    }
    assert!(!done.out.contains("hunter2"));
}

#[test]
fn from_a_folder_below() {
    let scratch = Scratch::with_manifest(SOUND);
    scratch.write("src/deep/x", "");
    let project = scratch.project().join("src/deep");
    let done = scratch.run(&["validate", "--project", project.to_str().unwrap()]);
    assert_eq!(done.status, 2, "a folder that is named has to be the project: {done:?}");
    let done = scratch.run(&["validate", "--project", "../project"]);
    assert_eq!(done.status, 0, "{done:?}");
}

#[test]
fn what_an_environment_needs_from_this_machine() {
    let scratch = Scratch::with_manifest(SECRETIVE);
    assert_eq!(scratch.run(&["validate"]).status, 0, "the file itself is sound");
    let done = scratch.run(&["validate", "staging"]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("MANIFEST_ENV_FILE") || done.err.contains(".env.staging"), "{done:?}");

    scratch.write(".env.staging", "OTHER=x\n");
    let done = scratch.run(&["validate", "staging"]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("API_TOKEN"), "{done:?}");

    let done = scratch.run_with(&["validate", "staging"], &[("API_TOKEN", "s3cr3t")]);
    assert_eq!(done.status, 0, "{done:?}");
    scratch.write(".env.staging", "API_TOKEN=s3cr3t\n");
    let done = scratch.run(&["validate", "staging"]);
    assert_eq!(done.status, 0, "{done:?}");
    assert!(!done.told().contains("s3cr3t"));
}

#[test]
fn files_of_objects_are_read_beside_the_manifest() {
    let scratch = Scratch::with_manifest(
        "app = \"shop\"\nbuild.dockerfile = \"Dockerfile\"\nservices.web.port = 3000\n[environments.production]\n\
         target = \"kubernetes\"\nkubernetes.manifests = [\"k8s/*.yaml\"]\n",
    );
    let validate = ["validate", "production"];
    let done = scratch.run(&validate);
    assert!(done.status == 2 && done.err.contains("no file of \"k8s/*.yaml\" has an object"), "{done:?}");
    scratch.write("k8s/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata: {a: \"1\"}\n");
    assert_eq!(scratch.run(&validate).status, 0);
    scratch.write(
        "k8s/b.yaml",
        "# one\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {a: hunter2}\n",
    );
    let done = scratch.run(&validate);
    assert!(done.status == 2 && done.err.contains("line 3 of \"k8s/b.yaml\": Secret b"), "{done:?}");
    assert!(!done.told().contains("hunter2"), "{done:?}");
    scratch.write("k8s/b.yaml", "a: [\n");
    let done = scratch.run(&validate);
    assert!(
        done.status == 2 && done.err.contains("MANIFEST_UNREADABLE") && done.err.contains("k8s/b.yaml"),
        "{done:?}"
    );
}

#[test]
fn a_deploy_of_a_wrong_manifest_is_refused_as_an_outcome() {
    let scratch = Scratch::with_manifest(WRONG);
    let done = scratch.run(&["deploy", "staging", "--output", "json"]);
    assert_eq!(done.status, 2);
    let last = done.last();
    assert_eq!(last["type"], "outcome");
    assert_eq!(last["outcome"], "refused");
    assert_eq!(last["app"], "shop", "the name is found in a wrong manifest too");
    assert_eq!(last["environment"], "staging");
    for nothing in ["release", "live_release", "run", "switch_ms"] {
        assert!(last.get(nothing).unwrap().is_null(), "{nothing}: {last}");
    }
    assert_eq!(last["error"]["code"], "MANIFEST_INVALID");
    assert!(last["diagnostics"].as_array().unwrap().len() >= 4);
    assert!(!scratch.state().exists(), "nothing was to be started");
}

#[test]
fn an_unknown_environment_is_refused_with_the_nearest() {
    let scratch = Scratch::with_manifest(SOUND);
    let done = scratch.run(&["deploy", "stagin"]);
    assert_eq!(done.status, 2);
    assert!(done.err.contains("staging"), "{done:?}");
    assert!(!scratch.state().exists(), "nothing was to be started");
}
