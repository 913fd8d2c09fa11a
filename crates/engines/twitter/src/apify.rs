use sealwork_engine::Context;
use sealwork_upstream::{
    Apify,
    apify::{Fetched, Order},
};
use serde_json::json;

use crate::{Arguments, Operation, results::ApifyProfile};

/// What lists followers and followed profiles (reference 3.5.3).
pub(crate) const ACTOR: &str = "kaitoeasyapi~premium-x-follower-scraper-following-data";
/// The actor takes no less.
const LEAST: u64 = 200;

/// Runs the actor, or reads on where `token` says, without a second run.
pub(crate) async fn followers(
    apify: &Apify,
    context: &Context,
    arguments: &Arguments,
    token: Option<&str>,
) -> Fetched {
    let wanted = arguments.max_results.max(LEAST);
    let is_followers = arguments.operation == Operation::GetFollowers;
    let (followers, followings) = if is_followers { (wanted, LEAST) } else { (LEAST, wanted) };
    let order = Order {
        actor: ACTOR,
        input: json!({
            "user_names": [arguments.query],
            "user_ids": [],
            "maxFollowers": followers,
            "maxFollowings": followings,
            "getFollowers": is_followers,
            "getFollowing": !is_followers,
        }),
        cursor: token.map(str::to_owned),
        results: arguments.max_results,
    };
    apify.fetch(context, &order, |_: &ApifyProfile| true).await
}
