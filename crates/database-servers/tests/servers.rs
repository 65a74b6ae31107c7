//! Servers come up, go down, and come back with what they held.

use bascule_database_servers::{MariaDb, PgBouncer, Pooling, Postgres};

#[test]
fn postgres_comes_back_after_a_kill() {
    let Some(mut server) = Postgres::start(&[]) else { return };
    let database = server.database();
    server.psql(&database, "CREATE TABLE a (n int); INSERT INTO a VALUES (7); CHECKPOINT");
    server.kill();
    server.restart();
    assert_eq!(server.ask(&database, "SELECT n FROM a"), "7");
}

#[test]
fn mariadb_comes_back_after_a_kill() {
    let Some(mut server) = MariaDb::start(&[]) else { return };
    let database = server.database();
    server.run(&database, "CREATE TABLE a (n int); INSERT INTO a VALUES (7)");
    server.kill();
    server.restart();
    assert_eq!(server.ask(&database, "SELECT n FROM a"), "7");
}

#[test]
fn a_pooler_stands_before_postgres() {
    let Some(server) = Postgres::shared() else { return };
    for pooling in [Pooling::Session, Pooling::Transaction, Pooling::Statement] {
        let Some(pooler) = PgBouncer::start(server, pooling) else { return };
        assert!(pooler.address("postgres").contains("127.0.0.1"));
    }
}

#[test]
fn nothing_is_left_when_a_server_is_dropped() {
    let Some(server) = Postgres::start(&[]) else { return };
    let (folder, pid) = (server.folder().to_owned(), server.pid());
    drop(server);
    assert!(!folder.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}
