//! Which subnet an environment's network gets: the first of the engine's address pools that nobody uses. Pure.
//!
//! It is chosen here since an instance's address can only be given in a subnet that was written out when the network was made:
//! one that the engine chose would have to be read, removed and made a second time.

use std::net::Ipv4Addr;

use super::plan::Subnet;

/// What engines take from that were told nothing else: base and the length of the networks' prefix.
const USUAL: [(&str, i64); 7] = [
    ("172.17.0.0/16", 16),
    ("172.18.0.0/16", 16),
    ("172.19.0.0/16", 16),
    ("172.20.0.0/14", 16),
    ("172.24.0.0/14", 16),
    ("172.28.0.0/14", 16),
    ("192.168.0.0/16", 20),
];

/// Addresses from the first to the last, as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    first: u32,
    last: u32,
}

impl Range {
    /// Reads `ADDRESS/PREFIX`; none when it is no IPv4 network.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok()?;
        Some(Self::of(address.parse().ok()?, u32::MAX.checked_shl(32_u32.checked_sub(prefix)?).unwrap_or(0)))
    }

    /// One address.
    pub(crate) fn one(address: Ipv4Addr) -> Self {
        Self::of(address, u32::MAX)
    }

    fn of(address: Ipv4Addr, mask: u32) -> Self {
        let first = u32::from(address) & mask;
        Self { first, last: first | !mask }
    }

    fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The subnets that a network can be made with, in the engine's order. `pools`: as the engine tells them; none: the usual ones.
pub(crate) fn free(pools: Vec<(String, i64)>, used: Vec<Range>) -> impl Iterator<Item = Subnet> + Send {
    let usual = || USUAL.map(|(base, size)| (base.to_owned(), size)).to_vec();
    let pools = if pools.is_empty() { usual() } else { pools };
    let all = pools.into_iter().filter_map(|(base, size)| Some((Range::parse(&base)?, size)));
    all.flat_map(|(base, size)| parts(base, size))
        .filter(move |(range, _)| !used.iter().any(|used| used.overlaps(*range)))
        .filter_map(|(range, size)| Subnet::parse(&format!("{}/{size}", Ipv4Addr::from(range.first))))
}

/// A pool's networks, those that have room for instances; none where the engine could not take any from it.
fn parts(base: Range, size: i64) -> impl Iterator<Item = (Range, i64)> + Send {
    let length = match u32::try_from(size) {
        Ok(size @ 1..=29) => 1_u64 << (32 - size),
        _ => 0,
    };
    let all = u64::from(base.last) - u64::from(base.first) + 1;
    (0..all.checked_div(length).unwrap_or_default()).filter_map(move |n| {
        let first = u64::from(base.first) + n * length;
        let range =
            Range { first: u32::try_from(first).ok()?, last: u32::try_from(first + length - 1).ok()? };
        Some((range, size))
    })
}

/// Whether an engine's refusal says that somebody else has the subnet. Engines say it in several ways, with one word in all of them; of
/// two that ask for the very same subnet at the same moment the later one gets as far as the gateway, which the first one has.
pub(crate) fn is_taken(refusal: &str) -> bool {
    refusal.contains("overlap")
        || (refusal.contains("allocate gateway") && refusal.contains("already in use"))
}

/// What this machine's routes lead to, but for those to everywhere. `table`: as in `/proc/net/route`.
pub(crate) fn routes(table: &str) -> Vec<Range> {
    let number = |text: &&str| u32::from_str_radix(text, 16).ok().map(u32::from_be);
    let route = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (to, mask) = (words.get(1).and_then(number)?, words.get(7).and_then(number)?);
        (mask != 0).then(|| Range::of(Ipv4Addr::from(to), mask))
    };
    table.lines().skip(1).filter_map(route).collect()
}

/// The name servers of this machine. `configuration`: as in `/etc/resolv.conf`.
pub(crate) fn name_servers(configuration: &str) -> Vec<Range> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next()?.parse().ok().map(Range::one)).flatten()
    };
    configuration.lines().filter_map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(texts: &[&str]) -> Vec<Range> {
        texts.iter().map(|text| Range::parse(text).unwrap()).collect()
    }

    fn first(pools: &[(&str, i64)], taken: &[&str], count: usize) -> Vec<String> {
        let pools = pools.iter().map(|(base, size)| ((*base).to_owned(), *size)).collect();
        free(pools, used(taken)).take(count).map(|subnet| subnet.to_string()).collect()
    }

    #[test]
    fn the_first_that_nobody_uses() {
        assert_eq!(first(&[], &[], 1), ["172.17.0.0/16"]);
        assert_eq!(first(&[], &["172.17.0.0/16", "172.18.5.0/24"], 1), ["172.19.0.0/16"]);
        assert_eq!(first(&[], &["172.16.0.0/12"], 2), ["192.168.0.0/20", "192.168.16.0/20"]);
        assert!(first(&[], &["172.16.0.0/12", "192.168.0.0/16"], 1).is_empty());
        let mine = [("10.64.0.0/25", 26), ("fd00::/64", 80), ("10.9.0.0/24", 30), ("10.10.0.0/24", 24)];
        assert_eq!(first(&mine, &[], 9), ["10.64.0.0/26", "10.64.0.64/26", "10.10.0.0/24"]);
        assert_eq!(first(&mine, &["10.64.0.3/32"], 1), ["10.64.0.64/26"]);
        for odd in [("10.0.0.0/24", 16), ("10.0.0.0/24", 0), ("10.0.0.0/24", -1), ("10.0.0.0/24", 99)] {
            assert!(first(&[odd], &[], 9).is_empty(), "{odd:?}");
        }
        assert_eq!(first(&[("255.255.255.0/24", 25)], &[], 9), ["255.255.255.0/25", "255.255.255.128/25"]);
        assert_eq!(first(&[("0.0.0.0/0", 8)], &[], 2), ["0.0.0.0/8", "1.0.0.0/8"]);
    }

    #[test]
    fn a_subnet_that_somebody_has_is_known_by_the_engines_words() {
        for (words, expected) in [
            ("Pool overlaps with other one on this address space", true),
            (
                "cannot create network 1f (br-1f): conflicts with network 2e (br-2e): networks have overlapping IPv4",
                true,
            ),
            ("failed to allocate gateway (172.18.0.1): Address already in use", true),
            ("network with name shop already exists", false),
            ("driver failed programming external connectivity: port is already in use", false),
        ] {
            assert_eq!(is_taken(words), expected, "{words}");
        }
    }

    #[test]
    fn what_this_machine_uses_is_read() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
                     nonsense\n";
        assert_eq!(routes(table), used(&["172.17.0.0/16"]));
        let servers = "# nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver fe80::1\nsearch nameserver\n";
        assert_eq!(name_servers(servers), used(&["10.0.0.2/32"]));
    }
}
