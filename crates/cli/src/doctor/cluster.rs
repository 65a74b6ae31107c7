//! The clusters that the project's environments name: whether they answer, and let the account do what is needed.

use std::collections::BTreeMap;

use bascule_model::manifest::Manifest;
use bascule_model::problem::Problem;
use bascule_model::release::RouteKind;
use bascule_server::cluster::{Survey, survey};

use super::Finding;
use crate::context::Context;
use crate::project::namespace;

const CHECK: &str = "cluster";

/// A context, and a namespace there.
type Place = (Option<String>, String);

/// All that can be said of them; nothing where no environment is in a cluster.
pub async fn clusters(context: &Context) -> Vec<Finding> {
    let Some(manifest) = context.project().ok().and_then(|project| project.manifest().ok()) else {
        return Vec::new();
    };
    let kubeconfig = context.machine.variable("KUBECONFIG");
    let home = context.machine.variable("HOME");
    let mut findings = Vec::new();
    for ((at, namespace), (environments, routes)) in places(&manifest) {
        let place = (namespace.as_str(), routes.as_slice());
        let seen = survey(kubeconfig.as_deref(), home.as_deref(), at.as_deref(), place).await;
        let place =
            format!("the namespace {namespace} of the {} context", at.as_deref().unwrap_or("current"));
        findings.extend(found(&place, &environments, seen));
    }
    findings
}

/// Where environments are, each place once, with their names and the kinds by which they move their users.
fn places(manifest: &Manifest) -> BTreeMap<Place, (Vec<String>, Vec<RouteKind>)> {
    let mut places: BTreeMap<Place, (Vec<String>, Vec<RouteKind>)> = BTreeMap::new();
    for (name, settings) in &manifest.environments {
        let Some(place) = namespace(settings) else { continue };
        let (names, routes) = places.entry((place.context, place.name)).or_default();
        names.push(name.to_string());
        let route =
            settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.route.as_ref()?.kind.as_ref());
        if let Some(kind) = route.filter(|kind| !routes.contains(&kind.value)) {
            routes.push(kind.value);
        }
    }
    places
}

fn found(place: &str, environments: &[String], seen: Result<Survey, Problem>) -> Vec<Finding> {
    let names = environments.join(", ");
    let seen = match seen {
        Ok(seen) => seen,
        Err(problem) => {
            let says = format!("{names}: {}", problem.message);
            return vec![Finding::stops(CHECK, says, problem.remedy)];
        }
    };
    let first = environments.first().map_or("ENV", String::as_str);
    let fix = format!("`bascule render rbac {first} | kubectl apply -f -` makes an account that may");
    if !seen.lacks.is_empty() {
        let says = format!("{names}: {place} does not let this account {}", seen.lacks.join(", "));
        return vec![Finding::stops(CHECK, says, fix)];
    }
    let says = format!("{names}: {place} answers (Kubernetes {})", seen.version);
    let mut findings = vec![Finding::good(CHECK, says)];
    for (lacks, what) in [
        (&seen.lacks_for_commands, "`bascule exec`"),
        (&seen.lacks_for_mirrors, "`bascule run resume` on another machine"),
        (&seen.lacks_for_looking, "all of the look before a deploy"),
    ] {
        if !lacks.is_empty() {
            let says = format!("{names}: not for {what}, which needs {}", lacks.join(", "));
            findings.push(Finding::warning(CHECK, says, fix.clone()));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use bascule_model::problem::Code;

    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn what_a_cluster_says_and_what_to_do() {
        let environments = ["staging".to_owned(), "production".to_owned()];
        let lacks = |words: &str| words.split_terminator(',').map(str::to_owned).collect();
        let survey = |needed: &str, commands: &str, looking: &str| {
            Ok(Survey {
                version: "v1.33.2".to_owned(),
                lacks: lacks(needed),
                lacks_for_commands: lacks(commands),
                lacks_for_mirrors: Vec::new(),
                lacks_for_looking: lacks(looking),
            })
        };
        let away = Problem::new(Code::ClusterUnavailable, "no answer", "start it");
        for (seen, grades, says) in [
            (survey("", "", ""), vec![Grade::Good], "v1.33.2"),
            (survey("create pods", "create jobs", ""), vec![Grade::Stops], "create pods"),
            (
                survey("", "create jobs", "list networkpolicies"),
                vec![Grade::Good, Grade::Warning, Grade::Warning],
                "jobs",
            ),
            (Err(away), vec![Grade::Stops], "no answer"),
        ] {
            let findings = found("the namespace shop", &environments, seen);
            assert_eq!(findings.iter().map(|one| one.grade).collect::<Vec<_>>(), grades);
            assert!(findings.iter().any(|one| one.says.contains(says)), "{findings:?}");
            assert!(findings.iter().all(|one| one.says.starts_with("staging, production: ")), "{findings:?}");
            let has_fix = |one: &Finding| one.grade == Grade::Good || one.fix.is_some();
            assert!(findings.iter().all(has_fix), "{findings:?}");
        }
    }
}
