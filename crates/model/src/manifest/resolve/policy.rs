//! What an environment asks for before it takes a release, and where its artifacts come from.

use super::resolver::Resolver;
use crate::ids::EnvironmentName;
use crate::manifest::diagnostics::{Code, Diagnostic, list, nearest};
use crate::manifest::types::{EnvironmentSettings, Policy, Shipping};

/// The name of the environment of which more is asked where there is a pipeline.
const PRODUCTION: &str = "production";

/// The policy with what holds where it says nothing.
pub(super) fn policy(name: &str, settings: &EnvironmentSettings, shipping: Shipping) -> Policy {
    let is_strict = shipping == Shipping::ByPipeline && name == PRODUCTION;
    let takes_settled = shipping == Shipping::ByPipeline && settings.promote_from.is_some();
    let usual =
        Policy { allow_dirty: !(is_strict || takes_settled), checklist: is_strict, ..Policy::default() };
    let Some(said) = &settings.policy else { return usual };
    Policy {
        approvals: said.approvals.as_ref().map_or(usual.approvals, |it| it.value),
        approvals_for: said.approvals_for.as_ref().map_or(usual.approvals_for, |it| it.value),
        freeze: said.freeze.iter().flatten().map(|it| it.value.clone()).collect(),
        allow_dirty: said.allow_dirty.as_ref().map_or(usual.allow_dirty, |it| it.value),
        checklist: said.checklist.as_ref().map_or(usual.checklist, |it| it.value),
        left_out: said.left_out.iter().flatten().map(|it| it.value.clone()).collect(),
    }
}

impl Resolver<'_> {
    /// An environment that takes artifacts from itself, from one that is not there, or in a circle.
    pub(super) fn check_promotion(&mut self) {
        let Some(from) = &self.settings.promote_from else { return };
        let all = &self.manifest.environments;
        let Some(source) = all.get(&from.value) else {
            let names = || all.keys().map(EnvironmentName::as_str).filter(|name| *name != self.environment);
            let label = match nearest(from.value.as_str(), names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "not an environment of this app".to_owned(),
            };
            let message = format!("there is no environment `{}`", from.value);
            let problem = Diagnostic::new(Code::UnknownEnvironment, &from.span, message).label(label);
            self.problems.push(problem.help(format!("the others are {}", list(names()))));
            return;
        };
        let mut way = vec![self.environment, from.value.as_str()];
        let mut next = source.promote_from.as_ref();
        while let Some(further) = next.filter(|_| way.last() != way.first()) {
            // A circle that does not lead back here is reported where it does.
            if way[1..].contains(&further.value.as_str()) {
                return;
            }
            way.push(further.value.as_str());
            next = all.get(&further.value).and_then(|settings| settings.promote_from.as_ref());
        }
        if way.last() == way.first() {
            let message = format!("`promote_from` leads back to {}", self.environment);
            let problem = Diagnostic::new(Code::Conflict, &from.span, message).label(way.join(" from "));
            self.problems.push(problem.help("leave it out where artifacts are made"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::types::{Located, PolicySettings};

    fn takes(from: Option<&str>, policy: Option<PolicySettings>) -> EnvironmentSettings {
        let promote_from =
            from.map(|name| Located { value: EnvironmentName::new(name).unwrap(), span: 0..0 });
        EnvironmentSettings { promote_from, policy, ..EnvironmentSettings::default() }
    }

    #[test]
    fn what_holds_where_nothing_is_said() {
        for (name, from, shipping, allow_dirty, checklist) in [
            ("production", None, Shipping::ByHand, true, false),
            ("production", Some("staging"), Shipping::ByHand, true, false),
            ("staging", None, Shipping::ByPipeline, true, false),
            ("production", None, Shipping::ByPipeline, false, true),
            ("canary", Some("staging"), Shipping::ByPipeline, false, false),
        ] {
            let policy = policy(name, &takes(from, None), shipping);
            let expected = Policy { allow_dirty, checklist, ..Policy::default() };
            assert_eq!(policy, expected, "{name} {from:?} {shipping:?}");
        }
    }

    #[test]
    fn what_is_said_holds() {
        let said = PolicySettings {
            allow_dirty: Some(Located { value: true, span: 0..0 }),
            checklist: Some(Located { value: false, span: 0..0 }),
            ..PolicySettings::default()
        };
        let policy = policy("production", &takes(Some("staging"), Some(said)), Shipping::ByPipeline);
        assert_eq!(policy, Policy::default());
    }
}
