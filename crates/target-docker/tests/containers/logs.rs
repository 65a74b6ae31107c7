//! Logs: the last lines, following, and what is kept.

use bascule_engine::ports::{LogQuery, Target};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_read_followed_and_kept() {
    let Some(world) = World::new().await else { return };
    let target = world.target().await;
    let spec = spec(world.release(1, vec![worker(
        "for n in 1 2 3; do echo line $n; done; echo error >&2; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo more; exec sleep 1000",
    )]));
    target.start(FENCE, &spec).await.unwrap();
    until_lines(&target, &spec, |lines| lines.len() == 4).await;
    let query = LogQuery { release: spec.release.id.clone(), service: None, tail: 2 };
    let last = target.logs(&world.key(), &query).await.unwrap().remove(0);
    assert_eq!(last.instance, instance(&spec, 1));
    assert_eq!(last.lines.len(), 2);
    let nothing = target.logs_after(&world.key(), &last.instance, last.position).await.unwrap();
    assert!(nothing.lines.is_empty());
    assert_eq!(nothing.position, last.position);

    let options = bollard::exec::CreateExecOptions {
        cmd: Some(vec!["touch", "/tmp/go"]),
        ..bollard::exec::CreateExecOptions::default()
    };
    let touch = world.docker.create_exec(last.instance.as_str(), options).await.unwrap();
    world.docker.start_exec(&touch.id, None).await.unwrap();
    until_lines(&target, &spec, |lines| lines.len() == 5).await;
    let more = target.logs_after(&world.key(), &last.instance, last.position).await.unwrap();
    assert_eq!(more.lines, ["more"]);

    target.stop(FENCE, &slot(&spec)).await.unwrap();
    assert_eq!(lines(&target, &spec).await.len(), 5);
    let kept = target.logs_after(&world.key(), &last.instance, last.position).await.unwrap();
    assert_eq!(kept.lines, ["more"]);
    assert!(target.knows(&world.key(), &last.instance).await);
    assert!(!target.stands(&slot(&spec)));
}
