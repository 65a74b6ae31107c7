//! From a commit to containers: one image, made once, in staging and in production.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use bascule_secrets::SecretValue;
use bascule_secrets::redact::Redactor;

use super::project::{TO_STAGING, app, commit, folder, names, passes, stage};
use crate::support::app::free_door;
use crate::support::door;
use crate::support::files::files;
use crate::support::fixture::{Docker, Fixture as _};
use crate::support::world::World;

const JOB: &str = "c4nary-of-a-job \"71'";
const DEPLOY: &str = "c4nary-of-the-deploy+72/";

const GOOD: &str = "<testsuite><testcase name='adds'/></testsuite>";
const BAD: &str = "<testsuite><testcase name='adds'><failure/></testcase></testsuite>";

fn one_image_goes_from_a_commit_to_production(docker: &Docker) {
    let world = World::new(docker);
    world.set_variable("JOB_TOKEN", JOB);
    world.set_variable("SHOP_TOKEN", DEPLOY);
    let unit = "run = [\"echo token $JOB_TOKEN\", \"printf %s \\\"$JOB_TOKEN\\\" | base64 -w0\", \"cp given.xml junit.xml\"]\n\
                secrets = [\"JOB_TOKEN\"]\nreports.tests = [\"junit.xml\"]";
    let mut shop = app(&world, &stage("testing", "unit", unit));
    let production = free_door();
    let _ = write!(
        shop.more,
        "{TO_STAGING}[[pipeline.stage]]\ndeploy = \"production\"\n[gates]\ntests = \"no failures\"\n[secrets]\nSHOP_TOKEN = \"env\"\n\
         [environments.production]\ntarget = \"docker\"\nlisten = \"{production}\"\npromote_from = \"staging\"\n\
         policy = {{ checklist = false }}\nenv = {{ SHOP_VERSION = \"1\", SHOP_TOKEN = \"${{SHOP_TOKEN}}\" }}\n"
    );
    shop.set("SHOP_TOKEN", "${SHOP_TOKEN}");
    fs::write(shop.project().join("given.xml"), GOOD).unwrap();
    docker.take_along(&mut shop, &["given.xml"]);
    shop.write();
    commit(&shop);

    let shipped = world.run(&shop, &["ship"]);
    passes(&shipped);
    let artifact = shipped.field("artifact");
    let live = |environment: &str| {
        let ran = world.run(&shop, &["status", environment]);
        assert_eq!(ran.status, 0, "{ran:#?}");
        let live = &ran.last()["live"];
        (live["release"].clone(), live["artifact"].clone())
    };
    let before = [live("staging"), live("production")];
    assert!(before.iter().all(|(_, made)| *made == artifact.as_str()), "{before:?} of {artifact}");
    let made = names(&world).iter().filter(|name| *name == "artifact-made").count();
    assert_eq!(made, 1, "{:?}", names(&world));
    for place in [shop.door, production] {
        assert_eq!(door::get(place, "localhost", "/health").unwrap().status, 200);
    }

    // What the engine says: containers of both environments, of the image with that digest.
    let containers = world.running(&shop);
    assert_eq!(containers.len(), 2, "{containers:?}");
    let mut words = vec!["inspect", "--format", "{{.Image}}"];
    words.extend(containers.iter().map(|one| one.name.as_str()));
    let images = docker.client(&words);
    let digest = artifact.rsplit(':').next().unwrap();
    assert!(
        digest.len() == 64 && images.lines().all(|image| image == format!("sha256:{digest}")),
        "{images} of {artifact}"
    );

    // A commit that a gate refuses: nothing is built of it, and what runs is what ran.
    fs::write(shop.project().join("given.xml"), BAD).unwrap();
    commit(&shop);
    // As a set: of images that were made in the same second the engine says now this, now that one first.
    let owned = || -> BTreeSet<String> {
        docker.client(&["images", "--no-trunc", "--quiet"]).lines().map(str::to_owned).collect()
    };
    let there = owned();
    let refused = world.run(&shop, &["ship"]);
    refused.expect(4, "failed", "GATE_REFUSED").expect_message(&["testing", "tests", "1 failed"]);
    assert!(!names(&world).contains(&"artifact-made".to_owned()), "{:?}", names(&world));
    assert_eq!(owned(), there);
    assert_eq!([live("staging"), live("production")], before);
    assert_eq!(world.running(&shop), containers);

    // The canaries are in no file of ours, in nothing that was said, and in nothing of the image.
    let values = [JOB, DEPLOY].map(|value| SecretValue::new(value.to_owned()));
    let redactor = Redactor::new(values.iter().map(|value| ("canary", value)));
    let clean = |what: &str, bytes: &[u8]| {
        let text = String::from_utf8_lossy(&redactor.bytes(bytes)).into_owned();
        assert!(!text.contains("[secret canary]"), "{what} has a canary:\n{text}");
    };
    let log = world.run(&shop, &["pipeline", "logs", &shipped.field("run"), "unit"]);
    assert!(log.out.matches("[secret JOB_TOKEN]").count() >= 2, "{}", log.out);
    for (what, ran) in [("the ship", &shipped), ("the refusal", &refused), ("the log", &log)] {
        clean(what, format!("{}\n{}", ran.out, ran.err).as_bytes());
    }
    for file in files(&world.state()) {
        clean(&file.display().to_string(), &fs::read(&file).unwrap());
    }
    assert!(folder(&world).join("record.json").is_file());
    let image = format!("sha256:{digest}");
    clean("the image", docker.client(&["inspect", &image]).as_bytes());
    clean("its layers", docker.client(&["history", "--no-trunc", &image]).as_bytes());
}

on_docker!(one_image_goes_from_a_commit_to_production);
