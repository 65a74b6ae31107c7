//! A bad world: whatever is wrong is said with a code, a sentence and a remedy, and what runs goes on running.

mod disks;
#[cfg(all(feature = "docker", feature = "failpoints"))]
mod engine_disks;
mod inputs;
mod journals;
mod sockets;
