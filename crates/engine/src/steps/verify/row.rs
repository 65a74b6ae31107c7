//! A check that has to pass several times in a row, each time on a connection of its own.

use bascule_model::evidence::{CheckResult, Status};
use bascule_model::release::{Action, Check};

use crate::ports::{CheckPlace, Checker, Clock};

/// Whether asking again changes nothing: questions that only read. A command may be a whole suite of tests.
pub(super) fn is_safe(check: &Check) -> bool {
    match &check.action {
        Action::Request { method, .. } => ["GET", "HEAD"].contains(&method.as_str()),
        Action::Command { .. } => false,
    }
}

/// Asks until it passed `times` in a row. A failure begins the row anew, as often as the check may be retried.
pub(super) async fn check(
    (checker, clock): (&dyn Checker, &dyn Clock),
    check: &Check,
    at: &CheckPlace,
    times: u32,
) -> CheckResult {
    let once = Check { retries: 0, ..check.clone() };
    let (mut passed, mut rows) = (0, 1);
    loop {
        let mut result = checker.check(&once, at).await;
        result.attempts = rows;
        if result.status == Status::Pass {
            passed += 1;
            if passed == times {
                result.detail = format!("{}, {times} times in a row", result.detail);
                return result;
            }
            continue;
        }
        if rows > check.retries {
            if passed > 0 {
                result.detail = format!("{}, after it had passed {passed} of {times} times", result.detail);
            }
            return result;
        }
        (passed, rows) = (0, rows + 1);
        clock.sleep(check.over / check.retries).await;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::SocketAddr;
    use std::sync::Mutex;
    use std::time::Duration;

    use async_trait::async_trait;
    use bascule_model::evidence::ProbeResult;
    use bascule_model::release::Health;

    use super::*;

    /// Answers as it was told, from the last one on; nothing more to say is a mistake of the test.
    struct Scripted(Mutex<Vec<bool>>);

    #[async_trait]
    impl Checker for Scripted {
        async fn probe(&self, _: SocketAddr, _: &Health) -> ProbeResult {
            unreachable!("only checks are asked")
        }

        async fn check(&self, check: &Check, _: &CheckPlace) -> CheckResult {
            assert_eq!(check.retries, 0, "the row retries, not the check");
            let is_well = self.0.lock().unwrap().pop().expect("it was asked too often");
            let (status, detail) = if is_well { (Status::Pass, "200") } else { (Status::Fail, "502") };
            CheckResult {
                name: check.name.clone(),
                status,
                attempts: 1,
                detail: detail.to_owned(),
                took_ms: 1,
            }
        }
    }

    /// Counts pauses.
    #[derive(Default)]
    struct Pauses(Mutex<Vec<Duration>>);

    #[async_trait]
    impl Clock for Pauses {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        fn elapsed(&self) -> Duration {
            Duration::ZERO
        }

        async fn sleep(&self, duration: Duration) {
            self.0.lock().unwrap().push(duration);
        }
    }

    #[tokio::test]
    async fn a_failure_begins_the_row_anew_as_often_as_the_check_is_retried() {
        let (well, ill) = (Status::Pass, Status::Fail);
        // Answers (1 passes), retries; then: how it ended, rows begun, words, pauses.
        let table: [(&str, u32, Status, u32, &str, usize); 6] = [
            ("111", 0, well, 1, "200, 3 times in a row", 0),
            ("0", 0, ill, 1, "502", 0),
            ("110", 0, ill, 1, "502, after it had passed 2 of 3 times", 0),
            ("0111", 2, well, 2, "200, 3 times in a row", 1),
            ("110110110", 2, ill, 3, "502, after it had passed 2 of 3 times", 2),
            ("000", 2, ill, 3, "502", 2),
        ];
        for (answers, retries, status, rows, words, pauses) in table {
            let script = answers.chars().rev().map(|answer| answer == '1').collect();
            let (checker, clock) = (Scripted(Mutex::new(script)), Pauses::default());
            let asked = Check { retries, over: Duration::from_secs(10), ..Check::get("home", "/") };
            let address = ([127, 0, 0, 1], 80).into();
            let at = CheckPlace { address, host: None, env: BTreeMap::new(), folder: None };
            let result = check((&checker, &clock), &asked, &at, 3).await;
            assert_eq!((result.status, result.attempts), (status, rows), "{answers}");
            assert_eq!(result.detail, words, "{answers}");
            assert!(checker.0.lock().unwrap().is_empty(), "{answers}: it was not asked for all");
            assert_eq!(clock.0.lock().unwrap().len(), pauses, "{answers}");
        }
    }

    #[test]
    fn what_may_change_something_is_asked_once() {
        let with = |method: &str| {
            let action = Action::Request {
                method: method.to_owned(),
                path: "/".to_owned(),
                headers: Vec::new(),
                body: None,
            };
            is_safe(&Check { action, ..Check::get("x", "/") })
        };
        assert!(with("GET") && with("HEAD"));
        assert!(!with("POST") && !with("PUT") && !with("DELETE"));
        assert!(!is_safe(&Check { action: Action::Command { command: Vec::new() }, ..Check::get("x", "/") }));
    }
}
