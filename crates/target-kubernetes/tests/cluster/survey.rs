//! What is said of a cluster before anybody deploys to it.

use bascule_fake_cluster::{FakeCluster, Fault, Flavour, Matcher};
use bascule_model::problem::Code;
use bascule_model::release::RouteKind;
use bascule_target_kubernetes::{Access, survey};

use crate::support::{NAMESPACE, epoch};

#[tokio::test(start_paused = true)]
async fn what_the_account_lacks_is_told_by_what_it_is_for() {
    let cluster = FakeCluster::at(Flavour::New, NAMESPACE, epoch());
    let access = Access::given(kube::Client::new(cluster.service(), NAMESPACE));
    let seen = survey(&access, None, NAMESPACE, &[]).await.unwrap();
    assert!(seen.version.starts_with('v'), "{seen:?}");
    assert!(
        seen.lacks.is_empty() && seen.lacks_for_commands.is_empty() && seen.lacks_for_looking.is_empty(),
        "{seen:?}"
    );
    for (verb, resource) in [("patch", "services"), ("create", "jobs"), ("list", "networkpolicies")] {
        cluster.deny(verb, resource);
    }
    let seen = survey(&access, None, NAMESPACE, &[]).await.unwrap();
    assert_eq!(seen.lacks, ["patch services"]);
    assert_eq!(seen.lacks_for_commands, ["create jobs"]);
    assert_eq!(seen.lacks_for_looking, ["list networkpolicies"]);
    // The kind of a route is asked for where one is named.
    cluster.deny("patch", "httproutes");
    let seen = survey(&access, None, NAMESPACE, &RouteKind::ALL).await.unwrap();
    assert_eq!(seen.lacks, ["patch services", "patch httproutes"]);
    let elsewhere = survey(&access, None, "nowhere", &[]).await.unwrap_err();
    assert!(elsewhere.message.contains("nowhere"), "{elsewhere:?}");
    cluster.fault(Matcher::any(), Fault::Hang);
    let away = survey(&access, None, NAMESPACE, &[]).await.unwrap_err();
    assert_eq!(away.code, Code::ClusterUnavailable);
    assert!(away.message.contains("within"), "{away:?}");
    assert!(
        cluster.calls().iter().all(|call| call.verb != "patch" && call.verb != "delete"),
        "a look changed something"
    );
}
