//! A bad world: whatever is wrong is said with a code, a sentence and a remedy, and what runs goes on running.

mod disks;
mod inputs;
mod journals;
mod sockets;
