//! The Kubernetes target: instances are pods of plain Deployments, one Deployment for each service of a release, and users' traffic
//! goes through Services whose selectors say which release is live. Nothing of ours has to be installed in the cluster.
//!
//! [`KubernetesTarget`] is the engine's port for instances, [`KubernetesTraffic`] the one for traffic; both share a
//! [`Clusters`], which is the way to the API servers.

mod access;
mod adoption;
mod changes;
mod cluster;
mod companions;
mod error;
mod forward;
mod lease;
mod mirror;
mod moment;
mod names;
mod objects;
mod observe;
mod preflight;
mod probing;
mod record;
mod render;
mod seen;
mod selected;
mod shared;
mod survey;
mod target;
mod traffic;
mod watched;
mod ways;

pub use access::Access;
pub use adoption::read_deployment;
pub use error::KubernetesError;
pub use render::{objects as render_objects, role as render_role};
pub use shared::{Clusters, KubernetesOptions};
pub use survey::{Survey, survey};
pub use target::KubernetesTarget;
pub use traffic::{KubernetesTraffic, Mend};
pub use ways::Ways;
