//! The rooms of the workspace: a dependency points down, and what belongs to one room is known to no other.

use std::process::Command;

/// Rooms, the lowest first; those on one line do not know each other.
const FLOORS: [&[&str]; 7] = [
    &["bascule-model", "bascule-sql", "bascule-yaml"],
    &[
        "bascule-journal",
        "bascule-migrations",
        "bascule-compose",
        "bascule-health",
        "bascule-load",
        "bascule-secrets",
        "bascule-gates",
        "shop",
    ],
    &["bascule-lint", "bascule-migrate", "bascule-edge", "bascule-engine"],
    &["bascule-backup", "bascule-instances"],
    &["bascule-target-process", "bascule-target-docker", "bascule-target-kubernetes", "bascule-pipeline"],
    &["bascule-server"],
    &["bascule"],
];

/// What only tests may use: no room depends on it.
const FOR_TESTS: [&str; 1] = ["bascule-fake-cluster"];

/// Libraries that one room alone may use, and that room.
const OWNED: [(&str, &[&str]); 4] = [
    ("bollard", &["bascule-target-docker"]),
    ("kube", &["bascule-target-kubernetes"]),
    ("k8s-openapi", &["bascule-target-kubernetes"]),
    ("sqlx", &["bascule-journal", "bascule-migrate", "register"]),
];

fn packages() -> Vec<(String, Vec<String>)> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().into_iter().flatten();
            // What tests use beside them is their own affair.
            (name(package), all.filter(|one| one["kind"].is_null()).map(name).collect())
        })
        .collect()
}

fn floor(name: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&name))
}

#[test]
fn dependencies_only_point_down() {
    for (package, dependencies) in packages() {
        let Some(floor_of_package) = floor(&package) else { continue };
        for dependency in &dependencies {
            if let Some(below) = floor(dependency) {
                assert!(below < floor_of_package, "{package} may not depend on {dependency}");
            }
        }
    }
}

#[test]
fn what_is_for_tests_is_in_no_room() {
    for (package, dependencies) in packages() {
        for support in FOR_TESTS {
            assert!(
                !dependencies.iter().any(|it| it == support),
                "{package} may use {support} in its tests only"
            );
        }
    }
}

#[test]
fn what_belongs_to_one_room_is_known_to_no_other() {
    for (package, dependencies) in packages() {
        for (library, rooms) in OWNED {
            assert!(
                rooms.contains(&package.as_str()) || !dependencies.iter().any(|it| it == library),
                "{package} may not use {library}: it belongs to {}",
                rooms.join(" and ")
            );
        }
    }
}
