//! `[[pipeline.stage]]` as it is written.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;

use super::Located;
use crate::ids::EnvironmentName;
use crate::manifest::schema;
use crate::units::Duration;

/// The way from a commit to production: stages, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Pipeline", deny_unknown_fields)]
pub struct PipelineSettings {
    /// The stages, each with its own `[[pipeline.stage]]`. A stage begins when the one before has passed.
    #[schemars(length(min = 1))]
    pub stage: Vec<StageSettings>,
}

/// A stage. It has exactly one of `jobs`, `build` and `deploy`.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Stage", deny_unknown_fields)]
pub struct StageSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// What it is called; unique. Without it `build`, or the environment that it deploys to.
    #[schemars(length(min = 1, max = 80))]
    pub name: Option<Located<String>>,
    /// The jobs, by name. Those that need nothing of each other run at the same time.
    #[schemars(with = "Option<BTreeMap<schema::Name, JobSettings>>", extend("minProperties" = 1))]
    pub jobs: Option<BTreeMap<String, JobSettings>>,
    /// `true`: makes the artifact that every later stage deploys.
    pub build: Option<Located<bool>>,
    /// Deploys the artifact to this environment.
    #[schemars(with = "Option<schema::Name>")]
    pub deploy: Option<Located<EnvironmentName>>,
}

impl StageSettings {
    /// What it is called.
    #[must_use]
    pub fn title(&self) -> &str {
        match (&self.name, &self.deploy) {
            (Some(name), _) => &name.value,
            (None, Some(environment)) => environment.value.as_str(),
            (None, None) => "build",
        }
    }
}

/// Something to be run over a clean checkout of the commit. It passes when it ends with status 0 and all its reports are there.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Job", deny_unknown_fields, extend("required" = ["run"]))]
pub struct JobSettings {
    /// Where its name stands.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// A line for the shell, or several; the first that fails ends the job.
    #[schemars(with = "schema::Lines")]
    pub run: Vec<Located<String>>,
    /// The jobs of the stage that have to pass before it begins.
    #[schemars(with = "Option<Vec<schema::Name>>")]
    pub needs: Option<Vec<Located<String>>>,
    /// How long all attempts may take together.
    #[schemars(extend("default" = "1h"))]
    pub timeout: Option<Located<Duration>>,
    /// How long one attempt may take. Without it as long as all together.
    pub attempt_timeout: Option<Located<Duration>>,
    /// When it is tried again. Without it, never.
    pub retry: Option<RetrySettings>,
    /// When it need not be run, and what is kept for the next time. Without it, it is always run.
    pub cache: Option<CacheSettings>,
    /// The files that it writes, for the gates. Each has to be there when it ends.
    pub reports: Option<ReportsSettings>,
    /// The secrets that it gets in its environment: names of `[secrets]`, of the store, or of the caller's environment.
    #[schemars(with = "Option<Vec<schema::VariableName>>")]
    pub secrets: Option<Vec<Located<String>>>,
    /// Its environment. `${NAME}` is left to the shell.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, String>>")]
    pub env: Option<BTreeMap<String, Located<String>>>,
    /// A line for the shell that is run after the job, however it ended.
    #[schemars(with = "Option<String>")]
    pub finally: Option<Located<String>>,
    /// Patterns (`*`, `?`, `**`) of the commit's files that it depends on, for `cache`. Without it, all.
    #[schemars(with = "Option<Vec<String>>")]
    pub inputs: Option<Vec<Located<String>>>,
}

/// When a job is tried again.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Retry", deny_unknown_fields)]
pub struct RetrySettings {
    /// How often it is tried, the first time included.
    #[schemars(range(min = 1, max = 20), extend("default" = 2))]
    pub attempts: Option<Located<u32>>,
    /// The pause before the second attempt; each further one is twice as long.
    #[schemars(extend("default" = "1s"))]
    pub backoff: Option<Located<Duration>>,
    /// Which ends are worth another attempt: `timeout`, `signal`, `exit` (any status but 0), `exit:N`.
    #[schemars(with = "Vec<schema::RetriedEnd>")]
    pub on: Vec<Located<String>>,
}

/// When a job need not be run.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "JobCache", deny_unknown_fields)]
pub struct CacheSettings {
    /// Files whose contents say which kept `paths` are put back.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub key: Option<Vec<Located<String>>>,
    /// Files and folders that are kept after a job that passed, and put back before the next.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub paths: Option<Vec<Located<String>>>,
    /// Variables of the caller's environment that it gets and depends on.
    #[schemars(with = "Option<Vec<schema::VariableName>>")]
    pub env: Option<Vec<Located<String>>>,
    /// Lines for the shell whose output it depends on, as in `node --version`.
    #[schemars(with = "Option<Vec<String>>")]
    pub tools: Option<Vec<Located<String>>>,
}

/// The files that a job writes, by what they tell of.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "Reports", deny_unknown_fields)]
pub struct ReportsSettings {
    /// LCOV, Cobertura, JaCoCo, llvm-cov JSON.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub coverage: Option<Vec<Located<String>>>,
    /// JUnit XML.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub tests: Option<Vec<Located<String>>>,
    /// SARIF, CycloneDX.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub security: Option<Vec<Located<String>>>,
    /// k6, oha, wrk, vegeta.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub load: Option<Vec<Located<String>>>,
    /// What gates of the project's own read.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub custom: Option<Vec<Located<String>>>,
}
