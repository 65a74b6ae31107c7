//! How fast secrets are taken out: prints megabytes a second on one core, for ordinary log lines and for lines
//! that are full of secrets, with 100 secrets.

#![expect(clippy::print_stdout, reason = "a program for people")]

use std::time::{Duration, Instant};

use bascule_secrets::SecretValue;
use bascule_secrets::redact::Redactor;

const SECRETS: usize = 100;
const CHUNK: usize = 64 * 1024;

fn main() {
    let secrets: Vec<(String, SecretValue)> =
        (0..SECRETS).map(|n| (format!("SECRET_{n}"), SecretValue::new(secret(n)))).collect();
    let began = Instant::now();
    let redactor = Redactor::new(secrets.iter().map(|(name, value)| (name.as_str(), value)));
    println!("built for {SECRETS} secrets in {} ms", began.elapsed().as_millis());
    let plain = |n: usize| {
        format!(
            "2026-11-25T22:40:{:02}.123Z INFO request id={n:08x} method=GET path=/api/users/{n}/orders status=200 \
             time={}ms agent=\"Mozilla/5.0 (X11; Linux x86_64)\"\n",
            n % 60,
            n % 97
        )
    };
    let full = |n: usize| format!("{{\"token\":\"{}\",\"n\":{n}}}\n", secret(n % SECRETS));
    for (what, line) in [("log lines", &plain as &dyn Fn(usize) -> String), ("a secret in each line", &full)]
    {
        let text: String = (0..400_000).map(line).collect();
        let mut out = Vec::with_capacity(text.len() + CHUNK);
        let mut best = Duration::MAX;
        for _ in 0..3 {
            out.clear();
            let began = Instant::now();
            let mut stream = redactor.stream();
            for chunk in text.as_bytes().chunks(CHUNK) {
                stream.push(chunk, &mut out);
            }
            stream.finish(&mut out);
            best = best.min(began.elapsed());
        }
        let rate = text.len() as f64 / 1e6 / best.as_secs_f64();
        println!(
            "{what}: {rate:.0} MB/s ({} MB in, {} MB out)",
            text.len() / 1_000_000,
            out.len() / 1_000_000
        );
    }
}

/// Like those that providers hand out: 40 letters and digits, some with what has to be escaped.
fn secret(n: usize) -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(n as u64 + 1);
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\"$&";
    let length = if n.is_multiple_of(3) { alphabet.len() } else { 62 };
    (0..40)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(alphabet[usize::try_from(state % length as u64).unwrap_or(0)])
        })
        .collect()
}
