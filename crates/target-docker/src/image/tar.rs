//! A context as a tar stream (POSIX.1-2001 ustar and pax), for engines that take it in one piece.
//!
//! Owner and group are 0, as in every image; modes, links and times are kept. A file that becomes shorter while it is read ends
//! the stream with an error, so that the engine never takes half of it for the whole.

use std::fs::File;
use std::io::{self, Read, Write};

use super::context::{Context, Entry, Kind};

const BLOCK: usize = 512;
/// What an octal field of eleven digits can hold.
const LARGEST_IN_OCTAL: u64 = 0o777_7777_7777;

/// Writes entries of a context.
pub(super) fn write_entries<'a>(
    out: &mut impl Write,
    context: &Context,
    entries: impl Iterator<Item = &'a Entry>,
) -> io::Result<()> {
    for entry in entries {
        write_header(out, entry)?;
        if let Kind::File { bytes } = entry.kind {
            let path = context.path(entry);
            let copied = io::copy(&mut File::open(&path)?.take(bytes), out)?;
            if copied != bytes {
                let detail = format!("{} became shorter while it was read", path.display());
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, detail));
            }
            pad(out, bytes)?;
        }
    }
    Ok(())
}

/// Writes a file that is not in the context's folder.
pub(super) fn write_text(out: &mut impl Write, like: &Entry, path: &str, text: &str) -> io::Result<()> {
    let bytes = text.len() as u64;
    let mut entry = like.clone();
    path.clone_into(&mut entry.path);
    entry.kind = Kind::File { bytes };
    write_header(out, &entry)?;
    out.write_all(text.as_bytes())?;
    pad(out, bytes)
}

/// Writes the end.
pub(super) fn finish(out: &mut impl Write) -> io::Result<()> {
    out.write_all(&[0; 2 * BLOCK])?;
    out.flush()
}

fn write_header(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    let (kind, bytes, target) = match &entry.kind {
        Kind::Folder => (b'5', 0, ""),
        Kind::File { bytes } => (b'0', *bytes, ""),
        Kind::Link { target } => (b'2', 0, target.as_str()),
    };
    let path = if kind == b'5' { format!("{}/", entry.path) } else { entry.path.clone() };
    let mut records = String::new();
    if path.len() > 100 || !path.is_ascii() {
        record(&mut records, "path", &path);
    }
    if target.len() > 100 || !target.is_ascii() {
        record(&mut records, "linkpath", target);
    }
    if bytes > LARGEST_IN_OCTAL {
        record(&mut records, "size", &bytes.to_string());
    }
    if !records.is_empty() {
        let length = records.len() as u64;
        out.write_all(&block("pax", b'x', 0o644, length, 0, ""))?;
        out.write_all(records.as_bytes())?;
        pad(out, length)?;
    }
    out.write_all(&block(&path, kind, entry.mode, bytes, entry.modified.0, target))
}

fn block(path: &str, kind: u8, mode: u32, bytes: u64, modified: i64, target: &str) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, width: usize, value: &[u8]| {
        let width = width.min(value.len());
        block[at..at + width].copy_from_slice(&value[..width]);
    };
    let modified = u64::try_from(modified).unwrap_or_default().min(LARGEST_IN_OCTAL);
    put(0, 100, path.as_bytes());
    put(100, 8, format!("{mode:07o}").as_bytes());
    put(108, 8, b"0000000");
    put(116, 8, b"0000000");
    put(124, 12, format!("{:011o}", bytes.min(LARGEST_IN_OCTAL)).as_bytes());
    put(136, 12, format!("{modified:011o}").as_bytes());
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, target.as_bytes());
    put(257, 8, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// A pax record begins with its own length, which counts itself.
fn record(records: &mut String, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.push_str(&format!("{length} {key}={value}\n"));
}

fn pad(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let over = usize::try_from(bytes % BLOCK as u64).unwrap_or_default();
    if over > 0 { out.write_all(&[0; BLOCK][over..]) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use super::super::ignore::Ignore;
    use super::*;

    #[test]
    fn the_system_s_own_tar_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let deep = format!("{}/{}", "d".repeat(90), "é".repeat(60));
        fs::create_dir_all(folder.path().join(&deep)).unwrap();
        for (name, text) in [("a", "one".repeat(1000)), (&format!("{deep}/file"), "two".to_owned())] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        std::os::unix::fs::symlink(format!("{deep}/file"), folder.path().join("link")).unwrap();
        let context = Context::walk(folder.path(), &Ignore::default(), Path::new("/none")).unwrap();
        let out = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        write_entries(&mut bytes, &context, context.entries.iter()).unwrap();
        write_text(&mut bytes, &context.entries[0], "text", "three").unwrap();
        finish(&mut bytes).unwrap();
        fs::write(out.path().join("x.tar"), bytes).unwrap();
        let run = Command::new("tar").args(["-xf", "x.tar"]).current_dir(out.path()).output().unwrap();
        assert!(run.status.success(), "{run:?}");
        fs::remove_file(out.path().join("x.tar")).unwrap();
        fs::remove_file(out.path().join("text")).unwrap();
        let arrived = Context::walk(out.path(), &Ignore::default(), Path::new("/none")).unwrap();
        let essence = |context: &Context| -> Vec<_> {
            let essence = |entry: &Entry| {
                let is_file = matches!(entry.kind, Kind::File { .. });
                let folder_bytes = Vec::new();
                let bytes = if is_file { fs::read(context.path(entry)).unwrap() } else { folder_bytes };
                (entry.path.clone(), entry.kind.clone(), entry.mode, bytes)
            };
            context.entries.iter().map(essence).collect()
        };
        assert_eq!(essence(&arrived), essence(&context));
    }
}
