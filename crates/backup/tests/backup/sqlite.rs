//! SQLite.

use bascule_backup::{BackupError, Existing};
use bascule_migrate::{Address, Connection};

use crate::support::{Bench, names, now};

#[tokio::test]
async fn a_backup_is_taken_proven_and_put_back() {
    let bench = Bench::of("sqlite:FOLDER/live.db");
    let path = bench.address.file().unwrap().to_owned();
    bench.run("PRAGMA journal_mode = WAL; CREATE TABLE a (n int, s text); CREATE INDEX i ON a (s); INSERT INTO a VALUES (1, 'secret text')").await;
    // Somebody reads meanwhile.
    let mut reader = bench.connect().await;
    reader.run("BEGIN; SELECT * FROM a").await.unwrap();
    let taken = bench.backups.create(&bench.address, "main", now()).await.unwrap();
    bench.backups.verify(&taken.id, &bench.address, now()).await.unwrap();
    let sealed = std::fs::read(bench.place.join(format!("{}.backup", taken.id))).unwrap();
    assert!(!sealed.windows(11).any(|window| window == b"secret text"));

    bench.run("UPDATE a SET s = 'changed'").await;
    let refused = bench.backups.restore(&taken.id, &bench.address, Existing::Refuse, now()).await;
    assert!(matches!(refused, Err(BackupError::Occupied { .. })), "{refused:?}");
    let busy = bench.backups.restore(&taken.id, &bench.address, Existing::Replace, now()).await;
    assert!(matches!(busy, Err(BackupError::Busy { .. })), "{busy:?}");
    assert_eq!(bench.ask("SELECT s FROM a").await, "changed");
    reader.run("COMMIT").await.unwrap();
    reader.close().await;

    let restored = bench.backups.restore(&taken.id, &bench.address, Existing::Replace, now()).await.unwrap();
    assert_eq!(bench.ask("SELECT s FROM a").await, "secret text");
    let former = Address::parse(&format!("sqlite:{}", restored.former.unwrap())).unwrap();
    let mut former = Connection::open(&former, "test").await.unwrap();
    assert_eq!(former.value("SELECT s FROM a").await.unwrap().as_deref(), Some("changed"));
    former.close().await;

    let other = Address::parse(&format!("{}.new", bench.address.reveal())).unwrap();
    bench.backups.restore(&taken.id, &other, Existing::Refuse, now()).await.unwrap();
    assert!(std::path::Path::new(&format!("{path}.new")).is_file());
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
}
