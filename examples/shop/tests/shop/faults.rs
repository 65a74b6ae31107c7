//! Each fault does what it says, and leaves alone what it says it leaves alone.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use anyhow::Result;

use crate::program::{Shop, command};

#[test]
fn never_healthy() -> Result<()> {
    let shop = Shop::start(&[("SHOP_FAULT_NEVER_HEALTHY", "1")])?;
    let health = shop.get("/health")?;
    assert_eq!(health.status, 503);
    assert!(health.body.contains(r#""status":"failing""#), "{}", health.body);
    assert_eq!(shop.get("/api/users")?.status, 200);
    Ok(())
}

#[test]
fn error_rate_is_even_and_spares_the_health_check() -> Result<()> {
    let shop = Shop::start(&[("SHOP_FAULT_ERROR_RATE", "25%")])?;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        assert_eq!(shop.get("/health")?.status, 200);
        let answer = shop.get("/api/users")?;
        assert_eq!(answer.head.contains("x-shop-fault: error-rate"), answer.status == 500);
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 200, 500, 200, 200, 200, 500]);
    Ok(())
}

#[test]
fn a_file_is_an_outage_for_as_long_as_it_is_there() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("outage");
    let shop = Shop::start(&[("SHOP_FAULT_FILE", file.to_str().unwrap_or_default())])?;
    assert_eq!(shop.get("/")?.status, 200);
    std::fs::write(&file, "")?;
    let answer = shop.get("/")?;
    assert!(answer.status == 500 && answer.head.contains("x-shop-fault: file"), "{}", answer.head);
    assert_eq!(shop.get("/health")?.status, 200);
    std::fs::remove_file(&file)?;
    assert_eq!(shop.get("/")?.status, 200);
    Ok(())
}

#[test]
fn exit_at_start() -> Result<()> {
    let output = command(&[("SHOP_FAULT_EXIT_AT_START", "3")]).output()?;
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stdout)?;
    assert!(said.contains("no such table: goods") && !said.contains("listening"), "{said}");
    Ok(())
}

#[test]
fn a_crash_is_an_abort() -> Result<()> {
    let mut shop = Shop::start(&[("SHOP_FAULT_CRASH_AFTER_MS", "1")])?;
    shop.line_with("on fire")?;
    let status = shop.wait()?;
    assert_eq!((status.code(), status.signal()), (None, Some(6)));
    Ok(())
}

#[test]
fn a_boot_can_be_stopped() -> Result<()> {
    let mut child = command(&[("SHOP_FAULT_BOOT_MS", "600000")]).stdout(Stdio::piped()).spawn()?;
    let mut first = [0; 14];
    std::io::Read::read_exact(&mut child.stdout.take().into_iter().next().expect("piped"), &mut first)?;
    assert_eq!(&first, b"shop: starting");
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id())?).expect("a process has an id");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
    assert_eq!(child.wait()?.code(), Some(0));
    Ok(())
}

#[test]
fn the_wrong_port() -> Result<()> {
    let free = std::net::TcpListener::bind("127.0.0.1:0")?;
    let told = free.local_addr()?;
    // The port is taken, and it does not mind: it does not want it.
    let port = told.port().to_string();
    let shop = Shop::start(&[("SHOP_FAULT_WRONG_PORT", "1"), ("PORT", &port)])?;
    assert_ne!(shop.address, told.to_string());
    assert_eq!(shop.get("/health")?.status, 200);
    Ok(())
}

#[test]
fn a_taken_port_is_said() -> Result<()> {
    let held = std::net::TcpListener::bind("127.0.0.1:0")?;
    let taken = held.local_addr()?;
    let output = command(&[("PORT", &taken.port().to_string())]).stderr(Stdio::piped()).output()?;
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains(&format!("listening on {taken}")) && said.contains("--port"), "{said}");
    Ok(())
}

#[test]
fn sigterm_is_ignored() -> Result<()> {
    let mut shop = Shop::start(&[("SHOP_FAULT_IGNORE_SIGTERM", "1")])?;
    shop.terminate()?;
    shop.line_with("makes me ignore it")?;
    assert!(!shop.has_ended()?);
    assert_eq!(shop.get("/health")?.status, 200);
    Ok(())
}

#[test]
fn latency_spares_the_health_check() -> Result<()> {
    let shop = Shop::start(&[("SHOP_FAULT_LATENCY_MS", "300000")])?;
    let mut waiting = shop.connect()?;
    std::io::Write::write_all(&mut waiting, b"GET /api/users HTTP/1.1\r\nhost: shop\r\n\r\n")?;
    assert_eq!(shop.get("/health")?.status, 200);
    waiting.set_nonblocking(true)?;
    let nothing = std::io::Read::read(&mut waiting, &mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(nothing, Err(std::io::ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn a_leak_grows() -> Result<()> {
    let shop = Shop::start(&[("SHOP_FAULT_LEAK", "400Mi")])?;
    let resident = || -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", shop.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    };
    let before = resident()?;
    let started = std::time::Instant::now();
    while resident()? < before + 80 * 1024 {
        assert!(started.elapsed() < crate::program::LIMIT, "the memory did not grow from {before} kB");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Ok(())
}

#[test]
fn the_log_is_flooded_while_it_serves() -> Result<()> {
    let mut shop = Shop::start(&[("SHOP_FAULT_LOG_FLOOD", "1")])?;
    let line = shop.line_with("flood line 1500 ")?;
    assert_eq!(line.len(), 200);
    let address = shop.address.clone();
    // Its output is read meanwhile: a full pipe would stop it, which is not what is tested.
    let reader = std::thread::spawn(move || shop.line_with("flood line 9000 ").map(|_| ()));
    let mut stream = std::net::TcpStream::connect(address)?;
    std::io::Write::write_all(
        &mut stream,
        b"GET /health HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n\r\n",
    )?;
    assert_eq!(crate::program::answer(stream)?.status, 200);
    reader.join().expect("the reader does not panic")?;
    Ok(())
}
