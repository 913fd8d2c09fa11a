//! What the test's X is made of: posts and users by number, the same each time.

use serde_json::{Value, json};

/// The post with the highest number.
pub(crate) const NEWEST: u64 = 1_900_000_000_000_000_000;
/// When that was posted.
const NEWEST_AT: u64 = 1_760_000_000;
const NAMES: [&str; 5] = ["NASA", "esa", "jaxa_en", "ISRO", "CERN"];

/// The number of the n-th newest post.
pub(crate) fn number(index: u64) -> u64 {
    NEWEST - index
}

/// Whose it is: the number of its author.
pub(crate) fn author(index: u64) -> u64 {
    11_348_282 + index % NAMES.len() as u64
}

pub(crate) fn name(user: u64) -> String {
    match user.checked_sub(11_348_282).and_then(|at| NAMES.get(usize::try_from(at).ok()?)) {
        Some(name) => (*name).to_owned(),
        None => format!("user_{user}"),
    }
}

/// The number of a user by name; `None` for names that begin with `nobody`.
pub(crate) fn user_by_name(name: &str) -> Option<u64> {
    if name.starts_with("nobody") {
        return None;
    }
    let at = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
    Some(at.map_or(77, |at| 11_348_282 + at as u64))
}

fn seconds(index: u64) -> u64 {
    NEWEST_AT - 60 * (index % 12_000)
}

/// Days, and hours, minutes and seconds of a Unix time within one month: enough for a test.
fn clock(index: u64) -> (u64, u64, u64, u64) {
    let within = seconds(index) - 1_759_276_800; // 2025-10-01T00:00:00Z
    (1 + within / 86_400 % 30, within / 3600 % 24, within / 60 % 60, within % 60)
}

fn text(index: u64) -> String {
    format!("Post {index} of @NASA about the #Moon\nmore at https://t.co/abcdefghij")
}

/// A post as API v2 gives it.
pub(crate) fn api(index: u64) -> Value {
    let (day, hour, minute, second) = clock(index);
    let text = text(index);
    let at = |part: &str| text.find(part).expect("the text has it");
    let mut post = json!({
        "id": number(index).to_string(),
        "text": text,
        "author_id": author(index).to_string(),
        "conversation_id": number(index).to_string(),
        "created_at": format!("2025-10-{day:02}T{hour:02}:{minute:02}:{second:02}.000Z"),
        "edit_history_tweet_ids": [number(index).to_string()],
        "lang": "en",
        "possibly_sensitive": false,
        "public_metrics": {
            "retweet_count": index, "reply_count": 2, "like_count": 3 * index,
            "quote_count": 1, "bookmark_count": 4, "impression_count": 1000 + index,
        },
        "entities": {
            "mentions": [{"start": at("@NASA"), "end": at("@NASA") + 5, "username": "NASA", "id": "11348282"}],
            "hashtags": [{"start": at("#Moon"), "end": at("#Moon") + 5, "tag": "Moon"}],
            "urls": [{
                "start": at("https://t.co"), "end": at("https://t.co") + 23,
                "url": "https://t.co/abcdefghij", "expanded_url": "https://www.nasa.gov/moon",
                "display_url": "nasa.gov/moon",
            }],
        },
    });
    if index % 10 == 3 {
        post["attachments"] = json!({"media_keys": [format!("3_{}", number(index) - 5)]});
    }
    if index % 10 == 7 {
        post["referenced_tweets"] =
            json!([{"type": "replied_to", "id": number(index + 1).to_string()}]);
        post["in_reply_to_user_id"] = json!(author(index + 1).to_string());
    }
    post
}

/// The media of a page of API v2.
pub(crate) fn api_media(index: u64) -> Option<Value> {
    (index % 10 == 3).then(|| {
        let key = format!("3_{}", number(index) - 5);
        json!({"media_key": key, "type": "photo", "url": "https://pbs.twimg.com/media/moon.jpg"})
    })
}

/// A user as API v2 gives it.
pub(crate) fn api_user(user: u64) -> Value {
    json!({
        "id": user.to_string(),
        "name": name(user),
        "username": name(user),
        "description": "About space.",
        "created_at": "2007-12-19T20:20:32.000Z",
        "profile_image_url": "https://pbs.twimg.com/profile_images/1/a_normal.jpg",
        "profile_banner_url": "https://pbs.twimg.com/profile_banners/1/1",
        "protected": false,
        "verified": true,
        "location": "Earth",
        "public_metrics": {
            "followers_count": 80_000_000_u64, "following_count": 170, "tweet_count": 74_000,
            "listed_count": 97_000, "like_count": 16_000, "media_count": 27_000,
        },
    })
}

/// A post as the web client gets it.
pub(crate) fn web(index: u64) -> Value {
    const DAYS: [&str; 7] = ["Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue"];
    let (day, hour, minute, second) = clock(index);
    let weekday = DAYS[usize::try_from((day - 1) % 7).expect("small")];
    let text = text(index);
    let at = |part: &str| text.find(part).expect("the text has it");
    let mut legacy = json!({
        "id_str": number(index).to_string(),
        "user_id_str": author(index).to_string(),
        "conversation_id_str": number(index).to_string(),
        "created_at": format!("{weekday} Oct {day:02} {hour:02}:{minute:02}:{second:02} +0000 2025"),
        "full_text": text,
        "display_text_range": [0, 60],
        "lang": "en",
        "bookmark_count": 4, "favorite_count": 3 * index, "quote_count": 1,
        "reply_count": 2, "retweet_count": index,
        "bookmarked": false, "favorited": false, "retweeted": false,
        "is_quote_status": false,
        "possibly_sensitive": false,
        "entities": {
            "user_mentions": [{"id_str": "11348282", "name": "NASA", "screen_name": "NASA", "indices": [at("@NASA"), at("@NASA") + 5]}],
            "hashtags": [{"text": "Moon", "indices": [at("#Moon"), at("#Moon") + 5]}],
            "urls": [{
                "url": "https://t.co/abcdefghij", "expanded_url": "https://www.nasa.gov/moon",
                "display_url": "nasa.gov/moon",
                "indices": [at("https://t.co"), at("https://t.co") + 23],
            }],
            "symbols": [],
        },
    });
    if index % 10 == 3 {
        legacy["extended_entities"] = json!({"media": [{
            "id_str": (number(index) - 5).to_string(), "type": "photo",
            "media_url_https": "https://pbs.twimg.com/media/moon.jpg",
            "url": "https://t.co/0123456789", "indices": [61, 84],
        }]});
    }
    json!({
        "__typename": "Tweet",
        "rest_id": number(index).to_string(),
        "core": {"user_results": {"result": web_user(author(index))}},
        "edit_control": {"edit_tweet_ids": [number(index).to_string()], "editable_until_msecs": "1760003600000", "is_edit_eligible": true, "edits_remaining": "5"},
        "is_translatable": false,
        "views": {"count": (1000 + index).to_string(), "state": "EnabledWithCount"},
        "source": "<a href=\"https://mobile.twitter.com\" rel=\"nofollow\">Twitter Web App</a>",
        "legacy": legacy,
    })
}

/// A user as the web client gets it.
pub(crate) fn web_user(user: u64) -> Value {
    json!({
        "__typename": "User",
        "id": "VXNlcjox",
        "rest_id": user.to_string(),
        "has_graduated_access": true,
        "is_blue_verified": true,
        "profile_image_shape": "Circle",
        "core": {
            "created_at": "Wed Dec 19 20:20:32 +0000 2007",
            "name": name(user), "screen_name": name(user),
        },
        "avatar": {"image_url": "https://pbs.twimg.com/profile_images/1/a_normal.jpg"},
        "location": {"location": "Earth"},
        "verification": {"verified": true},
        "privacy": {"protected": false},
        "legacy": {
            "description": "About space.",
            "entities": {"url": {"urls": [{"expanded_url": "https://www.nasa.gov", "url": "https://t.co/0", "indices": [0, 23]}]}},
            "favourites_count": 16_000, "followers_count": 80_000_000, "friends_count": 170,
            "listed_count": 97_000, "media_count": 27_000, "statuses_count": 74_000,
            "fast_followers_count": 0, "normal_followers_count": 80_000_000,
            "pinned_tweet_ids_str": [NEWEST.to_string()],
            "profile_banner_url": "https://pbs.twimg.com/profile_banners/1/1",
            "possibly_sensitive": false,
        },
    })
}
