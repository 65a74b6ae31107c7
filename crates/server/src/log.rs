//! The control plane's own log: one line an event, to the writer that the wiring gave (serve.log when it runs in the background).

use std::io::Write as _;

use bascule_engine::engine::Engine;

/// Writes one line with the time.
pub fn line(engine: &Engine, text: &str) {
    let now = engine.ports().clock.now();
    let mut out = std::io::stderr().lock();
    // A log that cannot be written must not stop a deploy.
    let _ = writeln!(out, "{now:.3} {text}");
}
