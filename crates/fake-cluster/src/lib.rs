//! A Kubernetes API server in memory, with the controllers that tests of deployments need.
//!
//! [`FakeCluster::service`] is for a client in the same process (`kube::Client::new(cluster.service(), "shop")`),
//! [`FakeCluster::listen`] and [`FakeCluster::kubeconfig`] for a whole program. Time is the runtime's: with
//! `#[tokio::test(start_paused = true)]` it passes as fast as the test waits. Nothing runs by itself: what fell due is
//! done when somebody asks, at the time at which it fell due.
//!
//! ```
//! use std::time::Duration;
//!
//! use bascule_fake_cluster::{FakeCluster, Fault, Flavour, Matcher, PodScript};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let cluster = FakeCluster::new(Flavour::New, "shop");
//! let client = kube::Client::new(cluster.service(), "shop");
//! cluster.image("shop:2", PodScript::ready_after(Duration::from_secs(3)).logs(["listening"]));
//! // The first patch of the Service is done, and its answer is lost.
//! cluster.fault(Matcher::any().verb("patch").resource("services").first(1), Fault::LostAnswer);
//! // What the tested code does with `client` is seen here.
//! assert!(cluster.get("Deployment", "web-r2").is_none() && cluster.calls().is_empty());
//! # drop(client);
//! # }
//! ```
//!
//! # As the real server
//!
//! - Objects: `get`, `list` (label and field selectors, `limit`, `continue`), `create` (`generateName`), `update`,
//!   `patch`, `delete` (preconditions, propagation, grace, finalizers), `watch` (selectors, bookmarks, 410), the
//!   subresources `status`, `scale` and `log`; `dryRun=All` everywhere.
//! - `metadata`: `uid`, one counter for `resourceVersion`, `generation`, `managedFields` of updates and applies.
//! - Patches: JSON Patch (what cannot be done is 422), merge, strategic merge by name, server-side apply with
//!   conflicts, force, and the removal of what a manager no longer applies.
//! - Refusals are `Status` objects with the reasons, codes and details of the real ones: names, immutable fields and
//!   objects, missing fields, stale versions, quota, service accounts.
//! - Deployments (rolling update, Recreate, pause, history, deadline), ReplicaSets, Jobs, EndpointSlices and
//!   Endpoints, resource quotas, the garbage collector, scheduler and kubelet, with their conditions and events.
//! - Pods do what the script of their image says ([`PodScript`]). A ConfigMap, Secret or key that is missing keeps a
//!   container from starting.
//!
//! # Not as the real server
//!
//! - `managedFields` of updates name fields and items of lists, and not the maps around them (`".": {}`).
//! - An unknown group is a 404 as a `Status`; the real server answers plain text.
//! - There is no schema: unknown fields and wrong types are kept, field by field validation covers what is named above.
//! - Requests are JSON; an apply in YAML that is no JSON is refused. There is no `exec`, `attach`, `port-forward`,
//!   `eviction` or `deletecollection`.
//! - Lists show the state of the moment, whatever version they ask for. `continue` is a place, not a snapshot.
//! - Nobody scales for a `HorizontalPodAutoscaler`, and a `PodDisruptionBudget` protects nothing. A `NetworkPolicy`, an
//!   `Ingress` and an `HTTPRoute` are only kept.
//! - All pods are on one node without limits. Nothing listens on their addresses.
//! - An update through `scale` takes `spec.replicas` over as an update; an apply there makes no conflict.
//! - Back-off is one second, and a pod stops 10 ms after it was told to, unless its script says otherwise, or its `preStop` waits.
//! - Everybody is let in. What is denied by [`FakeCluster::deny`] is refused as a missing permission is.

mod actors;
mod admission;
mod answer;
mod chance;
mod clock;
mod cluster;
mod controllers;
mod convert;
mod core;
mod defaults;
mod failure;
mod faults;
mod fields;
mod handle;
mod kinds;
mod listener;
mod managers;
mod object;
mod patch;
mod request;
mod script;
mod selector;
mod service;
mod shared;
mod store;
mod validation;
mod verbs;
mod write;

pub use answer::Body;
pub use cluster::{Call, FakeCluster, Slices};
pub use faults::{Fault, Matcher};
pub use kinds::Flavour;
pub use script::PodScript;
pub use service::Service;
