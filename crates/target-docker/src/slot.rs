//! A slot in which a release stands, with its instances: made from a record on disk, whoever wrote it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bascule_engine::ports::SlotRef;
use bascule_instances::StateError;
use bascule_instances::durable;
use bascule_instances::layout::{InstanceFolder, SlotFolder};
use bascule_instances::records;
use bascule_instances::surroundings::Who;
use bascule_model::evidence::{InstanceState, InstanceStatus, OwnCheck};
use bascule_model::ids::{Generation, InstanceId, Slot};
use bascule_model::problem::Problem;
use bascule_model::release::{Configuration, Release, Service};
use jiff::Timestamp;
use tokio::sync::{OnceCell, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::create::image::{self, Image};
use crate::drift::Drift;
use crate::error::DockerError;
use crate::link::Mailbox;
use crate::record::InstanceRecord;
use crate::shared::{Place, Reach, Shared};

/// A release in a slot.
pub(crate) struct StandingSlot {
    pub(crate) reference: SlotRef,
    pub(crate) release: Release,
    pub(crate) folder: SlotFolder,
    pub(crate) instances: Vec<Arc<Instance>>,
    /// The fence that it was started under; 0 when it was found.
    pub(crate) generation: Generation,
    /// Ends the supervision; the containers go on.
    pub(crate) unsupervised: CancellationToken,
    pub(crate) tasks: TaskTracker,
    configuration: OnceLock<Configuration>,
    image: OnceCell<Image>,
}

/// One instance, as it is known to the supervisor.
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) service: Service,
    pub(crate) n: u32,
    pub(crate) folder: InstanceFolder,
    pub(crate) mailbox: Arc<Mailbox>,
    /// `Gone` until something is known of its container.
    pub(crate) status: watch::Sender<InstanceStatus>,
    pub(crate) drift: Mutex<Drift>,
    /// Why it is refused for good, beside its state.
    pub(crate) refused: Mutex<Option<Problem>>,
    record: Mutex<InstanceRecord>,
}

impl StandingSlot {
    /// Names the instances of a release in a slot and reads what is recorded of each. Starts nothing.
    pub(crate) fn new(
        shared: &Shared,
        slot: Slot,
        release: Release,
        generation: Generation,
    ) -> Result<Self, DockerError> {
        let folder = shared.layout.slot(&release.key, &release.id)?;
        let mut instances = Vec::new();
        for service in &release.services {
            for n in 1..=service.instances {
                let folder = folder.instance(&service.name, n);
                instances.push(Arc::new(Instance::new(shared, &release, service, n, folder)?));
            }
        }
        Ok(Self {
            reference: SlotRef { key: release.key.clone(), slot, release: release.id.clone() },
            release,
            folder,
            instances,
            generation,
            unsupervised: shared.closing.child_token(),
            tasks: TaskTracker::new(),
            configuration: OnceLock::new(),
            image: OnceCell::new(),
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

    /// What there is to know of its image.
    pub(crate) async fn image(&self, shared: &Shared, patience: Duration) -> Result<&Image, DockerError> {
        self.image.get_or_try_init(|| image::look(&shared.connection, &self.release.artifact, patience)).await
    }

    pub(crate) fn who<'a>(&'a self, shared: &'a Shared, instance: &'a Instance) -> Who<'a> {
        Who {
            key: &self.reference.key,
            release: &self.reference.release,
            slot: self.reference.slot,
            instance: &instance.id,
            state_id: &shared.state_id,
            port: instance.service.traffic.as_ref().map(|traffic| traffic.port),
        }
    }
}

impl Instance {
    fn new(
        shared: &Shared,
        release: &Release,
        service: &Service,
        n: u32,
        folder: InstanceFolder,
    ) -> Result<Self, DockerError> {
        let id = InstanceId::new(&release.key, &release.id, &service.name, n);
        let record: InstanceRecord = match records::read(&folder.record()) {
            // It follows from nothing else, but an instance can be found and started without it.
            Err(StateError::Damaged { .. }) => InstanceRecord::default(),
            read => read?.unwrap_or_default(),
        };
        if let Some(address) = record.address {
            shared.keep_address(&release.key, address);
        }
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
            mailbox: shared.link.mailbox(id.as_str()),
            id,
            service: service.clone(),
            n,
            folder,
            status: watch::Sender::new(status),
            drift: Mutex::default(),
            refused: Mutex::default(),
            record: Mutex::new(record),
        })
    }

    pub(crate) fn record(&self) -> InstanceRecord {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the record, in memory and on disk.
    pub(crate) fn change_record(&self, change: impl FnOnce(&mut InstanceRecord)) -> Result<(), DockerError> {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let before = record.clone();
        change(&mut record);
        if *record == before && self.folder.record().exists() {
            return Ok(());
        }
        Ok(records::write(&self.folder.record(), &*record)?)
    }

    /// Makes a new state known to whoever watches.
    pub(crate) fn show(&self, reach: Option<Reach>, state: InstanceState, own_check: Option<OwnCheck>) {
        let record = self.record();
        let runs = matches!(state, InstanceState::Running { .. });
        let status = InstanceStatus {
            id: self.id.clone(),
            service: self.service.name.clone(),
            n: self.n,
            address: self.address(reach, &record, &state),
            started_at: record.started_at.filter(|_| runs),
            state,
            restarts: record.restarts,
            last_exit: record.last_exit,
            own_check: own_check.filter(|_| runs),
        };
        self.status.send_if_modified(|shown| std::mem::replace(shown, status.clone()) != status);
    }

    fn address(
        &self,
        reach: Option<Reach>,
        record: &InstanceRecord,
        state: &InstanceState,
    ) -> Option<SocketAddr> {
        let port = self.service.traffic.as_ref()?.port;
        if *state == InstanceState::Gone {
            return None;
        }
        match (reach, record.host_port) {
            (Some(Reach::Published), host_port) => Some((Ipv4Addr::LOCALHOST, host_port?).into()),
            (Some(Reach::Address), _) | (None, None) => Some((record.address?, port).into()),
            // The engine has not said yet what it is: as it was recorded.
            (None, Some(host_port)) => Some((Ipv4Addr::LOCALHOST, host_port).into()),
        }
    }

    /// Since when its process runs, and which one that is.
    pub(crate) fn note_running(&self, pid: u32, started_at: Option<Timestamp>, host_port: Option<u16>) {
        // A record that cannot be written is no reason to forget the instance: memory has it.
        let _ = self.change_record(|record| {
            record.pid = Some(pid);
            record.started_at = started_at;
            record.host_port = host_port;
            record.waits = records::Waits::Nothing;
            record.left = None;
        });
    }

    pub(crate) fn refuse(&self, problem: Option<Problem>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    pub(crate) fn refusal(&self) -> Option<Problem> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
