//! Sends files to a build (`moby.filesync.v1.FileSync/DiffCopy`): first what there is, then the contents that are asked for.
//!
//! The engine asks by the place in the list that it was told. A file that is shorter than it was said to be ends the transfer
//! with an error.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Response;
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use tokio::sync::mpsc;

use super::grpc::{self, Messages, Status};
use super::protobuf::{field, put_bytes, put_number};
use crate::image::context::{Entry, Kind};
use crate::image::recipe::Recipe;
use crate::image::wire::Body;

/// Kinds of packets.
const STAT: u64 = 0;
const REQUEST: u64 = 1;
const DATA: u64 = 2;
const FINISH: u64 = 3;
const ERROR: u64 = 4;
/// Bytes of a file that go into one packet.
const CHUNK: usize = 64 * 1024;
/// Packets that wait for the engine.
const WAITING: usize = 32;

type Outgoing = mpsc::Sender<Result<Frame<Bytes>, io::Error>>;

/// What is sent under one name: the entries, and where their contents are.
struct Shipment {
    entries: Vec<Entry>,
    contents: Contents,
}

enum Contents {
    /// Files below a folder.
    Folder(PathBuf),
    /// One text, for the only entry.
    Text(String),
}

/// Answers one call.
pub(super) fn diff_copy(recipe: &Arc<Recipe>, headers: &HeaderMap, body: Incoming) -> Response<Body> {
    let all = |name: &str| -> Vec<&str> {
        headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
    };
    let Some(shipment) = Shipment::of(recipe, all("dir-name").first().copied(), &all("followpaths")) else {
        return grpc::refusal(Status::NotFound, "there is no such folder in this build");
    };
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let trailers = match shipment.serve(&sender, Messages::of(body)).await {
            Ok(()) => grpc::trailers(Status::Ok, ""),
            Err(error) => {
                let mut packet = Vec::new();
                put_number(&mut packet, 1, ERROR);
                put_bytes(&mut packet, 4, error.to_string().as_bytes());
                let _ = send(&sender, &packet).await;
                grpc::trailers(Status::Internal, &error.to_string())
            }
        };
        // Whoever does not listen any more has ended the build.
        let _ = sender.send(Ok(Frame::trailers(trailers))).await;
    });
    let frames = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|frame| (frame, receiver))
    });
    grpc::respond(StreamBody::new(frames).boxed_unsync())
}

impl Shipment {
    fn of(recipe: &Recipe, name: Option<&str>, only: &[&str]) -> Option<Self> {
        match name? {
            "dockerfile" => Some(Self {
                entries: vec![recipe.dockerfile_entry.clone()],
                contents: Contents::Text(recipe.dockerfile.clone()),
            }),
            // The engine's own reading of it is not used: what it leaves out was not taken.
            "context" if only == [".dockerignore"] => {
                Some(Self { entries: Vec::new(), contents: Contents::Folder(recipe.context.folder.clone()) })
            }
            "context" => Some(Self {
                entries: recipe.context.entries.clone(),
                contents: Contents::Folder(recipe.context.folder.clone()),
            }),
            _ => None,
        }
    }

    async fn serve(&self, sender: &Outgoing, mut requests: Messages) -> io::Result<()> {
        for entry in &self.entries {
            let mut packet = Vec::new();
            put_number(&mut packet, 1, STAT);
            put_bytes(&mut packet, 2, &stat(entry));
            send(sender, &packet).await?;
        }
        // One without a file is the end of the list.
        send(sender, &[]).await?;
        while let Some(packet) = requests.next().await? {
            let number = |at| field(&packet, at).map_or(0, super::protobuf::Value::number);
            match number(1) {
                REQUEST => self.send_contents(sender, number(3)).await?,
                FINISH => {
                    let mut packet = Vec::new();
                    put_number(&mut packet, 1, FINISH);
                    return send(sender, &packet).await;
                }
                ERROR => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    async fn send_contents(&self, sender: &Outgoing, id: u64) -> io::Result<()> {
        let entry = usize::try_from(id).ok().and_then(|at| self.entries.get(at));
        let Some((entry, Kind::File { bytes })) = entry.map(|entry| (entry, &entry.kind)) else {
            return Err(io::Error::other("the engine asked for a file that it was not told of"));
        };
        match &self.contents {
            Contents::Text(text) => {
                for chunk in text.as_bytes().chunks(CHUNK) {
                    send(sender, &data(id, chunk)).await?;
                }
            }
            Contents::Folder(folder) => {
                let (path, sender, bytes) = (folder.join(&entry.path), sender.clone(), *bytes);
                tokio::task::spawn_blocking(move || send_file(&path, bytes, id, &sender))
                    .await
                    .map_err(io::Error::other)??;
            }
        }
        send(sender, &data(id, &[])).await
    }
}

fn send_file(path: &std::path::Path, bytes: u64, id: u64, sender: &Outgoing) -> io::Result<()> {
    let mut file = File::open(path)?.take(bytes);
    let mut buffer = vec![0; CHUNK];
    let mut sent = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        sent += read as u64;
        let frame = Frame::data(grpc::framed(&data(id, &buffer[..read])));
        sender.blocking_send(Ok(frame)).map_err(|_| io::ErrorKind::BrokenPipe)?;
    }
    if sent < bytes {
        let detail = format!("{} became shorter while it was read", path.display());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, detail));
    }
    Ok(())
}

async fn send(sender: &Outgoing, packet: &[u8]) -> io::Result<()> {
    let frame = Frame::data(grpc::framed(packet));
    sender.send(Ok(frame)).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

fn data(id: u64, bytes: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(bytes.len() + 16);
    put_number(&mut packet, 1, DATA);
    put_number(&mut packet, 3, id);
    if !bytes.is_empty() {
        put_bytes(&mut packet, 4, bytes);
    }
    packet
}

/// What the engine is told of a file. The mode is in the form of Go's `os.FileMode`; owner and group stay 0.
fn stat(entry: &Entry) -> Vec<u8> {
    const FOLDER: u32 = 1 << 31;
    const LINK: u32 = 1 << 27;
    let mut mode = entry.mode & 0o777;
    for (unix, go) in [(0o4000, 1 << 23), (0o2000, 1 << 22), (0o1000, 1 << 20)] {
        if entry.mode & unix != 0 {
            mode |= go;
        }
    }
    let (kind, bytes, target) = match &entry.kind {
        Kind::Folder => (FOLDER, 0, ""),
        Kind::File { bytes } => (0, *bytes, ""),
        Kind::Link { target } => (LINK, 0, target.as_str()),
    };
    let nanoseconds = entry.modified.0.saturating_mul(1_000_000_000).saturating_add(entry.modified.1);
    let mut stat = Vec::new();
    put_bytes(&mut stat, 1, entry.path.as_bytes());
    put_number(&mut stat, 2, u64::from(mode | kind));
    put_number(&mut stat, 5, bytes);
    put_number(&mut stat, 6, u64::try_from(nanoseconds).unwrap_or_default());
    if !target.is_empty() {
        put_bytes(&mut stat, 7, target.as_bytes());
    }
    stat
}
