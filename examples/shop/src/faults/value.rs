//! Reading the values of the variables: switches, counts of milliseconds, sizes and percentages.

use std::time::Duration;

use super::Lookup;
use crate::ShopError;

type Read<T> = Result<Option<T>, ShopError>;

/// On or off; `None` when the variable is not set or empty.
pub(super) fn switch(lookup: Lookup<'_>, name: &'static str) -> Read<()> {
    read(lookup, name, "1 (on) or 0 (off)", |text| match text {
        "1" | "true" => Some(Some(())),
        "0" | "false" => Some(None),
        _ => None,
    })
    .map(Option::flatten)
}

/// Milliseconds.
pub(super) fn milliseconds(lookup: Lookup<'_>, name: &'static str) -> Read<Duration> {
    read(lookup, name, "a number of milliseconds such as 1500", |text| {
        text.parse().ok().map(Duration::from_millis)
    })
}

/// An exit code from 1 to 255.
pub(super) fn exit_code(lookup: Lookup<'_>, name: &'static str) -> Read<u8> {
    read(lookup, name, "an exit code from 1 to 255", |text| text.parse().ok().filter(|code| *code > 0))
}

/// Bytes, with an optional Ki, Mi or Gi.
pub(super) fn size(lookup: Lookup<'_>, name: &'static str) -> Read<usize> {
    read(lookup, name, "a size such as 16Mi", |text| {
        let (digits, shift) = [("Ki", 10), ("Mi", 20), ("Gi", 30)]
            .into_iter()
            .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, shift)))
            .unwrap_or((text, 0));
        digits.parse::<usize>().ok()?.checked_mul(1 << shift)
    })
}

/// A percentage, in millionths: `5%` is 50 000.
pub(super) fn millionths(lookup: Lookup<'_>, name: &'static str) -> Read<u64> {
    read(lookup, name, "a percentage such as 5% or 0.1%", |text| {
        let percent: f64 = text.strip_suffix('%')?.trim_end().parse().ok()?;
        (0.0..=100.0).contains(&percent).then(|| (percent * 10_000.0).round() as u64)
    })
}

fn read<T>(
    lookup: Lookup<'_>,
    name: &'static str,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Read<T> {
    match lookup(name) {
        Some(value) if !value.is_empty() => match parse(&value) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(ShopError::BadValue { name, value, expected }),
        },
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let is = |value: &'static str| move |_: &str| Some(value.to_owned());
        assert_eq!(size(&is("16Mi"), "X").unwrap(), Some(16 << 20));
        assert_eq!(size(&is("100"), "X").unwrap(), Some(100));
        assert_eq!(millionths(&is("0.1%"), "X").unwrap(), Some(1_000));
        assert_eq!(switch(&is("1"), "X").unwrap(), Some(()));
        assert_eq!(switch(&is("0"), "X").unwrap(), None);
        assert_eq!(switch(&is(""), "X").unwrap(), None);
        assert_eq!(milliseconds(&is("20"), "X").unwrap(), Some(Duration::from_millis(20)));
        for wrong in ["101%", "5", "-1%", "x%"] {
            assert!(millionths(&|_| Some(wrong.to_owned()), "X").is_err(), "{wrong} was taken");
        }
        assert!(exit_code(&is("0"), "X").is_err());
        let error = switch(&is("yes"), "SHOP_FAULT_LEAK").unwrap_err();
        assert_eq!(error.to_string(), "reading SHOP_FAULT_LEAK: `yes` is not 1 (on) or 0 (off)");
    }
}
