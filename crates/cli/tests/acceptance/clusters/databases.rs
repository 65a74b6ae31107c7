//! A database that only the pods of a cluster know by name: it is migrated by the address that they use, through the API server.

use bascule_database_servers::{Postgres, fresh_name};

use super::{agreed, shop};
use crate::support::app::ENVIRONMENT;
use crate::support::fixture::Kubernetes;
use crate::support::wait;
use crate::support::world::World;

const FIRST: (&str, &str) = (
    "20260101120000_person",
    "-- expand\nCREATE TABLE person (id bigint PRIMARY KEY, name text);\n\n-- down\nDROP TABLE person;\n",
);
const SECOND: (&str, &str) = (
    "20260201120000_email",
    "-- expand\nALTER TABLE person ADD COLUMN email text;\n\n-- down\nALTER TABLE person DROP COLUMN email;\n",
);

/// The Service `sql`, and a pod that answers for it with the server of this machine: a pod in the network of its node.
fn put(cluster: &Kubernetes, server: &Postgres) {
    let port = server.port();
    cluster.create(&serde_json::json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "sql" },
        "spec": { "selector": { "app": "sql" }, "ports": [{ "port": 5432, "targetPort": "sql" }] },
    }));
    cluster.create(&serde_json::json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "sql-0", "labels": { "app": "sql" } },
        "spec": {
            "hostNetwork": true,
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "sql", "image": Kubernetes::IMAGE, "imagePullPolicy": "Never",
                "command": ["sleep", "3600"],
                "ports": [{ "name": "sql", "containerPort": port, "hostPort": port }],
            }],
        },
    }));
}

#[test]
fn it_is_migrated_by_the_name_that_its_pods_use() {
    let Some(cluster) = Kubernetes::start() else { return };
    let Some(server) = Postgres::start(&[]) else { return };
    let world = World::new(&cluster);
    let mut app = shop(&world);
    app.instances = 1;
    let role = fresh_name();
    server.psql("postgres", &format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'p4ss'"));
    let database = server.database();
    let host = format!("sql.{}.svc", cluster.namespace());
    world.set_variable(
        "DATABASE_URL",
        &format!("postgres://{role}:p4ss@{host}:5432/{database}?sslmode=disable"),
    );
    app.more = "[database]\nurl = \"${DATABASE_URL}\"\n".to_owned();
    app.write();
    let write = |(name, text): (&str, &str)| {
        let folder = app.project().join("migrations");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.sql")), text).unwrap();
    };
    write(FIRST);

    // Nobody answers yet: who that is, and nothing of the address's secret.
    let unknown = world.run(&app, &["migrate", "up", ENVIRONMENT]);
    assert_eq!(unknown.field("error.code"), "DATABASE_UNAVAILABLE", "{unknown:#?}");
    unknown.expect_message(&[&host]);
    put(&cluster, &server);
    cluster.kubectl(&["wait", "--for=condition=Ready", "pod/sql-0", "--timeout=120s"]);

    // As steps of a deploy, the rehearsal in a database of its own on the same server included.
    world.deploy(&app).expect_live();
    let columns = || {
        let sql = "SELECT string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns \
                   WHERE table_name = 'person'";
        server.ask(&database, sql)
    };
    assert_eq!(columns(), "id,name");
    write(SECOND);
    world.deploy(&app).expect_live();
    assert_eq!(columns(), "id,name,email");
    agreed(&world, &cluster, &app);

    // And by hand.
    let up = world.run(&app, &["migrate", "up", ENVIRONMENT]);
    assert_eq!((up.status, up.last()["applied"].as_array().map(Vec::len)), (0, Some(0)), "{up:#?}");
    world.rollback(&app).expect_live();
    assert_eq!(columns(), "id,name,email");

    // A pod that goes is one that does not answer, and that is said.
    cluster.kubectl(&["delete", "pod", "sql-0", "--wait=true"]);
    let gone = wait::until_ok("a database that is gone", || {
        let ran = world.run(&app, &["migrate", "status", ENVIRONMENT]);
        if ran.status == 0 { Err(format!("{ran:#?}")) } else { Ok(ran) }
    });
    assert_eq!(gone.field("error.code"), "DATABASE_UNAVAILABLE", "{gone:#?}");
    gone.expect_message(&["Service sql", "none is ready"]);
    for ran in [&unknown, &up, &gone] {
        assert!(!format!("{}{}", ran.out, ran.err).contains("p4ss"), "{ran:#?}");
    }
    assert_eq!(world.run(&app, &["down", ENVIRONMENT]).status, 0);
}
