//! Logs of instances that write while they are rotated and read.

use bascule_engine::ports::Target;

use crate::support::*;

#[tokio::test]
async fn every_line_is_followed_once_through_rotations() {
    const LINES: usize = 20_000;
    let mut world = World::new();
    world.log_limit = 64 * 1024;
    let target = world.target().await;
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo line $i; done; echo end; exec sleep 1000"
    );
    let spec = blue(release(1, "", vec![shell("web", &script)]));
    let slot = reference(&spec);
    target.start(world.generation, &spec).await.unwrap();
    let id = instance(&slot, "web", 1);
    let (mut position, mut followed) = (0, Vec::new());
    while followed.last().is_none_or(|line| line != "end") {
        let next = target.logs_after(&slot.key, &id, position).await.unwrap();
        assert!(next.position >= position);
        position = next.position;
        followed.extend(next.lines);
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(followed.len(), LINES + 1);
    assert!(followed[..LINES].iter().enumerate().all(|(n, line)| *line == format!("line {}", n + 1)));

    let folder = world.state().join("instances/shop/staging/r1-abcdef/web-1");
    let bounded = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |log| log.len()) <= 64 * 1024;
    eventually("bounded logs", async || {
        let names = ["out.log", "out.1.log", "out.2.log", "out.3.log"];
        (names.iter().all(|name| bounded(name)) && folder.join("out.1.log").exists()).then_some(())
    })
    .await;
    assert_eq!(lines(&*target, &slot, "web").await.last().unwrap(), "end");
    assert_eq!(target.logs_after(&slot.key, &id, 0).await.unwrap().lines.last().unwrap(), "end");
    target.stop(world.generation, &slot).await.unwrap();
    let after = target.logs_after(&slot.key, &id, position).await.unwrap();
    assert!(after.lines.iter().all(|line| line.contains("erminated")), "{after:?}");
}
