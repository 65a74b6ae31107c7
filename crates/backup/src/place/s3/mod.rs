//! What speaks S3, with the bucket in the path. Signed by Signature Version 4; the hash of each body is part of that, so that what
//! arrives is what was sent.

mod client;
mod sign;
mod xml;

use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{CONTENT, MANIFEST};
use crate::content::{Growing, passing};
use crate::error::BackupError;
use crate::key::hex;
use crate::manifest::{Id, Manifest};
use client::{Body, Client};
use sign::Credentials;
pub use sign::Endpoint;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The most that one request may carry, for every S3 that there is.
const MOST: u64 = 5 << 30;
/// So many manifests are read at once.
const AT_ONCE: usize = 8;

/// A bucket, or a part of one.
pub struct S3 {
    client: Client,
    bucket: String,
    prefix: String,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "S3({}/{}/{})", self.client.place(), self.bucket, self.prefix)
    }
}

impl S3 {
    /// The objects of a bucket whose keys begin with `prefix`, which may be empty. `access_key` and `secret_key` are what the place
    /// gave; the time is part of what is signed.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        bucket: &str,
        prefix: &str,
        access_key: &str,
        secret_key: &str,
        clock: Clock,
    ) -> Self {
        let credentials =
            Credentials { access_key: access_key.to_owned(), secret_key: secret_key.to_owned() };
        let prefix =
            if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") };
        Self { client: Client::new(endpoint, credentials, clock), bucket: bucket.to_owned(), prefix }
    }

    fn path(&self, id: &Id, kind: &str) -> String {
        format!("/{}/{}{id}{kind}", self.bucket, self.prefix)
    }

    pub(super) async fn put(
        &self,
        manifest: &Manifest,
        content: &Growing,
        text: &[u8],
    ) -> Result<(), BackupError> {
        if manifest.bytes > MOST {
            return Err(self.client.refused(
                "a backup of more than 5 GiB",
                "too large",
                "one request carries no more; keep backups of this database in a folder",
            ));
        }
        let path = self.path(&manifest.id, CONTENT);
        let body = Body::File { path: content.path(), bytes: manifest.bytes, sha256: &manifest.sha256 };
        let outcome = self.client.ask(Method::PUT, &path, &[], body, "keeping a backup").await;
        let outcome = match outcome {
            Ok(_) => self.put_manifest(&manifest.id, text).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // What did arrive is no backup without a manifest, but takes room.
            let _ = self.client.ask(Method::DELETE, &path, &[], Body::None, "removing what arrived").await;
        }
        outcome
    }

    pub(super) async fn put_manifest(&self, id: &Id, text: &[u8]) -> Result<(), BackupError> {
        let body = Body::Text(text);
        self.client
            .ask(Method::PUT, &self.path(id, MANIFEST), &[], body, "keeping a manifest")
            .await
            .map(drop)
    }

    pub(super) async fn manifests(&self, name: &str) -> Result<Vec<(String, Vec<u8>)>, BackupError> {
        let ids = self.list(&format!("{}{name}-", self.prefix)).await?;
        let found = futures_util::stream::iter(ids)
            .map(|id| async move { Ok::<_, BackupError>((id.to_string(), self.manifest(&id).await?)) })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        // One that was removed meanwhile is none.
        Ok(found.into_iter().filter_map(|(id, text)| Some((id, text?))).collect())
    }

    /// The ids of those with a manifest.
    async fn list(&self, prefix: &str) -> Result<Vec<Id>, BackupError> {
        let path = format!("/{}", self.bucket);
        let (mut ids, mut next) = (Vec::new(), None);
        loop {
            let mut query = vec![("list-type", "2"), ("prefix", prefix)];
            query.extend(next.as_deref().map(|token| ("continuation-token", token)));
            let answer = self.client.ask(Method::GET, &path, &query, Body::None, "listing backups").await?;
            let text = answer.text().await?;
            let keys = xml::values(&text, "Key");
            ids.extend(keys.iter().filter_map(|key| {
                let id = key.strip_prefix(&self.prefix)?.strip_suffix(MANIFEST)?;
                Id::try_from(id.to_owned()).ok()
            }));
            next = xml::values(&text, "NextContinuationToken").into_iter().next();
            if next.is_none() {
                return Ok(ids);
            }
        }
    }

    pub(super) async fn manifest(&self, id: &Id) -> Result<Option<Vec<u8>>, BackupError> {
        let path = self.path(id, MANIFEST);
        let answer = self.client.ask_if_there(Method::GET, &path, "reading a manifest").await?;
        match answer {
            Some(answer) => answer.bytes().await.map(Some),
            None => Ok(None),
        }
    }

    /// Into a file that goes when it is dropped.
    pub(super) async fn content(
        &self,
        manifest: &Manifest,
        scratch: &Path,
    ) -> Result<NamedTempFile, BackupError> {
        let id = &manifest.id;
        let fetching = "fetching a backup";
        let to = passing(scratch, id.as_str())?;
        let answer = self.client.ask(Method::GET, &self.path(id, CONTENT), &[], Body::None, fetching).await?;
        answer.save(to.path()).await?;
        Ok(to)
    }

    pub(super) async fn remove(&self, id: &Id) -> Result<(), BackupError> {
        for kind in [MANIFEST, CONTENT] {
            self.client
                .ask(Method::DELETE, &self.path(id, kind), &[], Body::None, "removing a backup")
                .await?;
        }
        Ok(())
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
