//! A place that speaks S3.

use std::sync::Arc;

use bascule_backup::{BackupError, Backups, Endpoint, Existing, Place, S3};

use crate::fake_s3::{ACCESS_KEY, BUCKET, FakeS3, SECRET_KEY, Trouble};
use crate::support::{Bench, key, names, now, tools};

fn backups(server: &FakeS3, secret: &str, bench: &Bench) -> Backups {
    let endpoint = Endpoint::parse(&server.url, "here-1").unwrap();
    let s3 = S3::new(endpoint, BUCKET, "of the shop/db", ACCESS_KEY, secret, Arc::new(now));
    assert!(!format!("{s3:?}").contains(secret));
    Backups::new(Place::S3(Box::new(s3)), key(), tools(&bench.scratch))
}

async fn bench() -> Bench {
    let bench = Bench::of("sqlite:FOLDER/live.db");
    bench.run("CREATE TABLE a (x blob); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 50) INSERT INTO a SELECT randomblob(10000) FROM c").await;
    bench
}

#[tokio::test]
async fn backups_are_kept_listed_proven_restored_and_removed() {
    let (server, bench) = (FakeS3::start(), bench().await);
    let backups = backups(&server, SECRET_KEY, &bench);
    *server.trouble.lock().unwrap() = Trouble::Busy(2);
    let taken = backups.create(&bench.address, "main", now()).await.unwrap();
    let at = |hour: i64| now() + jiff::SignedDuration::from_hours(hour);
    backups.create(&bench.address, "main", at(1)).await.unwrap();
    backups.create(&bench.address, "other", at(1)).await.unwrap();
    assert_eq!(server.keys()[0], format!("of the shop/db/{}.backup", taken.id));
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
    let listed = backups.list("main").await.unwrap().0;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0], taken);
    let proven = backups.verify(&taken.id, &bench.address, now()).await.unwrap();
    assert_eq!(backups.manifest(&taken.id).await.unwrap(), proven);
    bench.run("DELETE FROM a").await;
    backups.restore(&taken.id, &bench.address, Existing::Replace, now()).await.unwrap();
    assert_eq!(bench.ask("SELECT count(*) FROM a").await, "50");
    backups.remove(&taken.id).await.unwrap();
    assert!(matches!(backups.manifest(&taken.id).await, Err(BackupError::Unknown { .. })));
    assert_eq!(server.keys().len(), 4);
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_that_is_cut_is_no_backup() {
    let (server, bench) = (FakeS3::start(), bench().await);
    let backups = backups(&server, SECRET_KEY, &bench);
    *server.trouble.lock().unwrap() = Trouble::CutContentAfter(100_000);
    let failed = backups.create(&bench.address, "main", now()).await;
    assert!(matches!(failed, Err(BackupError::Unreachable { .. })), "{failed:?}");
    *server.trouble.lock().unwrap() = Trouble::RefuseManifests;
    let failed = backups.create(&bench.address, "main", now()).await;
    assert!(
        matches!(&failed, Err(BackupError::Refused { code, .. }) if code == "AccessDenied"),
        "{failed:?}"
    );
    *server.trouble.lock().unwrap() = Trouble::None;
    assert_eq!(backups.list("main").await.unwrap().0, []);
    assert_eq!(server.keys(), Vec::<String>::new());
    assert_eq!(names(&bench.scratch), Vec::<String>::new());
}

#[tokio::test]
async fn another_secret_is_refused_and_nobody_there_is_said() {
    let (server, bench) = (FakeS3::start(), bench().await);
    let refused = backups(&server, "wrong", &bench).list("main").await;
    assert!(
        matches!(&refused, Err(BackupError::Refused { code, .. }) if code == "SignatureDoesNotMatch"),
        "{refused:?}"
    );
    let nobody =
        FakeS3 { url: format!("http://127.0.0.1:{}", bascule_database_servers::free_port()), ..server };
    let unreachable = backups(&nobody, SECRET_KEY, &bench).list("main").await;
    assert!(matches!(unreachable, Err(BackupError::Unreachable { .. })), "{unreachable:?}");
}
