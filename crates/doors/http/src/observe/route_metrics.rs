use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use http::Method;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

/// The pattern of requests that no route matched: paths themselves are unbounded.
const UNMATCHED: &str = "unmatched";

/// The metrics of every route, by method and pattern. Handles are kept, so that a request costs
/// neither a search by labels nor their text.
#[derive(Default)]
pub(super) struct RouteTable([RwLock<HashMap<String, Arc<RouteMetrics>>>; METHODS.len()]);

/// The methods that are told apart; the last stands for all others.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "other"];

impl RouteTable {
    /// The metrics of requests with this method that matched `pattern`.
    pub(super) fn find(&self, method: &Method, pattern: Option<&str>) -> Arc<RouteMetrics> {
        let pattern = pattern.unwrap_or(UNMATCHED);
        let known = METHODS.iter().zip(&self.0).find(|(name, _)| **name == method.as_str());
        // The table has as many entries as there are methods.
        let (name, routes) =
            known.unwrap_or((&METHODS[METHODS.len() - 1], &self.0[METHODS.len() - 1]));
        if let Some(found) = routes.read().unwrap_or_else(PoisonError::into_inner).get(pattern) {
            return Arc::clone(found);
        }
        let mut routes = routes.write().unwrap_or_else(PoisonError::into_inner);
        let route = routes
            .entry(pattern.to_owned())
            .or_insert_with(|| Arc::new(RouteMetrics::new(name, pattern.to_owned())));
        Arc::clone(route)
    }
}

/// The metrics of one route.
pub(super) struct RouteMetrics {
    method: &'static str,
    pattern: String,
    in_flight: Gauge,
    seconds: Histogram,
    /// By status; a route has few, so that a search in a row is the quickest.
    answers: RwLock<Vec<(u16, Counter)>>,
}

impl RouteMetrics {
    fn new(method: &'static str, pattern: String) -> Self {
        let labels = [("method", method.to_owned()), ("route", pattern.clone())];
        Self {
            method,
            pattern,
            in_flight: gauge!("sealwork_http_requests_in_flight", &labels),
            seconds: histogram!("sealwork_http_request_duration_seconds", &labels),
            answers: RwLock::default(),
        }
    }

    /// A request has come.
    pub(super) fn begin(&self) {
        self.in_flight.increment(1);
    }

    /// It has been answered, or left.
    pub(super) fn end(&self, status: u16, latency: Duration) {
        self.in_flight.decrement(1);
        self.seconds.record(latency);
        {
            let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, counter)) = answers.iter().find(|(known, _)| *known == status) {
                return counter.increment(1);
            }
        }
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = answers.iter().find(|(known, _)| *known == status) {
            return counter.increment(1);
        }
        let counter = counter!(
            "sealwork_http_requests_total",
            "method" => self.method,
            "route" => self.pattern.clone(),
            "status" => status.to_string(),
        );
        counter.increment(1);
        answers.push((status, counter));
    }
}
