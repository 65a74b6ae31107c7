//! The project at hand: its manifest, the programs that its commands name, the addresses it wants.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use bascule_model::manifest::{Environment, ImageFrom, Manifest};
use rustix::fs::{Access, access};

use super::Finding;
use crate::context::Context;
use crate::failure::Failure;
use crate::project::Project;

const CHECK: &str = "manifest";

/// All that can be said of the project. `listening` are addresses that are taken by ourselves.
pub fn project(context: &Context, listening: &[SocketAddr]) -> Vec<Finding> {
    let project = match context.project() {
        Ok(project) => project,
        Err(problem) => return vec![Finding::warning(CHECK, problem.message, problem.remedy)],
    };
    let manifest = match project.manifest() {
        Ok(manifest) => manifest,
        Err(failure) => return vec![wrong(&failure)],
    };
    let mut findings = vec![Finding::good(CHECK, format!("bascule.toml of {} is valid", manifest.app.value))];
    for name in manifest.environments.keys() {
        match project.resolve(name, &|name| context.machine.variable(name)) {
            Ok(environment) => {
                findings.extend(commands(context, &project, &environment));
                findings.push(door(&environment, listening));
            }
            // Another machine may have what this one lacks.
            Err(failure) => findings.push(Finding::warning(
                "environment",
                format!("{name} cannot be deployed from here: {}", failure.problem().message),
                format!("`bascule validate {name}` shows the place"),
            )),
        }
    }
    findings.extend(build(context, &manifest));
    findings
}

fn wrong(failure: &Failure) -> Finding {
    let problem = failure.problem();
    Finding::stops(CHECK, problem.message, problem.remedy)
}

/// The program of each service: in the artifact's folder (which a build may still make), or on the PATH.
fn commands(context: &Context, project: &Project, environment: &Environment) -> Vec<Finding> {
    let check = "command";
    if environment.target.runs_containers() {
        // Its programs are in the image.
        return dockerfile(project, environment).into_iter().collect();
    }
    let is_built = environment.build.command.is_some();
    let mut findings = Vec::new();
    for (name, service) in &environment.services {
        let Some(program) = service.command.first().map(|text| text.render(|_| None)) else { continue };
        let what = format!("{program} of {name} ({})", environment.name);
        let is_path = program.contains('/');
        if is_path && (is_built || !program.starts_with('/')) {
            // It comes with the artifact, which has its own layout: the deploy says what is missing.
            continue;
        }
        let found = if is_path { is_program(Path::new(&program)) } else { on_path(context, &program) };
        findings.push(if found {
            Finding::good(check, format!("{what} is there"))
        } else {
            Finding::stops(
                check,
                format!("{what} is not on this machine"),
                format!("install it, or mend `command` in {}", project.folder.join("bascule.toml").display()),
            )
        });
    }
    findings
}

/// Whether the Dockerfile is there.
fn dockerfile(project: &Project, environment: &Environment) -> Option<Finding> {
    let ImageFrom::Build(build) = &environment.build.image.as_ref()?.from else { return None };
    let check = "dockerfile";
    let (name, file) = (&environment.name, &build.dockerfile);
    Some(if project.folder.join(file.as_str()).is_file() {
        Finding::good(check, format!("{file} of {name} is there"))
    } else {
        Finding::stops(
            check,
            format!("{file}, which the image of {name} is built from, is not there"),
            format!("write it, or mend `dockerfile` in {}", project.folder.join("bascule.toml").display()),
        )
    })
}

fn build(context: &Context, manifest: &Manifest) -> Option<Finding> {
    manifest.build.as_ref()?.command.as_ref()?;
    let check = "shell";
    Some(if is_program(Path::new("/bin/sh")) || on_path(context, "sh") {
        Finding::good(check, "sh runs the build command")
    } else {
        Finding::stops(check, "there is no sh, which runs the build command", "install a shell")
    })
}

fn on_path(context: &Context, program: &str) -> bool {
    let path = context.machine.variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| is_program(&folder.join(program)))
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

/// Whether the users' address can be opened.
fn door(environment: &Environment, listening: &[SocketAddr]) -> Finding {
    let check = "address";
    let address = environment.listen;
    let name = &environment.name;
    if listening.contains(&address) {
        return Finding::good(check, format!("{address} of {name} is open, by the edge"));
    }
    match TcpListener::bind(address) {
        Ok(_) => Finding::good(check, format!("{address} of {name} is free")),
        Err(error) => Finding::stops(
            check,
            format!("{address} of {name} cannot be opened: {error}"),
            format!("`ss -ltnp 'sport = :{}'` names who has it; or choose another `listen`", address.port()),
        ),
    }
}
