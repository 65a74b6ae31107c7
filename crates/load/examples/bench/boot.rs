//! How long the app itself takes to boot: so many instances started at once, until each answers its health check.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{answers, say};

const LIMIT: Duration = Duration::from_secs(60);

/// Ends them when they are dropped.
struct Instances(Vec<Child>);

impl Drop for Instances {
    fn drop(&mut self) {
        for instance in &mut self.0 {
            // One that has ended by itself cannot be ended again.
            let _ = instance.kill();
            let _ = instance.wait();
        }
    }
}

pub fn run(program: &str, count: usize, boot_ms: &str) -> Result<()> {
    // All held at once, so that they are different.
    let held = (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let addresses = held.iter().map(TcpListener::local_addr).collect::<Result<Vec<SocketAddr>, _>>()?;
    drop(held);
    let start = Instant::now();
    let mut instances = Instances(Vec::new());
    for address in &addresses {
        let mut command = Command::new(program);
        command.env("PORT", address.port().to_string()).env("SHOP_FAULT_BOOT_MS", boot_ms);
        instances.0.push(command.stdout(Stdio::null()).spawn()?);
    }
    for address in addresses {
        while answers::ask(address, "/health").is_err() {
            if start.elapsed() > LIMIT {
                bail!("an instance on {address} did not get healthy");
            }
            sleep(Duration::from_millis(2));
        }
    }
    say("boot_ms", start.elapsed().as_secs_f64() * 1000.0)
}
