//! Canaries through jobs: logs, reports, events, answers and the state folder have none of them, in no form.

use bascule_secrets::SecretValue;
use bascule_secrets::redact::Redactor;

use super::project::{TO_STAGING, app, passes, stage};
use crate::support::files::files;
use crate::support::fixture::Fixture;
use crate::support::world::World;

const JOB: &str = "c4nary $job \"q'uo\\te\" /+=&%ü";
const DEPLOY: &str = "c4nary-of-the-deploy-71";

/// Says it in several forms, in pieces, and into a report.
const SPEAKS: &str = r#"for name in JOB_TOKEN; do
  value=$(printenv "$name")
  printf '%s\n' "$value"
  printf %s "$value" | base64 -w0; echo
  printf 'u:%s:x' "$value" | base64 -w0; echo
  printf %s "$value" | od -An -v -tx1 | tr -d ' \n'; echo
  printf '%.7s' "$value"; sleep 0.2; printf '%s\n' "${value#???????}" >&2
  printf '{"token": "%s"}' "$value" > report.json
done
env"#;

fn no_canary_of_a_job_is_kept_or_shown(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    world.set_variable("JOB_TOKEN", JOB);
    world.set_variable("SHOP_TOKEN", DEPLOY);
    let keys = "run = \"sh speaks\"\nsecrets = [\"JOB_TOKEN\"]\nreports.custom = [\"report.json\"]\n\
                cache = { env = [\"SHOP_TOKEN\"] }";
    let echo = stage("more", "echo", &format!("run = \"echo {DEPLOY}; echo $JOB_TOKEN; exit 0\""));
    let mut shop = app(&world, &format!("{}{echo}{TO_STAGING}", stage("checks", "unit", keys)));
    shop.more = format!(
        "[secrets]\nSHOP_TOKEN = \"env\"\n{}",
        shop.more.replace(DEPLOY, "c4nary-of-the-deploy-''71")
    );
    shop.set("SHOP_TOKEN", "${SHOP_TOKEN}");
    shop.script("speaks", SPEAKS);
    shop.write();
    super::project::commit(&shop);
    let ran = world.run(&shop, &["ship"]);
    passes(&ran);
    let run = ran.field("run");
    let mut said = vec![ran.out.clone(), ran.err.clone()];
    for words in
        [&["pipeline", "show"][..], &["pipeline", "logs", &run, "unit"], &["pipeline", "logs", &run, "echo"]]
    {
        let ran = world.run(&shop, words);
        said.extend([ran.out, ran.err]);
    }
    let log = said.join("\n");
    assert!(log.contains("[secret JOB_TOKEN]"), "{log}");
    assert!(log.contains("[secret staging."), "{log}");
    let values = [SecretValue::new(JOB.to_owned()), SecretValue::new(DEPLOY.to_owned())];
    let redactor = Redactor::new(values.iter().map(|value| ("canary", value)));
    let clean = |what: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(&redactor.bytes(bytes)).into_owned();
        assert!(!text.contains("[secret canary]"), "{what} has a canary:\n{text}");
    };
    said.iter().enumerate().for_each(|(at, said)| clean(&format!("output {at}"), said.as_bytes()));
    // The checkout has what the job itself has written there; everything else is ours.
    let checkout = super::project::folder(&world).join("checkout");
    for file in files(&world.state()).iter().filter(|file| !file.starts_with(&checkout)) {
        clean(&file.display().to_string(), &std::fs::read(file).unwrap());
    }
}

/// A value that occurs in the names of stage and job, and in the tags of events.
fn a_value_that_is_a_word_stands_in_no_ones_way(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    for word in ["test", "pass", "stage"] {
        world.set_variable("JOB_TOKEN", word);
        let keys = "run = \"echo $JOB_TOKEN\"\nsecrets = [\"JOB_TOKEN\"]";
        let shop = app(&world, &stage("testing passes a stage", "test-pass-stage", keys));
        passes(&world.run(&shop, &["ship"]));
        std::fs::remove_dir_all(shop.project().join(".git")).unwrap();
    }
}

on_processes!(no_canary_of_a_job_is_kept_or_shown, a_value_that_is_a_word_stands_in_no_ones_way);
