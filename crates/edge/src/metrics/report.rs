//! What the counters say, as it goes over the control socket.

use bascule_model::ids::{ReleaseId, ServiceName, Slot};
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;

/// Everything one release was asked since it was put into its slot (or since this edge process began).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseMetrics {
    /// The release.
    pub release: ReleaseId,
    /// Where it stands.
    pub slot: Slot,
    /// Changes when the counters began anew; readings with different epochs cannot be compared.
    pub epoch: u64,
    /// One entry per service.
    pub services: Vec<ServiceMetrics>,
}

/// The counters of one service of one release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceMetrics {
    /// The service.
    pub service: ServiceName,
    /// The figures.
    pub counts: Counts,
}

/// Plain figures; all but the two gauges only grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Requests that claimed this service.
    pub requests: u64,
    /// Responses by class, 1xx (that is 101) to 5xx, as the client got them, the edge's own 502 and 504 included.
    pub status: [u64; 5],
    /// Attempts to connect to an instance that failed.
    pub connect_failures: u64,
    /// Exchanges that an instance broke off or did not answer in time, before or within the response.
    pub upstream_failures: u64,
    /// Of those, the ones that broke off after the head of the response: its status was counted as the instance gave it.
    pub cut_responses: u64,
    /// Second and further attempts.
    pub retries: u64,
    /// Gauge: requests whose response or request body has not ended yet, upgraded connections included.
    pub in_flight: u64,
    /// Gauge: upgraded connections that are open.
    pub upgraded_open: u64,
    /// From the end of the request's head to the head of the response, in µs.
    pub latency: Histogram,
}

impl Counts {
    /// What came since `earlier`; the gauges stay as they are now.
    #[must_use]
    pub fn minus(&self, earlier: &Self) -> Self {
        let mut status = self.status;
        for (now, then) in status.iter_mut().zip(earlier.status) {
            *now = now.saturating_sub(then);
        }
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            status,
            connect_failures: self.connect_failures.saturating_sub(earlier.connect_failures),
            upstream_failures: self.upstream_failures.saturating_sub(earlier.upstream_failures),
            cut_responses: self.cut_responses.saturating_sub(earlier.cut_responses),
            retries: self.retries.saturating_sub(earlier.retries),
            in_flight: self.in_flight,
            upgraded_open: self.upgraded_open,
            latency: self.latency.minus(&earlier.latency),
        }
    }

    /// Adds another service's figures.
    pub fn merge(&mut self, other: &Self) {
        self.requests += other.requests;
        for (sum, more) in self.status.iter_mut().zip(other.status) {
            *sum += more;
        }
        self.connect_failures += other.connect_failures;
        self.upstream_failures += other.upstream_failures;
        self.cut_responses += other.cut_responses;
        self.retries += other.retries;
        self.in_flight += other.in_flight;
        self.upgraded_open += other.upgraded_open;
        self.latency.merge(&other.latency);
    }
}

impl ReleaseMetrics {
    /// What came since `earlier`. When the counters began anew in between, everything there is.
    #[must_use]
    pub fn minus(&self, earlier: &Self) -> Self {
        if self.epoch != earlier.epoch || self.release != earlier.release {
            return self.clone();
        }
        let mut difference = self.clone();
        for service in &mut difference.services {
            if let Some(before) = earlier.services.iter().find(|before| before.service == service.service) {
                service.counts = service.counts.minus(&before.counts);
            }
        }
        difference
    }

    /// All services together.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        for service in &self.services {
            total.merge(&service.counts);
        }
        total
    }
}
