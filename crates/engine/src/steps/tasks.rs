//! `before-start`, `before-switch`: the release's own commands, each run once and one after the other: with its files or
//! image and the configuration of one of its services, beside whatever is live.
//!
//! What a task does to the world is its own: nothing of it is taken back, and one that was cut off is run again.

mod followed;

use async_trait::async_trait;
use bascule_model::evidence::Exit;
use bascule_model::plan::Plan;
use bascule_model::problem::{Code, Problem};
use bascule_model::release::{Before, Task};
use bascule_model::run::{Evidence, Touches};
use serde_json::{Value, json};

use self::followed::{End, Followed, follow};
use super::{Leave, Observed, Step};
use crate::context::{StepContext, StepError};
use crate::exec::without_secrets;
use crate::ports::{PortError, TaskSpec};

pub(super) struct Tasks(pub(super) Before);

#[async_trait]
impl Step for Tasks {
    fn name(&self) -> &'static str {
        match self.0 {
            Before::Start => "before-start",
            Before::Switch => "before-switch",
        }
    }

    fn touches(&self) -> Touches {
        Touches::World
    }

    fn leave(&self) -> Leave {
        Leave::AtItsEnd
    }

    fn plan(&self, plan: &Plan) -> String {
        let tasks = plan.tasks.iter().filter(|task| task.before == self.0);
        let says: Vec<String> =
            tasks.map(|task| format!("{}, as {}: {}", task.name, task.service, task.line())).collect();
        format!("run {}", says.join("; then "))
    }

    async fn observe(&self, _: &StepContext<'_>) -> Result<Observed, StepError> {
        // Whether one came to its end is not known of one that nobody saw ending.
        Ok(Observed::Open)
    }

    async fn apply(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        let mut done: Vec<Value> = Vec::new();
        for task in context.plan.tasks.iter().filter(|task| task.before == self.0) {
            context.note(self.name(), format!("{}: {}", task.name, task.line()));
            match run(self.name(), context, task).await {
                Ok(evidence) => done.push(evidence),
                Err(StepError::Failed { problem, evidence }) => {
                    done.extend(Some(evidence).filter(|evidence| !evidence.is_null()));
                    return Err(StepError::failed(problem, json!({ "tasks": done })));
                }
                Err(other) => return Err(other),
            }
        }
        Ok(json!({ "tasks": done }))
    }

    async fn undo(&self, context: &StepContext<'_>) -> Result<Evidence, StepError> {
        // What those before the switch ran beside is drained and taken away by the undo of `start`.
        if self.0 == Before::Start {
            let release = &context.subject()?.release;
            context.ports.target.forget_tasks(context.fence, release, &context.slot()?).await?;
        }
        Ok(json!({ "stays": "what the tasks did" }))
    }
}

async fn run(step: &str, context: &StepContext<'_>, task: &Task) -> Result<Evidence, StepError> {
    let spec = context.spec()?;
    let open = |name: &str| match name {
        "BASCULE_APP" => Some(context.key().app.to_string()),
        "BASCULE_ENVIRONMENT" => Some(context.key().environment.to_string()),
        "BASCULE_RELEASE" => Some(spec.release.id.to_string()),
        "BASCULE_SLOT" => Some(spec.slot.to_string()),
        _ => None,
    };
    let wanted = TaskSpec {
        name: task.name.clone(),
        service: task.service.clone(),
        command: task.command.iter().map(|text| text.render(open)).collect(),
    };
    let log = context.build_log.with_file_name(format!("{}-task-{}.log", context.run, task.name));
    // Before it runs: a log that cannot be kept is no reason to stop one in the middle.
    let file = context.ports.logs.create(&log)?;
    let begun = tokio::select! {
        begun = context.ports.target.run_task(context.fence, &spec, &wanted) => begun,
        _ = context.abort.wait() => return Err(StepError::Left),
    };
    let session = match begun {
        Ok(session) => session,
        Err(PortError::Problem(problem)) => {
            let message = format!("the task {} could not be run: {}", task.name, problem.message);
            let code =
                if problem.code == Code::InstanceStartFailed { Code::TaskFailed } else { problem.code };
            return Err(Problem::new(code, message, problem.remedy).into());
        }
        Err(other) => return Err(other.into()),
    };
    let session = without_secrets(session, context.redactor, None);
    let Followed { end, took, last } = match follow(step, context, task, session, file).await {
        Err(PortError::Problem(problem)) => {
            let message =
                format!("the task {} could not be followed to its end: {}", task.name, problem.message);
            let evidence = json!({ "name": task.name, "service": task.service, "log": log });
            return Err(StepError::failed(Problem::new(problem.code, message, problem.remedy), evidence));
        }
        followed => followed?,
    };
    let evidence = |exit: &Exit| {
        json!({
            "name": task.name,
            "service": task.service,
            "exit": exit,
            "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "log": log,
        })
    };
    let (what, exit) = match end {
        End::Left => return Err(StepError::Left),
        End::Itself(Exit::Code { code: 0 }) => return Ok(evidence(&Exit::Code { code: 0 })),
        End::Itself(exit) => (format!("ended with {exit}"), exit),
        End::TimedOut(exit) => (format!("was not over within {} s", task.timeout.as_secs_f64()), exit),
    };
    let problem = Problem::new(
        Code::TaskFailed,
        format!("the task {} {what}{last}", task.name),
        format!("read all of it in {}, mend it, then deploy again", log.display()),
    );
    Err(StepError::failed(problem, evidence(&exit)))
}
