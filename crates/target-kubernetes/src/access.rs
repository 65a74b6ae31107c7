//! Who we are at which API server: kubeconfig files, or the account of the pod that Bascule itself runs in.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::error::KubernetesError;

/// Where a pod finds its own account.
const OWN_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// So long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// The way to API servers.
#[derive(Clone, Default)]
pub struct Access {
    /// Kubeconfig files, the first one that says something wins. Those that are not there are left out.
    kubeconfig: Vec<PathBuf>,
    /// A client that is there already, for every context.
    given: Option<Client>,
}

impl Access {
    /// What a user's environment says: the files of `KUBECONFIG`, else `~/.kube/config`.
    #[must_use]
    pub fn of_user(kubeconfig: Option<&str>, home: Option<&Path>) -> Self {
        let named = kubeconfig.filter(|text| !text.is_empty());
        let kubeconfig = match (named, home) {
            (Some(named), _) => named.split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect(),
            (None, Some(home)) => vec![home.join(".kube/config")],
            (None, None) => Vec::new(),
        };
        Self { kubeconfig, given: None }
    }

    /// This client, whatever the context is.
    #[must_use]
    pub fn given(client: Client) -> Self {
        Self { kubeconfig: Vec::new(), given: Some(client) }
    }

    /// A client for a context; none: the current one, or the cluster that Bascule itself runs in.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn client(&self, context: Option<&str>) -> Result<Client, KubernetesError> {
        if let Some(client) = &self.given {
            return Ok(client.clone());
        }
        let mut config = self.config(context).await?;
        // Ours knows for how long something may be tried, and what a call that was not answered means.
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT);
        Client::try_from(config).map_err(|error| KubernetesError::Access { words: error.to_string() })
    }

    async fn config(&self, context: Option<&str>) -> Result<Config, KubernetesError> {
        let unusable = |words: String| KubernetesError::Access { words };
        let mut merged: Option<Kubeconfig> = None;
        for file in self.kubeconfig.iter().filter(|file| file.exists()) {
            let read = Kubeconfig::read_from(file).map_err(|error| unusable(error.to_string()))?;
            merged = Some(match merged {
                None => read,
                Some(before) => before.merge(read).map_err(|error| unusable(error.to_string()))?,
            });
        }
        if let Some(kubeconfig) = merged {
            let options =
                KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
            return Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|error| unusable(error.to_string()));
        }
        if context.is_none() && Path::new(OWN_ACCOUNT).exists() {
            return Config::incluster_dns().map_err(|error| unusable(error.to_string()));
        }
        let looked: Vec<String> = self.kubeconfig.iter().map(|file| file.display().to_string()).collect();
        Err(unusable(format!("there is no kubeconfig ({})", looked.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_that_is_named_wins_over_the_usual_one() {
        let home = Path::new("/home/u");
        let of = |named: Option<&str>| Access::of_user(named, Some(home)).kubeconfig;
        assert_eq!(of(None), [PathBuf::from("/home/u/.kube/config")]);
        assert_eq!(of(Some("")), [PathBuf::from("/home/u/.kube/config")]);
        assert_eq!(of(Some("/a::/b")), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert!(Access::of_user(None, None).kubeconfig.is_empty());
    }
}
