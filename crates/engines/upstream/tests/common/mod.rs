//! Apify at the test upstream, with an actor whose items are numbers.
#![allow(dead_code, reason = "each test uses its part")]

use std::time::Duration;

use sealwork_engine::Context;
use sealwork_test_upstream::{Items, TOKEN, TestUpstream, apify_at, context};
use sealwork_upstream::{
    Apify, ApifyConfig,
    apify::{Fetched, Order},
    shape,
};
use serde_json::{Value, json};

pub(crate) const ACTOR: &str = "owner~actor";
pub(crate) const TIME: Duration = Duration::from_secs(60);

shape! {
    /// An item.
    Numbered identified by n { n: Option<u64>, }
}

pub(crate) struct Setup {
    pub(crate) upstream: TestUpstream,
    pub(crate) apify: Apify,
}

impl Setup {
    /// Apify whose actor finds `items`.
    pub(crate) async fn finding(items: Items) -> Self {
        let setup = Self::new(Some(TOKEN)).await;
        setup.upstream.apify.set_found(ACTOR, items);
        setup
    }

    pub(crate) async fn without_token() -> Self {
        Self::new(None).await
    }

    async fn new(token: Option<&str>) -> Self {
        let upstream = TestUpstream::start().await.unwrap();
        let apify = apify_at(&upstream, token, ApifyConfig::DEFAULT_MAX_ITEMS);
        Self { upstream, apify }
    }

    pub(crate) async fn fetch(&self, order: &Order) -> Fetched {
        self.fetch_in(&context(TIME), order).await
    }

    pub(crate) async fn fetch_in(&self, context: &Context, order: &Order) -> Fetched {
        self.apify.fetch(context, order, |_: &Numbered| true).await
    }

    /// With items of any form.
    pub(crate) async fn fetch_values(&self, context: &Context, order: &Order) -> Fetched {
        self.apify.fetch(context, order, |_: &Value| true).await
    }

    /// Waits until something is so at the upstream.
    pub(crate) async fn until(&self, is_so: impl Fn(&TestUpstream) -> bool) {
        let waiting = async {
            while !is_so(&self.upstream) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(TIME, waiting).await.expect("it comes to be so");
    }
}

pub(crate) fn items(count: u64) -> Items {
    Items::new(count, |n| json!({"n": n, "dropped": "field"}))
}

pub(crate) fn order(results: u64) -> Order {
    Order { actor: ACTOR, input: json!({"query": "space"}), cursor: None, results }
}

/// The numbers of a result, in order.
pub(crate) fn numbers(fetched: &Fetched) -> Vec<u64> {
    let output = fetched.result.as_ref().expect("a result");
    let items: Vec<Numbered> = serde_json::from_slice(&output.data).unwrap();
    items.into_iter().filter_map(|item| item.n).collect()
}
