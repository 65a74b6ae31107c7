//! One attempt to start an instance: its container is made where it is not there, and started.
//!
//! Making and starting are two calls with a record between them: whoever finds a container that a predecessor made knows it by
//! the hash in its label, and goes on from there.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use bascule_engine::ports::SlotRef;
use bascule_model::problem::{Code, Problem};
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};

use crate::connection::Connection;
use crate::create::{body, fingerprint};
use crate::error::{DockerError, is_full};
use crate::logs;
use crate::names;
use crate::network;
use crate::shared::{Reach, Shared};
use crate::slot::{Instance, StandingSlot};
use crate::supervise::PATIENCE;
use crate::supervise::explain::explain;

/// Why it does not run.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The engine is away.
    Away,
    /// What is there is not what was thought: look again.
    LookAgain,
    /// It cannot be; one sentence for a person.
    Refused(String),
    /// It may not be.
    Forbidden(Box<Problem>),
}

impl From<DockerError> for Trouble {
    fn from(error: DockerError) -> Self {
        if error.is_passing() {
            return Self::Away;
        }
        let problem = error.problem();
        match problem.code {
            Code::NameTaken | Code::RootRefused | Code::ImageUnavailable | Code::DiskFull => {
                Self::Forbidden(Box::new(problem))
            }
            _ => Self::Refused(problem.message),
        }
    }
}

/// Makes the container and starts it.
pub(crate) async fn make(shared: &Shared, slot: &StandingSlot, instance: &Instance) -> Result<(), Trouble> {
    let body = request(shared, slot, instance).await?;
    let spec = fingerprint::of(&*shared.vault, &body);
    let mut labels = names::of_service(
        &slot.reference.key,
        &shared.state_id,
        &slot.reference.release,
        slot.reference.slot,
        &instance.service.name,
    );
    labels.extend(names::of_instance(instance.n, slot.generation, &spec));
    let body = ContainerCreateBody { labels: Some(labels), ..body };
    let known = instance.change_record(|record| record.spec = Some(spec));
    known.map_err(|error| Trouble::Refused(error.problem().message))?;
    let id = create(&shared.connection, instance.id.as_str(), body).await?;
    let _ = instance.change_record(|record| {
        record.container = Some(id);
        record.ended = None;
        record.left = None;
    });
    start(shared, slot, instance).await
}

/// The request for its container, with everything that has to be there before.
async fn request(
    shared: &Shared,
    slot: &StandingSlot,
    instance: &Instance,
) -> Result<ContainerCreateBody, Trouble> {
    let service = &instance.service;
    let image = slot.image(shared, PATIENCE).await?;
    crate::create::image::check_user(shared, image, service, PATIENCE).await?;
    let reach = shared.reach(PATIENCE).await?;
    let network = network::ensure(shared, &slot.reference.key, PATIENCE).await?;
    let address = own_address(shared, &slot.reference, instance, &network)?;
    let secrets = write_secrets(shared, slot, instance)?;
    let none = BTreeMap::new();
    let values = slot.configuration(shared).map_err(Trouble::Refused)?.env.get(&service.name);
    Ok(body::body(&body::Making {
        who: slot.who(shared, instance),
        service,
        values: values.unwrap_or(&none),
        image,
        network: &network.name,
        address: (reach == Reach::Address).then_some(address),
        reach,
        secrets: secrets.as_deref(),
    }))
}

/// The address that it has for as long as its slot stands.
fn own_address(
    shared: &Shared,
    slot: &SlotRef,
    instance: &Instance,
    network: &network::Network,
) -> Result<Ipv4Addr, Trouble> {
    if let Some(address) = instance.record().address.filter(|address| network.subnet.can_give(*address)) {
        return Ok(address);
    }
    let address = network::choose_address(shared, &slot.key, network)?;
    let known = instance.change_record(|record| record.address = Some(address));
    known.map_err(|error| Trouble::Refused(error.problem().message))?;
    Ok(address)
}

fn write_secrets(
    shared: &Shared,
    slot: &StandingSlot,
    instance: &Instance,
) -> Result<Option<PathBuf>, Trouble> {
    let service = &instance.service;
    if service.container.as_ref().is_none_or(|container| container.secret_files.is_empty()) {
        return Ok(None);
    }
    let none = BTreeMap::new();
    let values = slot.configuration(shared).map_err(Trouble::Refused)?.env.get(&service.name);
    let files = body::secret_files(&slot.who(shared, instance), service, values.unwrap_or(&none));
    let nowhere = |detail: String| DockerError::NoSecretPlace { service: service.name.to_string(), detail };
    Ok(Some(shared.secret_files.write(instance.id.as_str(), &files).map_err(nowhere)?))
}

/// Makes a container. A name that is taken is looked at again: a predecessor's, or a stranger's.
pub(crate) async fn create(
    connection: &Connection,
    name: &str,
    body: ContainerCreateBody,
) -> Result<String, Trouble> {
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let user = body.user.clone().unwrap_or_default();
    let doing = format!("make the container {name}");
    let made = connection
        .call(&doing, |docker| {
            let (options, body) = (options.clone(), body.clone());
            async move { docker.create_container(Some(options), body).await }
        })
        .await;
    match made {
        Ok(made) => Ok(made.id),
        Err(error) => Err(match error.refusal() {
            Some((409, _)) => Trouble::LookAgain,
            Some((_, words)) if is_full(words) => error.into(),
            Some((_, words)) => Trouble::Refused(explain(words, &user)),
            None => error.into(),
        }),
    }
}

/// Starts a container that is there.
pub(crate) async fn start(shared: &Shared, slot: &StandingSlot, instance: &Instance) -> Result<(), Trouble> {
    // After a restart of the machine they are gone.
    write_secrets(shared, slot, instance)?;
    let name = instance.id.as_str();
    let doing = format!("start the container {name}");
    let started = shared
        .connection
        .call(&doing, |docker| async move { docker.start_container(name, None).await })
        .await;
    let Err(error) = started else { return Ok(()) };
    let Some((status, words)) = error.refusal() else { return Err(error.into()) };
    if words.contains("network") && words.contains("not found") {
        // Its network was removed and may be another one now: so it is made anew, in the one that there is.
        network::ensure(shared, &slot.reference.key, PATIENCE).await?;
        take_away(shared, instance).await?;
        return Err(Trouble::LookAgain);
    }
    if status == 404 && words.contains("No such container") {
        return Err(Trouble::LookAgain);
    }
    if is_full(words) {
        return Err(error.into());
    }
    let container = instance.service.container.as_ref();
    let user = container.and_then(|container| container.user.as_deref()).unwrap_or_default();
    Err(Trouble::Refused(explain(words, user)))
}

/// Removes a container of ours, its last lines kept.
pub(crate) async fn take_away(shared: &Shared, instance: &Instance) -> Result<(), Trouble> {
    // What it wrote is worth less than that the instance runs.
    let _ = logs::keep(shared, instance).await;
    let name = instance.id.as_str();
    remove(&shared.connection, name).await?;
    let _ = instance.change_record(|record| {
        record.container = None;
        record.spec = None;
        record.pid = None;
    });
    Ok(())
}

/// Removes a container, running or not; one that is not there is removed.
pub(crate) async fn remove(connection: &Connection, name: &str) -> Result<(), DockerError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    let doing = format!("remove the container {name}");
    let removed = connection
        .call(&doing, |docker| {
            let options = options.clone();
            async move { docker.remove_container(name, Some(options)).await }
        })
        .await;
    match removed {
        // It is being removed already.
        Err(error) if error.is_missing() || matches!(error.refusal(), Some((409, _))) => Ok(()),
        removed => removed,
    }
}
