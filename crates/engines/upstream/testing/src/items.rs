//! What the actors find: as many items as wanted, made when they are asked for.

use std::{fmt, sync::Arc};

use serde_json::{Value, json};

/// Items of a dataset, by their number.
#[derive(Clone)]
pub struct Items {
    pub(crate) count: u64,
    make: Arc<dyn Fn(u64) -> Value + Send + Sync>,
}

impl Items {
    /// `count` items, each made from its number.
    pub fn new(count: u64, make: impl Fn(u64) -> Value + Send + Sync + 'static) -> Self {
        Self { count, make: Arc::new(make) }
    }

    /// These items.
    pub fn of(items: Vec<Value>) -> Self {
        Self::new(items.len() as u64, move |number| {
            usize::try_from(number).ok().and_then(|at| items.get(at).cloned()).unwrap_or_default()
        })
    }

    pub(crate) fn get(&self, number: u64) -> Value {
        (self.make)(number)
    }

    /// What an actor finds for its input, as the real one would.
    pub(crate) fn found(actor: &str, input: &Value) -> Option<Self> {
        let number = |name: &str, otherwise: u64| input[name].as_u64().unwrap_or(otherwise);
        Some(match actor {
            "trudax~reddit-scraper" => {
                let input = input.clone();
                Self::new(number("maxItems", 10), move |n| reddit(&input, n))
            }
            "epctex~tiktok-search-scraper" => Self::new(or(number("maxItems", 0), 20), tiktok),
            "lexis-solutions~tiktok-trending-videos-scraper" => {
                let country = input["countryCode"].clone();
                Self::new(or(number("maxItems", 0), 20), move |n| trending(&country, n))
            }
            "kaitoeasyapi~premium-x-follower-scraper-following-data" => {
                let kind = if input["getFollowers"] == true { "follower" } else { "following" };
                let side = if kind == "follower" { "maxFollowers" } else { "maxFollowings" };
                Self::new(number(side, 200), move |n| follower(kind, n))
            }
            _ => return None,
        })
    }
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Items({})", self.count)
    }
}

fn or(number: u64, otherwise: u64) -> u64 {
    if number == 0 { otherwise } else { number }
}

/// A minute apart each, from 2025-09-01 on.
fn time(number: u64) -> String {
    let (day, hour, minute) = (1 + number / 1440 % 28, number / 60 % 24, number % 60);
    format!("2025-09-{day:02}T{hour:02}:{minute:02}:00.000Z")
}

fn reddit(input: &Value, number: u64) -> Value {
    let created = time(number);
    let scraped = "2025-10-01T00:00:00.000Z";
    if input["searchUsers"] == true && input["type"] == "users" {
        return json!({
            "dataType": "user", "id": format!("u{number}"),
            "url": format!("https://www.reddit.com/user/user{number}/"),
            "username": format!("user{number}"), "userIcon": "", "postKarma": number,
            "commentKarma": number * 2, "description": "", "over18": false,
            "createdAt": created, "scrapedAt": scraped,
        });
    }
    if input["type"] == "community" {
        return json!({
            "dataType": "community", "id": format!("2c{number}"), "name": format!("t5_2c{number}"),
            "title": format!("r/community{number}"), "headerImage": "", "description": "About it",
            "over18": false, "createdAt": created, "scrapedAt": scraped,
            "numberOfMembers": 1000 + number,
            "url": format!("https://www.reddit.com/r/community{number}/"),
        });
    }
    if number % 2 == 1 {
        return json!({
            "dataType": "comment", "id": format!("t1_c{number}"), "parsedId": format!("c{number}"),
            "url": format!("https://www.reddit.com/r/space/comments/p/c{number}/"),
            "parentId": format!("t3_p{}", number - 1), "username": "someone", "category": "space",
            "communityName": "r/space", "body": format!("Comment {number}"), "createdAt": created,
            "scrapedAt": scraped, "upVotes": 3, "numberOfreplies": 1,
            "html": "<div>Comment</div>",
        });
    }
    json!({
        "dataType": "post", "id": format!("t3_p{number}"), "parsedId": format!("p{number}"),
        "url": format!("https://www.reddit.com/r/space/comments/p{number}/title/"),
        "username": "someone", "title": format!("Post {number}"), "communityName": "r/space",
        "parsedCommunityName": "space", "body": "Text of the post", "html": null,
        "numberOfComments": 2, "upVotes": 17, "isVideo": false, "isAd": false, "over18": false,
        "createdAt": created, "scrapedAt": scraped,
    })
}

fn tiktok(number: u64) -> Value {
    json!({
        "url": format!("https://www.tiktok.com/@someone/video/{}", 7_500_000_000_000_000_000 + number),
        "id": (7_500_000_000_000_000_000 + number).to_string(),
        "desc": format!("Video {number} #space"), "createTime": "1757980800",
        "video": {"id": "v", "height": 1024, "width": 576, "duration": 15, "ratio": "540p",
                  "cover": "https://cdn.tiktok.example/cover.jpg", "bitrate": 900_000},
        "author": "someone",
        "music": {"id": "m", "title": "original sound", "authorName": "Someone", "original": true,
                  "duration": 15},
        "challenges": [{"id": "1", "title": "space"}],
        "stats": {"diggCount": 10, "shareCount": 1, "commentCount": 2, "playCount": 1000},
        "textExtra": [{"hashtagName": "space", "start": 0, "end": 6}],
        "authorStats": {"followerCount": 5, "heartCount": 100, "videoCount": 9},
        "nickname": "Someone", "authorId": "42", "stickersOnItem": [], "comments": [],
    })
}

fn trending(country: &Value, number: u64) -> Value {
    let id = 7_500_000_000_000_000_000 + number;
    json!({
        "country_code": country, "cover": "https://cdn.tiktok.example/cover.jpg", "duration": 12,
        "id": id.to_string(), "item_id": id.to_string(),
        "item_url": format!("https://www.tiktok.com/@someone/video/{id}"),
        "region": "United States", "title": format!("Trending {number}"),
    })
}

fn follower(kind: &str, number: u64) -> Value {
    let id = 1_700_000_000_000_000_000 + number;
    json!({
        "id": id, "id_str": id.to_string(), "name": format!("Person {number}"),
        "screen_name": format!("person{number}"), "location": "", "description": "",
        "url": null, "protected": false, "verified": false, "followers_count": number,
        "friends_count": 5, "listed_count": 0, "favourites_count": 7, "statuses_count": 9,
        "media_count": 1, "created_at": "Mon Sep 01 10:00:00 +0000 2025", "type": kind,
        "target_username": "nasa", "pinned_tweet_ids": [], "pinned_tweet_ids_str": [],
        "withheld_in_countries": [], "advertiser_account_service_levels": [],
        "entities": {"description": {"urls": []}},
    })
}
