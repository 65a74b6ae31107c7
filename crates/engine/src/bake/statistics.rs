//! Exact tests on counts: whether so many failures can still be chance.
//!
//! Both sum the probabilities of a distribution's tail from the observed count outwards; the first term comes from logarithms of
//! factorials, the next ones from the ratio of neighbours, so that millions of observations cost some thousand steps and nothing overflows.

/// Natural logarithm of `n!`, to about 14 digits (Stirling's series; sums for small `n`, where the series is not good enough).
#[must_use]
pub fn ln_factorial(n: u64) -> f64 {
    if n < 32 {
        return (2..=n).map(|factor| (factor as f64).ln()).sum();
    }
    let x = n as f64;
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    let series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)));
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

/// Natural logarithm of the number of ways to choose `k` of `n`; `k` is at most `n`.
fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Sums a term and those that follow from it by their ratios, until they no longer count.
fn sum(first: f64, ratios: impl Iterator<Item = f64>) -> f64 {
    let mut term = first;
    let mut sum = first;
    for ratio in ratios {
        term *= ratio;
        sum += term;
        if term <= sum * 1e-17 {
            break;
        }
    }
    sum.clamp(0.0, 1.0)
}

/// Probability of `k` or more failures in `n` independent tries that fail with probability `p` each (0 to 1).
#[must_use]
pub fn binomial_tail(n: u64, k: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    let odds = p / (1.0 - p);
    let term = |i: u64| (ln_choose(n, i) + i as f64 * p.ln() + (n - i) as f64 * (-p).ln_1p()).exp();
    if k as f64 > n as f64 * p {
        sum(term(k), (k..n).map(|i| (n - i) as f64 / (i + 1) as f64 * odds))
    } else {
        // The near side of the hump is the short one: 1 − P(X ≤ k − 1).
        let down = (1..k).rev().map(|i| i as f64 / (n - i + 1) as f64 / odds);
        1.0 - sum(term(k - 1), down)
    }
}

/// One-sided exact test of two proportions (Fisher): the probability that, if both fail alike, the first has `failed` or more of
/// the failures that both have together. Small: the first is worse.
#[must_use]
pub fn worse(all: u64, failed: u64, other_all: u64, other_failed: u64) -> f64 {
    let failed = failed.min(all);
    let other_failed = other_failed.min(other_all);
    let failures = failed + other_failed;
    // Most and fewest of the failures that the first can have.
    let most = failures.min(all);
    let fewest = failures.saturating_sub(other_all);
    if failed <= fewest {
        return 1.0;
    }
    let total = all + other_all;
    let term =
        |i: u64| (ln_choose(all, i) + ln_choose(other_all, failures - i) - ln_choose(total, failures)).exp();
    // From `i` failures of the first to `i + 1`.
    let up = |i: u64| {
        let gains = (all - i) as f64 * (failures - i) as f64;
        let gives = (i + 1) as f64 * (other_all + i + 1 - failures) as f64;
        gains / gives
    };
    if failed as f64 > all as f64 * (failures as f64 / total as f64) {
        sum(term(failed), (failed..most).map(up))
    } else {
        1.0 - sum(term(failed - 1), (fewest..failed - 1).rev().map(|i| 1.0 / up(i)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-11 + 1e-10 * b.abs()
    }

    /// Pascal's triangle: exact while numbers fit.
    fn choose(n: u64, k: u64) -> f64 {
        if k > n {
            return 0.0;
        }
        (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64)
    }

    #[test]
    fn factorials_agree_with_their_products() {
        let mut sum = 0.0;
        for n in 1..=300_u64 {
            sum += (n as f64).ln();
            assert!(close(ln_factorial(n), sum), "{n}");
        }
    }

    #[test]
    fn the_binomial_tail_agrees_with_brute_force() {
        for n in 0..=24_u64 {
            for p in [0.0, 0.001, 0.05, 0.3, 0.5, 0.9, 1.0] {
                for k in 0..=n + 1 {
                    let brute: f64 = (k..=n)
                        .map(|i| choose(n, i) * f64::powi(p, i as i32) * f64::powi(1.0 - p, (n - i) as i32))
                        .sum();
                    assert!(close(binomial_tail(n, k, p), brute), "n {n}, k {k}, p {p}: {brute}");
                }
            }
        }
    }

    #[test]
    fn fishers_test_agrees_with_brute_force() {
        for (all, other_all) in [(0, 0), (0, 5), (5, 0), (1, 1), (7, 9), (12, 4), (3, 20)] {
            for failed in 0..=all {
                for other_failed in 0..=other_all {
                    let failures = failed + other_failed;
                    let ways = |i: u64| {
                        if i > failures { 0.0 } else { choose(all, i) * choose(other_all, failures - i) }
                    };
                    let brute: f64 =
                        (failed..=all).map(ways).sum::<f64>() / choose(all + other_all, failures);
                    let found = worse(all, failed, other_all, other_failed);
                    assert!(
                        close(found, brute),
                        "{failed}/{all} {other_failed}/{other_all}: {found} {brute}"
                    );
                }
            }
        }
    }

    #[test]
    fn known_values() {
        // The lady tasting tea: 4 of 4 right, 3 of 4 right.
        assert!(close(worse(4, 4, 4, 0), 1.0 / 70.0));
        assert!(close(worse(4, 3, 4, 1), 17.0 / 70.0));
        assert!(close(binomial_tail(10, 10, 0.5), 1.0 / 1024.0));
        assert!(close(binomial_tail(1000, 1, 0.001), 1.0 - 0.999_f64.powi(1000)));
    }

    #[test]
    fn large_counts_neither_overflow_nor_take_long() {
        assert_eq!(binomial_tail(50_000_000, 500_000, 0.001), 0.0);
        let half = binomial_tail(10_000_000, 10_000, 0.001);
        assert!((0.49..0.51).contains(&half), "{half}");
        let alike = worse(10_000_000, 10_000, 10_000_000, 10_000);
        assert!((0.49..0.51).contains(&alike), "{alike}");
        assert!(worse(10_000_000, 11_000, 10_000_000, 10_000) < 1e-9);
        assert!(worse(10_000_000, 10_000, 10_000_000, 11_000) > 1.0 - 1e-9);
    }

    proptest! {
        #[test]
        fn probabilities_are_probabilities_and_fall_with_more_failures(
            n in 0_u64..5_000, k in 0_u64..5_000, other in 0_u64..5_000, other_failed in 0_u64..5_000, p in 0.0_f64..=1.0,
        ) {
            let (k, other_failed) = (k.min(n), other_failed.min(other));
            let (tail, next) = (binomial_tail(n, k, p), binomial_tail(n, k + 1, p));
            prop_assert!((0.0..=1.0).contains(&tail));
            prop_assert!(next <= tail + 1e-9, "{tail} {next}");
            let test = worse(n, k, other, other_failed);
            prop_assert!((0.0..=1.0).contains(&test));
            if k < n {
                prop_assert!(worse(n, k + 1, other, other_failed) <= test + 1e-9);
            }
        }
    }
}
