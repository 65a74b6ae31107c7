//! Secrets: where values come from, how they are kept, and that they are never shown.
//!
//! [`redact`] takes them out of whatever is shown, [`store`] keeps them sealed in a file that can be committed,
//! [`provider`] fetches them from wherever they are, [`scan`] finds those that stand in files in clear. Nothing here prints, and no error holds a value.

pub mod fingerprint;
pub mod provider;
pub mod redact;
pub mod scan;
pub mod store;
mod value;

pub use value::SecretValue;
