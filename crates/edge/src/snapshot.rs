//! The route snapshot on disk: what a restarted edge serves from.
//!
//! One line with the format and the SHA-256 of the rest, then JSON. Written aside, synced, put in place by renaming, the
//! folder synced; the one before stays as `edge.snapshot.previous` and is taken when the newest cannot be read. Each
//! environment is read by itself: one that cannot be read is set aside and reported, and the others serve.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bascule_model::ids::{EnvironmentKey, Generation, ReleaseId, Slot};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::route::SlotRoute;

const FORMAT: u32 = 1;

/// What the edge has to remember of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EnvironmentRecord {
    pub(crate) key: EnvironmentKey,
    /// The highest generation seen. It stays when the environment is removed.
    pub(crate) generation: Generation,
    pub(crate) live: Option<Slot>,
    pub(crate) slots: BTreeMap<Slot, SlotRoute>,
}

impl EnvironmentRecord {
    pub(crate) fn new(key: EnvironmentKey) -> Self {
        Self { key, generation: Generation::default(), live: None, slots: BTreeMap::new() }
    }

    /// The release that has the traffic.
    pub(crate) fn live_release(&self) -> Option<&ReleaseId> {
        self.live.and_then(|slot| self.slots.get(&slot)).map(|route| &route.release)
    }

    fn fault(&self) -> Option<String> {
        if let Some(live) = self.live
            && !self.slots.contains_key(&live)
        {
            return Some(format!("the live slot {live} is empty"));
        }
        self.slots.iter().find_map(|(slot, route)| {
            if route.slot != *slot || route.key != self.key {
                return Some(format!("what is in slot {slot} is not of that slot"));
            }
            route.fault()
        })
    }
}

/// An environment of the snapshot that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolated {
    /// Its name, as far as it can be read.
    pub environment: String,
    /// Why it was set aside.
    pub why: String,
}

/// An entry that was set aside, kept as it was so that nothing is lost by writing the next snapshot.
#[derive(Debug, Clone)]
pub(crate) struct SetAside {
    pub(crate) report: Isolated,
    entry: serde_json::Value,
}

/// What was read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) environments: BTreeMap<EnvironmentKey, EnvironmentRecord>,
    pub(crate) set_aside: Vec<SetAside>,
    /// What was wrong with the files themselves, in words.
    pub(crate) faults: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    environments: Vec<serde_json::Value>,
}

/// The files of one state folder.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotFiles {
    folder: PathBuf,
}

impl SnapshotFiles {
    pub(crate) fn new(state_dir: &Path) -> Self {
        Self { folder: state_dir.to_owned() }
    }

    fn current(&self) -> PathBuf {
        self.folder.join("edge.snapshot")
    }

    fn previous(&self) -> PathBuf {
        self.folder.join("edge.snapshot.previous")
    }

    /// Reads the newest snapshot that is whole. None at all is an empty one.
    pub(crate) fn load(&self) -> Loaded {
        let mut faults = Vec::new();
        for path in [self.current(), self.previous()] {
            match fs::read(&path) {
                Ok(bytes) => match decode(&bytes) {
                    Ok(content) => return Loaded { faults, ..sort_out(content) },
                    Err(why) => {
                        faults.push(format!("{} is damaged and was passed over: {why}", path.display()));
                    }
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => faults.push(format!("{} cannot be read: {error}", path.display())),
            }
        }
        Loaded { faults, ..Loaded::default() }
    }

    /// Puts a new snapshot in the place of the old one, on disk when this returns.
    pub(crate) fn store(&self, bytes: &[u8]) -> io::Result<()> {
        let aside = self.folder.join("edge.snapshot.new");
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        match fs::rename(self.current(), self.previous()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(&aside, self.current())?;
        File::open(&self.folder)?.sync_all()
    }
}

/// The bytes of a snapshot.
pub(crate) fn encode(
    environments: &BTreeMap<EnvironmentKey, EnvironmentRecord>,
    set_aside: &[SetAside],
) -> Result<Vec<u8>, serde_json::Error> {
    let mut entries = environments.values().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?;
    entries.extend(set_aside.iter().map(|entry| entry.entry.clone()));
    let content = serde_json::to_vec(&Content { environments: entries })?;
    let mut bytes = serde_json::to_vec(&Header { format: FORMAT, sha256: checksum(&content) })?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&content);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Content, String> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it has no first line")?;
    let (header, content) = (&bytes[..end], &bytes[end + 1..]);
    let header: Header =
        serde_json::from_slice(header).map_err(|error| format!("its first line: {error}"))?;
    if header.format != FORMAT {
        return Err(format!("its format is {}, and this version reads {FORMAT}", header.format));
    }
    if header.sha256 != checksum(content) {
        return Err("its checksum does not match".to_owned());
    }
    serde_json::from_slice(content).map_err(|error| error.to_string())
}

fn checksum(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sort_out(content: Content) -> Loaded {
    let mut loaded = Loaded::default();
    for entry in content.environments {
        let outcome = serde_json::from_value::<EnvironmentRecord>(entry.clone())
            .map_err(|error| error.to_string())
            .and_then(|record| match record.fault().or_else(|| taken(&loaded.environments, &record)) {
                Some(why) => Err(why),
                None => Ok(record),
            });
        match outcome {
            Ok(record) => {
                loaded.environments.insert(record.key.clone(), record);
            }
            Err(why) => {
                let environment =
                    entry.get("key").and_then(|key| key.as_str()).unwrap_or("(unnamed)").to_owned();
                loaded.set_aside.push(SetAside { report: Isolated { environment, why }, entry });
            }
        }
    }
    loaded
}

fn taken(known: &BTreeMap<EnvironmentKey, EnvironmentRecord>, record: &EnvironmentRecord) -> Option<String> {
    if known.contains_key(&record.key) {
        return Some("the environment is there twice".to_owned());
    }
    let taken = record.slots.values().find_map(|route| conflict(known, route))?;
    Some(format!("{} already serves {}", taken.other, taken.door))
}

/// A door that somebody else has.
pub(crate) struct Taken {
    pub(crate) other: EnvironmentKey,
    /// Host, path and address, in words.
    pub(crate) door: String,
}

/// Whether another environment has one of the route's doors.
pub(crate) fn conflict(
    known: &BTreeMap<EnvironmentKey, EnvironmentRecord>,
    route: &SlotRoute,
) -> Option<Taken> {
    let others =
        known.values().filter(|record| record.key != route.key).flat_map(|record| record.slots.values());
    for other in others.filter(|other| other.listen == route.listen) {
        let theirs: Vec<_> = other.doors().map(|(host, path, _)| (host, path)).collect();
        let mut ours = route.doors().map(|(host, path, _)| (host, path));
        if let Some((host, path)) = ours.find(|door| theirs.contains(door)) {
            let host = if host.is_empty() { "any host" } else { host.as_str() };
            return Some(Taken {
                other: other.key.clone(),
                door: format!("{host}, path {path}/, on {}", route.listen),
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::ServiceRoute;

    fn record(app: &str, release: &str) -> EnvironmentRecord {
        let key: EnvironmentKey = format!("{app}/staging").parse().unwrap();
        let route = SlotRoute {
            key: key.clone(),
            slot: Slot::Green,
            release: ReleaseId::from_text(release),
            listen: "127.0.0.1:8080".parse().unwrap(),
            hosts: vec![format!("{app}.example.com")],
            services: vec![ServiceRoute {
                hosts: Vec::new(),
                service: "web".parse().unwrap(),
                path: "/".to_owned(),
                health_path: None,
                instances: Vec::new(),
            }],
        };
        EnvironmentRecord {
            key,
            generation: Generation(3),
            live: Some(Slot::Green),
            slots: BTreeMap::from([(Slot::Green, route)]),
        }
    }

    fn all(records: &[EnvironmentRecord]) -> BTreeMap<EnvironmentKey, EnvironmentRecord> {
        records.iter().map(|record| (record.key.clone(), record.clone())).collect()
    }

    #[test]
    fn what_was_stored_is_loaded_and_a_damaged_file_falls_back_to_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let files = SnapshotFiles::new(folder.path());
        assert!(files.load().environments.is_empty() && files.load().faults.is_empty());
        let (first, second) = (all(&[record("a", "r1")]), all(&[record("a", "r2"), record("b", "r1")]));
        files.store(&encode(&first, &[]).unwrap()).unwrap();
        files.store(&encode(&second, &[]).unwrap()).unwrap();
        assert_eq!(files.load().environments, second);

        let mut bytes = fs::read(files.current()).unwrap();
        for damage in [bytes.len() - 1, bytes.len() / 2, 5] {
            bytes[damage] ^= 1;
            fs::write(files.current(), &bytes).unwrap();
            let loaded = files.load();
            assert_eq!(loaded.environments, first);
            assert_eq!(loaded.faults.len(), 1);
            bytes[damage] ^= 1;
        }
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(files.current(), &bytes[..length]).unwrap();
            assert_eq!(files.load().environments, first, "cut at {length}");
        }
        fs::remove_file(files.current()).unwrap();
        assert_eq!(files.load().environments, first);
    }

    #[test]
    fn a_bad_entry_is_set_aside_and_kept_and_the_others_serve() {
        let folder = tempfile::tempdir().unwrap();
        let files = SnapshotFiles::new(folder.path());
        let mut broken = record("c", "r1");
        broken.live = Some(Slot::Blue);
        let mut rival = record("d", "r1");
        rival.slots.get_mut(&Slot::Green).unwrap().hosts = vec!["A.example.com".to_owned()];
        let unreadable = SetAside {
            report: Isolated { environment: String::new(), why: String::new() },
            entry: serde_json::json!({"key": "x/y", "slots": 7}),
        };
        let environments = all(&[record("a", "r1"), broken, rival]);
        files.store(&encode(&environments, &[unreadable]).unwrap()).unwrap();
        let loaded = files.load();
        assert_eq!(loaded.environments, all(&[record("a", "r1")]));
        let mut names: Vec<_> =
            loaded.set_aside.iter().map(|entry| entry.report.environment.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["c/staging", "d/staging", "x/y"]);
        files.store(&encode(&loaded.environments, &loaded.set_aside).unwrap()).unwrap();
        assert_eq!(files.load().set_aside.len(), 3);
    }
}
