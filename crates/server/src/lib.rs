//! The control plane: everything wired together behind one unix socket.
//!
//! `bascule serve` runs [`serve`]; front ends use [`client::Client`] with the types of [`api`].

pub mod api;
pub mod client;
