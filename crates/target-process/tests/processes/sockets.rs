//! Why an instance does not answer: what can be seen of its sockets.

use bascule_engine::ports::Target;

use crate::helper;
use crate::support::*;

#[tokio::test]
async fn an_instance_that_does_not_listen_on_its_port_is_explained() {
    let world = World::new();
    let target = world.target().await;
    let services = [
        ("ours", helper::service("ours", "listen 127.0.0.1:$PORT")),
        ("wrong", helper::service("wrong", "listen 127.0.0.1:0")),
        ("elsewhere", helper::service("elsewhere", "listen 127.0.0.2:$PORT")),
        ("silent", shell("silent", "echo listening; exec sleep 1000")),
    ];
    let names = services.each_ref().map(|(name, _)| *name);
    let spec = blue(release(1, "", services.map(|(_, service)| with_traffic(service)).to_vec()));
    let slot = reference(&spec);
    let started = target.start(world.generation, &spec).await.unwrap();
    for name in names {
        line(&*target, &slot, name, "listening").await;
    }
    let port = |n: usize| started[n].address.unwrap().port();
    let explained = async |name: &str| target.explain(&slot, &instance(&slot, name, 1)).await;
    assert_eq!(explained("ours").await, None);
    let wrong = explained("wrong").await.unwrap();
    assert!(wrong.contains(&format!("not on $PORT ({})", port(1))), "{wrong}");
    let elsewhere = explained("elsewhere").await.unwrap();
    assert!(elsewhere.contains(&format!("it listens on 127.0.0.2:{}", port(2))), "{elsewhere}");
    assert_eq!(explained("silent").await.unwrap(), "it runs and listens on no port yet");
    target.stop(world.generation, &slot).await.unwrap();
}
