//! The number behind the name of an image's user, from the image's own `/etc/passwd`, read as the engine reads it.
//!
//! The file is taken out of a container that is made for that and never started. What was found is kept: an image does not change.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{CreateContainerOptions, DownloadFromContainerOptions};
use futures_util::StreamExt;

use crate::error::DockerError;
use crate::names;
use crate::shared::Shared;
use crate::supervise::attempt;

const FILE: &str = "/etc/passwd";
/// What is read of it at most, bytes.
const LONGEST: usize = 1 << 20;
/// So many links lead to it at most.
const LINKS: usize = 8;

/// The number of the user; none when the image has no such user.
pub(crate) async fn number(
    shared: &Shared,
    image: &str,
    name: &str,
    patience: Duration,
) -> Result<Option<i64>, DockerError> {
    let key = (image.to_owned(), name.to_owned());
    if let Some(known) = shared.users.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(*known);
    }
    let found = number_in(&passwd(shared, image, patience).await?, name);
    shared.users.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found);
    Ok(found)
}

/// The file; empty where there is none.
async fn passwd(shared: &Shared, image: &str, patience: Duration) -> Result<String, DockerError> {
    let labels = HashMap::from([
        (names::OWNER.to_owned(), shared.state_id.clone()),
        // One that a death leaves is removed as a command beside the instances is.
        (names::EXEC.to_owned(), "true".to_owned()),
    ]);
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec!["none".to_owned()]),
        labels: Some(labels),
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let doing = format!("look for the users of the image {image}");
    let made = shared.connection.patient_call(&doing, patience, |docker| {
        let body = body.clone();
        async move { docker.create_container(None::<CreateContainerOptions>, body).await }
    });
    let id = made.await?.id;
    let read = read(shared, &doing, &id, patience).await;
    attempt::remove(&shared.connection, &id).await?;
    read
}

async fn read(shared: &Shared, doing: &str, id: &str, patience: Duration) -> Result<String, DockerError> {
    let mut path = FILE.to_owned();
    for _ in 0..LINKS {
        let options = DownloadFromContainerOptions { path: path.clone() };
        let archive = shared.connection.patient_call(doing, patience, |docker| {
            let options = options.clone();
            async move {
                let mut pieces = std::pin::pin!(docker.download_from_container(id, Some(options)));
                let mut bytes = Vec::new();
                while bytes.len() < LONGEST
                    && let Some(piece) = pieces.next().await
                {
                    bytes.extend_from_slice(&piece?);
                }
                Ok(bytes)
            }
        });
        match archive.await {
            Ok(bytes) => match first(&bytes) {
                Some(Entry::File(text)) => return Ok(text),
                Some(Entry::Link(target)) if target.starts_with('/') => path = target,
                Some(Entry::Link(target)) => {
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    path = format!("{folder}/{target}");
                }
                None => break,
            },
            Err(error) if error.is_missing() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(String::new())
}

/// What an archive holds first.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    File(String),
    Link(String),
}

/// Reads a tar archive (POSIX.1-2001) of one file; none when it is anything else, or cut off.
fn first(archive: &[u8]) -> Option<Entry> {
    const BLOCK: usize = 512;
    let mut rest = archive;
    loop {
        let (header, contents) = rest.split_at_checked(BLOCK)?;
        let text = |field: &[u8]| String::from_utf8_lossy(field).trim_matches(['\0', ' ']).to_owned();
        let length = usize::from_str_radix(&text(&header[124..136]), 8).ok()?;
        match header[156] {
            b'0' | 0 => {
                return Some(Entry::File(String::from_utf8_lossy(contents.get(..length)?).into_owned()));
            }
            b'2' => return Some(Entry::Link(text(&header[157..257]))),
            // What is said beyond a header's fields.
            b'x' | b'g' => rest = contents.get(length.checked_next_multiple_of(BLOCK)?..)?,
            _ => return None,
        }
    }
}

/// The number of the first user of that name. A field that is missing or is no number is 0 to the engine.
fn number_in(passwd: &str, name: &str) -> Option<i64> {
    let mut lines = passwd.lines().map(|line| line.trim().split(':'));
    let mut fields = lines.find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
    Some(fields.nth(1).and_then(|number| number.parse().ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_numbers_that_the_engine_gives_them() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\n toor:x:0:0::/:\napp:x:1000:1000::/:/bin/sh\n\
                      app:x:0:0::/:/bin/sh\nbare\nodd:x:many:1::/:\n#note:x:7:7::/:\n";
        for (name, expected) in [
            ("root", Some(0)),
            ("toor", Some(0)),
            ("app", Some(1000)),
            ("bare", Some(0)),
            ("odd", Some(0)),
            ("#note", Some(7)),
            ("ap", None),
            ("x", None),
        ] {
            assert_eq!(number_in(passwd, name), expected, "{name}");
        }
        assert_eq!(number_in("", "app"), None);
    }

    #[test]
    fn archives_of_one_file_are_read() {
        let entry = |kind: u8, link: &str, contents: &str| {
            let mut block = vec![0; 512];
            block[124..135].copy_from_slice(format!("{:011o}", contents.len()).as_bytes());
            block[156] = kind;
            block[157..157 + link.len()].copy_from_slice(link.as_bytes());
            block.extend(contents.as_bytes());
            block.resize(512 + contents.len().next_multiple_of(512), 0);
            block
        };
        let file = entry(b'0', "", "root:x:0:0\n");
        assert_eq!(first(&file), Some(Entry::File("root:x:0:0\n".to_owned())));
        let with_more = [entry(b'x', "", "30 mtime=1.5\n"), file.clone()].concat();
        assert_eq!(first(&with_more), first(&file));
        assert_eq!(first(&entry(b'2', "../usr/passwd", "")), Some(Entry::Link("../usr/passwd".to_owned())));
        assert_eq!(first(&entry(b'5', "", "")), None);
        assert_eq!(first(&file[..515]), None);
        assert_eq!(first(&[0; 1024]), None);
    }
}
