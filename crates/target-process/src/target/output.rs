//! Which logs an environment has, also of releases that have ended, and what is read of them.

use std::sync::PoisonError;

use bascule_engine::ports::{LogLines, LogQuery};
use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId, ServiceName};

use crate::error::ProcessError;
use crate::instance::process_record;
use crate::logs::read::{self, Unfinished};
use crate::shared::Shared;
use crate::state::durable;
use crate::state::layout::InstanceFolder;

struct Log {
    id: InstanceId,
    service: ServiceName,
    n: u32,
    folder: InstanceFolder,
}

/// The last lines of each instance of a release, by service and number.
pub(super) fn last(
    shared: &Shared,
    key: &EnvironmentKey,
    query: &LogQuery,
) -> Result<Vec<LogLines>, ProcessError> {
    let _reading = shared.logs.read().unwrap_or_else(PoisonError::into_inner);
    let logs = of_release(shared, key, &query.release)?;
    let wanted =
        logs.into_iter().filter(|log| query.service.as_ref().is_none_or(|wanted| log.service == *wanted));
    wanted
        .map(|log| {
            let lines = read::tail(&log.folder, query.tail, unfinished(shared, &log.folder)?)?;
            Ok(LogLines { instance: log.id, lines: lines.lines, position: lines.position })
        })
        .collect()
}

/// What an instance wrote from a position on; nothing for one that has no log.
pub(super) fn after(
    shared: &Shared,
    key: &EnvironmentKey,
    instance: &InstanceId,
    position: u64,
) -> Result<LogLines, ProcessError> {
    let _reading = shared.logs.read().unwrap_or_else(PoisonError::into_inner);
    for release in durable::names(&shared.layout.environment(key)?)? {
        if !instance.as_str().contains(&release) {
            continue;
        }
        let logs = of_release(shared, key, &ReleaseId::from_text(release))?;
        if let Some(log) = logs.into_iter().find(|log| log.id == *instance) {
            let lines = read::after(&log.folder, position, unfinished(shared, &log.folder)?)?;
            return Ok(LogLines { instance: log.id, lines: lines.lines, position: lines.position });
        }
    }
    Ok(LogLines { instance: instance.clone(), lines: Vec::new(), position })
}

/// A line without end may still get it while a process is there to write it.
fn unfinished(shared: &Shared, folder: &InstanceFolder) -> Result<Unfinished, ProcessError> {
    let process = process_record::read(&folder.process(), &shared.boot)?;
    Ok(match process {
        Some(process) if process.is_running() => Unfinished::Hold,
        _ => Unfinished::Show,
    })
}

fn of_release(shared: &Shared, key: &EnvironmentKey, release: &ReleaseId) -> Result<Vec<Log>, ProcessError> {
    let folder = shared.layout.slot(key, release)?;
    if !folder.path().is_dir() {
        return Ok(Vec::new());
    }
    let mut logs = Vec::new();
    for name in durable::names(folder.path())? {
        let parsed = name
            .rsplit_once('-')
            .and_then(|(service, n)| Some((service.parse::<ServiceName>().ok()?, n.parse::<u32>().ok()?)));
        let Some((service, n)) = parsed else { continue };
        let folder = folder.instance(&service, n);
        if folder.log(0).exists() {
            logs.push(Log { id: InstanceId::new(key, release, &service, n), service, n, folder });
        }
    }
    logs.sort_by(|a, b| (&a.service, a.n).cmp(&(&b.service, b.n)));
    Ok(logs)
}
