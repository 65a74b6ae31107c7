//! A registry on loopback: Debian's `docker-registry`, with storage in a folder of its own; and a door in front of it that can
//! be made to fail.

use std::fs;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::has;

pub const USER: &str = "me";
pub const PASSWORD: &str = "s3cret-of-a-test";
/// bcrypt of [`PASSWORD`].
const HASH: &str = "$2b$05$abcdefghijklmnopqrstuuUye9KAb65Fza6CF.CT57kJsr9j2GQAG";

/// Who is let in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Door {
    Open,
    Password,
}

pub struct Registry {
    folder: TempDir,
    child: Child,
    pub port: u16,
}

impl Registry {
    /// None where there is no such program; it is said.
    pub async fn start(door: Door) -> Option<Self> {
        if !has("docker-registry") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let storage = folder.path().join("storage");
        let passwords = folder.path().join("passwords");
        writeln!(fs::File::create(&passwords).unwrap(), "{USER}:{HASH}").unwrap();
        let mut text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            storage.display()
        );
        if door == Door::Password {
            text.push_str(&format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                passwords.display()
            ));
        }
        let file = folder.path().join("config.yml");
        fs::write(&file, text).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let registry = Self { folder, child, port };
        for _ in 0..500 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Some(registry);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{}", fs::read_to_string(registry.folder.path().join("log")).unwrap());
    }

    pub fn repository(&self) -> String {
        format!("127.0.0.1:{}/team/shop", self.port)
    }

    /// The files of its blobs.
    pub fn blobs(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut waiting = vec![self.folder.path().join("storage/docker/registry/v2/blobs")];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() { waiting.push(entry.path()) } else { found.push(entry.path()) }
            }
        }
        found
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port on which nobody listens, and that the kernel gives to nobody while this process lives: this end of it is bound and does not
/// listen. A server that is told to can.
pub fn free_port() -> u16 {
    static HELD: Mutex<Vec<TcpSocket>> = Mutex::new(Vec::new());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let port = socket.local_addr().unwrap().port();
    HELD.lock().unwrap().push(socket);
    port
}

/// A door that ends some connections early.
pub struct Cuts {
    pub port: u16,
    /// Connections that are ended at once.
    pub refused: Arc<AtomicUsize>,
    /// Connections that are ended after this many bytes from the client.
    pub cut: Arc<AtomicUsize>,
}

/// More than any request without a layer in it.
const CUT_AFTER: usize = 200_000;

impl Cuts {
    pub fn before(registry: u16, refused: usize, cut: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let cuts = Self { port, refused: Arc::new(refused.into()), cut: Arc::new(cut.into()) };
        let (refused, cut) = (Arc::clone(&cuts.refused), Arc::clone(&cuts.cut));
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if take_one(&refused) {
                    continue;
                }
                let cut = Arc::clone(&cut);
                tokio::spawn(async move {
                    let server = TcpStream::connect(("127.0.0.1", registry)).await.unwrap();
                    let (mut from_client, mut to_client) = client.into_split();
                    let (mut from_server, mut to_server) = server.into_split();
                    let back =
                        tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
                    let mut buffer = vec![0; 64 * 1024];
                    let mut passed = 0;
                    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
                        passed += read;
                        if passed > CUT_AFTER && take_one(&cut) {
                            back.abort();
                            break;
                        }
                        if to_server.write_all(&buffer[..read]).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        cuts
    }
}

fn take_one(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// A server that gives the same answer to everything.
pub fn always(answer: &'static str) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                let _ = client.read(&mut buffer).await;
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    port
}
