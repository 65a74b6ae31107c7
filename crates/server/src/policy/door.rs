//! The socket at which other users of this machine look at plans and approve of them. The state folder is its owner's alone, so it
//! stands elsewhere; it is opened when a plan first needs it, and answers nothing else.
//!
//! Holds: its folder belongs to this user, and only this user can write there: nobody else can put another socket in its place. A
//! door counts as open while the very socket that was made is in that folder.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bascule_model::problem::{Code, Problem};
use tokio::net::UnixListener;

use super::few::Few;
use super::peer::Peer;
use crate::control::Control;
use crate::routes;

/// The name of the socket in its folder.
const SOCKET: &str = "approve.sock";

/// Where it stands, and whether it is open.
pub(crate) struct Door {
    folder: PathBuf,
    serving: Mutex<Option<Serving>>,
}

/// What answers at the door, and the socket that was made for it.
struct Serving {
    task: tokio::task::JoinHandle<()>,
    socket: Place,
}

/// Device and inode.
type Place = (u64, u64);

/// A door that is open.
pub(crate) struct OpenDoor<'a> {
    folder: &'a Path,
}

impl OpenDoor<'_> {
    /// What others are to type.
    pub(crate) fn command(&self, plan_hash: &str) -> String {
        format!("bascule approve {plan_hash} --at {}", self.folder.join(SOCKET).display())
    }
}

impl Door {
    /// A door in this folder, or where one is found without being told: below `/tmp`, by the user and the state folder.
    pub(crate) fn new(folder: Option<&str>, state_id: &str) -> Self {
        let folder = match folder {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => {
                let uid = rustix::process::geteuid().as_raw();
                PathBuf::from(format!("/tmp/bascule-{uid}-{state_id}"))
            }
        };
        Self { folder, serving: Mutex::new(None) }
    }

    /// Opens it, unless it is open.
    ///
    /// # Errors
    /// `STATE_UNUSABLE` when its folder belongs to somebody else, or cannot be made.
    pub(crate) fn open(&self, control: &Arc<Control>) -> Result<OpenDoor<'_>, Problem> {
        let path = self.folder.join(SOCKET);
        let mut serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        let is_open = serving.as_ref().is_some_and(|serving| {
            !serving.task.is_finished() && self.socket().is_ok_and(|there| there == serving.socket)
        });
        if !is_open {
            let (listener, socket) = self.listen(&path).map_err(|error| unusable(&path, &error))?;
            let task = tokio::spawn(serve(control.clone(), listener));
            if let Some(former) = serving.replace(Serving { task, socket }) {
                former.task.abort();
            }
        }
        Ok(OpenDoor { folder: &self.folder })
    }

    /// Closes it.
    pub(crate) fn close(&self) {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(serving) = serving {
            serving.task.abort();
            let _ = std::fs::remove_file(self.folder.join(SOCKET));
        }
    }

    /// The socket that is there, if it is one of this user in a folder of this user's alone.
    fn socket(&self) -> io::Result<Place> {
        self.own_folder()?;
        let socket = std::fs::symlink_metadata(self.folder.join(SOCKET))?;
        let is_ours = socket.file_type().is_socket() && socket.uid() == rustix::process::geteuid().as_raw();
        if is_ours {
            Ok((socket.dev(), socket.ino()))
        } else {
            Err(io::Error::other("what is there is no socket of this user"))
        }
    }

    fn own_folder(&self) -> io::Result<()> {
        // A link is not followed: it is whoever made it who says where it leads.
        let folder = std::fs::symlink_metadata(&self.folder)?;
        let is_ours = folder.is_dir() && folder.uid() == rustix::process::geteuid().as_raw();
        if !is_ours || folder.mode() & 0o022 != 0 {
            return Err(io::Error::other("its folder is not this user's alone to write to"));
        }
        Ok(())
    }

    fn listen(&self, path: &Path) -> io::Result<(UnixListener, Place)> {
        match std::fs::DirBuilder::new().mode(0o755).create(&self.folder) {
            // Whatever the user's mask is: others have to get to the socket.
            Ok(()) => std::fs::set_permissions(&self.folder, std::fs::Permissions::from_mode(0o755))?,
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {}
        }
        self.own_folder()?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok((listener, self.socket()?))
    }
}

async fn serve(control: Arc<Control>, listener: UnixListener) {
    let router = routes::for_others(control).into_make_service_with_connect_info::<Peer>();
    // It only ends with the control plane.
    let _ = axum::serve(Few::new(listener), router).await;
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::StateUnusable,
        format!("the socket for approvals {} cannot be opened: {error}", path.display()),
        "remove that folder; where it is somebody else's, end the control plane (`kill`, what runs goes on) and name a folder \
         of your own in BASCULE_APPROVALS for the next one",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_socket_that_was_made_is_an_open_door() {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("door");
        let door = Door::new(folder.to_str(), "id");
        let path = folder.join(SOCKET);
        let (_listener, made) = door.listen(&path).unwrap();
        assert_eq!(door.socket().unwrap(), made);

        // A link to it, a file, another socket, and nothing.
        let aside = folder.join("aside");
        std::fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &path).unwrap();
        assert!(door.socket().is_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(door.socket().is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(door.socket().is_err());
        let _other = UnixListener::bind(&path).unwrap();
        assert_ne!(door.socket().unwrap(), made);

        // A folder that others can write to, and a link in its place.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(door.socket().is_err() && door.listen(&path).is_err());
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(&folder, above.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(above.path().join("elsewhere"), &folder).unwrap();
        assert!(door.socket().is_err() && door.listen(&path).is_err());
    }
}
