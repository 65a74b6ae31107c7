//! What the demo's image is built from: this very program as `shop`, and the shared libraries that it runs with.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::scratch::APP;

/// Nothing else is in the image: no shell, no distribution. The user is one without any rights.
const DOCKERFILE: &str = "\
FROM scratch
COPY root /
COPY version.txt /version.txt
WORKDIR /
USER 65532:65532
";

/// Makes Dockerfile and context in the project folder.
///
/// # Errors
/// When a file cannot be read or written.
pub fn prepare(project: &Path, program: &Path) -> io::Result<()> {
    let root = project.join("root");
    std::fs::create_dir(&root)?;
    // A copy: a link would change with every other link to the same file, and a build whose files change is refused.
    std::fs::copy(program, root.join(APP))?;
    for library in libraries()? {
        let Ok(inside) = library.strip_prefix("/") else { continue };
        let place = root.join(inside);
        if let Some(folder) = place.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::copy(&library, place)?;
    }
    std::fs::write(project.join("Dockerfile"), DOCKERFILE)?;
    std::fs::write(project.join(".dockerignore"), "*\n!root\n!version.txt\n")
}

/// The shared libraries of this process and its loader, by the names they are asked for.
fn libraries() -> io::Result<BTreeSet<PathBuf>> {
    let mapped: BTreeSet<PathBuf> = mapped(&std::fs::read_to_string("/proc/self/maps")?).collect();
    let mut wanted = BTreeSet::new();
    for library in mapped {
        // A program asks for its loader by the name that its own format fixes, which may lead to the mapped file by a link.
        if library.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-")) {
            wanted.extend(loader_names(&library));
        }
        wanted.insert(library);
    }
    Ok(wanted)
}

/// The names of shared objects in the text of `/proc/PID/maps`.
fn mapped(maps: &str) -> impl Iterator<Item = PathBuf> {
    maps.lines().filter_map(|line| {
        let path = line.get(line.find('/')?..)?;
        let name = path.rsplit('/').next()?;
        (name.contains(".so") && !path.ends_with("(deleted)")).then(|| PathBuf::from(path))
    })
}

fn loader_names(loader: &Path) -> Vec<PathBuf> {
    let Some(name) = loader.file_name() else { return Vec::new() };
    ["/lib64", "/lib"]
        .into_iter()
        .map(|folder| Path::new(folder).join(name))
        .filter(|path| std::fs::canonicalize(path).is_ok_and(|real| real == loader))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_objects_are_found_in_a_map() {
        let maps = "\
55e0-55e1 r--p 00000000 08:01 12 /usr/local/bin/bascule
7f00-7f01 r-xp 00000000 08:01 13 /usr/lib/x86_64-linux-gnu/libc.so.6
7f02-7f03 r--p 00000000 08:01 13 /usr/lib/x86_64-linux-gnu/libc.so.6
7f04-7f05 rw-p 00000000 00:00 0
7ffd-7ffe rw-p 00000000 00:00 0 [stack]
";
        let found: BTreeSet<PathBuf> = mapped(maps).collect();
        assert_eq!(found, [PathBuf::from("/usr/lib/x86_64-linux-gnu/libc.so.6")].into());
    }
}
