//! Quantities of compose files as quantities of a manifest: memory in powers of 1024, cores, durations.

use bascule_model::units::{ByteSize, CpuShare, Duration};

/// `512M`, `1g`, `64mb`, `1048576`: always powers of 1024 there. None: not a size, or less than a container can have.
pub(crate) fn memory(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1_u64,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    let fraction = format!("{fraction:0<3}").get(..3)?.parse::<u64>().ok()?;
    let bytes = whole.checked_mul(factor)?.checked_add(factor.checked_mul(fraction)? / 1000)?;
    (bytes >= 6 << 20).then(|| ByteSize::from_bytes(bytes).to_string())
}

/// `0.5`, `2`, `0.50`. None: not a number, or nothing.
pub(crate) fn cpu(text: &str) -> Option<String> {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let whole: u32 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction: u32 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let millicores = whole.checked_mul(1000)?.checked_add(fraction)?;
    (millicores > 0).then(|| CpuShare::from_millicores(millicores).to_string())
}

/// `1m30s`, `500ms`, `1.5s`. None: not a duration, or longer than an hour.
pub(crate) fn duration(text: &str) -> Option<String> {
    let text = text.trim();
    let fraction =
        text.strip_suffix('s').and_then(|number| number.split_once('.')).and_then(|(whole, fraction)| {
            let whole: u64 = whole.parse().ok()?;
            let fraction: u64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
            Some(Duration::from_milliseconds(whole * 1000 + fraction))
        });
    let duration = fraction.or_else(|| text.parse().ok())?;
    let in_bounds = Duration::from_milliseconds(1) <= duration && duration <= Duration::from_seconds(3600);
    in_bounds.then(|| duration.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, size) in [
            ("512M", Some("512Mi")),
            ("1g", Some("1Gi")),
            ("1.5gb", Some("1536Mi")),
            ("67108864", Some("64Mi")),
            ("1k", None),
            ("many", None),
        ] {
            assert_eq!(memory(text).as_deref(), size, "{text}");
        }
        for (text, share) in
            [("0.50", Some("0.5")), ("2", Some("2")), (".25", Some("0.25")), ("0", None), ("x", None)]
        {
            assert_eq!(cpu(text).as_deref(), share, "{text}");
        }
        for (text, time) in [
            ("90s", Some("1m30s")),
            ("1.5s", Some("1s500ms")),
            ("1m30s", Some("1m30s")),
            ("10us", None),
            ("2h", None),
        ] {
            assert_eq!(duration(text).as_deref(), time, "{text}");
        }
    }
}
