//! The instances' side: whom to ask, over which connection, and what is known of their health.

pub(crate) mod balance;
pub(crate) mod claim;
pub(crate) mod connection;
pub(crate) mod health;
pub(crate) mod io;
pub(crate) mod pool;
pub(crate) mod waker;
