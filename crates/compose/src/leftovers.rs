//! The keys of a service that nobody reads: what each would mean here, and what to do instead.

use bascule_yaml::Node;

use crate::notes::Notes;

/// A note for each key that nobody read.
pub(crate) fn leftovers(service: &Node, place: &str, notes: &mut Notes) {
    const READ: [&str; 29] = [
        "build",
        "image",
        "command",
        "entrypoint",
        "ports",
        "expose",
        "environment",
        "env_file",
        "deploy",
        "scale",
        "mem_limit",
        "cpus",
        "pids_limit",
        "healthcheck",
        "stop_signal",
        "stop_grace_period",
        "user",
        "cap_add",
        "read_only",
        "volumes",
        "extra_hosts",
        "secrets",
        "restart",
        "depends_on",
        "platform",
        "extends",
        "pull_policy",
        "stdin_open",
        "tty",
    ];
    for (key, node) in service.entries() {
        if READ.contains(&key.as_str()) || key.starts_with("x-") {
            continue;
        }
        let texts: Vec<&str> = node.elements().iter().filter_map(Node::text).collect();
        let says = match key.as_str() {
            // What holds anyway.
            "cap_drop" => continue,
            "security_opt" if texts.iter().all(|text| text.starts_with("no-new-privileges")) => continue,
            "tmpfs" if texts.iter().all(|text| text.split(':').next() == Some("/tmp")) => continue,
            "privileged" if !node.is_true() => continue,
            "tmpfs" => "left out: of memory there is /tmp, with read_only = true",
            "networks" | "network_mode" => {
                "left out: Bascule makes one network for each app and environment; what is outside is reached by an address, see `extra_hosts`"
            }
            "links" | "external_links" => {
                "left out: services of an app are not called by name; see `extra_hosts`"
            }
            "profiles" => {
                "left out: a service has no profiles; one that only some environments have says instances = 0"
            }
            "labels" => "left out: labels are Bascule's own; routes are `path` and `hosts` of a service",
            "container_name" | "hostname" => {
                "left out: there are several containers of a service, with names of Bascule's"
            }
            "logging" => "left out: `bascule logs` keeps and reads them",
            "privileged" => {
                "left out: no container gets all privileges; name the `capabilities` that it needs"
            }
            "devices" | "gpus" => "left out: containers get no devices",
            "working_dir" => "left out: write WORKDIR in the Dockerfile",
            "init" => {
                "left out: let the program reap its children, or write an init in the Dockerfile's ENTRYPOINT"
            }
            "sysctls" | "ulimits" | "shm_size" | "pid" | "ipc" | "cgroup_parent" => {
                "left out: a container has the engine's own"
            }
            "configs" => "left out: put the file into the image, or mount a folder with `volumes`",
            "develop" => "left out: for work on the sources, compose stays the tool",
            _ => "left out: Bascule has no such key",
        };
        notes.add(node.line, format!("{place}.{key}"), says);
    }
}
