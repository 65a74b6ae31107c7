//! Quantities such as `500m`, `2`, `64Mi`, in thousandths.

/// Reads a quantity; what is none counts as zero.
pub(super) fn parse(text: &str) -> i128 {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: i128 = match unit {
        "m" => 1,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1000 << 10,
        "Mi" => 1000 << 20,
        "Gi" => 1000 << 30,
        "Ti" => 1000 << 40,
        _ => 1000,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: i128 = whole.parse().unwrap_or_default();
    let scale = 10_i128.pow(u32::try_from(fraction.len().min(9)).unwrap_or_default());
    let fraction: i128 =
        fraction.get(..fraction.len().min(9)).unwrap_or_default().parse().unwrap_or_default();
    whole * factor + fraction * factor / scale
}

/// Writes a quantity as the server does: the largest unit without a fraction.
pub(super) fn display(thousandths: i128, resource: &str) -> String {
    if thousandths % 1000 != 0 {
        return format!("{thousandths}m");
    }
    let whole = thousandths / 1000;
    if resource.ends_with("memory") {
        for (shift, unit) in [(40, "Ti"), (30, "Gi"), (20, "Mi"), (10, "Ki")] {
            if whole != 0 && whole % (1_i128 << shift) == 0 {
                return format!("{}{unit}", whole >> shift);
            }
        }
    }
    whole.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, expected) in
            [("500m", 500), ("2", 2000), ("0.5", 500), ("1Ki", 1_024_000), ("1.5Gi", 1_610_612_736_000)]
        {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(display(parse("0.25"), "requests.cpu"), "250m");
        assert_eq!(display(parse("1024Ki"), "requests.memory"), "1Mi");
    }
}
