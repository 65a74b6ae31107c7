//! A client connection from its first byte to its last: which protocol it speaks, and serving it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::client_io::ClientIo;
use super::direct::{self, Next};
use super::forward::serve;
use super::framing::Framing;
use super::provenance::Provenance;
use crate::registry::Registered;
use crate::table::ListenerIndex;
use crate::tunnel;
use crate::worker::thread::Worker;
use crate::worker::watch::{Back, Client, Speaks};

/// The beginning of HTTP/2's preface; no HTTP/1 method begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2";

/// Room for the library beside a head of the greatest size.
const BUFFER_BESIDE_HEAD: usize = 16 * 1024;

/// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so.
const PING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(30);
const PING_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// Streams that one HTTP/2 client may have open at the same time.
const STREAMS_AT_MOST: u32 = 250;

/// Serves a connection to its end.
pub(crate) async fn serve_connection(
    worker: Rc<Worker>,
    stream: TcpStream,
    peer: SocketAddr,
    listener: ListenerIndex,
) {
    let now = worker.clock.now();
    let framing = Framing::new(worker.limits.head_bytes);
    let client = worker.clients.register(Client::new(listener, Provenance::new(peer.ip()), framing, now));
    let mut stream = stream;
    client.head_since.set(Some(now));
    let sniffed = uncut(&client, sniff(&mut stream)).await;
    client.head_since.set(None);
    let Some(Ok((speaks, early))) = sniffed else { return };
    client.speaks.set(speaks);
    if speaks == Speaks::Http2 {
        // Large, and rare: not a part of every connection's task.
        let io = TokioIo::new(ClientIo::new(stream, client.share(), Rc::clone(&worker.clock), early));
        Box::pin(serve_http2(&worker, &client, io)).await;
    } else {
        serve_http1(&worker, &client, stream, early).await;
        // If the client went before it had the 101, the tunnel's claim and the client would keep each other for ever.
        client.tunnel.borrow_mut().take();
    }
}

/// Reads until it is certain which protocol the client speaks.
async fn sniff(stream: &mut TcpStream) -> io::Result<(Speaks, Bytes)> {
    // The usual client's first byte decides, without reading it.
    let mut first = [0; 1];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first[0] != PREFACE[0] {
        return Ok((Speaks::Http1, Bytes::new()));
    }
    let mut early = BytesMut::with_capacity(PREFACE.len());
    loop {
        if !PREFACE.starts_with(&early) {
            return Ok((Speaks::Http1, early.freeze()));
        }
        if early.len() == PREFACE.len() {
            return Ok((Speaks::Http2, early.freeze()));
        }
        let mut rest = (&mut *stream).take((PREFACE.len() - early.len()) as u64);
        if rest.read_buf(&mut early).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Runs a future unless the connection is cut.
async fn uncut<F: Future>(client: &Client, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|context| {
        client.bell.listen(context);
        if client.cut.get().is_some() {
            return Poll::Ready(None);
        }
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Serves usual requests directly, and has the library serve the others.
async fn serve_http1(worker: &Rc<Worker>, client: &Registered<Client>, stream: TcpStream, early: Bytes) {
    let (mut stream, mut early) = (stream, early);
    let shared = client.share();
    let mut came_back = None;
    loop {
        if early.is_empty() {
            match uncut(client, direct::serve(worker, &shared, &mut stream)).await {
                Some(Next::Unusual(served, bytes)) => {
                    early = bytes;
                    let in_vain = served == 0 && came_back.is_some();
                    client.back.set(if in_vain { Back::AfterRest } else { Back::AtOnce });
                }
                Some(Next::End) | None => return,
            }
        }
        let Some(served) = Box::pin(serve_by_library(worker, client, stream, early)).await else { return };
        (stream, early) = served;
        came_back = Some(());
        client.begin_anew();
    }
}

/// How the library came to its end on a connection.
enum Outcome {
    Ended,
    /// All that was read is answered.
    Served,
}

/// Has the library read requests until all that came are answered. Gives the stream back when it can be used further, with
/// what was read in front of the next request.
async fn serve_by_library(
    worker: &Rc<Worker>,
    client: &Registered<Client>,
    stream: TcpStream,
    early: Bytes,
) -> Option<(TcpStream, Bytes)> {
    let service = service_fn({
        let (worker, client) = (Rc::clone(worker), client.share());
        move |request: http::Request<Incoming>| serve(Rc::clone(&worker), Rc::clone(&client), request)
    });
    let io = TokioIo::new(ClientIo::new(stream, client.share(), Rc::clone(&worker.clock), early));
    let mut connection = http1::Builder::new()
        // Whether the client is still there while it waits is looked after by the tick; asking with every request costs more.
        .half_close(true)
        .header_read_timeout(None)
        .max_header_size(worker.limits.head_bytes)
        .max_buf_size(worker.limits.head_bytes + BUFFER_BESIDE_HEAD)
        .serve_connection(io, service);
    let outcome = uncut(client, until_served(client, &mut connection)).await;
    match outcome? {
        Ok(Outcome::Served) => {
            let parts = connection.into_parts();
            let (stream, rest) = parts.io.into_inner().into_parts();
            // Bytes that the library has and did not read may be anything but the beginning of a request.
            parts.read_buf.is_empty().then_some((stream, rest))
        }
        Ok(Outcome::Ended) if client.tunnel.borrow().is_some() => {
            Box::pin(join(worker, client, connection.into_parts())).await;
            None
        }
        _ => None,
    }
}

/// Drives a connection until it ends, or until it may go back: all that was read is answered and the answers are out.
async fn until_served<F: Future<Output = hyper::Result<()>> + Unpin>(
    client: &Client,
    mut connection: F,
) -> hyper::Result<Outcome> {
    poll_fn(|context| match std::pin::Pin::new(&mut connection).poll(context) {
        Poll::Pending if client.back.get() == Back::AtOnce && client.is_served() => {
            Poll::Ready(Ok(Outcome::Served))
        }
        polled => polled.map_ok(|()| Outcome::Ended),
    })
    .await
}

/// The response with 101 is out: from here the bare streams are joined.
async fn join<S>(worker: &Rc<Worker>, client: &Client, parts: http1::Parts<TokioIo<ClientIo>, S>) {
    let Some(pending) = client.tunnel.borrow_mut().take() else { return };
    client.speaks.set(Speaks::Tunnel);
    let (stream, rest) = parts.io.into_inner().into_parts();
    let early = if parts.read_buf.is_empty() { rest } else { [parts.read_buf, rest].concat().into() };
    tunnel::pipe::run(worker, stream, early, pending).await;
}

async fn serve_http2(worker: &Rc<Worker>, client: &Registered<Client>, io: TokioIo<ClientIo>) {
    client.framing.borrow_mut().switch_off();
    let service = service_fn({
        let (worker, client) = (Rc::clone(worker), client.share());
        move |request: http::Request<Incoming>| serve(Rc::clone(&worker), Rc::clone(&client), request)
    });
    let header_list = u32::try_from(worker.limits.head_bytes).unwrap_or(u32::MAX);
    let connection = http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_AT_MOST)
        .max_header_list_size(header_list)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut told = None;
    let ended = poll_fn(|context| {
        // The tick rings when the worker leaves.
        if worker.is_leaving() && told.is_none() {
            told = Some(());
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context)
    });
    // How an HTTP/2 connection ends concerns nobody but the client.
    let _ = uncut(client, ended).await;
}

/// Runs the streams of HTTP/2 connections as tasks of the worker's thread.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
