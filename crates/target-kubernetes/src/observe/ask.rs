//! One instant query over HTTP.

use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::net::TcpStream;

/// So long one query may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// More than any answer of ours needs, bytes.
const LARGEST: usize = 1 << 20;

/// The answer of `http://HOST[:PORT][/PATH]/api/v1/query`, whatever its status is: refusals are JSON as well.
///
/// # Errors
/// Why there is none.
pub(super) async fn ask(prometheus: &str, query: &str) -> Result<Value, String> {
    match tokio::time::timeout(PATIENCE, asked(prometheus, query)).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("nothing came within {} s", PATIENCE.as_secs())),
    }
}

async fn asked(prometheus: &str, query: &str) -> Result<Value, String> {
    let rest = prometheus.strip_prefix("http://").ok_or("its address does not begin with http://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = if host.rsplit(']').next().is_some_and(|end| end.contains(':')) {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let stream = TcpStream::connect(&address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let driving = tokio::spawn(connection);
    let path = path.trim_end_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    let query = utf8_percent_encode(query, NON_ALPHANUMERIC);
    let request = hyper::Request::get(format!("{slash}{path}/api/v1/query?query={query}"))
        .header(hyper::header::HOST, host)
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status();
    let body =
        Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|error| error.to_string())?;
    driving.abort();
    serde_json::from_slice(&body.to_bytes()).map_err(|_| format!("status {status}, and what came is no JSON"))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with this; gives back what was asked.
    async fn served(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        });
        (format!("http://{address}/prometheus/"), serving)
    }

    #[tokio::test]
    async fn a_query_is_one_request_below_the_path() {
        let (address, serving) = served(r#"{"status":"success"}"#).await;
        assert_eq!(ask(&address, r#"sum(a{b="c d"})"#).await.unwrap()["status"], "success");
        let asked = serving.await.unwrap();
        let line = "GET /prometheus/api/v1/query?query=sum%28a%7Bb%3D%22c%20d%22%7D%29 HTTP/1.1";
        assert!(asked.starts_with(line), "{asked}");
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told() {
        let (address, _serving) = served("<html>").await;
        assert!(ask(&address, "a").await.unwrap_err().contains("no JSON"));
        // Bound, and not listening: nobody else gets the port.
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nobody = format!("http://{}", socket.local_addr().unwrap());
        assert!(ask(&nobody, "a").await.unwrap_err().contains("refused"), "nobody listens there");
    }
}
