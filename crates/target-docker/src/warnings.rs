//! What the engine cannot give of what a release asks for.

use bascule_model::release::{Limits, Release};
use bollard::models::SystemInfo;

use crate::shared::Shared;

/// One sentence each; none when the engine does not answer, since that shows elsewhere.
pub(crate) async fn of(shared: &Shared, release: &Release) -> Vec<String> {
    let info = shared
        .connection
        .call("ask the Docker Engine what it is", |docker| async move { docker.info().await })
        .await;
    info.map(|info| tell(&info, release)).unwrap_or_default()
}

fn tell(info: &SystemInfo, release: &Release) -> Vec<String> {
    let named = |asks: &dyn Fn(&Limits) -> bool| {
        let services = release.services.iter().filter(|service| asks(&service.limits));
        let names: Vec<&str> = services.map(|service| service.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let lacks = |can: Option<bool>| can == Some(false);
    let table = [
        ("memory", lacks(info.memory_limit), named(&|limits| limits.memory.is_some())),
        ("cpu", lacks(info.cpu_cfs_quota), named(&|limits| limits.cpu_millis.is_some())),
        ("pids", lacks(info.pids_limit), named(&|limits| limits.pids.is_some())),
    ];
    let mut said: Vec<String> = table
        .into_iter()
        .filter(|(_, lacks, _)| *lacks)
        .filter_map(|(what, _, names)| {
            Some(format!("the {what} limit of {} cannot be kept: this engine's kernel has none", names?))
        })
        .collect();
    let memory = info.mem_total.and_then(|bytes| u64::try_from(bytes).ok());
    if let Some(memory) = memory {
        let over = release.services.iter().filter(|service| service.limits.memory > Some(memory));
        said.extend(over.map(|service| {
            format!("{} may use more memory than the engine's machine has ({memory} bytes)", service.name)
        }));
    }
    said
}
