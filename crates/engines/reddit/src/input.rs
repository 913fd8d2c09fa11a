//! What the actor is given (reference 3.4).

use serde_json::{Map, Value, json};

use crate::{Arguments, Operation};

/// The actor's input for `arguments`.
pub(crate) fn input(arguments: &Arguments) -> Value {
    use Operation::{ScrapeUrls, SearchCommunities, SearchPosts, SearchUsers};
    let operation = arguments.operation;
    let is_scrape = operation == ScrapeUrls;
    let mut input = Map::new();
    let mut put = |name: &str, value: Value| input.insert(name.to_owned(), value);
    put("sort", arguments.sort.into());
    put("includeNSFW", arguments.include_nsfw.into());
    put("maxItems", arguments.max_items.into());
    put("maxPostCount", arguments.max_posts.into());
    put("maxComments", arguments.max_comments.into());
    put("maxCommunitiesCount", arguments.max_communities.into());
    put("maxUserCount", arguments.max_users.into());
    put("searchUsers", (is_scrape || operation == SearchUsers).into());
    put("searchComments", is_scrape.into());
    put("searchPosts", (is_scrape || operation == SearchPosts).into());
    put("searchCommunities", (is_scrape || operation == SearchCommunities).into());
    put("skipUserPosts", arguments.skip_posts.into());
    put("skipComments", false.into());
    if let Some(after) = arguments.after {
        put("postDateLimit", after.to_string().into());
    }
    match operation {
        ScrapeUrls => {
            let urls = arguments.urls.iter().map(|url| json!({"url": url, "method": "GET"}));
            put("startUrls", urls.collect());
        }
        SearchPosts => _ = put("type", "posts".into()),
        SearchUsers => _ = put("type", "users".into()),
        SearchCommunities => _ = put("type", "community".into()),
    }
    if !is_scrape {
        put("searches", arguments.queries.clone().into());
    }
    put("proxy", json!({"useApifyProxy": true, "apifyProxyGroups": ["RESIDENTIAL"]}));
    Value::Object(input)
}
