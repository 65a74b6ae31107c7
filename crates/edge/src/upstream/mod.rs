//! The instances' side: whom to ask, over which connection, and what is known of their health.

pub(crate) mod balance;
pub(crate) mod body;
pub(crate) mod claim;
pub(crate) mod connection;
pub(crate) mod health;
pub(crate) mod pool;
pub(crate) mod request_body;
pub(crate) mod response;
pub(crate) mod sending;
