//! `logs`: the last lines of instances, and what they go on to write.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bascule_engine::ports::{LogLines, LogQuery};
use bascule_model::ids::{EnvironmentKey, InstanceId, ReleaseId};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Release;
use bascule_secrets::redact::Redactor;
use bytes::Bytes;
use futures_util::stream;

use crate::api::{LogChunk, LogsRequest};
use crate::control::Control;

/// How often new lines are looked for.
const LOOK: Duration = Duration::from_millis(200);

/// The last lines.
///
/// # Errors
/// `NOTHING_LIVE` when no release is named and none is live.
pub async fn last(control: &Control, request: &LogsRequest) -> Result<Vec<LogChunk>, Problem> {
    let (release, logs) = read(control, request).await?;
    let redactor = control.engine.redactor(&request.key, &release.id).await?;
    Ok(logs.into_iter().map(|lines| chunk(&release, &redactor, lines)).collect())
}

async fn read(control: &Control, request: &LogsRequest) -> Result<(Release, Vec<LogLines>), Problem> {
    let release = release(control, &request.key, request.release.as_ref()).await?;
    let query =
        LogQuery { release: release.id.clone(), service: request.service.clone(), tail: request.tail };
    let logs = control.engine.ports().target.logs(&request.key, &query).await.map_err(Problem::from)?;
    Ok((release, logs))
}

/// The last lines, and then new ones without end; one [`LogChunk`] a line.
///
/// # Errors
/// As [`last`].
pub async fn follow(control: Arc<Control>, request: LogsRequest) -> Result<Body, Problem> {
    let (release, logs) = read(&control, &request).await?;
    let positions: HashMap<InstanceId, u64> =
        logs.iter().map(|lines| (lines.instance.clone(), lines.position)).collect();
    let redactor = control.engine.redactor(&request.key, &release.id).await?;
    let first: Vec<LogChunk> = logs.into_iter().map(|lines| chunk(&release, &redactor, lines)).collect();
    let about = Arc::new((release, redactor));
    let state = (control, request.key, about, positions, Some(first));
    let chunks = stream::unfold(state, |(control, key, about, mut positions, first)| async move {
        let chunks = match first {
            Some(first) => first,
            None => more(&control, &key, &about, &mut positions).await,
        };
        let mut bytes = Vec::new();
        for chunk in chunks.iter().filter(|chunk| !chunk.lines.is_empty()) {
            bytes.extend(serde_json::to_vec(chunk).unwrap_or_default());
            bytes.push(b'\n');
        }
        Some((Ok::<Bytes, Infallible>(bytes.into()), (control, key, about, positions, None)))
    });
    Ok(Body::from_stream(chunks))
}

async fn more(
    control: &Control,
    key: &EnvironmentKey,
    (release, redactor): &(Release, Redactor),
    positions: &mut HashMap<InstanceId, u64>,
) -> Vec<LogChunk> {
    tokio::time::sleep(LOOK).await;
    let mut chunks = Vec::new();
    for (instance, position) in positions.iter_mut() {
        if let Ok(lines) = control.engine.ports().target.logs_after(key, instance, *position).await {
            *position = lines.position;
            chunks.push(chunk(release, redactor, lines));
        }
    }
    chunks
}

async fn release(
    control: &Control,
    key: &EnvironmentKey,
    named: Option<&ReleaseId>,
) -> Result<Release, Problem> {
    let journal = control.engine.journal();
    let id = match named {
        Some(id) => Some(id.clone()),
        None => journal.environment(key).await?.and_then(|one| one.live).map(|live| live.release),
    };
    let Some(id) = id else {
        return Err(Problem::new(
            Code::NothingLive,
            format!("nothing is live in {key}"),
            "name a release with `--release`; `bascule history ENV` lists them",
        ));
    };
    journal.release(key, &id).await?.map(|record| record.release).ok_or_else(|| {
        Problem::new(
            Code::ReleaseUnknown,
            format!("{key} has no release {id}"),
            format!("`bascule history {}` lists them", key.environment),
        )
    })
}

/// The lines as they may be shown: without the secrets of their release.
fn chunk(release: &Release, redactor: &Redactor, lines: LogLines) -> LogChunk {
    let LogLines { instance, lines, .. } = lines;
    let lines = lines.into_iter().map(|line| redactor.text(&line).into_owned()).collect();
    // `<app>-<environment>-<release>-<service>-<n>`: the service is known by the name that it alone gives.
    let service = release
        .services
        .iter()
        .find(|service| {
            (1..=service.instances)
                .any(|n| InstanceId::new(&release.key, &release.id, &service.name, n) == instance)
        })
        .map(|service| service.name.clone());
    LogChunk { instance, service, lines }
}
