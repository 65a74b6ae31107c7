//! A way to a pod from wherever Bascule runs: an address on loopback whose connections go through the API server. Nothing is asked
//! of the server until somebody connects.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::shared::lock;

/// After a connection that could not be taken.
const AGAIN: Duration = Duration::from_millis(50);

/// All ways that are open to pods of one namespace.
pub(crate) struct Forwards {
    /// By pod's UID and port.
    open: Mutex<HashMap<(String, u16), Open>>,
    closing: CancellationToken,
}

struct Open {
    address: SocketAddr,
    ended: CancellationToken,
}

impl Forwards {
    pub(crate) fn new(closing: CancellationToken) -> Self {
        Self { open: Mutex::default(), closing }
    }

    /// The address of a pod's port; none where no port of this machine can be had.
    pub(crate) async fn address(
        &self,
        cluster: &Arc<Cluster>,
        pod: &str,
        uid: &str,
        port: u16,
    ) -> Option<SocketAddr> {
        let key = (uid.to_owned(), port);
        if let Some(open) = lock(&self.open).get(&key) {
            return Some(open.address);
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
        let address = listener.local_addr().ok()?;
        let ended = self.closing.child_token();
        let accepting = accept(listener, cluster.api::<Pod>(), pod.to_owned(), port);
        let until = ended.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = until.cancelled() => {}
                () = accepting => {}
            }
        });
        let mut all = lock(&self.open);
        // Of two that opened one at the same moment, one is enough.
        let open = all.entry(key).or_insert_with(|| Open { address, ended: ended.clone() });
        if open.address != address {
            ended.cancel();
        }
        Some(open.address)
    }

    /// Closes the ways to pods that are not there any more.
    pub(crate) fn keep_only(&self, is_there: impl Fn(&str) -> bool) {
        lock(&self.open).retain(|(uid, _), open| {
            let keep = is_there(uid);
            if !keep {
                open.ended.cancel();
            }
            keep
        });
    }
}

async fn accept(listener: TcpListener, pods: Api<Pod>, pod: String, port: u16) {
    loop {
        let stream = next(&listener).await;
        let (pods, pod) = (pods.clone(), pod.clone());
        tokio::spawn(async move { carry(stream, &pods, &pod, port).await });
    }
}

/// The next connection. That one could not be taken (too many open files, or gone again) says nothing of the one after it.
pub(crate) async fn next(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// Carries one connection to a pod's port. Where the way cannot be opened it ends: whoever asked sees that.
pub(crate) async fn carry(mut stream: TcpStream, pods: &Api<Pod>, pod: &str, port: u16) {
    let Ok(mut forwarder) = pods.portforward(pod, &[port]).await else { return };
    let Some(mut upstream) = forwarder.take_stream(port) else { return };
    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
    drop(upstream);
    let _ = forwarder.join().await;
}
