//! How this machine comes to a database's server: by the name as it is written, or through the cluster whose pods know that name.

use bascule_migrate::Address;
use bascule_model::problem::Problem;
use bascule_model::release::Cluster;

/// Ways to servers. Those through clusters end when it is dropped.
pub struct Ways {
    #[cfg(feature = "kubernetes")]
    clusters: bascule_target_kubernetes::Ways,
}

impl Ways {
    /// None is open yet. Clusters are those of the kubeconfig that these variables name.
    #[must_use]
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        #[cfg(feature = "kubernetes")]
        {
            let home = variable("HOME").map(std::path::PathBuf::from);
            let access = bascule_target_kubernetes::Access::of_user(
                variable("KUBECONFIG").as_deref(),
                home.as_deref(),
            );
            Self { clusters: bascule_target_kubernetes::Ways::new(access) }
        }
        #[cfg(not(feature = "kubernetes"))]
        {
            let _ = variable;
            Self {}
        }
    }

    /// The address as this machine can use it: of a server that it knows no name of, and that is a Service of the environment's cluster,
    /// one that leads there.
    ///
    /// # Errors
    /// `DATABASE_UNAVAILABLE` where nobody answers for the Service; what keeps us from asking the cluster.
    pub async fn reached(&self, address: Address, cluster: Option<&Cluster>) -> Result<Address, Problem> {
        let (Some(cluster), Some((host, port))) = (cluster, address.host()) else { return Ok(address) };
        // A name that means something here is meant: a control plane in the cluster needs no way.
        if tokio::net::lookup_host((host, port)).await.is_ok_and(|mut found| found.next().is_some()) {
            return Ok(address);
        }
        let way = self.through(cluster, host, port).await?;
        Ok(way.map_or_else(|| address.clone(), |way| address.through(way)))
    }

    #[cfg(feature = "kubernetes")]
    async fn through(
        &self,
        cluster: &Cluster,
        host: &str,
        port: u16,
    ) -> Result<Option<std::net::SocketAddr>, Problem> {
        self.clusters.to(cluster, host, port).await.map_err(|error| error.problem())
    }

    #[cfg(not(feature = "kubernetes"))]
    #[expect(clippy::unused_async, reason = "the same with and without clusters")]
    async fn through(&self, _: &Cluster, _: &str, _: u16) -> Result<Option<std::net::SocketAddr>, Problem> {
        Ok(None)
    }
}
