//! A small S3: a bucket in memory. Checks the signature and the hash of each request by itself, and can cut a connection.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

pub const ACCESS_KEY: &str = "ACCESS";
pub const SECRET_KEY: &str = "secret+key/1";
pub const BUCKET: &str = "bucket";
const REGION: &str = "here-1";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// The connection of each upload of a content is cut after so many bytes.
    CutContentAfter(usize),
    /// Manifests are refused.
    RefuseManifests,
    /// So many requests are answered with 503 first.
    Busy(usize),
}

pub struct FakeS3 {
    pub url: String,
    pub objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub trouble: Arc<Mutex<Trouble>>,
}

impl FakeS3 {
    /// Serves as long as the process lives.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let objects = Arc::new(Mutex::new(BTreeMap::new()));
        let trouble = Arc::new(Mutex::new(Trouble::None));
        let (shared, troubled) = (objects.clone(), trouble.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (objects, trouble) = (shared.clone(), troubled.clone());
                std::thread::spawn(move || serve(stream, &objects, &trouble));
            }
        });
        Self { url, objects, trouble }
    }

    pub fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

fn serve(stream: TcpStream, objects: &Mutex<BTreeMap<String, Vec<u8>>>, trouble: &Mutex<Trouble>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    let mut line = String::new();
    reader.read_line(&mut line).unwrap_or_default();
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return };
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).unwrap_or_default() == 0 {
            return;
        }
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let now = *trouble.lock().unwrap();
    if let (Trouble::CutContentAfter(bytes), "PUT") = (now, method.as_str())
        && path.ends_with(".backup")
    {
        let mut part = vec![0; bytes.min(length)];
        let _ = reader.read_exact(&mut part);
        return;
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let mut answer = |status: &str, body: &[u8]| {
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = writer.write_all(&[head.as_bytes(), body].concat());
    };
    if let Trouble::Busy(left) = now {
        *trouble.lock().unwrap() = if left > 1 { Trouble::Busy(left - 1) } else { Trouble::None };
        return answer("503 Slow Down", b"<Error><Code>SlowDown</Code><Message>later</Message></Error>");
    }
    if headers["x-amz-content-sha256"] != hex(&Sha256::digest(&body)) {
        return answer(
            "400 Bad Request",
            b"<Error><Code>XAmzContentSHA256Mismatch</Code><Message>hash</Message></Error>",
        );
    }
    if headers.get("authorization") != Some(&signature(&method, path, query, &headers)) {
        return answer(
            "403 Forbidden",
            b"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>",
        );
    }
    let mut objects = objects.lock().unwrap();
    let key = path
        .strip_prefix(&format!("/{BUCKET}"))
        .unwrap_or_default()
        .trim_start_matches('/')
        .replace("%20", " ");
    match method.as_str() {
        "PUT" if now == Trouble::RefuseManifests && key.ends_with(".json") => {
            answer("403 Forbidden", b"<Error><Code>AccessDenied</Code><Message>not this</Message></Error>");
        }
        "PUT" => {
            objects.insert(key, body);
            answer("200 OK", b"");
        }
        "DELETE" => {
            objects.remove(&key);
            answer("204 No Content", b"");
        }
        "GET" if key.is_empty() => {
            let pairs: BTreeMap<&str, &str> =
                query.split('&').filter_map(|pair| pair.split_once('=')).collect();
            let prefix = pairs["prefix"].replace("%2F", "/").replace("%20", " ");
            let after = pairs
                .get("continuation-token")
                .copied()
                .unwrap_or_default()
                .replace("%2F", "/")
                .replace("%20", " ");
            // Two at once, so that whoever lists has to go on.
            let found: Vec<&String> =
                objects.keys().filter(|key| key.starts_with(&prefix) && **key > after).take(3).collect();
            let more = found.get(2).is_some();
            let keys: String =
                found.iter().take(2).map(|key| format!("<Contents><Key>{key}</Key></Contents>")).collect();
            let next = if more {
                format!("<NextContinuationToken>{}</NextContinuationToken>", found[1])
            } else {
                String::new()
            };
            answer(
                "200 OK",
                format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{keys}{next}</ListBucketResult>")
                    .as_bytes(),
            );
        }
        "GET" => match objects.get(&key) {
            Some(body) => answer("200 OK", body),
            None => answer("404 Not Found", b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"),
        },
        _ => answer("405 Method Not Allowed", b""),
    }
}

fn signature(method: &str, path: &str, query: &str, headers: &BTreeMap<String, String>) -> String {
    let names = "host;x-amz-content-sha256;x-amz-date";
    let signed: String = names.split(';').map(|name| format!("{name}:{}\n", headers[name])).collect();
    let canonical =
        format!("{method}\n{path}\n{query}\n{signed}\n{names}\n{}", headers["x-amz-content-sha256"]);
    let time = &headers["x-amz-date"];
    let day = &time[..8];
    let scope = format!("{day}/{REGION}/s3/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hex(&Sha256::digest(canonical.as_bytes())));
    let code = |key: &[u8], text: &str| {
        let mut code = Hmac::<Sha256>::new_from_slice(key).unwrap();
        code.update(text.as_bytes());
        code.finalize().into_bytes().to_vec()
    };
    let key = [day, REGION, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, part| code(&key, part));
    format!(
        "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={}",
        hex(&code(&key, &text))
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
