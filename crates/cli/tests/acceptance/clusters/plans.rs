//! What a plan says of the cluster is what is there and what will be made, and nothing that the cluster adds by itself.

use super::{agreed, shop};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::fixture::Kubernetes;
use crate::support::world::World;

const IMAGE: &str = "spec.template.spec.containers[app].image";

fn paths(object: &serde_json::Value) -> Vec<String> {
    let fields = object["fields"].as_array().cloned().unwrap_or_default();
    fields.iter().map(|one| one["path"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_plan_tells_what_differs_from_the_cluster() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    let objects = |app: &App| -> Vec<serde_json::Value> {
        app.write();
        let planned = world.run(app, &["plan", ENVIRONMENT]).last();
        assert_eq!(planned["holds"], serde_json::Value::Null, "{planned:#}");
        planned["objects"].as_array().cloned().unwrap_or_default()
    };
    let first = objects(&app);
    assert!(first.iter().all(|one| one["change"] == "added"), "{first:#?}");
    assert!(cluster.objects().is_empty(), "a plan made {:?}", cluster.objects());
    world.deploy(&app).expect_live();
    let live = agreed(&world, &cluster, &app);
    let before = cluster.objects();
    // Nothing changes but the image, which is still to be built: not one field that the cluster adds by itself.
    let find = |objects: &[serde_json::Value], kind: &str| {
        let is = |one: &&serde_json::Value| one["object"].as_str().is_some_and(|it| it.starts_with(kind));
        objects.iter().find(is).cloned().unwrap_or_else(|| panic!("no {kind}: {objects:#?}"))
    };
    let deployment = find(&objects(&app), "Deployment shop-web-");
    assert_eq!(deployment["beside"], format!("shop-web-{live}"));
    assert_eq!(paths(&deployment), [IMAGE], "{deployment:#}");
    assert_eq!(deployment["fields"][0]["to"], "made by the deploy", "{deployment:#}");
    app.web.insert("resources", r#"{ memory = "96Mi" }"#.to_owned());
    let all = objects(&app);
    let deployment = find(&all, "Deployment shop-web-");
    let of_memory = |path: &String| {
        path.starts_with("spec.template.spec.containers[app].resources.") && path.ends_with("memory")
    };
    let paths = paths(&deployment);
    assert!(paths.iter().all(|path| path == IMAGE || of_memory(path)), "{deployment:#}");
    assert!(paths.iter().any(of_memory), "{deployment:#}");
    let service = find(&all, "Service shop-web");
    assert_eq!(service["fields"][0]["from"], live.as_str(), "{service:#}");
    assert_eq!(cluster.objects(), before, "a plan made something");
}
