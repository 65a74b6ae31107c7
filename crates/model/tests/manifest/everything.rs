//! A manifest that says everything that can be said is read, and means what it says.

use bascule_model::manifest::{Color, Environment, Manifest, parse, resolve};

pub fn manifest() -> Manifest {
    parse(include_str!("../everything.toml"), "bascule.toml")
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(Color::Never)))
}

pub fn environment(name: &str) -> Environment {
    let variables = |name: &str| match name {
        "TEST_TOKEN" => Some("token-from-outside".to_owned()),
        _ => None,
    };
    resolve(&manifest(), name, &variables, Some("DB_PASSWORD='p$ss'\nROLE=file\nLOG_LEVEL=trace\n"))
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.render(Color::Never)))
}

#[test]
fn staging_is_what_the_manifest_says() {
    insta::assert_snapshot!(
        "everything__staging",
        serde_json::to_string_pretty(&environment("staging")).unwrap()
    );
}

#[test]
fn production_is_what_the_overrides_say() {
    insta::assert_snapshot!(
        "everything__production",
        serde_json::to_string_pretty(&environment("production")).unwrap()
    );
}

#[test]
fn containers_are_made_as_the_manifest_says() {
    let containers = environment("containers");
    insta::assert_snapshot!("everything__containers", serde_json::to_string_pretty(&containers).unwrap());
}

#[test]
fn an_environment_that_takes_an_image_builds_none() {
    let taken = environment("taken").build;
    insta::assert_snapshot!("everything__taken", serde_json::to_string_pretty(&taken).unwrap());
    let elsewhere = environment("elsewhere").build.image.unwrap();
    assert_eq!(elsewhere.registry, None, "credentials go to their own registry only");
}

#[test]
fn an_environment_survives_json_without_its_secrets() {
    let environment = environment("staging");
    let text = serde_json::to_string(&environment).unwrap();
    let mut again: Environment = serde_json::from_str(&text).unwrap();
    assert!(again.secrets.is_empty() && !environment.secrets.is_empty());
    again.secrets.clone_from(&environment.secrets);
    again.origins.clone_from(&environment.origins);
    assert_eq!(again, environment);
}

#[test]
fn the_shortest_manifest_has_every_default() {
    let manifest = parse(
        "app = \"a\"\nservices.web = { command = \"./a\", port = 1 }\nservices.w.command = \"./b\"\nenvironments.local = {}\n",
        "bascule.toml",
    )
    .unwrap();
    let environment = resolve(&manifest, "local", &|_| None, None).unwrap();
    insta::assert_snapshot!("everything__defaults", serde_json::to_string_pretty(&environment).unwrap());
}

#[test]
fn the_usual_manifest_is_right_in_each_environment() {
    let manifest = parse(include_str!("../example.toml"), "bascule.toml").unwrap();
    assert_eq!(manifest.env_file("staging"), Some(".env.staging"));
    let staging = resolve(&manifest, "staging", &|_| None, Some("TEST_TOKEN=x")).unwrap();
    let production = resolve(&manifest, "production", &|_| Some("x".to_owned()), None).unwrap();
    let counts = |environment: &Environment| -> Vec<u32> {
        environment.services.values().map(|service| service.instances).collect()
    };
    assert_eq!((counts(&staging), counts(&production)), (vec![2, 1], vec![4, 1]));
    assert_eq!(staging.rollout, Default::default());
}
