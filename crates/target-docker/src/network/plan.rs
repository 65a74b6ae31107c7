//! Which addresses of an environment's network are given to whom. Pure.
//!
//! The lower part of the subnet is the engine's, for containers that somebody else puts into the network; instances get theirs
//! from the upper part. An address that an instance has is so never given to anybody by the engine, also while the instance is
//! down.

use std::collections::HashSet;
use std::net::Ipv4Addr;

/// An IPv4 network, as in `172.18.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Subnet {
    base: u32,
    prefix: u32,
}

impl Subnet {
    /// Reads `ADDRESS/PREFIX`; none when it is no IPv4 network of 8 addresses or more.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u32 = prefix.parse().ok()?;
        if !(1..=29).contains(&prefix) {
            return None;
        }
        let base = u32::from(address) & (u32::MAX << (32 - prefix));
        Some(Self { base, prefix })
    }

    fn size(self) -> u32 {
        1 << (32 - self.prefix)
    }

    /// What the engine gives from: the lowest quarter.
    pub(crate) fn engines_part(self) -> String {
        format!("{}/{}", Ipv4Addr::from(self.base), self.prefix + 2)
    }

    /// The first address after the network's own: the engine's end of it.
    pub(crate) fn gateway(self) -> Ipv4Addr {
        Ipv4Addr::from(self.base + 1)
    }

    /// Whether an instance can have it.
    pub(crate) fn can_give(self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        address >= self.base + self.size() / 4 && address < self.base + self.size() - 1
    }

    /// The next free address after the last that was given, so that one that was freed is not given again soon.
    pub(crate) fn next(self, last: Option<Ipv4Addr>, used: &HashSet<Ipv4Addr>) -> Option<Ipv4Addr> {
        let first = self.base + self.size() / 4;
        let end = self.base + self.size() - 1;
        let start = last.filter(|last| self.can_give(*last)).map_or(first, |last| u32::from(last) + 1);
        (start..end).chain(first..start.min(end)).map(Ipv4Addr::from).find(|address| !used.contains(address))
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_read_and_parted() {
        let subnet = Subnet::parse("172.18.0.0/16").unwrap();
        assert_eq!(subnet.to_string(), "172.18.0.0/16");
        assert_eq!(subnet.engines_part(), "172.18.0.0/18");
        assert_eq!(subnet.gateway(), Ipv4Addr::new(172, 18, 0, 1));
        assert!(!subnet.can_give(Ipv4Addr::new(172, 18, 63, 255)));
        assert!(subnet.can_give(Ipv4Addr::new(172, 18, 64, 0)));
        assert!(!subnet.can_give(Ipv4Addr::new(172, 18, 255, 255)));
        for bad in ["", "10.0.0.0", "10.0.0.0/30", "fd00::/64", "10.0.0.0/0", "x/24"] {
            assert!(Subnet::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn addresses_go_round_and_end() {
        let subnet = Subnet::parse("10.0.0.0/28").unwrap();
        let mut used = HashSet::new();
        let mut last = None;
        for expected in 4..15 {
            let next = subnet.next(last, &used).unwrap();
            assert_eq!(next, Ipv4Addr::new(10, 0, 0, expected));
            used.insert(next);
            last = Some(next);
        }
        assert_eq!(subnet.next(last, &used), None);
        used.remove(&Ipv4Addr::new(10, 0, 0, 6));
        assert_eq!(subnet.next(last, &used), Some(Ipv4Addr::new(10, 0, 0, 6)));
        used.remove(&Ipv4Addr::new(10, 0, 0, 4));
        assert_eq!(
            subnet.next(Some(Ipv4Addr::new(10, 0, 0, 5)), &used),
            Some(Ipv4Addr::new(10, 0, 0, 6)),
            "not the one that was freed first, but the next after the last"
        );
        assert!(subnet.next(Some(Ipv4Addr::new(192, 168, 0, 1)), &used).is_some());
    }
}
