//! The image's own check.

use bascule_engine::ports::Target;
use bascule_model::evidence::Status;

use crate::engine;
use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_images_healthcheck_is_told_with_its_output() {
    let Some(mut world) = World::new().await else { return };
    let check = "USER app\nHEALTHCHECK --interval=1s --retries=1 CMD if [ -e /tmp/well ]; then echo fine; else echo no disk; exit 1; fi";
    world.image = engine::image(&world.docker, "checked", check).await;
    let target = world.target().await;
    let script = "sleep 3; touch /tmp/well; exec sleep 1000";
    let spec = spec(world.release(1, vec![worker(script)]));
    let begun = target.start(FENCE, &spec).await.unwrap().remove(0);
    assert_eq!(begun.own_check.unwrap().status, Status::NoData);
    let is = |status: Status| {
        move |one: &bascule_model::evidence::InstanceStatus| {
            one.own_check.as_ref().is_some_and(|own| own.status == status)
        }
    };
    let unwell = until(&target, &slot(&spec), is(Status::Fail)).await;
    assert_eq!(unwell.own_check.unwrap().output, "no disk");
    let well = until(&target, &slot(&spec), is(Status::Pass)).await;
    assert_eq!(well.own_check.unwrap().output, "fine");
}
