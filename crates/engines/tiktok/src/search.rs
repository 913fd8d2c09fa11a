//! What the actors are given (reference 3.3).

use sealwork_upstream::apify::Order;
use serde_json::{Map, Value, json};

use crate::{Query, Trending};

pub(crate) const QUERY_ACTOR: &str = "epctex~tiktok-search-scraper";
pub(crate) const TRENDING_ACTOR: &str = "lexis-solutions~tiktok-trending-videos-scraper";

/// What a search by query asks.
pub(crate) fn query(query: &Query) -> Order {
    let mut input = Map::new();
    let mut put = |name: &str, value: Value| input.insert(name.to_owned(), value);
    put("search", query.search.clone().into());
    put("startUrls", query.start_urls.clone().into());
    put("maxItems", query.max_items.into());
    if query.end_page > 0 {
        put("endPage", query.end_page.into());
    }
    put("proxy", json!({"useApifyProxy": true, "apifyProxyGroups": ["RESIDENTIAL"]}));
    Order {
        actor: QUERY_ACTOR,
        input: Value::Object(input),
        cursor: query.next_cursor.clone(),
        results: query.max_items,
    }
}

/// What a search by trend asks.
pub(crate) fn trending(trending: &Trending) -> Order {
    Order {
        actor: TRENDING_ACTOR,
        input: json!({
            "countryCode": trending.country_code,
            "sortBy": trending.sort_by,
            "period": trending.period,
            "maxItems": trending.max_items,
        }),
        cursor: trending.next_cursor.clone(),
        results: trending.max_items,
    }
}
