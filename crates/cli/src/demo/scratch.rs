//! The demo's folder: a project whose artifact is this very program (as `shop`), and a state folder of its own.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bascule_model::problem::{Code, Problem};

use crate::context::Context;
use crate::demo::scenario::Version;
use crate::demo::{Target, image};
use crate::project::MANIFEST;

/// The app and the environment of the demo.
pub const APP: &str = "shop";
/// See [`APP`].
pub const ENVIRONMENT: &str = "demo";

/// The folder.
#[derive(Debug)]
pub struct Scratch {
    /// All of it.
    pub folder: PathBuf,
    /// The project.
    pub project: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// Where the app's users come in.
    pub listen: SocketAddr,
    /// Where its instances run.
    pub target: Target,
}

impl Scratch {
    /// Makes it, private, with the app's program in it.
    ///
    /// # Errors
    /// When it cannot be made, or this machine gives no port.
    pub fn make(context: &Context, target: Target) -> Result<Self, Problem> {
        let parent = PathBuf::from(context.machine.variable("TMPDIR").unwrap_or_else(|| "/tmp".to_owned()));
        let failed = |error: io::Error| {
            Problem::new(
                Code::StateUnusable,
                format!("making the demo's folder in {}: {error}", parent.display()),
                "make that folder writable and make room in it, or name another one with TMPDIR",
            )
        };
        let folder = make_folder(&parent).map_err(failed)?;
        let scratch = Self {
            project: folder.join("project"),
            state: folder.join("state"),
            listen: free_address().map_err(failed)?,
            target,
            folder,
        };
        std::fs::create_dir(&scratch.project).map_err(failed)?;
        let program = context.machine.program()?;
        match target {
            Target::Process => take_program(&program, &scratch.project.join(APP)),
            Target::Docker => image::prepare(&scratch.project, &program),
        }
        .map_err(failed)?;
        Ok(scratch)
    }

    /// Writes one version of the project.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, version: &Version) -> io::Result<()> {
        std::fs::write(self.project.join("version.txt"), format!("{}\n", version.name))?;
        std::fs::write(self.project.join(MANIFEST), manifest(version, self.listen, self.target))
    }

    /// Removes what takes room: the project, the artifacts and the release folders. The journal and the logs stay, to be
    /// looked at; what cannot be removed stays as well: it is in the folder for temporary files.
    pub fn thin_out(&self) {
        for folder in [self.project.clone(), self.state.join("artifacts"), self.state.join("releases")] {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn make_folder(parent: &Path) -> io::Result<PathBuf> {
    let mut number = 0;
    loop {
        let folder = parent.join(format!("bascule-demo-{}-{number}", std::process::id()));
        // Nobody else can have made it before: it would be refused.
        match std::fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 100 => number += 1,
            made => return made.map(|()| folder),
        }
    }
}

/// The system chooses; nobody else is given it at once.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// No second copy where the file system allows that.
fn take_program(program: &Path, to: &Path) -> io::Result<()> {
    std::fs::hard_link(program, to).or_else(|_| std::fs::copy(program, to).map(drop))
}

/// The manifest of a version.
pub fn manifest(version: &Version, listen: SocketAddr, target: Target) -> String {
    let fault = version.fault.map(|(name, value)| format!(", {name} = \"{value}\"")).unwrap_or_default();
    let Version { name, deadline, bake, on_no_data, .. } = version;
    // From outside of a container only what listens everywhere in it can be reached.
    let (build, target, host) = match target {
        Target::Process => (format!(r#"files = ["{APP}", "version.txt"]"#), "process", "127.0.0.1"),
        Target::Docker => (r#"dockerfile = "Dockerfile""#.to_owned(), "docker", "0.0.0.0"),
    };
    format!(
        r#"# Written by `bascule demo`: version {name} of the example app.
app = "{APP}"

[build]
{build}

[services.web]
command = ["./{APP}", "demo-app"]
port = 3000
instances = 2
drain = "3s"
env = {{ SHOP_VERSION = "{name}", SHOP_HOST = "{host}"{fault} }}

[services.web.health]
path = "/health"
interval = "200ms"

[[verify]]
name = "users"
get = "/api/users"
expect = {{ status = 200, json = "$.users" }}

[[verify]]
name = "page"
get = "/"
expect = {{ status = 200, contains = "The shop" }}
# A version that fails now and then is for the bake to find.
retries = 5
over = "1s"

[rollout]
deadline = "{deadline}"
bake = "{bake}"
max_error_rate = "1%"
max_p95 = "5s"
min_requests = 200
on_no_data = "{on_no_data}"

[environments.{ENVIRONMENT}]
target = "{target}"
listen = "{listen}"
"#
    )
}
