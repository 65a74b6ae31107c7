//! Writes `docs/lint.md` to its output: `cargo run -p bascule-lint --example documentation > docs/lint.md`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(bascule_lint::documentation().as_bytes())
}
