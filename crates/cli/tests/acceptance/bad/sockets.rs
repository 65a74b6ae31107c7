//! Who talks nonsense to the control plane and the edge, a second control plane, a path that is too long for a socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use crate::support::agreement::settled;
use crate::support::app::ENVIRONMENT;
use crate::support::command::{Ran, Running};
use crate::support::fixture::Fixture;
use crate::support::processes;
use crate::support::wait;
use crate::support::world::World;

fn nonsense(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let pids = (world.serve_pid(), world.edge_pid(), world.running(&app));
    let mut left_open = Vec::new();
    for socket in ["bascule.sock", "edge.sock"] {
        let long = vec![b'x'; 1 << 20];
        let pieces: [&[u8]; 7] = [
            b"",
            b"\0",
            b"nonsense\r\n\r\n",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"POST /v1/deploy HTTP/1.1\r\nhost: bascule\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{\"a\":",
            b"POST /v1/down HTTP/1.1\r\nhost: bascule\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"key\":\"../../x\"}",
            &long,
        ];
        for piece in pieces {
            let mut stream = UnixStream::connect(world.state().join(socket)).unwrap();
            // Refusing to listen is an answer, too.
            let _ = stream.write_all(piece);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
            let mut said = [0; 4096];
            let _ = stream.read(&mut said);
            left_open.push(stream);
        }
    }
    assert_eq!(settled(&world, &app), before);
    assert_eq!((world.serve_pid(), world.edge_pid(), world.running(&app)), pids, "somebody died of it");
    drop(left_open);
    world.deploy(&app).expect_live();
    settled(&world, &app);
}

fn two_control_planes(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    let first = world.serve();
    world.deploy(&app).expect_live();
    let before = settled(&world, &app);
    let mut command = world.command(&["serve", "--output", "json"]);
    let second = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&second.stdout);
    let said: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(second.status.code(), Some(75), "{said:#}");
    assert_eq!(said["error"]["code"], "CONTROL_PLANE_UNAVAILABLE", "{said:#}");
    assert!(said["error"]["message"].as_str().unwrap().contains(&first.to_string()), "{said:#}");
    assert_eq!(world.serve_pid(), Some(first));
    assert_eq!(settled(&world, &app), before);
}

fn many_who_start_one(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    app.write();
    let all: Vec<_> = (0..6).map(|_| world.start(&app, &["status", ENVIRONMENT])).collect();
    let all: Vec<_> = all.into_iter().map(Running::end).collect();
    let says_so = |ran: &Ran| ran.err.contains("started the control plane");
    for ran in &all {
        assert_eq!(ran.status, 0, "{ran:#?}");
    }
    assert_eq!(all.iter().filter(|ran| says_so(ran)).count(), 1, "{all:#?}");
    let later = world.run(&app, &["status", ENVIRONMENT]);
    assert!(!says_so(&later), "{later:#?}");
    let serving = || {
        let all = processes::of(world.home());
        all.into_iter().filter(|one| one.is_bascule("serve")).count()
    };
    wait::until("one control plane", || (serving() == 1).then_some(()));
}

fn a_path_too_long_for_a_socket(fixture: &dyn Fixture) {
    let world = World::new(fixture);
    let app = world.shop("shop");
    let long = world.home().join("long".repeat(25));
    world.set_state(&long);
    for words in [["deploy", ENVIRONMENT], ["status", ENVIRONMENT]] {
        app.write();
        let ran = world.run(&app, &words);
        assert_eq!((ran.status, ran.field("error.code").as_str()), (75, "STATE_UNUSABLE"), "{ran:#?}");
        ran.expect_message(&["too long", "107"]);
    }
    assert!(!long.exists(), "nothing is made for what cannot work");
}

// Nothing in them depends on the target.
on_processes!(nonsense, two_control_planes, many_who_start_one, a_path_too_long_for_a_socket);
