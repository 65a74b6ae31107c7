//! Ways to servers that only the pods of a cluster know by name: a database that is a Service there. Each is an address on loopback
//! whose connections go through the API server to a pod behind the Service, chosen anew for each connection.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bascule_model::release;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::ListParams;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::access::Access;
use crate::cluster::Cluster;
use crate::error::KubernetesError;
use crate::forward;
use crate::names;
use crate::seen::is_ready;

/// A context, a namespace, a Service and its port.
type Server = (Option<String>, String, String, u16);

/// Ways to the Services of clusters. Dropping it ends them.
pub struct Ways {
    access: Access,
    open: Mutex<HashMap<Server, Open>>,
    closing: CancellationToken,
}

/// A way, and whom it asks for a pod.
struct Open {
    address: SocketAddr,
    cluster: Arc<Cluster>,
}

/// A pod that answers for a Service, and its port.
#[derive(Debug, PartialEq, Eq)]
struct Behind {
    pod: String,
    port: u16,
}

impl Ways {
    /// None is open yet.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access, open: Mutex::default(), closing: CancellationToken::new() }
    }

    /// The address on loopback that leads to the Service that pods of `environment` call `host`; none where they know no Service of
    /// that name.
    ///
    /// # Errors
    /// When the cluster cannot be asked, or nobody answers for the Service.
    pub async fn to(
        &self,
        environment: &release::Cluster,
        host: &str,
        port: u16,
    ) -> Result<Option<SocketAddr>, KubernetesError> {
        let Some((service, namespace)) = service_of(host, &environment.namespace) else { return Ok(None) };
        let server = (environment.context.clone(), namespace.to_owned(), service.to_owned(), port);
        let mut open = self.open.lock().await;
        // Asked each time: that nobody answers is better said by us than by a connection that ends.
        if let Some(Open { address, cluster }) = open.get(&server) {
            return Ok(find(cluster, service, port).await?.map(|_| *address));
        }
        let client = self.access.client(environment.context.as_deref()).await?;
        let cluster = Arc::new(Cluster::new(client, namespace.to_owned(), self.closing.clone()));
        if find(&cluster, service, port).await?.is_none() {
            return Ok(None);
        }
        let failed = |error: std::io::Error| KubernetesError::NoWay {
            server: format!("server {host}"),
            why: format!("no port of this machine can be had: {error}"),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        tokio::spawn(self.closing.child_token().run_until_cancelled_owned(accept(
            listener,
            Arc::clone(&cluster),
            service.to_owned(),
            port,
        )));
        open.insert(server, Open { address, cluster });
        Ok(Some(address))
    }
}

impl Drop for Ways {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

async fn accept(listener: TcpListener, cluster: Arc<Cluster>, service: String, port: u16) {
    loop {
        let stream = forward::next(&listener).await;
        let (cluster, service) = (Arc::clone(&cluster), service.clone());
        tokio::spawn(async move {
            // Where nobody answers any more the connection ends: whoever asked sees that.
            if let Ok(Some(Behind { pod, port })) = find(&cluster, &service, port).await {
                forward::carry(stream, &cluster.api(), &pod, port).await;
            }
        });
    }
}

/// Who answers for a Service's port now; none where there is no such Service.
async fn find(cluster: &Cluster, name: &str, port: u16) -> Result<Option<Behind>, KubernetesError> {
    let doing = format!("look at the Service {name}");
    let Some(service) = cluster.get::<Service>(&doing, name).await? else { return Ok(None) };
    let no_way = |why: String| KubernetesError::NoWay {
        server: format!("Service {name} of the namespace {}", cluster.namespace),
        why,
    };
    let labels = selected(&service).map_err(no_way)?;
    let (pods, params) = (cluster.api::<Pod>(), ListParams::default().labels(&labels));
    let found =
        cluster.call(&format!("look at the pods of the Service {name}"), || pods.list(&params)).await?;
    behind(&service, &found.items, port).map(Some).map_err(no_way)
}

/// The Service that a pod of `namespace` means by that name, and its namespace.
fn service_of<'a>(host: &'a str, namespace: &'a str) -> Option<(&'a str, &'a str)> {
    let mut labels = host.split('.');
    let service = labels.next().filter(|name| !name.is_empty())?;
    let Some(of) = labels.next() else { return Some((service, namespace)) };
    labels.next().is_none_or(|third| third == "svc").then_some((service, of))
}

/// What a Service selects, as a query.
fn selected(service: &Service) -> Result<String, String> {
    let spec = service.spec.as_ref();
    if let Some(name) = spec.and_then(|spec| spec.external_name.as_deref()) {
        return Err(format!("it stands for {name}, outside of the cluster: name that server instead"));
    }
    let selector = spec.and_then(|spec| spec.selector.as_ref()).filter(|selector| !selector.is_empty());
    let Some(selector) = selector else {
        return Err("it selects no pods: name the server that its endpoints are instead".to_owned());
    };
    Ok(names::query(selector))
}

/// The pod that is taken, and its port.
fn behind(service: &Service, pods: &[Pod], port: u16) -> Result<Behind, String> {
    let ports = service.spec.as_ref().and_then(|spec| spec.ports.as_deref()).unwrap_or_default();
    let Some(wanted) = ports.iter().find(|one| one.port == i32::from(port)) else {
        let has: Vec<String> = ports.iter().map(|one| one.port.to_string()).collect();
        return Err(format!("it has no port {port}, only {}", has.join(", ")));
    };
    let ready = pods.iter().filter(|pod| is_ready(pod)).min_by_key(|pod| pod.metadata.name.as_deref());
    let Some(pod) = ready else {
        return Err(format!("of its pods ({}) none is ready", pods.len()));
    };
    let target = match &wanted.target_port {
        None => Some(wanted.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => named(pod, name),
    };
    let pod_name = pod.metadata.name.clone().unwrap_or_default();
    match target.and_then(|target| u16::try_from(target).ok()) {
        Some(port) => Ok(Behind { pod: pod_name, port }),
        None => Err(format!("the pod {pod_name} has no port for its port {port}")),
    }
}

/// The number of a pod's port of that name.
fn named(pod: &Pod, name: &str) -> Option<i32> {
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    let mut ports = containers.iter().flat_map(|one| one.ports.as_deref().unwrap_or_default());
    ports.find(|port| port.name.as_deref() == Some(name)).map(|port| port.container_port)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn names_of_services_are_told_from_others() {
        for (host, service) in [
            ("pg", Some(("pg", "shop"))),
            ("pg.data", Some(("pg", "data"))),
            ("pg.data.svc", Some(("pg", "data"))),
            ("pg.data.svc.cluster.local", Some(("pg", "data"))),
            ("db.example.com", None),
            (".data", None),
        ] {
            assert_eq!(service_of(host, "shop"), service, "{host}");
        }
    }

    fn service(spec: &Value) -> Service {
        serde_json::from_value(json!({ "metadata": { "name": "pg" }, "spec": spec })).unwrap()
    }

    fn pod(name: &str, ready: bool) -> Pod {
        let status = if ready { "True" } else { "False" };
        serde_json::from_value(json!({
            "metadata": { "name": name },
            "spec": { "containers": [{ "name": "pg", "ports": [{ "name": "sql", "containerPort": 5433 }] }] },
            "status": { "conditions": [{ "type": "Ready", "status": status }] },
        }))
        .unwrap()
    }

    #[test]
    fn the_first_pod_that_is_ready_answers() {
        let pods = [pod("pg-0", false), pod("pg-2", true), pod("pg-1", true)];
        let at = |ports: Value| behind(&service(&json!({ "ports": ports })), &pods, 5432);
        let port = |port| Ok(Behind { pod: "pg-1".to_owned(), port });
        assert_eq!(at(json!([{ "port": 5432 }])), port(5432));
        assert_eq!(at(json!([{ "port": 80 }, { "port": 5432, "targetPort": 15432 }])), port(15432));
        assert_eq!(at(json!([{ "port": 5432, "targetPort": "sql" }])), port(5433));
        assert_eq!(
            at(json!([{ "port": 80 }, { "port": 81 }])).unwrap_err(),
            "it has no port 5432, only 80, 81"
        );
        let lost = at(json!([{ "port": 5432, "targetPort": "http" }])).unwrap_err();
        assert_eq!(lost, "the pod pg-1 has no port for its port 5432");
        let none = behind(&service(&json!({ "ports": [{ "port": 5432 }] })), &pods[..1], 5432).unwrap_err();
        assert_eq!(none, "of its pods (1) none is ready");
    }

    #[test]
    fn a_service_without_pods_of_its_own_is_no_way() {
        assert_eq!(selected(&service(&json!({ "selector": { "a": "b", "c": "d" } }))).unwrap(), "a=b,c=d");
        assert!(selected(&service(&json!({}))).unwrap_err().contains("selects no pods"));
        let outside =
            selected(&service(&json!({ "type": "ExternalName", "externalName": "db.example.com" })));
        assert!(outside.unwrap_err().contains("stands for db.example.com"));
    }
}
