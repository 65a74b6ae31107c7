//! One HTTP client: connects when it must, reuses what is open, and sends again only what may be sent again.
//!
//! Over HTTP/1.1 a client has its connection for itself; over HTTP/2 several share one.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HOST};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, Uri};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::cause::{self, Lost, Sent};
use crate::payload::{Payload, Plan};
use crate::record::{Again, Recorder};
use crate::{Kind, Retry};

/// Requests that were never sent are sent again this often: each time the server closed a connection just then.
const UNSENT_LIMIT: usize = 5;

/// What all clients of a load have in common.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) host: HeaderValue,
    pub(crate) patience: Duration,
    pub(crate) retry: Retry,
    pub(crate) recorder: Recorder,
}

/// A request that can be made again and again.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: PathAndQuery,
    pub(crate) plan: Plan,
    /// On top of the target's patience: how long the answer is meant to take.
    pub(crate) takes: Duration,
}

impl Call {
    pub(crate) fn get(path: PathAndQuery) -> Self {
        Self { method: Method::GET, path, plan: Plan::Nothing, takes: Duration::ZERO }
    }
}

#[derive(Clone)]
pub(crate) struct Client {
    target: Rc<Target>,
    lane: Lane,
}

#[derive(Clone)]
enum Lane {
    Http1(Rc<RefCell<Option<Connection<http1::SendRequest<Payload>>>>>),
    Http2(Rc<Mutex<Option<Connection<http2::SendRequest<Payload>>>>>),
}

struct Connection<S> {
    sender: S,
    /// Whether a request was answered on it before.
    used: Rc<Cell<bool>>,
}

type Attempt = Result<Response<Incoming>, (Lost, Reused)>;

/// Whether an attempt went over a connection that had served before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reused {
    Yes,
    No,
}

impl Client {
    pub(crate) fn http1(target: Rc<Target>) -> Self {
        Self { target, lane: Lane::Http1(Rc::default()) }
    }

    /// Clones of it share the connection.
    pub(crate) fn http2(target: Rc<Target>) -> Self {
        Self { target, lane: Lane::Http2(Rc::default()) }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Sends, and waits for the head of the answer.
    pub(crate) async fn send(&self, kind: Kind, call: &Call) -> Result<Response<Incoming>, Lost> {
        let mut unsent = 0;
        let mut reused = 0;
        loop {
            let limit = self.target.patience + call.takes;
            let (lost, connection) = match timeout(limit, self.attempt(call)).await {
                Ok(Ok(response)) => {
                    self.target.recorder.answered(response.headers());
                    return Ok(response);
                }
                Ok(Err(failed)) => failed,
                Err(_) => {
                    self.forget();
                    return Err(Lost::timeout("answer"));
                }
            };
            let idempotent = call.method.is_idempotent() && matches!(call.plan, Plan::Nothing);
            let may_repeat = idempotent && self.target.retry == Retry::IdempotentOnReused;
            match (lost.sent, connection) {
                (Sent::No, Reused::Yes) if unsent < UNSENT_LIMIT => {
                    unsent += 1;
                    self.target.recorder.again(kind, Again::Unsent);
                }
                (Sent::Perhaps, Reused::Yes) if reused == 0 && may_repeat => {
                    reused += 1;
                    self.target.recorder.again(kind, Again::Reused);
                }
                _ => return Err(lost),
            }
        }
    }

    async fn attempt(&self, call: &Call) -> Attempt {
        match &self.lane {
            Lane::Http1(lane) => {
                // Taken for the time of the request: nobody else uses it, and a request that is given up drops it.
                let open = lane.borrow_mut().take();
                let mut connection = match usable(open).await {
                    Some(open) => open,
                    None => connect_http1(&self.target).await.map_err(|lost| (lost, Reused::No))?,
                };
                let request = call.http1(&self.target.host);
                let answer = connection.sender.try_send_request(request).await;
                let answer = judge(answer, &connection.used);
                if answer.is_ok() {
                    lane.replace(Some(connection));
                }
                answer
            }
            Lane::Http2(lane) => {
                let mut open = lane.lock().await;
                if open.as_ref().is_some_and(|open| open.sender.is_closed()) {
                    *open = None;
                }
                let (mut sender, used) = match &*open {
                    Some(open) => (open.sender.clone(), Rc::clone(&open.used)),
                    None => {
                        let new = connect_http2(&self.target).await.map_err(|lost| (lost, Reused::No))?;
                        let both = (new.sender.clone(), Rc::clone(&new.used));
                        *open = Some(new);
                        both
                    }
                };
                drop(open);
                let answer = sender.try_send_request(call.http2(&self.target.host)).await;
                let answer = judge(answer, &used);
                if answer.is_err() && sender.is_closed() {
                    self.forget();
                }
                answer
            }
        }
    }

    /// Lets go of the connection: an HTTP/1.1 one that is in an unknown state, an HTTP/2 one that does not answer.
    pub(crate) fn forget(&self) {
        match &self.lane {
            Lane::Http1(lane) => {
                lane.replace(None);
            }
            Lane::Http2(lane) => {
                if let Ok(mut open) = lane.try_lock() {
                    *open = None;
                }
            }
        }
    }
}

impl Call {
    fn http1(&self, host: &HeaderValue) -> Request<Payload> {
        let mut request = self.request(Uri::from(self.path.clone()));
        request.headers_mut().insert(HOST, host.clone());
        request
    }

    fn http2(&self, host: &HeaderValue) -> Request<Payload> {
        let uri = Uri::builder()
            .scheme("http")
            .authority(host.as_bytes())
            .path_and_query(self.path.clone())
            .build()
            .unwrap_or_else(|_| Uri::from(self.path.clone()));
        let mut request = self.request(uri);
        *request.version_mut() = http::Version::HTTP_2;
        request
    }

    fn request(&self, uri: Uri) -> Request<Payload> {
        let mut request = Request::new(self.plan.payload());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        if let Plan::Text(_) = self.plan {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request
    }
}

/// The connection, when it is still good for a request: one that the server has closed meanwhile is not.
async fn usable(
    open: Option<Connection<http1::SendRequest<Payload>>>,
) -> Option<Connection<http1::SendRequest<Payload>>> {
    let mut open = open?;
    open.sender.ready().await.ok().map(|()| open)
}

fn judge(
    answer: Result<Response<Incoming>, TrySendError<Request<Payload>>>,
    used: &Cell<bool>,
) -> Result<Response<Incoming>, (Lost, Reused)> {
    let reused = if used.get() { Reused::Yes } else { Reused::No };
    match answer {
        Ok(response) => {
            used.set(true);
            Ok(response)
        }
        Err(mut error) => {
            let returned = error.take_message().is_some();
            Err((Lost::read(error.error(), returned), reused))
        }
    }
}

/// A TCP connection to the target, for whoever speaks on it.
pub(crate) async fn connect(target: &Target) -> Result<TcpStream, Lost> {
    let refused = |detail| Lost { cause: crate::Cause::Refused, detail, sent: Sent::No };
    match timeout(target.patience, TcpStream::connect(target.address)).await {
        Ok(Ok(stream)) => {
            // Small requests must not wait for the peer's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(refused(format!("connecting to {}: {error}", target.address))),
        Err(_) => Err(refused(format!("connecting to {}: no answer in time", target.address))),
    }
}

async fn connect_http1(target: &Target) -> Result<Connection<http1::SendRequest<Payload>>, Lost> {
    let io = TokioIo::new(connect(target).await?);
    let (sender, connection) = http1::handshake(io).await.map_err(|error| shake(&error))?;
    spawn_local(async move {
        // Its errors come to the request that meets them; an idle connection may end as it likes.
        let _ = connection.await;
    });
    Ok(Connection { sender, used: Rc::default() })
}

async fn connect_http2(target: &Target) -> Result<Connection<http2::SendRequest<Payload>>, Lost> {
    let io = TokioIo::new(connect(target).await?);
    let (sender, connection) = http2::handshake(LocalSpawner, io).await.map_err(|error| shake(&error))?;
    spawn_local(async move {
        let _ = connection.await;
    });
    Ok(Connection { sender, used: Rc::default() })
}

fn shake(error: &hyper::Error) -> Lost {
    Lost { sent: Sent::No, ..Lost::read(error, true) }
}

/// Runs hyper's futures on this thread.
#[derive(Clone)]
struct LocalSpawner;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalSpawner {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

/// The detail of a body's error.
pub(crate) fn broke_off(error: &hyper::Error, after: u64) -> String {
    format!("the body broke off after {after} bytes: {}", cause::chain(error))
}
