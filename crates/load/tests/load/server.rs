//! Servers for the tests: the real shop on a thread of its own, and servers that break their answers on purpose.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use bascule_load::{Figures, Load, Profile};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// No test waits longer than this for a state.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A server on a thread of its own, told to stop by [`Server::stop`] or when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// A loopback address that no other test process uses: a port that was given up is not taken by its neighbour.
pub fn own_loopback() -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64, high, low)
}

type Serving = Pin<Box<dyn Future<Output = Result<()>>>>;

impl Server {
    fn start(
        serve: impl FnOnce(TcpListener, oneshot::Receiver<()>) -> Serving + Send + 'static,
    ) -> Result<Self> {
        let listener = std::net::TcpListener::bind((own_loopback(), 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, told) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async move { serve(TcpListener::from_std(listener)?, told).await })
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// The example application, with these variables set.
    pub fn shop(variables: &[(&'static str, &'static str)]) -> Result<Self> {
        let variables = variables.to_vec();
        let lookup = move |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let options = shop::Options::read([], lookup)?;
        Self::start(|listener, told| {
            Box::pin(async move {
                shop::serve(listener, options, async { drop(told.await) }).await?;
                Ok(())
            })
        })
    }

    /// Calls `script` with each connection.
    pub fn scripted<F>(script: impl Fn(TcpStream) -> F + Send + 'static) -> Result<Self>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self::start(move |listener, mut told| {
            Box::pin(async move {
                let mut connections = JoinSet::new();
                loop {
                    tokio::select! {
                        _ = &mut told => return Ok(()),
                        accepted = listener.accept() => {
                            connections.spawn(script(accepted?.0));
                        }
                    }
                }
            })
        })
    }

    /// Tells it to stop and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        drop(self.stop.take());
        let thread = self.thread.take().context("the server was stopped before")?;
        thread.join().map_err(|_| anyhow::anyhow!("the server panicked"))?
    }

    /// Nothing to do on it yet, and little patience.
    pub fn profile(&self) -> Profile {
        Profile { patience: Duration::from_secs(5), body_rate: None, ..Profile::idle(self.address) }
    }
}

/// Reads a request's head; `None` when the client went away instead. What came of a body along
/// with it is in it too.
pub async fn head(stream: &mut TcpStream) -> Result<Option<String>> {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut piece).await? {
            0 => return Ok(None),
            length => read.extend_from_slice(&piece[..length]),
        }
    }
    Ok(Some(String::from_utf8_lossy(&read).into_owned()))
}

/// Answers one request after the other with the same bytes.
pub async fn always(mut stream: TcpStream, answer: &'static [u8]) -> Result<()> {
    while head(&mut stream).await?.is_some() {
        stream.write_all(answer).await?;
    }
    Ok(())
}

/// Starts the load, waits until the figures are as wished, and stops it.
pub async fn load_until(profile: Profile, wish: impl Fn(&Figures) -> bool) -> Result<Figures> {
    let load = bascule_load::start(profile)?;
    reach(&load, wish).await?;
    Ok(load.stop().await)
}

/// Waits until the figures are as wished; an error shows what they were instead.
pub async fn reach(load: &Load, wish: impl Fn(&Figures) -> bool) -> Result<Figures> {
    let reached = load.wait_until(LIMIT, wish).await;
    reached.with_context(|| format!("never came there: {:#?}", load.snapshot()))
}
