//! The one way in for requests, over HTTP or in process: counts them, breaks them where a test wants that, and gives
//! them to their verb.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::Call;
use crate::answer::Answer;
use crate::core::Core;
use crate::failure::Failure;
use crate::faults::Fault;
use crate::object;
use crate::request::{Request, Route, Target};
use crate::shared::Shared;
use crate::verbs;
use crate::write::Persist;

/// What is done about a request, and when.
pub(crate) enum Step {
    Answer(Answer),
    /// To be asked again, without its fault.
    Later(Duration),
}

pub(crate) async fn handle(shared: Shared, request: Request) -> Answer {
    let step = first(&shared, &request);
    match step {
        Step::Answer(answer) => answer,
        Step::Later(delay) => {
            tokio::time::sleep(delay).await;
            let mut core = shared.lock();
            core.settle();
            perform(&shared, &mut core, &request)
        }
    }
}

fn first(shared: &Shared, request: &Request) -> Step {
    let mut core = shared.lock();
    core.settle();
    let fault = note(&mut core, request);
    let refused = |code| Step::Answer(Answer::refused(&failure(&core, request, code)));
    match fault {
        None => Step::Answer(perform(shared, &mut core, request)),
        Some(Fault::Status(code)) => refused(code),
        Some(Fault::Forbidden) => refused(403),
        Some(Fault::Denied(words)) => Step::Answer(Answer::refused(&Failure::denied_by_webhook(words))),
        Some(Fault::NoDryRun) if request.persist() == Persist::DryRun => {
            Step::Answer(Answer::refused(&Failure::no_dry_run()))
        }
        Some(Fault::NoDryRun) => Step::Answer(perform(shared, &mut core, request)),
        Some(Fault::TooManyRequests(seconds)) => {
            let failure = Failure { retry_after: Some(seconds), ..failure(&core, request, 429) };
            Step::Answer(Answer::refused(&failure))
        }
        Some(Fault::Hang) => Step::Answer(Answer::Hang),
        Some(Fault::Broken) => Step::Answer(Answer::Broken),
        Some(Fault::HangAfter) => {
            perform(shared, &mut core, request);
            Step::Answer(Answer::Hang)
        }
        Some(Fault::LostAnswer) => {
            perform(shared, &mut core, request);
            Step::Answer(Answer::Broken)
        }
        Some(Fault::Late(delay)) => Step::Later(delay),
    }
}

/// Writes the call down and finds its fault.
fn note(core: &mut Core, request: &Request) -> Option<Fault> {
    let (verb, resource, name) = match Route::of(&request.path, core.flavour) {
        Ok(Route::Object(target)) => (target.verb(request), target.resource_name(), named(&target, request)),
        Ok(Route::Review) => ("create", "selfsubjectaccessreviews".to_owned(), String::new()),
        _ => ("get", String::new(), String::new()),
    };
    let fault = core.faults.take(verb, &resource, &name, request.persist());
    core.calls.push(Call {
        verb: verb.to_owned(),
        resource,
        name,
        path: request.path.clone(),
        dry_run: request.persist() == Persist::DryRun,
        at: core.clock.elapsed(),
    });
    fault
}

/// The name of the object; what is made has it in its body.
fn named(target: &Target, request: &Request) -> String {
    if !target.name.is_empty() || request.method != Method::POST {
        return target.name.clone();
    }
    serde_json::from_slice::<Value>(&request.body)
        .map(|body| object::name(&body).to_owned())
        .unwrap_or_default()
}

fn failure(core: &Core, request: &Request, code: u16) -> Failure {
    match Route::of(&request.path, core.flavour) {
        Ok(Route::Object(target)) if code == 403 => denied(&target, request),
        Ok(Route::Object(target)) => Failure::of_code(code, Some(target.resource), &named(&target, request)),
        _ => Failure::of_code(code, None, ""),
    }
}

fn denied(target: &Target, request: &Request) -> Failure {
    let place = if target.namespace.is_empty() {
        " at the cluster scope".to_owned()
    } else {
        format!(" in the namespace {:?}", target.namespace)
    };
    let why = format!(
        "User \"fake-user\" cannot {} resource {:?} in API group {:?}{place}",
        target.verb(request),
        target.resource_name(),
        target.resource.group
    );
    Failure::forbidden(target.resource, &target.name, &why)
}

fn perform(shared: &Shared, core: &mut Core, request: &Request) -> Answer {
    let answer = dispatch(shared, core, request).unwrap_or_else(|failure| Answer::refused(&failure));
    // What the change asks for and takes no time has happened before the answer comes.
    core.settle();
    answer
}

fn dispatch(shared: &Shared, core: &mut Core, request: &Request) -> Result<Answer, Failure> {
    let flavour = core.flavour;
    match Route::of(&request.path, flavour)? {
        Route::Version => Ok(verbs::discovery::version(flavour)),
        Route::Health => Ok(Answer::Text("ok".to_owned())),
        Route::CoreVersions => Ok(verbs::discovery::core_versions()),
        Route::Groups => Ok(verbs::discovery::groups(flavour)),
        Route::Group(group) => verbs::discovery::group(flavour, &group),
        Route::Resources(group, version) => verbs::discovery::resources(flavour, &group, &version),
        Route::Review if request.method == Method::POST => verbs::review::review(core, request),
        Route::Review => Err(Failure::of_code(405, None, "")),
        Route::Object(target) => on_object(shared, core, &target, request),
    }
}

fn on_object(
    shared: &Shared,
    core: &mut Core,
    target: &Target,
    request: &Request,
) -> Result<Answer, Failure> {
    let verb = target.verb(request);
    if core.is_denied(verb, &target.resource_name()) {
        return Err(denied(target, request));
    }
    match (target.subresource.as_str(), verb) {
        ("log", "get") => verbs::log::log(shared, core, target, &request.query),
        ("scale", _) => verbs::scale::scale(core, target, request),
        (_, "get") if request.method == Method::GET => verbs::read::get(core, target),
        (_, "list") => verbs::read::list(core, target, &request.query),
        (_, "watch") => verbs::watch::watch(shared, core, target, &request.query),
        ("", "create") if target.name.is_empty() => verbs::create::create(core, target, request),
        (_, "update") if !target.name.is_empty() => verbs::replace::replace(core, target, request),
        (_, "patch") if !target.name.is_empty() => verbs::patch::patch(core, target, request),
        ("", "delete") => verbs::delete::delete(core, target, request),
        _ => Err(Failure::of_code(405, Some(target.resource), &target.name)),
    }
}
