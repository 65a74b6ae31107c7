//! Objects of the files of `manifests`: what becomes of them, and what is said of those that are not taken.

use std::collections::BTreeMap;

use bascule_model::manifest::{Color, Environment, Given, GivenObject, parse, resolve_with};
use serde_json::{Value, json};

const MANIFEST: &str = "app = \"shop\"\nbuild.dockerfile = \"Dockerfile\"\nservices.web.port = 3000\n\
    [environments.production]\ntarget = \"kubernetes\"\nnamespace = \"shop\"\nkubernetes.manifests = [\"k8s/*.yaml\", \"more.json\"]\n";

fn map(name: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": value } })
}

/// The environment with these objects in `k8s/a.yaml`, and one in `more.json`.
fn resolved(objects: Vec<Value>) -> Result<Environment, String> {
    let manifest = parse(MANIFEST, "bascule.toml").unwrap_or_else(|d| panic!("{}", d.render(Color::Never)));
    let given = |file: &str, line, object| GivenObject { file: file.to_owned(), line, object };
    let lines = objects.into_iter().enumerate();
    let objects = BTreeMap::from([
        ("k8s/*.yaml".to_owned(), lines.map(|(at, object)| given("k8s/a.yaml", at + 1, object)).collect()),
        ("more.json".to_owned(), vec![given("more.json", 1, map("more", "x"))]),
    ]);
    let given = Given { variables: &|_| None, env_file: None, secrets: BTreeMap::new(), objects };
    // Lines are broken where they are too long.
    let said = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    resolve_with(&manifest, "production", &given).map_err(|problems| said(problems.render(Color::Never)))
}

fn names(environment: &Environment) -> Vec<&str> {
    let objects = &environment.cluster.as_ref().unwrap().manifests;
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect()
}

#[test]
fn they_are_in_the_environment_and_no_file_is_needed_any_more() {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": [map("b", "x"), map("c", "x")] });
    let environment = resolved(vec![map("a", "x"), list]).unwrap();
    assert_eq!(names(&environment), ["a", "b", "c", "more"]);
    let text = serde_json::to_string(&environment).unwrap();
    let again: Environment = serde_json::from_str(&text).unwrap();
    assert_eq!(names(&again), names(&environment));
}

#[test]
fn what_is_not_taken_is_told_with_its_file_and_line() {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "t": "hunter2" } });
    let elsewhere =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "e", "namespace": "other" } });
    let said = resolved(vec![map("a", "x"), secret, elsewhere, map("a", "y"), map("more", "y")]).unwrap_err();
    for words in [
        "MANIFEST_OBJECTS",
        "line 2 of \"k8s/a.yaml\": Secret s: a Secret does not belong",
        "bascule secret set ENV NAME",
        "line 3 of \"k8s/a.yaml\": ConfigMap e: it is for the namespace other",
        "line 4 of \"k8s/a.yaml\": ConfigMap a: it is in these files a second time",
        "line 1 of \"more.json\": ConfigMap more: it is in these files a second time",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn files_that_are_not_there_and_objects_that_are_too_large_are_told() {
    let said = resolved(Vec::new()).unwrap_err();
    assert!(
        said.contains("no file of \"k8s/*.yaml\" has an object") && !said.contains("more.json\" has"),
        "{said}"
    );
    let large = (0..3).map(|n| map(&format!("m{n}"), &"x".repeat(100 * 1024))).collect();
    let said = resolved(large).unwrap_err();
    assert!(said.contains("have 301 KiB, and at most 256 KiB are taken"), "{said}");
}

/// Of releases that were made before there were patches, objects and policies.
#[test]
fn what_was_recorded_before_is_read_and_written_as_it_was() {
    use bascule_model::release::{Cluster, Pods};
    let cluster = r#"{"namespace":"shop","service":"NodePort","node_port":30080}"#;
    let read: Cluster = serde_json::from_str(cluster).unwrap();
    assert!(read.patches.is_empty() && read.manifests.is_empty());
    assert_eq!(serde_json::to_string(&read).unwrap(), cluster);
    let pods = r#"{"scale":{"min":1,"max":2,"cpu":80},"max_unavailable":1}"#;
    let read: Pods = serde_json::from_str(pods).unwrap();
    assert_eq!((read.network.is_none(), serde_json::to_string(&read).unwrap().as_str()), (true, pods));
}
