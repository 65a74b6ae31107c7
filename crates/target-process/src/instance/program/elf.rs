//! The head of an ELF binary: which machine it is for, and which loader it asks for (System V ABI, chapter 4 and 5).

/// What the head of a file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is no ELF binary.
    NoBinary,
    /// It is for this machine and needs no loader that could be read.
    Fits,
    /// It is for this machine and is loaded by this program.
    Loader(String),
    /// It is for another machine.
    OtherMachine {
        /// Its name.
        built_for: String,
    },
}

const PROGRAM_INTERPRETER: u32 = 3;

#[cfg(target_arch = "x86_64")]
const OWN: &[u16] = &[62, 3];
#[cfg(target_arch = "aarch64")]
const OWN: &[u16] = &[183, 40];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const OWN: &[u16] = &[];

/// Looks at the first bytes of a file.
pub(super) fn inspect(head: &[u8]) -> Finding {
    let Some(reader) = Reader::new(head) else { return Finding::NoBinary };
    let Some(machine) = reader.number(18, 2) else { return Finding::NoBinary };
    let machine = u16::try_from(machine).unwrap_or_default();
    if !OWN.is_empty() && !OWN.contains(&machine) {
        return Finding::OtherMachine { built_for: name(machine) };
    }
    reader.loader().map_or(Finding::Fits, Finding::Loader)
}

fn name(machine: u16) -> String {
    match machine {
        3 => "32-bit x86".to_owned(),
        8 => "MIPS".to_owned(),
        21 => "64-bit PowerPC".to_owned(),
        22 => "IBM Z".to_owned(),
        40 => "32-bit ARM".to_owned(),
        62 => "x86_64".to_owned(),
        183 => "aarch64".to_owned(),
        243 => "RISC-V".to_owned(),
        258 => "LoongArch".to_owned(),
        other => format!("machine type {other}"),
    }
}

struct Reader<'a> {
    head: &'a [u8],
    wide: bool,
    little: bool,
}

impl<'a> Reader<'a> {
    fn new(head: &'a [u8]) -> Option<Self> {
        head.starts_with(b"\x7fELF").then_some(())?;
        Some(Self { head, wide: *head.get(4)? == 2, little: *head.get(5)? == 1 })
    }

    fn number(&self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.head.get(at..at.checked_add(length)?)?;
        let add = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    fn size(&self, at: usize, length: usize) -> Option<usize> {
        usize::try_from(self.number(at, length)?).ok()
    }

    /// The path in the program header that names the loader.
    fn loader(&self) -> Option<String> {
        let (table, width, count) = if self.wide {
            (self.size(32, 8)?, self.size(54, 2)?, self.size(56, 2)?)
        } else {
            (self.size(28, 4)?, self.size(42, 2)?, self.size(44, 2)?)
        };
        for n in 0..count {
            let entry = table.checked_add(width.checked_mul(n)?)?;
            if self.number(entry, 4)? != u64::from(PROGRAM_INTERPRETER) {
                continue;
            }
            let (offset, length) = if self.wide {
                (self.size(entry + 8, 8)?, self.size(entry + 32, 8)?)
            } else {
                (self.size(entry + 4, 4)?, self.size(entry + 16, 4)?)
            };
            let path = self.head.get(offset..offset.checked_add(length)?)?;
            let path = path.strip_suffix(b"\0").unwrap_or(path);
            return Some(String::from_utf8_lossy(path).into_owned());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_of_this_test_fits() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        match inspect(&own[..own.len().min(65536)]) {
            Finding::Loader(loader) => assert!(std::path::Path::new(&loader).exists(), "{loader}"),
            other => assert_eq!(other, Finding::Fits),
        }
    }

    #[test]
    fn cut_and_strange_heads_do_no_harm() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for length in 0..512 {
            inspect(&own[..length]);
        }
        assert_eq!(inspect(b"#!/bin/sh"), Finding::NoBinary);
        let mut wild = own[..64].to_vec();
        wild[32..64].fill(0xff);
        assert_eq!(inspect(&wild), Finding::Fits);
    }
}
