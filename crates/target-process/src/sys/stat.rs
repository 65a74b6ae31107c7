//! `/proc/<pid>/stat` (proc(5)): who a process is.

use std::fs;

/// The flag of the kernel's own threads (`PF_KTHREAD` of its `include/linux/sched.h`).
const OF_KERNEL: u32 = 0x0020_0000;

/// What is read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    /// `R`, `S`, `Z`, …
    pub(crate) state: u8,
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// Clock ticks between boot and its start: with the pid, this names one process of this boot.
    pub(crate) start_ticks: u64,
    /// Whether it is a thread of the kernel.
    of_kernel: bool,
    /// Where its environment lies in its memory, from and to; 0 while it has none, or when we may not know.
    place: (u64, u64),
}

/// What there is to say of an environment whose contents seem to be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Environment {
    /// It has none and gets none: it has ended, or is a thread of the kernel.
    Never,
    /// It has one, or is about to get one.
    Somewhere,
    /// Nothing is in it.
    Empty { at: u64 },
}

impl Stat {
    /// Whether it has ended: what is left of it waits for its parent to ask.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Whether it has an environment.
    pub(crate) fn environment(&self) -> Environment {
        match self.place {
            // Not told by a session of 0: so is one that was begun outside of our namespace of processes.
            _ if self.has_ended() || self.of_kernel => Environment::Never,
            (start, end) if start != 0 && start == end => Environment::Empty { at: start },
            _ => Environment::Somewhere,
        }
    }
}

/// Reads it; none when there is no such process.
pub(crate) fn read(pid: i32) -> Option<Stat> {
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Takes a line apart. The program's name stands in brackets and may hold anything, brackets and spaces too.
pub(crate) fn parse(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let pid = std::str::from_utf8(line.get(..open)?).ok()?.trim().parse().ok()?;
    let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let place = |field: usize| fields.get(field).and_then(|place| place.parse().ok()).unwrap_or_default();
    Some(Stat {
        pid,
        state: *fields.first()?.as_bytes().first()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        start_ticks: fields.get(19)?.parse().ok()?,
        of_kernel: fields.get(6)?.parse::<u32>().ok()? & OF_KERNEL != 0,
        place: (place(47), place(48)),
    })
}

/// Every process there is now, by number.
pub(crate) fn pids() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_mislead() {
        let line = b"42 (a) Z 1 (x) S 7 42 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1 2 3";
        let stat = parse(line).unwrap();
        let expected = Stat {
            pid: 42,
            state: b'S',
            group: 42,
            session: 41,
            start_ticks: 98765,
            of_kernel: false,
            place: (0, 0),
        };
        assert_eq!(stat, expected);
        assert_eq!(parse(b"42 (cut"), None);
        assert_eq!(parse(b"42 (cut) S 7"), None);
    }

    #[test]
    fn this_process_is_there_and_runs() {
        let own = i32::try_from(std::process::id()).unwrap();
        let stat = read(own).unwrap();
        assert!(!stat.has_ended() && stat.place.0 < stat.place.1, "{stat:?}");
        assert_eq!(stat.environment(), Environment::Somewhere);
        assert_eq!(Stat { place: (7, 7), ..stat }.environment(), Environment::Empty { at: 7 });
        assert_eq!(Stat { state: b'Z', ..stat }.environment(), Environment::Never);
        assert_eq!(Stat { session: 0, ..stat }.environment(), Environment::Somewhere);
        let of_kernel = parse(b"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0").unwrap();
        assert_eq!(of_kernel.environment(), Environment::Never);
        assert!(pids().contains(&own));
        assert_eq!(read(0), None);
    }
}
