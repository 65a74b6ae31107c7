//! What every test here needs: a project in a folder, images of a state folder of its own, and an end at which both go.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bascule_engine::ports::{Artifacts, Made, Making, PortError};
use bascule_model::plan::{ArtifactPlan, hex};
use bascule_model::problem::Problem;
use bascule_model::release::{Configuration, ImageBuild, ImageFrom, ImageSource, Source};
use bascule_secrets::SecretValue;
use bascule_secrets::redact::Redactor;
use bascule_target_docker::{Builder, Connection, DockerImages, DockerImagesOptions, Network};
use bollard::models::{ContainerCreateBody, ImageInspect};
use bollard::query_parameters::{ListImagesOptions, RemoveContainerOptions, RemoveImageOptions};
use bollard::{ClientVersion, Docker};
use futures_util::StreamExt as _;
use tempfile::TempDir;

pub const BUILDERS: [Builder; 2] = [Builder::Best, Builder::Classic];
pub const PLAN: &str = "00ff";
/// A base with a shell in it, for the programs that builds run.
pub const BASE: &str = "FROM scratch\nCOPY busybox /bin/busybox\nSHELL [\"/bin/busybox\", \"sh\", \"-c\"]\n";

/// One project, one state folder, one engine.
pub struct World {
    pub folder: TempDir,
    pub state_id: String,
    pub images: DockerImages,
    pub notes: Mutex<Vec<String>>,
    /// Names that are not of our making, removed in the end.
    pub others: Mutex<Vec<String>>,
}

impl World {
    /// None where there is no engine; it is said.
    pub async fn new() -> Option<Self> {
        let connection = Arc::new(Connection::new(socket()));
        if let Err(error) = connection.client().await {
            eprintln!("not tested: {error}");
            return None;
        }
        let mut random = [0; 8];
        getrandom::fill(&mut random).unwrap();
        let state_id = hex(&random);
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("project")).unwrap();
        fs::create_dir_all(folder.path().join("home/.docker")).unwrap();
        let images = DockerImages::open(DockerImagesOptions {
            connection,
            state_id: state_id.clone(),
            state_dir: folder.path().join("state"),
            home: Some(folder.path().join("home")),
            docker_config: None,
        })
        // Other tests on this machine may start engines that take the default network away.
        .with_network(Network::None);
        Some(Self { folder, state_id, images, notes: Mutex::default(), others: Mutex::default() })
    }

    pub fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("logs/build.log")
    }

    /// Writes a file of the project.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.project().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Puts the shell that [`BASE`] takes into the project.
    pub fn busybox(&self) {
        let path = self.project().join("busybox");
        fs::copy("/bin/busybox", &path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub fn source(&self, from: ImageFrom, repository: Option<&str>) -> Source {
        Source {
            project: self.project(),
            command: None,
            files: Vec::new(),
            migrations: None,
            image: Some(ImageSource { from, repository: repository.map(str::to_owned) }),
        }
    }

    pub async fn make(
        &self,
        images: &DockerImages,
        source: &Source,
        values: &Configuration,
    ) -> Result<Made, Problem> {
        let note = |text: String| self.notes.lock().unwrap().push(text);
        let key = "shop/test".parse().unwrap();
        // As a run makes it: of all values of the release.
        let build_secrets = values.build_secrets.iter().map(|(name, value)| (name.as_str(), value));
        let registry = values.registry.iter().map(|login| ("password", &login.password));
        let secrets: Vec<(&str, SecretValue)> = build_secrets
            .chain(registry)
            .map(|(name, value)| (name, SecretValue::new(value.clone())))
            .collect();
        let making = Making {
            key: &key,
            source,
            values,
            plan_hash: PLAN,
            log: &self.log_path(),
            redactor: &Redactor::new(secrets.iter().map(|(name, value)| (*name, value))),
            note: &note,
        };
        images.make(&making).await.map_err(problem)
    }

    /// Builds the project's Dockerfile.
    pub async fn build(&self, builder: Builder) -> Result<Made, Problem> {
        self.build_as(builder, build(), &Configuration::default()).await
    }

    pub async fn build_as(
        &self,
        builder: Builder,
        build: ImageBuild,
        values: &Configuration,
    ) -> Result<Made, Problem> {
        let images = self.images.clone().with_builder(builder);
        self.make(&images, &self.source(ImageFrom::Build(build), None), values).await
    }

    /// The fingerprint of a build, and what the plan says of it.
    pub async fn survey(&self, build: ImageBuild) -> (String, String) {
        let source = self.source(ImageFrom::Build(build), None);
        match self.images.survey(&source, &Configuration::default()).await.unwrap() {
            ArtifactPlan::Build { command, source } => (source, command),
            other => panic!("{other:?}"),
        }
    }

    pub async fn inspect(&self, digest: &str) -> Option<ImageInspect> {
        docker().inspect_image(digest.trim_start_matches("image:")).await.ok()
    }

    pub async fn labels(&self, digest: &str) -> HashMap<String, String> {
        self.inspect(digest).await.unwrap().config.unwrap().labels.unwrap_or_default()
    }

    /// What is in the image: each path with its mode in words, its owner, and the target of a link.
    pub async fn files(&self, digest: &str) -> BTreeMap<String, String> {
        let docker = docker();
        let image = Some(digest.trim_start_matches("image:").to_owned());
        let body = ContainerCreateBody { image, cmd: Some(vec!["/none".to_owned()]), ..Default::default() };
        let id = docker.create_container(None, body).await.unwrap().id;
        let mut bytes = Vec::new();
        let mut parts = docker.export_container(&id);
        while let Some(part) = parts.next().await {
            bytes.extend_from_slice(&part.unwrap());
        }
        drop(parts);
        drop(docker);
        until_done(
            |docker, id| async move { docker.remove_container(&id, None::<RemoveContainerOptions>).await },
            &id,
        )
        .await;
        let tar = self.folder.path().join("image.tar");
        fs::write(&tar, bytes).unwrap();
        let listed = Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(&tar).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let mut found = BTreeMap::new();
        for line in listed.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (path, target) = words[5..].split_first().unwrap();
            let path = path.trim_end_matches('/');
            // What the engine puts into every container.
            let is_engine_s =
                ["dev", "proc", "sys", "etc", ".dockerenv"].contains(&path.split('/').next().unwrap());
            if !is_engine_s {
                let says = [&[words[0], words[1]], target].concat().join(" ");
                found.insert(path.to_owned(), says);
            }
        }
        found
    }

    /// Waits until the log has this text.
    pub async fn until_logged(&self, text: &str) {
        for _ in 0..3000 {
            if self.log().contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{text:?} is not in the log: {}", self.log());
    }

    pub fn note_other(&self, name: &str) {
        self.others.lock().unwrap().push(name.to_owned());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let id = self.state_id.clone();
        let mut others = std::mem::take(&mut *self.others.lock().unwrap());
        // What the classic builder keeps of each step, the last one first.
        let log = self.log();
        let kept = log.lines().filter_map(|line| line.strip_prefix(" ---> "));
        others.extend(kept.filter(|id| id.len() == 12).map(str::to_owned).rev());
        let cleaned = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                let docker = docker();
                let filters = HashMap::from([("label".to_owned(), vec![format!("bascule.owner={id}")])]);
                let options = ListImagesOptions { filters: Some(filters), ..Default::default() };
                let ours = docker.list_images(Some(options)).await.unwrap_or_default();
                let names = ours.into_iter().map(|image| image.id).chain(others);
                for name in names {
                    // The ids of steps may be of images that others use, too.
                    let is_of_step = name.len() == 12;
                    let options = RemoveImageOptions { force: !is_of_step, ..Default::default() };
                    let _ = docker.remove_image(&name, Some(options), None).await;
                }
            });
        });
        let _ = cleaned.join();
    }
}

pub fn socket() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test has no wiring")]
    let host = std::env::var("DOCKER_HOST").ok();
    Connection::socket_of(host.as_deref())
}

pub fn docker() -> Docker {
    let oldest = ClientVersion { major_version: 1, minor_version: 41 };
    Docker::connect_with_unix(socket().to_str().unwrap(), 60, &oldest).unwrap()
}

/// Removes something. An engine with much to do beside this says that what was just used is busy still.
pub async fn until_done<T, F>(remove: impl Fn(Docker, String) -> F, name: &str) -> T
where
    F: Future<Output = Result<T, bollard::errors::Error>>,
{
    for _ in 0..40 {
        if let Ok(done) = remove(docker(), name.to_owned()).await {
            return done;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    remove(docker(), name.to_owned()).await.unwrap()
}

/// The project's own Dockerfile, and all of its folder.
pub fn build() -> ImageBuild {
    ImageBuild {
        dockerfile: "Dockerfile".to_owned(),
        context: ".".to_owned(),
        target: None,
        args: BTreeMap::new(),
        platform: None,
        secrets: Vec::new(),
    }
}

pub fn problem(error: PortError) -> Problem {
    error.into()
}

/// Whether a program is on this machine.
pub fn has(program: &str) -> bool {
    let found =
        ["/usr/bin", "/usr/local/bin", "/bin"].iter().any(|folder| Path::new(folder).join(program).exists());
    if !found {
        eprintln!("not tested: there is no {program} on this machine");
    }
    found
}
