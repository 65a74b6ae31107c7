//! A command beside a service's instances: a Job of its own, attached to before it begins, removed when whoever asked for it lets go.
//! One that a death left behind is removed by the next control plane, with its Deployment, or at the Job's own deadline.

mod attached;
mod task;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{ExecControl, ExecSession, ExecSpec, PortError, TerminalSize};
use bascule_instances::records::{self, SlotRecord};
use bascule_model::evidence::Exit;
use bascule_model::release::TargetKind;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, Pod};
use kube::ResourceExt as _;
use kube::api::{DeleteParams, ListParams, PropagationPolicy};

use self::attached::Attached;
pub(super) use self::task::{end_all as end_tasks, run as run_task};
use super::cluster_of;
use crate::cluster::{Cluster, ours};
use crate::error::KubernetesError;
use crate::names;
use crate::objects::job::{Begin, Maker, Tasked, job};
use crate::seen::{self, exit_of};
use crate::shared::{Clusters, lock};

/// It is looked at so often.
const LOOK: Duration = Duration::from_millis(150);
/// Between two attempts to find what was left behind.
const AGAIN: Duration = Duration::from_secs(10);
/// What containers say of a program that could not be started.
const UNSTARTED: [&str; 3] = ["ContainerCannotRun", "StartError", "RunContainerError"];

/// Makes it, attaches to it, and lets it begin.
pub(super) async fn exec(
    clusters: &Arc<Clusters>,
    record: &SlotRecord,
    spec: &ExecSpec,
) -> Result<ExecSession, KubernetesError> {
    let release = &record.release;
    let cluster = clusters.reach(cluster_of(release)?).await?;
    let name = names::deployment(&release.key.app, &spec.service, &release.id);
    let deployment = cluster.get::<Deployment>(&format!("look at the Deployment {name}"), &name).await?;
    let deployment = deployment.ok_or_else(|| KubernetesError::Refused {
        doing: "run the command".to_owned(),
        status: 404,
        words: format!("the Deployment {name}, whose pods it would be like, is not there"),
    })?;
    let patience = release.rollout.deadline;
    let running = make(clusters, &cluster, &deployment, spec, (Begin::AtTheGate, None)).await?;
    let (running, attached) = match running.begun(patience).await? {
        Begun::Runs => {
            let attached = attached::at_the_gate(&running, spec.terminal).await?;
            (running, attached)
        }
        // An image without a shell: then the command is all that runs.
        Begun::Ended(_) => {
            drop(running);
            let running = make(clusters, &cluster, &deployment, spec, (Begin::AtOnce, None)).await?;
            return alone(running, patience).await;
        }
    };
    Ok(session(running, attached))
}

/// Follows a command that nobody is attached to.
async fn alone(running: Running, patience: Duration) -> Result<ExecSession, KubernetesError> {
    match running.begun(patience).await? {
        Begun::Ended(ended) if is_unstarted(&ended) => return Ok(attached::unstarted(&ended)),
        Begun::Runs | Begun::Ended(_) => {}
    }
    let attached = attached::to_its_log(&running).await?;
    Ok(session(running, attached))
}

fn session(running: Running, attached: Attached) -> ExecSession {
    let Attached { input, output, resize, connections } = attached;
    let control =
        Control { running, resize: Mutex::new(resize), signal: Mutex::default(), _connections: connections };
    ExecSession { input, output, control: Box::new(control) }
}

async fn make(
    clusters: &Arc<Clusters>,
    cluster: &Arc<Cluster>,
    deployment: &Deployment,
    spec: &ExecSpec,
    how: (Begin, Option<Tasked<'_>>),
) -> Result<Running, KubernetesError> {
    let (app, number) = (&spec.slot.key.app, clusters.unique());
    let name = match how.1 {
        Some(task) => names::task(app, task.name, &number),
        None => names::exec(app, &spec.service, &number),
    };
    let doing = format!("make the Job {name}");
    let maker = Maker { owner: &clusters.state_id, process: &clusters.process };
    let made = job(deployment, spec, &name, how, &maker).ok_or_else(|| KubernetesError::Refused {
        doing: doing.clone(),
        status: 409,
        words: format!("the Deployment {} has no container of ours", deployment.name_any()),
    })?;
    // From here on a drop removes it: also one whose making was not answered.
    let running = Running { cluster: Arc::clone(cluster), job: name };
    let (api, params) = (cluster.api::<Job>(), ours());
    match cluster.call(&doing, || api.create(&params, &made)).await {
        // Its name is nobody else's: it was made by a call whose answer was lost.
        Err(error) if error.status() == Some(409) => Ok(running),
        answer => answer.map(|_| running),
    }
}

/// A command's Job. Dropping it removes it with its pod.
struct Running {
    cluster: Arc<Cluster>,
    job: String,
}

/// How the pod of a command stands, once something is known.
enum Begun {
    Runs,
    Ended(ContainerStateTerminated),
}

impl Running {
    /// Its pod; none while it has none, or when it is gone.
    async fn pod(&self) -> Result<Option<Pod>, KubernetesError> {
        let pods = self.cluster.api::<Pod>();
        let params = ListParams::default().labels(&format!("job-name={}", self.job));
        let found = self.cluster.call("look at the pod of the command", || pods.list(&params)).await?;
        Ok(found.items.into_iter().next())
    }

    /// Waits until its container runs or has ended.
    async fn begun(&self, patience: Duration) -> Result<Begun, KubernetesError> {
        let deadline = tokio::time::Instant::now() + patience;
        let refused = |words: String| KubernetesError::Refused {
            doing: "start the command".to_owned(),
            status: 409,
            words,
        };
        loop {
            let pod = self.pod().await?;
            let state = pod.as_ref().and_then(state);
            let seen = match state {
                Some((Some(_), _, _)) => return Ok(Begun::Runs),
                Some((_, Some(ended), _)) => return Ok(Begun::Ended(ended)),
                Some((_, _, Some(reason))) if seen::is_fatal(&reason) && !is_unstarted_reason(&reason) => {
                    return Err(refused(reason));
                }
                Some((_, _, Some(reason))) => reason,
                Some(_) => "its container is not made yet".to_owned(),
                None => match &pod {
                    Some(pod) => seen::unscheduled(pod),
                    None => "its pod is not made: a quota may be used up".to_owned(),
                },
            };
            if tokio::time::Instant::now() >= deadline {
                return Err(refused(format!("it did not begin within {} s: {seen}", patience.as_secs())));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// What a pod's container says: when it began to run, how it ended, why it waits.
fn state(pod: &Pod) -> Option<(Option<()>, Option<ContainerStateTerminated>, Option<String>)> {
    let container = seen::app(pod)?;
    let state = container.state.clone()?;
    let waits = state.waiting.map(|waiting| {
        let reason = waiting.reason.unwrap_or_default();
        waiting.message.map_or(reason.clone(), |message| format!("{reason}: {message}"))
    });
    Some((state.running.map(|_| ()), state.terminated, waits))
}

fn is_unstarted(ended: &ContainerStateTerminated) -> bool {
    ended.reason.as_deref().is_some_and(|reason| UNSTARTED.contains(&reason))
}

fn is_unstarted_reason(words: &str) -> bool {
    UNSTARTED.iter().any(|reason| words.starts_with(reason))
}

impl Drop for Running {
    fn drop(&mut self) {
        let (cluster, job) = (Arc::clone(&self.cluster), std::mem::take(&mut self.job));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // What cannot be removed now the next control plane removes.
            let _ = remove(&cluster, &job).await;
        });
    }
}

async fn remove(cluster: &Cluster, job: &str) -> Result<(), KubernetesError> {
    let jobs = cluster.api::<Job>();
    let params =
        DeleteParams { propagation_policy: Some(PropagationPolicy::Background), ..DeleteParams::default() };
    match cluster.call(&format!("remove the Job {job}"), || jobs.delete(job, &params)).await {
        Err(error) if error.status() == Some(404) => Ok(()),
        answer => answer.map(|_| ()),
    }
}

struct Control {
    running: Running,
    resize: Mutex<Option<attached::Resize>>,
    /// Which one it was told to end with.
    signal: Mutex<Option<i32>>,
    /// They carry the streams while they live.
    _connections: Vec<kube::api::AttachedProcess>,
}

#[async_trait]
impl ExecControl for Control {
    async fn resize(&self, size: TerminalSize) -> Result<(), PortError> {
        if let Some(resize) = lock(&self.resize).as_mut() {
            resize(size);
        }
        Ok(())
    }

    /// A cluster sends no signals: it ends a pod with the signal that the image names, and kills it after a moment.
    async fn signal(&self, signal: i32) -> Result<(), PortError> {
        lock(&self.signal).get_or_insert(signal);
        Ok(remove(&self.running.cluster, &self.running.job).await?)
    }

    async fn wait(&self) -> Result<Exit, PortError> {
        let told = || *lock(&self.signal);
        loop {
            let pod = match self.running.pod().await {
                // It goes on where it runs: whoever waits says for how long.
                Err(KubernetesError::Away { .. }) => {
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                pod => pod?,
            };
            let Some(pod) = pod else {
                let by = |signal| Exit::Signal { signal, out_of_memory: false };
                return Ok(told().map_or(Exit::Unknown, by));
            };
            if let Some((_, Some(ended), _)) = state(&pod) {
                let by = |signal| Exit::Signal { signal, out_of_memory: false };
                return Ok(told().map_or_else(|| exit_of(&ended), by));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// Removes the commands that a control plane which is gone has left behind, in every namespace where something stands.
pub(super) fn forget_leftovers(clusters: &Arc<Clusters>) {
    let (clusters, closing) = (Arc::downgrade(clusters), clusters.closing.clone());
    let work = async move {
        loop {
            let Some(clusters) = clusters.upgrade() else { return };
            if forgotten(&clusters).await.is_ok() {
                return;
            }
            drop(clusters);
            tokio::time::sleep(AGAIN).await;
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = work => {}
        }
    });
}

async fn forgotten(clusters: &Arc<Clusters>) -> Result<(), KubernetesError> {
    let all = records::slots(&clusters.layout, TargetKind::Kubernetes)?;
    let mut places: Vec<_> =
        all.into_iter().flatten().filter_map(|(_, record)| record.release.cluster).collect();
    places.sort_by_key(crate::shared::place);
    places.dedup_by_key(|cluster| crate::shared::place(cluster));
    for place in places {
        let cluster = clusters.reach(&place).await?;
        let jobs = cluster.api::<Job>();
        let params = ListParams::default().labels(&format!("{},{}", names::OURS, names::EXEC));
        let found = match cluster.call("list the commands that were left behind", || jobs.list(&params)).await
        {
            // An account that may not see them has made none.
            Err(error) if error.status() == Some(403) => continue,
            found => found?,
        };
        for left in found.items {
            let said = |annotation: &str| left.annotations().get(annotation).map(String::as_str);
            if said(names::OWNER) == Some(&clusters.state_id)
                && said(names::PROCESS).is_some_and(|process| clusters.is_before_us(process))
            {
                remove(&cluster, &left.name_any()).await?;
            }
        }
    }
    Ok(())
}
