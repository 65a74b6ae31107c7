//! A command beside a service's instances, in a container of its own that is made as theirs are.
//!
//! It carries the label `bascule.exec` and no number: no supervisor and no list of instances knows it. The engine removes it when
//! it ends; one that a death left behind is removed when the target is opened again.

mod unstarted;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{ExecControl, ExecOutput, ExecSession, ExecSpec, PortError, TerminalSize};
use bascule_instances::surroundings::Who;
use bascule_model::evidence::Exit;
use bascule_model::ids::{InstanceId, TaskName};
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, HealthConfig, HostConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ResizeContainerTTYOptionsBuilder, WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use tokio::sync::watch;

use crate::create::body;
use crate::error::DockerError;
use crate::names;
use crate::network;
use crate::seen;
use crate::shared::{Reach, Shared};
use crate::slot::StandingSlot;
use crate::supervise::attempt::{self, Trouble};
use crate::supervise::explain::explain;

const PATIENCE: Duration = Duration::from_secs(10);

/// Runs one beside what stands in a slot.
pub(crate) async fn exec(shared: &Arc<Shared>, spec: &ExecSpec) -> Result<ExecSession, PortError> {
    let not_there = |what: String| DockerError::NotThere { what, key: spec.slot.key.to_string() };
    let slot = shared
        .slot(&(spec.slot.key.clone(), spec.slot.release.clone()))
        .filter(|slot| slot.reference == spec.slot)
        .ok_or_else(|| not_there(format!("release {}", spec.slot.release)))?;
    begin(shared, &slot, spec, None).await
}

/// Makes it, attaches to it, and starts it. Its release may stand in the slot or not.
pub(crate) async fn begin(
    shared: &Arc<Shared>,
    slot: &StandingSlot,
    spec: &ExecSpec,
    task: Option<&TaskName>,
) -> Result<ExecSession, PortError> {
    let name = names::exec(&spec.slot.key, &spec.slot.release, &spec.service, chance()?);
    let running = Running { shared: Arc::clone(shared), name: name.clone(), end: watch::Sender::new(None) };
    // From here on a drop removes it, and the files with its secrets.
    let control = Control(Arc::new(running));
    let body = request(shared, slot, spec, (&name, task)).await?;
    attempt::create(&shared.connection, &name, body).await.map_err(refused)?;
    let attached = attach(&control.0, spec.terminal.is_some()).await?;
    watch_end(&control.0);
    if let Err(error) = start(&control.0).await {
        let status = if error.refusal().is_some() { unstarted::status(&control.0.end).await } else { None };
        // Without a status the words alone say what it was, and whoever asked has to make do with them.
        return status.map(|status| ExecSession::ended(&error.to_string(), status)).ok_or(error.into());
    }
    if let Some(size) = spec.terminal {
        // A terminal of the wrong size is better than none.
        let _ = control.resize(size).await;
    }
    let output = attached.output.filter_map(|piece| async move { piece.ok().map(told) });
    Ok(ExecSession { input: attached.input, output: Box::pin(output), control: Box::new(control) })
}

fn chance() -> Result<u64, DockerError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|_| DockerError::Lost { what: "the machine's chance" })?;
    Ok(u64::from_le_bytes(bytes) >> 16)
}

fn refused(trouble: Trouble) -> PortError {
    match trouble {
        Trouble::Forbidden(problem) => (*problem).into(),
        Trouble::Away => DockerError::Lost { what: "the way to the Docker Engine" }.into(),
        Trouble::LookAgain => DockerError::Lost { what: "the making of the container" }.into(),
        Trouble::Refused(words) => {
            let doing = "run the command".to_owned();
            DockerError::Refused { doing, status: 400, words }.into()
        }
    }
}

/// As an instance's container, but for its command, its streams and its name; it publishes nothing and has no fixed address.
async fn request(
    shared: &Shared,
    slot: &StandingSlot,
    spec: &ExecSpec,
    (name, task): (&str, Option<&TaskName>),
) -> Result<ContainerCreateBody, PortError> {
    let service = slot.release.service(&spec.service).ok_or_else(|| DockerError::NotThere {
        what: format!("service {}", spec.service),
        key: spec.slot.key.to_string(),
    })?;
    let image = slot.image(shared, PATIENCE).await?;
    crate::create::image::check_user(shared, image, service, PATIENCE).await?;
    let network = network::ensure(shared, &spec.slot.key, PATIENCE).await?;
    let none = BTreeMap::new();
    let values = slot.configuration(shared).map_err(|detail| DockerError::NotThere {
        what: format!("the configuration of {} ({detail})", spec.slot.release),
        key: spec.slot.key.to_string(),
    })?;
    let values = values.env.get(&service.name).unwrap_or(&none);
    let id = InstanceId::from_text(name);
    let who = Who {
        key: &spec.slot.key,
        release: &spec.slot.release,
        slot: spec.slot.slot,
        instance: &id,
        state_id: &shared.state_id,
        port: service.traffic.as_ref().map(|traffic| traffic.port),
    };
    let files = body::secret_files(&who, service, values);
    let folder = if files.is_empty() {
        None
    } else {
        let nowhere =
            |detail: String| DockerError::NoSecretPlace { service: service.name.to_string(), detail };
        Some(shared.secret_files.write(name, &files).map_err(nowhere)?)
    };
    let body = body::body(&body::Making {
        who,
        service,
        values,
        image,
        network: &network.name,
        address: None,
        reach: Reach::Address,
        secrets: folder.as_deref(),
    });
    let mut labels = names::of_service(
        &spec.slot.key,
        &shared.state_id,
        &spec.slot.release,
        spec.slot.slot,
        &spec.service,
    );
    labels.insert(names::EXEC.to_owned(), "true".to_owned());
    if let Some(task) = task {
        labels.insert(names::TASK.to_owned(), task.to_string());
        labels.insert(names::IS_TASK.to_owned(), "true".to_owned());
    }
    let has_terminal = spec.terminal.is_some();
    let host = body.host_config.unwrap_or_default();
    Ok(ContainerCreateBody {
        entrypoint: spec.command.first().map(|program| vec![program.clone()]),
        cmd: Some(spec.command.iter().skip(1).cloned().collect()),
        labels: Some(labels),
        tty: Some(has_terminal),
        open_stdin: Some(true),
        stdin_once: Some(true),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        // It is no instance: nobody asks how it is.
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".to_owned()]), ..HealthConfig::default() }),
        host_config: Some(HostConfig { auto_remove: Some(true), ..host }),
        ..body
    })
}

async fn attach(
    running: &Running,
    has_terminal: bool,
) -> Result<bollard::container::AttachContainerResults, DockerError> {
    let name = running.name.as_str();
    let options = AttachContainerOptionsBuilder::default()
        .stream(true)
        .stdin(true)
        .stdout(true)
        .stderr(!has_terminal)
        .build();
    let doing = "attach to the command";
    let attached = running.shared.connection.call(doing, |docker| {
        let options = options.clone();
        async move { docker.attach_container(name, Some(options)).await }
    });
    attached.await
}

async fn start(running: &Running) -> Result<(), DockerError> {
    let name = running.name.as_str();
    let doing = "start the command";
    let started = running
        .shared
        .connection
        .call(doing, |docker| async move { docker.start_container(name, None).await });
    match started.await {
        Err(DockerError::Refused { doing, status, words }) => {
            Err(DockerError::Refused { doing, status, words: explain(&words, "") })
        }
        started => started,
    }
}

/// Waits for its end from before its start on: afterwards nothing of it is there to be asked.
fn watch_end(running: &Arc<Running>) {
    let running = Arc::clone(running);
    let end = running.end.clone();
    let (shared, name) = (Arc::clone(&running.shared), running.name.clone());
    drop(running);
    tokio::spawn(async move {
        let options = WaitContainerOptionsBuilder::default().condition("next-exit").build();
        let exit = match shared.connection.client().await {
            Ok(client) => {
                let mut answers = std::pin::pin!(client.wait_container(&name, Some(options)));
                match answers.next().await {
                    Some(Ok(answer)) => seen::exit(answer.status_code, false),
                    Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => {
                        seen::exit(code, false)
                    }
                    _ => Exit::Unknown,
                }
            }
            Err(_) => Exit::Unknown,
        };
        shared.secret_files.forget(&name);
        end.send_replace(Some(exit));
    });
}

fn told(piece: LogOutput) -> ExecOutput {
    match piece {
        LogOutput::StdErr { message } => ExecOutput::Stderr(message.to_vec()),
        LogOutput::StdOut { message } | LogOutput::StdIn { message } | LogOutput::Console { message } => {
            ExecOutput::Stdout(message.to_vec())
        }
    }
}

/// A command's container.
struct Running {
    shared: Arc<Shared>,
    name: String,
    end: watch::Sender<Option<Exit>>,
}

struct Control(Arc<Running>);

#[async_trait]
impl ExecControl for Control {
    async fn resize(&self, size: TerminalSize) -> Result<(), PortError> {
        let name = self.0.name.as_str();
        let options = ResizeContainerTTYOptionsBuilder::default()
            .h(i32::from(size.rows))
            .w(i32::from(size.columns))
            .build();
        let resized = self.0.shared.connection.call("resize the terminal", |docker| {
            let options = options.clone();
            async move { docker.resize_container_tty(name, options).await }
        });
        match resized.await {
            // It has ended meanwhile, or has no terminal.
            Err(error) if error.refusal().is_some() => Ok(()),
            resized => Ok(resized?),
        }
    }

    async fn signal(&self, signal: i32) -> Result<(), PortError> {
        let name = self.0.name.as_str();
        let options = KillContainerOptionsBuilder::default().signal(&signal.to_string()).build();
        let sent = self.0.shared.connection.call("send a signal to the command", |docker| {
            let options = options.clone();
            async move { docker.kill_container(name, Some(options)).await }
        });
        match sent.await {
            Err(error) if error.refusal().is_some() => Ok(()),
            sent => Ok(sent?),
        }
    }

    async fn wait(&self) -> Result<Exit, PortError> {
        let mut end = self.0.end.subscribe();
        let exit = end.wait_for(Option::is_some).await;
        Ok(exit.ok().and_then(|exit| exit.clone()).unwrap_or(Exit::Unknown))
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let (shared, name) = (Arc::clone(&self.0.shared), self.0.name.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            // What cannot be removed now is removed when the target is opened again.
            let _ = attempt::remove(&shared.connection, &name).await;
            shared.secret_files.forget(&name);
        });
    }
}

/// Removes the commands that nobody is attached to any more, once the engine can be asked.
pub(crate) fn forget_leftovers(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    let closing = shared.closing.clone();
    let labels = HashMap::from([
        (names::OWNER.to_owned(), shared.state_id.clone()),
        (names::EXEC.to_owned(), "true".to_owned()),
    ]);
    let began = shared.clock.now().as_second();
    let work = async move {
        let options =
            ListContainersOptionsBuilder::default().all(true).filters(&names::filter(&labels)).build();
        let found = shared.connection.patient_call("list the containers", PATIENCE, |docker| {
            let options = options.clone();
            async move { docker.list_containers(Some(options)).await }
        });
        for left in found.await.unwrap_or_default() {
            // One that was made since the target was opened has its owner here.
            if let (Some(id), Some(created)) = (left.id, left.created)
                && created < began
            {
                let _ = attempt::remove(&shared.connection, &id).await;
            }
        }
    };
    tokio::spawn(async move {
        tokio::select! {
            () = closing.cancelled() => {}
            () = work => {}
        }
    });
}
