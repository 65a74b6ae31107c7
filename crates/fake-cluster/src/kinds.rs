//! What kinds there are, under which groups and versions, and what each can do.

/// Which Kubernetes the cluster is like. It settles the versions of its groups and some behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// 1.20: `discovery.k8s.io/v1beta1`, `policy/v1beta1`, `autoscaling/v1` and `v2beta2`; a Gateway API in `v1beta1`. A pod that ends leaves its
    /// slices at once; a Service's selector belongs to field managers key by key.
    Old,
    /// 1.33: `discovery.k8s.io/v1`, `policy/v1`, `autoscaling/v1` and `v2`; a Gateway API in `v1` and `v1beta1`. A pod that ends stays in its slices
    /// as `terminating`; a Service's selector belongs to one field manager as a whole.
    New,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Served {
    Always,
    Old,
    New,
}

/// One kind in one version of its group.
#[derive(Debug)]
pub(crate) struct Resource {
    /// Empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    pub kind: &'static str,
    /// Names the kind everywhere in the store; the served plurals are unique over all groups.
    pub plural: &'static str,
    pub scope: Scope,
    pub short: &'static [&'static str],
    pub subresources: &'static [&'static str],
    pub generation: Generation,
    served: Served,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Namespace,
    Cluster,
}

/// Whether `metadata.generation` counts the changes of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    Counted,
    None,
}

impl Resource {
    /// `v1`, `apps/v1`.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods`, `deployments.apps`.
    pub(crate) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// `Pod`, `Deployment.apps`.
    pub(crate) fn qualified_kind(&self) -> String {
        if self.group.is_empty() { self.kind.to_owned() } else { format!("{}.{}", self.kind, self.group) }
    }

    /// Jobs came to it late.
    pub(crate) fn counts_generation(&self, flavour: Flavour) -> bool {
        self.generation == Generation::Counted && (self.plural != "jobs" || flavour == Flavour::New)
    }

    pub(crate) fn has(&self, subresource: &str) -> bool {
        self.subresources.contains(&subresource)
    }

    fn is_served(&self, flavour: Flavour) -> bool {
        match self.served {
            Served::Always => true,
            Served::Old => flavour == Flavour::Old,
            Served::New => flavour == Flavour::New,
        }
    }
}

/// What a cluster of this flavour serves; of several versions of a kind the one it is stored in comes first.
pub(crate) fn served(flavour: Flavour) -> impl Iterator<Item = &'static Resource> {
    RESOURCES.iter().filter(move |one| one.is_served(flavour))
}

/// The version in which objects of this plural are stored.
pub(crate) fn stored(flavour: Flavour, plural: &str) -> Option<&'static Resource> {
    served(flavour).find(|one| one.plural == plural)
}

/// A kind by its name: `Deployment`, `deployment` or `deployments`.
pub(crate) fn by_kind(flavour: Flavour, kind: &str) -> Option<&'static Resource> {
    served(flavour).find(|one| one.kind.eq_ignore_ascii_case(kind) || one.plural.eq_ignore_ascii_case(kind))
}

const fn core(kind: &'static str, plural: &'static str, short: &'static [&'static str]) -> Resource {
    Resource {
        group: "",
        version: "v1",
        kind,
        plural,
        scope: Scope::Namespace,
        short,
        subresources: &[],
        generation: Generation::None,
        served: Served::Always,
    }
}

const fn grouped(
    (group, version): (&'static str, &'static str),
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
) -> Resource {
    Resource { group, version, ..core(kind, plural, short) }
}

const STATUS: &[&str] = &["status"];
const SCALED: &[&str] = &["status", "scale"];
const APPS: (&str, &str) = ("apps", "v1");
const NETWORKING: (&str, &str) = ("networking.k8s.io", "v1");

static RESOURCES: &[Resource] = &[
    Resource { scope: Scope::Cluster, subresources: STATUS, ..core("Namespace", "namespaces", &["ns"]) },
    Resource { subresources: &["status", "log"], ..core("Pod", "pods", &["po"]) },
    Resource { subresources: STATUS, ..core("Service", "services", &["svc"]) },
    core("ConfigMap", "configmaps", &["cm"]),
    core("Secret", "secrets", &[]),
    core("Event", "events", &["ev"]),
    core("Endpoints", "endpoints", &["ep"]),
    core("ServiceAccount", "serviceaccounts", &["sa"]),
    Resource { subresources: STATUS, ..core("ResourceQuota", "resourcequotas", &["quota"]) },
    core("LimitRange", "limitranges", &["limits"]),
    Resource {
        subresources: SCALED,
        generation: Generation::Counted,
        ..grouped(APPS, "Deployment", "deployments", &["deploy"])
    },
    Resource {
        subresources: SCALED,
        generation: Generation::Counted,
        ..grouped(APPS, "ReplicaSet", "replicasets", &["rs"])
    },
    Resource {
        subresources: STATUS,
        generation: Generation::Counted,
        ..grouped(("batch", "v1"), "Job", "jobs", &[])
    },
    Resource {
        served: Served::New,
        generation: Generation::Counted,
        ..grouped(("discovery.k8s.io", "v1"), "EndpointSlice", "endpointslices", &[])
    },
    Resource {
        served: Served::Old,
        generation: Generation::Counted,
        ..grouped(("discovery.k8s.io", "v1beta1"), "EndpointSlice", "endpointslices", &[])
    },
    grouped(("coordination.k8s.io", "v1"), "Lease", "leases", &[]),
    Resource {
        generation: Generation::Counted,
        ..grouped(NETWORKING, "NetworkPolicy", "networkpolicies", &["netpol"])
    },
    Resource {
        subresources: STATUS,
        generation: Generation::Counted,
        ..grouped(NETWORKING, "Ingress", "ingresses", &["ing"])
    },
    Resource {
        served: Served::New,
        subresources: STATUS,
        generation: Generation::Counted,
        ..grouped(("gateway.networking.k8s.io", "v1"), "HTTPRoute", "httproutes", &[])
    },
    Resource {
        subresources: STATUS,
        generation: Generation::Counted,
        ..grouped(("gateway.networking.k8s.io", "v1beta1"), "HTTPRoute", "httproutes", &[])
    },
    Resource {
        served: Served::New,
        subresources: STATUS,
        generation: Generation::Counted,
        ..grouped(("policy", "v1"), "PodDisruptionBudget", "poddisruptionbudgets", &["pdb"])
    },
    Resource {
        served: Served::Old,
        subresources: STATUS,
        generation: Generation::Counted,
        ..grouped(("policy", "v1beta1"), "PodDisruptionBudget", "poddisruptionbudgets", &["pdb"])
    },
    Resource {
        served: Served::New,
        subresources: STATUS,
        ..grouped(("autoscaling", "v2"), "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"])
    },
    Resource {
        served: Served::Old,
        subresources: STATUS,
        ..grouped(("autoscaling", "v2beta2"), "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"])
    },
    Resource {
        subresources: STATUS,
        ..grouped(("autoscaling", "v1"), "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"])
    },
];
