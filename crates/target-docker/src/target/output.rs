//! Logs of an environment's releases, also of those that have ended while they are kept.

use std::sync::Arc;

use bascule_engine::ports::{LogLines, LogQuery};
use bascule_instances::durable;
use bascule_instances::layout::InstanceFolder;
use bascule_instances::records;
use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId, ServiceName};
use bascule_model::release::TargetKind;
use futures_util::future::try_join_all;

use crate::error::DockerError;
use crate::logs::{self, parse::Line};
use crate::shared::{Shared, blocking};

/// One instance that has a log, or may have one.
#[derive(Debug)]
struct Log {
    id: InstanceId,
    service: ServiceName,
    n: u32,
    folder: InstanceFolder,
    /// Its release stands in a slot: the engine has the log, or its newest part.
    stands: bool,
}

/// The last lines of each instance of a release, by service and number.
pub(super) async fn last(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    query: &LogQuery,
) -> Result<Vec<LogLines>, DockerError> {
    let logs = of_release(shared, key, &query.release).await?;
    let wanted =
        logs.into_iter().filter(|log| query.service.as_ref().is_none_or(|wanted| log.service == *wanted));
    try_join_all(wanted.map(|log| tail(shared, log, query.tail))).await
}

async fn tail(shared: &Shared, log: Log, count: usize) -> Result<LogLines, DockerError> {
    let mut lines = logs::kept(log.folder.kept_log()).await?;
    if log.stands {
        let newest = lines.last().map_or(0, |line| line.at);
        let from_engine = logs::last(shared, log.id.as_str(), count).await?;
        lines.extend(from_engine.into_iter().filter(|line| line.at > newest));
    }
    let position = lines.last().map_or(0, |line| line.at);
    let first = lines.len().saturating_sub(count);
    Ok(LogLines { instance: log.id, lines: texts(lines.split_off(first)), position })
}

/// What an instance wrote after a position; nothing for one that has no log.
pub(super) async fn after(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    instance: &InstanceId,
    position: u64,
) -> Result<LogLines, DockerError> {
    let nothing = || LogLines { instance: instance.clone(), lines: Vec::new(), position };
    let Some(log) = find(shared, key, instance).await? else { return Ok(nothing()) };
    let lines = if log.stands {
        logs::after(shared, instance.as_str(), position).await?
    } else {
        let mut kept = logs::kept(log.folder.kept_log()).await?;
        kept.retain(|line| line.at > position);
        kept
    };
    let Some(last) = lines.last() else { return Ok(nothing()) };
    Ok(LogLines { instance: instance.clone(), position: last.at, lines: texts(lines) })
}

/// Whether the instance is, or was, a container here.
pub(super) async fn is_known(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    instance: &InstanceId,
) -> Result<bool, DockerError> {
    Ok(find(shared, key, instance).await?.is_some())
}

async fn find(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    instance: &InstanceId,
) -> Result<Option<Log>, DockerError> {
    let listing = shared.layout.environment(key)?;
    let names = blocking("the listing of releases", move || Ok(durable::names(&listing)?)).await?;
    for release in names.into_iter().filter(|release| instance.as_str().contains(release.as_str())) {
        let logs = of_release(shared, key, &ReleaseId::from_text(release)).await?;
        if let Some(log) = logs.into_iter().find(|log| log.id == *instance) {
            return Ok(Some(log));
        }
    }
    Ok(None)
}

async fn of_release(
    shared: &Arc<Shared>,
    key: &EnvironmentKey,
    release: &ReleaseId,
) -> Result<Vec<Log>, DockerError> {
    let (shared, key, release) = (Arc::clone(shared), key.clone(), release.clone());
    blocking("the listing of logs", move || {
        let folder = shared.layout.slot(&key, &release)?;
        if !folder.path().is_dir() {
            return Ok(Vec::new());
        }
        let stands = records::slot(&folder, TargetKind::Docker)?.is_some();
        let mut logs = Vec::new();
        for name in durable::names(folder.path())? {
            let parsed = name.rsplit_once('-').and_then(|(service, n)| {
                Some((service.parse::<ServiceName>().ok()?, n.parse::<u32>().ok()?))
            });
            let Some((service, n)) = parsed else { continue };
            let folder = folder.instance(&service, n);
            if stands || folder.kept_log().exists() {
                logs.push(Log {
                    id: InstanceId::new(&key, &release, &service, n),
                    service,
                    n,
                    folder,
                    stands,
                });
            }
        }
        logs.sort_by(|a, b| (&a.service, a.n).cmp(&(&b.service, b.n)));
        Ok(logs)
    })
    .await
}

fn texts(lines: Vec<Line>) -> Vec<String> {
    lines.into_iter().map(|line| line.text).collect()
}
