//! Commands beside the pods: as on every target, and nothing of them is left.

use std::process::Output;

use super::{agreed, shop};
use crate::support::app::{App, ENVIRONMENT};
use crate::support::command::fed;
use crate::support::fixture::Kubernetes;
use crate::support::world::World;
use crate::support::{processes, wait};

fn exec(world: &World<'_>, app: &App, command: &[&str], input: &[u8]) -> Output {
    let project = app.project().to_str().unwrap();
    let words = [&["exec", ENVIRONMENT, "web", "--project", project, "--"], command].concat();
    fed(world.command(&words), input)
}

fn jobs(cluster: &Kubernetes) -> String {
    cluster.kubectl(&["get", "jobs,pods", "--selector", "bascule.dev/exec", "--output", "name"])
}

fn until_none(cluster: &Kubernetes) {
    wait::patiently(wait::POD_ENDS, "no command", || {
        let left = jobs(cluster);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

#[test]
fn they_have_input_both_outputs_and_a_status() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    // A cluster has dollar signs of its own: what is said is what arrives.
    app.version("7").set("SHOP_NOTE", "a$$$$b$$(HOME)$$ ${BASCULE_INSTANCE}");
    world.deploy(&app).expect_live();
    let live = agreed(&world, &cluster, &app);
    let script = r#"cat; echo version $SHOP_VERSION
        test "$SHOP_NOTE" = "a\$\$b\$(HOME)\$ $BASCULE_INSTANCE" && echo as it was said
        echo to stderr >&2; exit 3"#;
    // More than any buffer on the way holds, and then its end.
    let input: Vec<u8> = (0..300_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let output = exec(&world, &app, &["sh", "-c", script], &input);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        output.stdout == [&input[..], b"version 7\nas it was said\n"].concat(),
        "{} bytes came back, ending with {:?}",
        output.stdout.len(),
        output.stdout.get(input.len()..).map(String::from_utf8_lossy)
    );
    assert!(said.contains("to stderr"), "{said}");
    let table: [(&[&str], i32); 3] = [
        (&["sh", "-c", "sh -c 'kill -9 $$'; exit $?"], 137),
        (&["no-such-program"], 127),
        // A folder is no program.
        (&["/tmp"], 126),
    ];
    for (command, status) in table {
        let output = exec(&world, &app, command, b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{command:?}: {said}");
        assert!(output.stdout.is_empty(), "{command:?}: {output:?}");
    }
    until_none(&cluster);
    assert_eq!(agreed(&world, &cluster, &app), live);
    assert_eq!(cluster.pods(&live).len(), 1);
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
}

#[test]
fn what_a_killed_control_plane_leaves_the_next_one_removes() {
    let Some(cluster) = Kubernetes::start() else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    world.deploy(&app).expect_live();
    agreed(&world, &cluster, &app);
    let project = app.project().to_str().unwrap();
    let words = ["exec", ENVIRONMENT, "web", "--project", project, "--", "sh", "-c", "sleep 10000"];
    let mut command = world.command(&words);
    let mut child = command.stdin(std::process::Stdio::null()).spawn().unwrap();
    wait::until("a command that runs", || jobs(&cluster).contains("pod/").then_some(()));
    processes::kill(world.serve_pid().unwrap());
    child.wait().unwrap();
    // Any command starts the next one.
    agreed(&world, &cluster, &app);
    until_none(&cluster);
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
    cluster.until_empty();
}
