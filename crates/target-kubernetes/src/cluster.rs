//! One namespace of one cluster, and how it is asked: each call is bounded, is made again where that can help, and says what it was for.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Mutex;
use std::time::Duration;

use bascule_model::release::{Release, RouteKind};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{Api, DynamicObject, PatchParams, PostParams};
use kube::client::UpgradeConnectionError;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::KubernetesError;
use crate::forward::Forwards;
use crate::objects::ending::Waits;
use crate::objects::{budget, network, route, scaler};
use crate::shared::lock;

/// How we are called where the API server notes who wrote what.
pub(crate) const MANAGER: &str = "bascule";
/// So long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// So long a call is made again and again while the server cannot answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two attempts.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(600),
    Duration::from_secs(2),
];

/// A namespace and the way there.
pub(crate) struct Cluster {
    pub(crate) client: Client,
    pub(crate) namespace: String,
    pub(crate) forwards: Forwards,
    /// The version of EndpointSlice that the server has.
    slices: OnceCell<ApiResource>,
    /// And of HorizontalPodAutoscaler.
    scalers: OnceCell<ApiResource>,
    /// And of PodDisruptionBudget.
    budgets: OnceCell<ApiResource>,
    /// And of NetworkPolicy.
    networks: OnceCell<ApiResource>,
    /// And of Ingress.
    ingresses: OnceCell<ApiResource>,
    /// And of HTTPRoute.
    http_routes: OnceCell<ApiResource>,
    /// Kinds that were asked for, by their version, and whether they belong to namespaces.
    kinds: Mutex<HashMap<(String, String), (ApiResource, bool)>>,
    /// What it has for pods that end.
    waits: OnceCell<Waits>,
}

/// What an answer means for whoever asked.
enum Answer {
    /// It may be otherwise in a moment.
    Passing(String),
    Final(KubernetesError),
}

impl Cluster {
    pub(crate) fn new(client: Client, namespace: String, closing: CancellationToken) -> Self {
        Self {
            client,
            namespace,
            forwards: Forwards::new(closing),
            slices: OnceCell::new(),
            scalers: OnceCell::new(),
            budgets: OnceCell::new(),
            networks: OnceCell::new(),
            ingresses: OnceCell::new(),
            http_routes: OnceCell::new(),
            kinds: Mutex::default(),
            waits: OnceCell::new(),
        }
    }

    pub(crate) fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Makes a call until it is answered. A call that was not answered may have been carried out: each has to be one that can be made
    /// twice.
    pub(crate) async fn call<T, F>(&self, doing: &str, call: impl Fn() -> F) -> Result<T, KubernetesError>
    where
        F: Future<Output = kube::Result<T>>,
    {
        let began = Instant::now();
        let mut pauses = PAUSES.iter().chain(std::iter::repeat(&PAUSES[PAUSES.len() - 1]));
        loop {
            let words = match tokio::time::timeout(ATTEMPT, call()).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => match judged(doing, error) {
                    Answer::Final(error) => return Err(error),
                    Answer::Passing(words) => words,
                },
                Err(_) => format!("nothing came within {} s", ATTEMPT.as_secs()),
            };
            if began.elapsed() >= PATIENCE {
                return Err(KubernetesError::Away { doing: doing.to_owned(), words });
            }
            if let Some(pause) = pauses.next() {
                tokio::time::sleep(*pause).await;
            }
        }
    }

    /// The object of that name; none where there is none.
    pub(crate) async fn get<K>(&self, doing: &str, name: &str) -> Result<Option<K>, KubernetesError>
    where
        K: Resource<Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
        K::DynamicType: Default,
    {
        let api = self.api::<K>();
        self.call(doing, || api.get_opt(name)).await
    }

    /// EndpointSlices in the version that the server has.
    pub(crate) async fn slices(&self) -> Result<Api<DynamicObject>, KubernetesError> {
        let resource = self
            .slices
            .get_or_try_init(|| self.discover("discovery.k8s.io", "EndpointSlice", "endpointslices", &[]));
        Ok(self.dynamic(resource.await?))
    }

    /// HorizontalPodAutoscalers, in the best version that the server has and we can write.
    pub(crate) async fn scalers(&self) -> Result<&ApiResource, KubernetesError> {
        let (kind, plural) = ("HorizontalPodAutoscaler", "horizontalpodautoscalers");
        let discover = || self.discover(scaler::GROUP, kind, plural, &scaler::VERSIONS);
        self.scalers.get_or_try_init(discover).await
    }

    /// PodDisruptionBudgets, in the best version that the server has and we can write.
    pub(crate) async fn budgets(&self) -> Result<&ApiResource, KubernetesError> {
        let (kind, plural) = ("PodDisruptionBudget", "poddisruptionbudgets");
        let discover = || self.discover(budget::GROUP, kind, plural, &budget::VERSIONS);
        self.budgets.get_or_try_init(discover).await
    }

    /// NetworkPolicies, in the best version that the server has and we can write.
    pub(crate) async fn networks(&self) -> Result<&ApiResource, KubernetesError> {
        let (kind, plural) = ("NetworkPolicy", "networkpolicies");
        let discover = || self.discover(network::GROUP, kind, plural, &network::VERSIONS);
        self.networks.get_or_try_init(discover).await
    }

    /// Objects that lead users to Services, in the best version that the server has and we can read.
    pub(crate) async fn routes(&self, kind: RouteKind) -> Result<&ApiResource, KubernetesError> {
        let known = match kind {
            RouteKind::Ingress => &self.ingresses,
            RouteKind::HTTPRoute => &self.http_routes,
        };
        let discover = || async {
            for version in route::VERSIONS {
                let version = format!("{}/{version}", route::group(kind));
                if let Some((resource, _)) = self.kind(&version, kind.as_str()).await? {
                    return Ok(resource);
                }
            }
            let (name, group) = (kind.as_str(), route::group(kind));
            let doing = format!("ask for the versions of {name}");
            let words = format!("the API server has no {name} in {group}");
            Err(KubernetesError::Refused { doing, status: 404, words })
        };
        known.get_or_try_init(discover).await
    }

    /// The resource of a kind, and whether it belongs to namespaces; none where the server does not have it. A server may be taught
    /// kinds at any time: what it did not have is asked for anew.
    pub(crate) async fn kind(
        &self,
        api_version: &str,
        kind: &str,
    ) -> Result<Option<(ApiResource, bool)>, KubernetesError> {
        let known = lock(&self.kinds).get(&(api_version.to_owned(), kind.to_owned())).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let doing = format!("ask for the kinds of {api_version}");
        let client = &self.client;
        let asked = self.call(&doing, || async move {
            match api_version.contains('/') {
                true => client.list_api_group_resources(api_version).await,
                false => client.list_core_api_resources(api_version).await,
            }
        });
        let all = match asked.await {
            Err(error) if error.status() == Some(404) => return Ok(None),
            all => all?.resources,
        };
        let Some(found) = all.into_iter().find(|one| one.kind == kind && !one.name.contains('/')) else {
            return Ok(None);
        };
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let resource = (ApiResource::from_gvk_with_plural(&gvk, &found.name), found.namespaced);
        lock(&self.kinds).insert((api_version.to_owned(), kind.to_owned()), resource.clone());
        Ok(Some(resource))
    }

    /// What the server has for pods that wait before they are ended; it is asked where a release needs it.
    pub(crate) async fn waits(&self, release: &Release) -> Result<Waits, KubernetesError> {
        if release.rollout.rolling.is_none() {
            return Ok(Waits::ByItself);
        }
        let ask = || async {
            let said = self.call("ask for the server's version", || self.client.apiserver_version()).await?;
            Ok(Waits::of(&said.major, &said.minor))
        };
        self.waits.get_or_try_init(ask).await.copied()
    }

    /// Objects of a kind that was discovered.
    pub(crate) fn dynamic(&self, resource: &ApiResource) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.namespace, resource)
    }

    /// The first of the `known` versions that the server has; where none is named, the one that it prefers.
    async fn discover(
        &self,
        group: &str,
        kind: &str,
        plural: &str,
        known: &[&str],
    ) -> Result<ApiResource, KubernetesError> {
        let doing = format!("ask for the versions of {group}");
        let groups = self.call(&doing, || self.client.list_api_groups()).await?;
        let found = groups.groups.into_iter().find(|one| one.name == group);
        let version = found.and_then(|one| {
            let mut has = known.iter().filter_map(|name| one.versions.iter().find(|it| it.version == *name));
            let best = has.next().cloned();
            best.or(one.preferred_version).or_else(|| one.versions.into_iter().next())
        });
        let Some(version) = version else {
            let words = format!("the API server has no {group}: Kubernetes 1.17 or later is needed");
            return Err(KubernetesError::Refused { doing, status: 404, words });
        };
        Ok(ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, &version.version, kind), plural))
    }
}

/// Parameters of everything that we write.
pub(crate) fn ours() -> PostParams {
    PostParams { dry_run: false, field_manager: Some(MANAGER.to_owned()) }
}

/// How an object is changed in our name.
pub(crate) fn by_us() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

fn judged(doing: &str, error: kube::Error) -> Answer {
    match error {
        kube::Error::Api(status) => {
            let words =
                if status.message.is_empty() { status.reason.clone() } else { status.message.clone() };
            match status.code {
                429 | 500 | 502 | 503 | 504 => Answer::Passing(format!("{} {words}", status.code)),
                code => {
                    Answer::Final(KubernetesError::Refused { doing: doing.to_owned(), status: code, words })
                }
            }
        }
        // What was asked for streams is answered with a status alone.
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status))
            if status.is_client_error() && status.as_u16() != 429 =>
        {
            let words = format!("the API server answered {status}");
            Answer::Final(KubernetesError::Refused {
                doing: doing.to_owned(),
                status: status.as_u16(),
                words,
            })
        }
        // A credential plugin that fails, a certificate that is not trusted: waiting does not help, but an API server that is being
        // started looks the same.
        other => Answer::Passing(chain(&other)),
    }
}

/// An error with what it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        let text = deeper.to_string();
        if !words.contains(&text) {
            words = format!("{words}: {text}");
        }
        source = deeper.source();
    }
    words
}
