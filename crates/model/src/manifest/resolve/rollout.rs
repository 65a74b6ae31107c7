//! What `strategy = "rolling"` needs, and what has no meaning with or without it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::resolver::Resolver;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{Located, RolloutSettings, Service, Strategy, Target};

impl Resolver<'_> {
    /// `services`: those of the environment.
    pub(super) fn check_strategy<'a>(
        &mut self,
        services: impl Iterator<Item = (&'a ServiceName, &'a Service)>,
    ) {
        let services: BTreeMap<&ServiceName, &Service> = services.collect();
        let Some(strategy) = self.said(|rollout| &rollout.strategy) else {
            self.check_not_rolling();
            return;
        };
        if strategy.value != Strategy::Rolling {
            self.check_not_rolling();
            return;
        }
        if self.target() != Target::Kubernetes {
            let message =
                format!("`strategy`: {} is in no cluster, and \"rolling\" is for clusters", self.environment);
            let problem =
                Diagnostic::new(Code::Conflict, &strategy.span, message).label("for Kubernetes only");
            self.problems.push(problem.help(
                "say it for the environments on Kubernetes alone, as in [environments.production.rollout]; elsewhere \"blue-green\" is \
                 the one there is",
            ));
            return;
        }
        self.check_nobody_left(&services);
        for (name, _) in services.iter().filter(|(_, service)| service.pods.scale.is_some()) {
            let message =
                format!("`strategy`: `{name}` has `scale`, and both would say how many pods there are");
            let problem =
                Diagnostic::new(Code::Conflict, &strategy.span, message).label("not beside `scale`");
            self.problems.push(problem.help("write strategy = \"blue-green\", which leaves the number to the scaler, or leave `scale` out"));
        }
        // Only what the environment itself says: for others, which do not roll, it has its meaning.
        let warm = self.settings.rollout.as_ref().and_then(|rollout| rollout.warm.as_ref());
        if let Some(warm) = warm.filter(|warm| !warm.value.is_zero()) {
            let message =
                "`warm` has no use with \"rolling\": nothing of the former release is left to be warm";
            let problem =
                Diagnostic::new(Code::Conflict, &warm.span, message).label("for \"blue-green\" only");
            self.problems.push(problem.help("leave it out"));
        }
    }

    /// As many fewer as there are is nobody.
    fn check_nobody_left(&mut self, services: &BTreeMap<&ServiceName, &Service>) {
        let Some(most) = self.said(|rollout| &rollout.max_unavailable) else { return };
        let few = services.iter().find(|(_, one)| one.traffic.is_some() && one.instances <= most.value);
        let Some((name, service)) = few.filter(|_| most.value > 0) else { return };
        let message = format!(
            "`max_unavailable` = {} leaves nobody of `{name}`, which has {}",
            most.value, service.instances
        );
        let problem =
            Diagnostic::new(Code::Conflict, &most.span, message).label("as many as there are, or more");
        self.problems.push(problem.help("write fewer, or 0: then nobody goes before somebody has come"));
    }

    fn check_not_rolling(&mut self) {
        // What is said for all environments may be for another one.
        let Some(rollout) = self.settings.rollout.as_ref() else { return };
        let span = |setting: &Option<Located<u32>>| setting.as_ref().map(|setting| setting.span.clone());
        let places: [(&str, Option<Range<usize>>); 2] =
            [("max_unavailable", span(&rollout.max_unavailable)), ("max_surge", span(&rollout.max_surge))];
        for (key, span) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` has no use: {} does not roll", self.environment);
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("for \"rolling\" only");
            self.problems.push(problem.help("write strategy = \"rolling\" here, or leave this out"));
        }
    }

    /// What the environment says of its rollout, or the manifest for all of them.
    fn said<T: Copy>(&self, of: fn(&RolloutSettings) -> &Option<Located<T>>) -> Option<Located<T>> {
        let both = [self.settings.rollout.as_ref(), self.manifest.rollout.as_ref()];
        both.into_iter().flatten().find_map(|rollout| of(rollout).clone())
    }
}
