//! MariaDB.

use bascule_backup::{BackupError, Counted, Existing};
use bascule_database_servers::MariaDb;
use bascule_migrate::Address;

use crate::support::{Bench, names, now};

const SCHEMA: &str = "\
CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, name varchar(50), at timestamp NULL, price double, raw blob, mood enum('a', 'b'), bits bit(4)); \
CREATE TABLE orders (id int, CONSTRAINT f FOREIGN KEY (id) REFERENCES users (id)); \
INSERT INTO users (name, at, price, raw, mood, bits) SELECT CONCAT('n', seq), NOW(), RAND(), x'00ff', 'b', b'101' FROM seq_1_to_500; \
INSERT INTO orders SELECT id FROM users; CREATE VIEW v AS SELECT name FROM users; \
CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW SET NEW.id = NEW.id; CREATE PROCEDURE p() SELECT 1; \
CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM orders";

#[tokio::test]
async fn a_backup_is_taken_proven_and_put_back() {
    let Some(server) = MariaDb::shared() else { return };
    let database = server.database();
    let bench = Bench::of(&server.address(&database));
    bench.run(SCHEMA).await;
    let taken = bench.backups.create(&bench.address, "main", now()).await.unwrap();
    assert_eq!(taken.tables.len(), 2);
    assert!(matches!(taken.tables[0].rows, Counted::Exactly { count: 500, .. }));
    let proven = bench.backups.verify(&taken.id, &bench.address, now()).await.unwrap();
    assert!(proven.verified.is_some());

    bench.run("UPDATE users SET name = 'changed'; DELETE FROM orders; DROP EVENT e; DROP VIEW v").await;
    let refused = bench.backups.restore(&taken.id, &bench.address, Existing::Refuse, now()).await;
    assert!(matches!(&refused, Err(BackupError::Occupied { .. })), "{refused:?}");
    bench.backups.restore(&taken.id, &bench.address, Existing::Replace, now()).await.unwrap();
    assert_eq!(bench.ask("SELECT COUNT(*) FROM users WHERE name = 'changed'").await, "0");
    assert_eq!(bench.ask("SELECT COUNT(*) FROM orders").await, "500");
    assert_eq!(bench.ask("SELECT COUNT(*) FROM v").await, "500");
    let events = "SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE()";
    assert_eq!(bench.ask(events).await, "1", "what runs by itself is restored where it belongs");

    let other = Address::parse(&server.address(&format!("{database}_new"))).unwrap();
    bench.backups.restore(&taken.id, &other, Existing::Refuse, now()).await.unwrap();
    assert_eq!(server.ask(&format!("{database}_new"), "SELECT COUNT(*) FROM orders"), "500");
    let left = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name LIKE 'bascule_restore%'";
    assert_eq!(server.ask("mysql", left), "0");
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
}

#[tokio::test]
async fn a_change_of_one_value_is_seen() {
    let Some(server) = MariaDb::shared() else { return };
    let bench = Bench::of(&server.fresh());
    bench
        .run("CREATE TABLE a (n int, s varchar(9)); INSERT INTO a VALUES (1, NULL), (2, '-'), (3, 'é')")
        .await;
    let sum = |taken: &bascule_backup::Manifest| match &taken.tables[0].rows {
        Counted::Exactly { sum, .. } => sum.clone().unwrap(),
        Counted::Moving { .. } => panic!("nobody writes"),
    };
    let one = sum(&bench.backups.create(&bench.address, "main", now()).await.unwrap());
    bench.run("UPDATE a SET s = '-' WHERE n = 1; UPDATE a SET s = NULL WHERE n = 2").await;
    let other = sum(&bench.backups.create(&bench.address, "main", now()).await.unwrap());
    assert_ne!(one, other);
}
