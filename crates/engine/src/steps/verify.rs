//! `verify` and `verify-live`: the manifest's checks, first against the standby slot, then through the users' door.

mod row;

use async_trait::async_trait;
use bascule_journal::EnvironmentRecord;
use bascule_model::evidence::{CheckResult, Status};
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::Check;
use bascule_model::run::{Evidence, Touches};
use serde_json::json;

use super::{Leave, Observed, Step};
use crate::check_place::{at_instance, at_the_door};
use crate::context::{Loaded, Ports, StepContext, StepError, in_project};
use crate::ports::{CheckPlace, Checker};

pub(super) enum Verify {
    Standby,
    Live,
}

#[async_trait]
impl Step for Verify {
    fn name(&self) -> &'static str {
        match self {
            Self::Standby => "verify",
            Self::Live => "verify-live",
        }
    }

    fn touches(&self) -> Touches {
        Touches::Nothing
    }

    fn leave(&self) -> Leave {
        Leave::AtOnce
    }

    fn plan(&self, plan: &Plan) -> String {
        match self {
            Self::Standby => format!("run the checks against {}", plan.slot),
            Self::Live => "run the same checks through the users' door".to_owned(),
        }
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let subject = context.subject()?;
        let checks = &subject.values()?.verify;
        let ports = context.ports;
        let mut results = Vec::with_capacity(checks.len());
        let instances = context.ports.target.observe(&context.slot()?).await?;
        let door = match self {
            Self::Live if !checks.is_empty() => context.ports.traffic.door(&subject.release).await?,
            _ => subject.release.listen,
        };
        for (index, check) in checks.iter().enumerate() {
            context.note(self.name(), format!("{} ({} of {})", check.name, index + 1, checks.len()));
            let place = match self {
                Self::Standby => at_instance(subject, check, &instances, index),
                Self::Live => Some(at_the_door(subject, check, door)),
            };
            let place = place.map(|place| context.placed(place));
            let row = match self {
                Self::Live if row::is_safe(check) => context.ports.traffic.in_a_row(&subject.release),
                _ => 1,
            };
            let result = match place {
                Some(place) if row > 1 => {
                    row::check((ports.checker.as_ref(), ports.clock.as_ref()), check, &place, row).await
                }
                place => run(ports.checker.as_ref(), check, place).await,
            };
            results.push(result);
        }
        self.judge(&results)
    }

    async fn undo(&self, _: &StepContext<'_>) -> Result<Evidence, StepError> {
        Ok(Evidence::Null)
    }
}

impl Verify {
    fn judge(&self, results: &[CheckResult]) -> Result<Evidence, StepError> {
        let evidence = json!({ "status": overall(results), "checks": results });
        let failed: Vec<String> = results
            .iter()
            .filter(|result| result.status != Status::Pass)
            .map(|result| format!("{}: {}", result.name, result.detail))
            .collect();
        if failed.is_empty() {
            return Ok(evidence);
        }
        let (code, place) = match self {
            Self::Standby => (Code::VerifyFailed, "before the switch"),
            Self::Live => (Code::VerifyLiveFailed, "through the users' door"),
        };
        Err(StepError::failed(
            Problem::new(
                code,
                format!("{} of {} checks failed {place}: {}", failed.len(), results.len(), failed.join("; ")),
                "mend what the check shows, or the check, then deploy again",
            ),
            evidence,
        ))
    }
}

/// Nothing to check is no data, not a pass.
fn overall(results: &[CheckResult]) -> Status {
    if results.is_empty() {
        Status::NoData
    } else if results.iter().all(|result| result.status == Status::Pass) {
        Status::Pass
    } else {
        Status::Fail
    }
}

async fn run(checker: &dyn Checker, check: &Check, place: Option<CheckPlace>) -> CheckResult {
    match place {
        Some(place) => checker.check(check, &place).await,
        None => CheckResult {
            name: check.name.clone(),
            status: Status::NoData,
            attempts: 0,
            detail: "no running instance to ask".to_owned(),
            took_ms: 0,
        },
    }
}

/// Runs every check through the users' door, for `bascule verify`.
pub(crate) async fn through_the_door(
    ports: &Ports,
    loaded: &Loaded,
    environment: &EnvironmentRecord,
) -> Vec<CheckResult> {
    let mut results = Vec::new();
    let door = ports.traffic.door(&loaded.release).await.unwrap_or(loaded.release.listen);
    for check in &loaded.configuration.verify {
        let place = in_project(at_the_door(loaded, check, door), environment);
        results.push(run(ports.checker.as_ref(), check, Some(place)).await);
    }
    results
}
