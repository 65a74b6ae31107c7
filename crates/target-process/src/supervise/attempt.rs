//! One attempt to start an instance, from what it is told to its process.

use crate::instance::launch::{Launch, LaunchError, launch};
use crate::instance::{environment, port, program};
use crate::shared::Shared;
use crate::slot::{Instance, StandingSlot};
use crate::state::records::Waits;
use crate::supervise::leftovers;
use crate::sys::cgroup;
use crate::sys::process::Handle;

/// Why there is no process; one sentence for a person.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

impl From<crate::ProcessError> for Refused {
    fn from(error: crate::ProcessError) -> Self {
        Self(error.problem().message)
    }
}

/// Makes the process. Blocks.
pub(crate) fn attempt(shared: &Shared, slot: &StandingSlot, instance: &Instance) -> Result<Handle, Refused> {
    if instance.recorded(shared)?.is_some() {
        // The former process may have left children that the new one would meet.
        leftovers::clear(shared, instance)?;
    }
    let configuration = slot.configuration(shared).map_err(Refused)?;

    let port = choose_port(shared, instance)?;
    let groups = shared.groups.prepare(instance.id.as_str(), &instance.service.limits);
    let memory_kills = cgroup::out_of_memory_kills(&groups);
    instance.change_record(|record| {
        record.port = port;
        record.groups.clone_from(&groups);
        record.memory_kills = memory_kills;
    })?;

    let who = slot.who(shared, instance);
    let environment = environment::environment(shared, &who, &instance.service, configuration)?;
    let command = who.command(&instance.service.command);
    let name = command.first().map_or("", String::as_str);
    let path = environment.get("PATH").map_or("", String::as_str);
    let program = program::find(name, &slot.working, path).map_err(Refused)?;
    let made = launch(&Launch {
        folder: &instance.folder,
        working: &slot.working,
        program: &program,
        command: &command,
        environment: &environment,
        boot: &shared.boot,
        groups: &groups,
    });
    let handle = match made {
        Ok(handle) => handle,
        Err(LaunchError::Refused(reason)) => return Err(Refused(reason)),
        Err(LaunchError::State(error)) => return Err(error.into()),
    };
    // The process is there: that this cannot be noted does not undo it.
    let _ = instance.change_record(|record| {
        record.waits = Waits::Nothing;
        record.restarts += u32::from(record.last_exit.is_some());
    });
    Ok(handle)
}

/// The port that it had, while it is free; else another one.
fn choose_port(shared: &Shared, instance: &Instance) -> Result<Option<u16>, Refused> {
    if instance.service.traffic.is_none() {
        return Ok(None);
    }
    let former = instance.record().port;
    if let Some(former) = former {
        if port::is_free(former) {
            shared.ports.keep(former);
            return Ok(Some(former));
        }
        shared.ports.release(former);
    }
    let chosen = shared.ports.choose();
    chosen.map(Some).map_err(|error| Refused(format!("no free port was found for it on 127.0.0.1: {error}")))
}
