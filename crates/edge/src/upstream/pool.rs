//! A worker's unused connections to instances. The one used last is taken first, so that those too many grow old and go.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::connection::UpstreamConnection;
use crate::worker::clock::Millis;

/// The most unused connections that are kept for one instance.
const KEPT_AT_MOST: usize = 1024;

struct Unused {
    connection: Box<UpstreamConnection>,
    since: Millis,
}

/// How sure one has to be that a pooled connection is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Certainty {
    /// What was known when it was put back is enough: the request can be sent again.
    Likely,
    /// The system is asked: the request could not be sent again.
    Checked,
}

/// Connections by the serial number of their instance.
#[derive(Default)]
pub(crate) struct Pool {
    unused: RefCell<HashMap<u64, Vec<Unused>, BuildHasherDefault<SerialHasher>>>,
}

impl Pool {
    /// Takes an open connection to an instance, if there is one.
    pub(crate) fn take(&self, serial: u64, certainty: Certainty) -> Option<Box<UpstreamConnection>> {
        loop {
            let mut connection = self.unused.borrow_mut().get_mut(&serial)?.pop()?.connection;
            let open = match certainty {
                // If it has closed meanwhile, sending or reading will find out.
                Certainty::Likely => connection.is_likely_open(),
                Certainty::Checked => connection.is_surely_open(),
            };
            if open {
                connection.reused = Some(());
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub(crate) fn keep(&self, connection: Box<UpstreamConnection>, now: Millis) {
        let mut unused = self.unused.borrow_mut();
        let list = unused.entry(connection.instance.serial).or_default();
        if list.len() < KEPT_AT_MOST {
            list.push(Unused { connection, since: now });
        }
    }

    /// Closes what has been unused for longer than `limit` milliseconds.
    pub(crate) fn expire(&self, now: Millis, limit: Millis) {
        let mut expired = Vec::new();
        {
            let mut unused = self.unused.borrow_mut();
            for list in unused.values_mut() {
                // The oldest are in front.
                let old = list.partition_point(|entry| entry.since + limit <= now);
                expired.extend(list.drain(..old));
                if list.is_empty() {
                    list.shrink_to_fit();
                }
            }
            unused.retain(|_, list| !list.is_empty());
        }
        drop(expired);
    }

    /// Closes everything.
    pub(crate) fn clear(&self) {
        let all = std::mem::take(&mut *self.unused.borrow_mut());
        drop(all);
    }
}

/// Serial numbers need no protection against chosen collisions: spreading them is enough.
#[derive(Default)]
pub(crate) struct SerialHasher(u64);

impl Hasher for SerialHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte) ^ self.0);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
