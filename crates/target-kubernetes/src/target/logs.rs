//! What pods wrote, asked of the cluster. Lines are known by their moment, in nanoseconds since 1970: that is what a position is.

use bascule_engine::ports::{LogLines, LogQuery};
use bascule_instances::text;
use bascule_model::evidence::InstanceState;
use bascule_model::ids::InstanceId;
use bascule_model::release::Release;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::api::LogParams;

use super::{KubernetesTarget, cluster_of};
use crate::error::KubernetesError;
use crate::seen::Instance;

/// So much is read at once.
const READ_BYTES: i64 = 16 * 1024 * 1024;

impl KubernetesTarget {
    /// The last lines of each instance.
    pub(super) async fn last_lines(
        &self,
        release: &Release,
        query: &LogQuery,
    ) -> Result<Vec<LogLines>, KubernetesError> {
        let mut all = Vec::new();
        let wanted = |instance: &Instance| {
            query.service.as_ref().is_none_or(|service| *service == instance.status.service)
        };
        for instance in self.look(release).await?.into_iter().filter(wanted) {
            let params = LogParams {
                tail_lines: i64::try_from(query.tail).ok(),
                limit_bytes: Some(READ_BYTES),
                timestamps: true,
                ..LogParams::default()
            };
            let mut lines = self.read(release, &instance, &params).await?;
            // One that ended and is not running again has written nothing since.
            if lines.is_empty()
                && instance.status.restarts > 0
                && !matches!(instance.status.state, InstanceState::Running { .. })
            {
                lines = self.read(release, &instance, &LogParams { previous: true, ..params }).await?;
            }
            let position = lines.last().map_or(0, |(at, _)| *at);
            let lines = lines.into_iter().map(|(_, line)| line).collect();
            all.push(LogLines { instance: instance.status.id, lines, position });
        }
        Ok(all)
    }

    /// What one instance wrote after a position; none when it is not there.
    pub(super) async fn lines_after(
        &self,
        release: &Release,
        instance: &InstanceId,
        position: u64,
    ) -> Result<Option<LogLines>, KubernetesError> {
        let found = self.look(release).await?.into_iter().find(|one| one.status.id == *instance);
        let Some(found) = found else { return Ok(None) };
        let params = LogParams {
            since_time: crate::moment::asked(position).filter(|_| position > 0),
            limit_bytes: Some(READ_BYTES),
            timestamps: true,
            ..LogParams::default()
        };
        let mut lines = self.read(release, &found, &params).await?;
        lines.retain(|(at, _)| *at > position);
        let position = lines.last().map_or(position, |(at, _)| *at);
        let lines = lines.into_iter().map(|(_, line)| line).collect();
        Ok(Some(LogLines { instance: instance.clone(), lines, position }))
    }

    async fn read(
        &self,
        release: &Release,
        instance: &Instance,
        params: &LogParams,
    ) -> Result<Vec<(u64, String)>, KubernetesError> {
        let Some((pod, _)) = &instance.pod else { return Ok(Vec::new()) };
        let cluster = self.clusters.reach(cluster_of(release)?).await?;
        let pods = cluster.api::<Pod>();
        // Others may have put containers of theirs into the pod, whose lines are not asked for.
        let params = LogParams { container: Some(instance.container.clone()), ..params.clone() };
        match cluster.call(&format!("read the log of {pod}"), || pods.logs(pod, &params)).await {
            Ok(text) => Ok(text.lines().filter_map(timed).collect()),
            // A container that never ran has no log.
            Err(error) if matches!(error.status(), Some(400 | 404)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// `<RFC 3339 time> <line>`
fn timed(line: &str) -> Option<(u64, String)> {
    let (time, rest) = line.split_once(' ').unwrap_or((line, ""));
    let time: Timestamp = time.parse().ok()?;
    Some((u64::try_from(time.as_nanosecond()).ok()?, text::line(rest.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_moment() {
        let (at, line) = timed("2026-11-26T10:00:00.000000001Z hello world").unwrap();
        assert_eq!((at % 1_000_000_000, line.as_str()), (1, "hello world"));
        assert_eq!(timed("2026-11-26T10:00:00Z").unwrap().1, "");
        assert!(timed("no time at all").is_none());
    }
}
