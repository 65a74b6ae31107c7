//! A slot in which a release stands, with its instances: made from a record on disk, whoever wrote it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bascule_engine::ports::SlotRef;
use bascule_instances::StateError;
use bascule_model::evidence::{InstanceState, InstanceStatus};
use bascule_model::ids::{InstanceId, Slot};
use bascule_model::release::{Configuration, Release, Service};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::ProcessError;
use crate::instance::process_record;
use crate::instance::surroundings::{self, Who};
use crate::shared::{Change, Place, Shared};
use crate::state::durable;
use crate::state::layout::{InstanceFolder, SlotFolder};
use crate::state::records::{self, InstanceRecord};
use crate::sys::members::Wanted;
use crate::sys::process::{Handle, Identity};

/// A release in a slot.
pub(crate) struct StandingSlot {
    pub(crate) reference: SlotRef,
    pub(crate) release: Release,
    pub(crate) folder: SlotFolder,
    /// The folder that its instances run in.
    pub(crate) working: PathBuf,
    pub(crate) instances: Vec<Arc<Instance>>,
    /// Ends the supervision; the processes go on.
    pub(crate) unsupervised: CancellationToken,
    pub(crate) tasks: TaskTracker,
    configuration: OnceLock<Configuration>,
}

/// One instance, as it is known to the supervisor.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) service: Service,
    pub(crate) n: u32,
    pub(crate) folder: InstanceFolder,
    /// `Gone` until its first process was begun or found.
    pub(crate) status: watch::Sender<InstanceStatus>,
    record: Mutex<InstanceRecord>,
    process: Mutex<Option<Handle>>,
}

impl StandingSlot {
    /// Names the instances of a release in a slot and reads what is recorded of each. Starts nothing.
    pub(crate) fn new(shared: &Shared, slot: Slot, release: Release) -> Result<Self, ProcessError> {
        let folder = shared.layout.slot(&release.key, &release.id)?;
        let mut instances = Vec::new();
        for service in &release.services {
            for n in 1..=service.instances {
                let instance = Instance::new(&release, service, n, folder.instance(&service.name, n))?;
                instances.push(Arc::new(instance));
            }
        }
        Ok(Self {
            reference: SlotRef { key: release.key.clone(), slot, release: release.id.clone() },
            working: shared.layout.release(&release.key, &release.id)?.join("app"),
            release,
            folder,
            instances,
            unsupervised: shared.closing.child_token(),
            tasks: TaskTracker::new(),
            configuration: OnceLock::new(),
        })
    }

    pub(crate) fn place(&self) -> Place {
        (self.reference.key.clone(), self.reference.release.clone())
    }

    pub(crate) fn instance(&self, id: &InstanceId) -> Option<&Arc<Instance>> {
        self.instances.iter().find(|instance| instance.id == *id)
    }

    pub(crate) fn statuses(&self) -> Vec<InstanceStatus> {
        self.instances.iter().map(|instance| instance.status.borrow().clone()).collect()
    }

    /// Values that are at hand need not be unsealed.
    pub(crate) fn know_configuration(&self, configuration: Configuration) {
        // Set already by an earlier start of the same, unchanging release.
        let _ = self.configuration.set(configuration);
    }

    /// The values, unsealed when nobody has given them.
    pub(crate) fn configuration(&self, shared: &Shared) -> Result<&Configuration, String> {
        if let Some(known) = self.configuration.get() {
            return Ok(known);
        }
        let sealed =
            durable::read_if_there(&self.folder.configuration()).map_err(|error| error.problem().message)?;
        let sealed = sealed.ok_or("its sealed configuration is gone")?;
        let opened =
            shared.vault.open(&self.reference.release, &sealed).map_err(|problem| problem.message)?;
        Ok(self.configuration.get_or_init(|| opened))
    }

    pub(crate) fn who<'a>(&'a self, shared: &'a Shared, instance: &'a Instance) -> Who<'a> {
        Who {
            key: &self.reference.key,
            release: &self.reference.release,
            slot: self.reference.slot,
            instance: &instance.id,
            state_id: &shared.state_id,
            port: instance.record().port,
        }
    }

    /// Makes a new state known to whoever watches.
    pub(crate) fn publish(
        &self,
        shared: &Shared,
        instance: &Instance,
        state: InstanceState,
        started_at: Option<Timestamp>,
    ) {
        let status = instance.describe(state, started_at);
        let changed = instance.status.send_replace(status.clone()) != status;
        if changed {
            // Nobody may be listening; that is no matter.
            let _ = shared.changes.send(Change { slot: self.reference.clone(), instance: status });
        }
    }
}

impl Instance {
    fn new(
        release: &Release,
        service: &Service,
        n: u32,
        folder: InstanceFolder,
    ) -> Result<Self, ProcessError> {
        let id = InstanceId::new(&release.key, &release.id, &service.name, n);
        let record: InstanceRecord = match records::read(&folder.record()) {
            // It follows from nothing else, but an instance can be started without it.
            Err(StateError::Damaged { .. }) => InstanceRecord::default(),
            read => read?.unwrap_or_default(),
        };
        let status = InstanceStatus {
            id: id.clone(),
            service: service.name.clone(),
            n,
            address: None,
            state: InstanceState::Gone,
            started_at: None,
            restarts: record.restarts,
            last_exit: record.last_exit.clone(),
            own_check: None,
        };
        Ok(Self {
            id,
            service: service.clone(),
            n,
            folder,
            status: watch::Sender::new(status),
            record: Mutex::new(record),
            process: Mutex::new(None),
        })
    }

    pub(crate) fn record(&self) -> InstanceRecord {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the record, in memory and on disk.
    pub(crate) fn change_record(&self, change: impl FnOnce(&mut InstanceRecord)) -> Result<(), ProcessError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let before = record.clone();
        change(&mut record);
        if *record == before && self.folder.record().exists() {
            return Ok(());
        }
        Ok(records::write(&self.folder.record(), &*record)?)
    }

    pub(crate) fn process(&self) -> Option<Handle> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn hold(&self, process: Option<Handle>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }

    /// The process that its record names, be it there or not.
    pub(crate) fn recorded(&self, shared: &Shared) -> Result<Option<Identity>, ProcessError> {
        process_record::read(&self.folder.process(), &shared.boot)
    }

    /// By what its processes are found.
    pub(crate) fn wanted(&self, shared: &Shared) -> Result<Wanted, ProcessError> {
        Ok(Wanted {
            leader: self.recorded(shared)?,
            marks: surroundings::marks(&shared.state_id, &self.id),
            groups: self.record().groups,
        })
    }

    fn describe(&self, state: InstanceState, started_at: Option<Timestamp>) -> InstanceStatus {
        let record = self.record();
        let address = record.port.filter(|_| self.service.traffic.is_some() && state != InstanceState::Gone);
        InstanceStatus {
            id: self.id.clone(),
            service: self.service.name.clone(),
            n: self.n,
            address: address.map(|port| (std::net::Ipv4Addr::LOCALHOST, port).into()),
            state,
            started_at,
            restarts: record.restarts,
            last_exit: record.last_exit,
            own_check: None,
        }
    }
}
