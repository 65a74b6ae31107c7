//! A command beside the live release: which release that is, and the row of the audit trail that says who ran it.

use bascule_journal::Deed;
use bascule_model::ids::{EnvironmentKey, ReleaseId, ServiceName};
use bascule_model::problem::{Code, Problem};

use crate::engine::Engine;
use crate::exec::{ExecSession, ExecSpec, TerminalSize, without_secrets};
use crate::ports::SlotRef;
use crate::redaction;

/// A command that somebody wants to run.
#[derive(Debug, Clone)]
pub struct Errand {
    /// Where.
    pub key: EnvironmentKey,
    /// The service in whose surroundings it runs.
    pub service: ServiceName,
    /// Program and arguments.
    pub command: Vec<String>,
    /// The size of its terminal; none: pipes.
    pub terminal: Option<TerminalSize>,
    /// Who wants it.
    pub actor: String,
}

impl Engine {
    /// Runs a command of the live release. It is in the audit trail before it begins: the program by name, no argument. What it
    /// writes comes without the secrets of the release.
    ///
    /// # Errors
    /// When nothing is live, the release has no such service, or the target cannot start it; when
    /// its values cannot be opened.
    pub async fn exec(&self, errand: &Errand) -> Result<(ReleaseId, ExecSession), Problem> {
        let program = errand.command.first().filter(|program| !program.is_empty()).ok_or_else(|| {
            let remedy = "name a program after --, as in `bascule exec staging web -- ls`";
            Problem::new(Code::Usage, "there is no command to run", remedy)
        })?;
        let environment = self.environment(&errand.key).await?;
        let release = environment.live.as_ref().map(|live| &live.release);
        let (Some(live), Some((_, loaded))) = (&environment.live, self.loaded(&errand.key, release).await?)
        else {
            return Err(Problem::new(
                Code::NothingLive,
                format!("nothing is live in {}: there is no release to run a command of", errand.key),
                format!("deploy one with `bascule deploy {}`", errand.key.environment),
            ));
        };
        let release = &loaded.release;
        // What it writes is shown without them: they have to be known.
        let redactor = redaction::redactor(release, loaded.values()?);
        if release.service(&errand.service).is_none() {
            let names: Vec<&str> = release.services.iter().map(|service| service.name.as_str()).collect();
            return Err(Problem::new(
                Code::Usage,
                format!("{} has no service {}: it has {}", release.id, errand.service, names.join(", ")),
                "name one that there is",
            ));
        }
        let slot = SlotRef { key: errand.key.clone(), slot: live.slot, release: release.id.clone() };
        self.journal
            .note(&Deed {
                at: self.ports.clock.now(),
                actor: errand.actor.clone(),
                action: "exec",
                key: errand.key.clone(),
                detail: format!("{} {} {}", release.id, errand.service, name_of(program)),
            })
            .await?;
        let spec = ExecSpec {
            slot,
            service: errand.service.clone(),
            command: errand.command.clone(),
            terminal: errand.terminal,
        };
        let session = self.ports.target.exec(&spec).await.map_err(Problem::from)?;
        Ok((release.id.clone(), without_secrets(session, &redactor, errand.terminal)))
    }
}

/// The program without its folder, shortened: a name, whatever somebody has put there.
fn name_of(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or(program);
    name.chars().filter(|c| !c.is_control()).take(60).collect()
}
