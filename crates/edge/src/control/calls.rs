//! The calls that change what is served. All go one way: fence, check, disk, memory, the former edge if it is still there.

use std::time::Instant;

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};

use super::process::Process;
use super::protocol::SwitchReceipt;
use super::world::World;
use crate::error::Refusal;
use crate::route::SlotRoute;
use crate::snapshot::{EnvironmentRecord, encode};

impl Process {
    /// Puts a route into its slot.
    pub(crate) async fn put_slot(&self, fence: Generation, route: SlotRoute) -> Result<(), Refusal> {
        let _turn = self.changing.lock().await;
        let record = {
            let world = self.world.borrow();
            let record = world.fenced(&route.key, fence)?;
            let record = record.unwrap_or_else(|| EnvironmentRecord {
                generation: fence,
                ..EnvironmentRecord::new(route.key.clone())
            });
            world.with_slot(record, route)?
        };
        self.commit(record).await
    }

    /// Moves the traffic.
    pub(crate) async fn switch(
        &self,
        fence: Generation,
        key: EnvironmentKey,
        expect: Option<ReleaseId>,
        to: Option<(Slot, ReleaseId)>,
    ) -> Result<SwitchReceipt, Refusal> {
        let began = Instant::now();
        let _turn = self.changing.lock().await;
        let record = self.world.borrow().fenced(&key, fence)?.ok_or(Refusal::UnknownEnvironment { key })?;
        let (record, already) = match World::switched(record.clone(), expect, to)? {
            // The generation is kept all the same: a lower one is refused from here on.
            None => (record, true),
            Some(record) => (record, false),
        };
        self.commit(record).await?;
        Ok(SwitchReceipt { already, micros: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX) })
    }

    /// Empties a slot.
    pub(crate) async fn remove_slot(
        &self,
        fence: Generation,
        key: EnvironmentKey,
        slot: Slot,
    ) -> Result<(), Refusal> {
        let _turn = self.changing.lock().await;
        let Some(mut record) = self.world.borrow().fenced(&key, fence)? else { return Ok(()) };
        if record.live == Some(slot) {
            return Err(Refusal::SlotLive { key, slot });
        }
        record.slots.remove(&slot);
        self.commit(record).await
    }

    /// Removes an environment; its generation stays.
    pub(crate) async fn remove_environment(
        &self,
        fence: Generation,
        key: EnvironmentKey,
    ) -> Result<(), Refusal> {
        let _turn = self.changing.lock().await;
        let Some(record) = self.world.borrow().fenced(&key, fence)? else { return Ok(()) };
        self.commit(EnvironmentRecord { generation: record.generation, ..EnvironmentRecord::new(key) }).await
    }

    /// Takes over what the successor says; it keeps the snapshot now.
    pub(crate) fn mirror(&self, record: EnvironmentRecord) {
        self.world.borrow_mut().align(record);
    }

    /// Writes a record to the disk, then into memory. The caller holds the turn.
    async fn commit(&self, record: EnvironmentRecord) -> Result<(), Refusal> {
        if self.successor.get().is_some() || self.leaving.get().is_some() {
            return Err(Refusal::HandingOver);
        }
        let known = self.world.borrow().records.get(&record.key) == Some(&record);
        if !known {
            self.persist(&record).await.map_err(|why| Refusal::NotPersisted { why })?;
            self.world.borrow_mut().align(record.clone());
        }
        let predecessor = self.predecessor.borrow().clone();
        if let Some(predecessor) = predecessor {
            // One that does not answer has gone, and its connections with it.
            if predecessor.mirror(record).await.is_err() {
                self.predecessor.borrow_mut().take();
            }
        }
        Ok(())
    }

    async fn persist(&self, record: &EnvironmentRecord) -> Result<(), String> {
        let bytes = {
            let world = self.world.borrow();
            let mut records = world.records.clone();
            records.insert(record.key.clone(), record.clone());
            let name = record.key.to_string();
            let mut set_aside = world.set_aside.clone();
            set_aside.retain(|entry| entry.report.environment != name);
            encode(&records, &set_aside).map_err(|error| error.to_string())?
        };
        let files = self.files.clone();
        // The disk takes its time: the control thread goes on accepting meanwhile.
        let stored = tokio::task::spawn_blocking(move || files.store(&bytes)).await;
        match stored {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}
