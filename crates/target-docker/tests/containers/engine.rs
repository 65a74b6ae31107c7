//! The engine as tests need it beside the target: an image that is made here, and the means to do things by hand.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bascule_target_docker::Connection;
use bollard::Docker;
use bollard::models::{ContainerInspectResponse, ContainerStateStatusEnum};
use bollard::query_parameters::{
    BuildImageOptionsBuilder, ListContainersOptionsBuilder, ListNetworksOptionsBuilder,
    RemoveContainerOptionsBuilder,
};
use futures_util::StreamExt;

/// Where the engine is, as the caller of the tests says.
pub fn socket() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "this is the wiring of the tests")]
    let host = std::env::var("DOCKER_HOST").ok();
    Connection::socket_of(host.as_deref())
}

/// The way to the engine; none, said loudly, where there is none.
pub async fn reachable() -> Option<Arc<Connection>> {
    let connection = Arc::new(Connection::new(socket()));
    match connection.client().await {
        Ok(_) if std::path::Path::new("/bin/busybox").exists() => Some(connection),
        Ok(_) => {
            eprintln!("SKIPPED: there is no /bin/busybox to make an image of (package busybox-static)");
            None
        }
        Err(error) => {
            eprintln!("SKIPPED: no Docker Engine: {error}");
            None
        }
    }
}

/// Makes the image of a kind, once: busybox, and what its Dockerfile says beyond. Gives its artifact.
pub async fn image(docker: &Docker, kind: &str, dockerfile: &str) -> String {
    let text = format!("FROM scratch\nCOPY root /\nENV PATH=/bin\n{dockerfile}\n");
    image_of(docker, kind, &text).await
}

/// The same from a whole Dockerfile.
pub async fn image_of(docker: &Docker, kind: &str, text: &str) -> String {
    let tag = format!("bascule-test/{kind}:1");
    let options = BuildImageOptionsBuilder::default().t(&tag).rm(true).build();
    let context = bollard::body_full(context(text).into());
    let mut steps = std::pin::pin!(docker.build_image(options, None, Some(context)));
    while let Some(step) = steps.next().await {
        step.unwrap();
    }
    format!("image:{}", docker.inspect_image(&tag).await.unwrap().id.unwrap())
}

/// The usual one: a user of its own.
pub async fn usual(docker: &Docker) -> String {
    image(docker, "usual", "USER app\nCMD [\"sleep\", \"1000\"]").await
}

fn context(dockerfile: &str) -> Vec<u8> {
    let busybox = std::fs::read("/bin/busybox").unwrap();
    let mut tar = Vec::new();
    entry(&mut tar, "Dockerfile", 0o644, b'0', "", dockerfile.as_bytes());
    for folder in ["root/", "root/bin/", "root/etc/", "root/www/"] {
        entry(&mut tar, folder, 0o755, b'5', "", b"");
    }
    entry(&mut tar, "root/tmp/", 0o1777, b'5', "", b"");
    entry(&mut tar, "root/bin/busybox", 0o755, b'0', "", &busybox);
    for name in [
        "sh", "cat", "echo", "sleep", "httpd", "nc", "dd", "id", "env", "touch", "tail", "ls", "head",
        "kill", "false",
    ] {
        entry(&mut tar, &format!("root/bin/{name}"), 0o777, b'2', "busybox", b"");
    }
    entry(
        &mut tar,
        "root/etc/passwd",
        0o644,
        b'0',
        "",
        b"root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\n",
    );
    entry(&mut tar, "linked/", 0o755, b'5', "", b"");
    entry(&mut tar, "linked/passwd", 0o777, b'2', "../usr/passwd", b"");
    entry(&mut tar, "root/etc/group", 0o644, b'0', "", b"root:x:0:\napp:x:1000:\n");
    entry(&mut tar, "root/www/index.html", 0o644, b'0', "", b"hello\n");
    entry(&mut tar, "root/etc/notes", 0o644, b'0', "", b"no program\n");
    tar.extend([0; 1024]);
    tar
}

/// One entry of a ustar archive (POSIX.1-1988).
fn entry(tar: &mut Vec<u8>, name: &str, mode: u32, kind: u8, link: &str, contents: &[u8]) {
    let mut header = [0_u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
    header[108..124].copy_from_slice(b"0000000\x000000000\0");
    header[124..136].copy_from_slice(format!("{:011o}\0", contents.len()).as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[157..157 + link.len()].copy_from_slice(link.as_bytes());
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend(header);
    tar.extend(contents);
    tar.extend(vec![0; contents.len().next_multiple_of(512) - contents.len()]);
}

pub async fn inspect(docker: &Docker, name: &str) -> ContainerInspectResponse {
    docker.inspect_container(name, None).await.unwrap()
}

pub async fn status(docker: &Docker, name: &str) -> Option<ContainerStateStatusEnum> {
    docker.inspect_container(name, None).await.ok()?.state?.status
}

pub async fn remove(docker: &Docker, name: &str) {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    docker.remove_container(name, Some(options)).await.unwrap();
}

fn owned(state_id: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![format!("bascule.owner={state_id}")])])
}

/// Names of all containers with the owner label.
pub async fn containers(docker: &Docker, state_id: &str) -> Vec<String> {
    let options = ListContainersOptionsBuilder::default().all(true).filters(&owned(state_id)).build();
    let found = docker.list_containers(Some(options)).await.unwrap();
    found.into_iter().filter_map(|one| Some(one.names?.first()?.trim_start_matches('/').to_owned())).collect()
}

/// Names of all networks with the owner label.
pub async fn networks(docker: &Docker, state_id: &str) -> Vec<String> {
    let options = ListNetworksOptionsBuilder::default().filters(&owned(state_id)).build();
    let found = docker.list_networks(Some(options)).await.unwrap();
    found.into_iter().filter_map(|one| one.name).collect()
}

/// Removes everything with the owner label, from wherever a test ends.
pub fn clean_up(socket: PathBuf, state_id: String) {
    let cleaning = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let connection = Connection::new(socket);
            let Ok(docker) = connection.client().await else { return };
            for name in containers(docker, &state_id).await {
                let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
                let _ = docker.remove_container(&name, Some(options)).await;
            }
            for name in networks(docker, &state_id).await {
                let _ = docker.remove_network(&name).await;
            }
        });
    });
    let _ = cleaning.join();
}
