//! One job of each operation that the engines have.

use serde_json::{Value, json};

/// Arguments of a job that `engine` does for `operation` at this upstream; `None` for an operation
/// that is not known here.
pub fn example(engine: &str, operation: &str) -> Option<Value> {
    let mut arguments = match engine {
        "reddit" => reddit(operation)?,
        "tiktok" => tiktok(operation)?,
        _ if engine.starts_with("twitter") => twitter(operation)?,
        _ => return None,
    };
    arguments["type"] = json!(operation);
    Some(arguments)
}

fn reddit(operation: &str) -> Option<Value> {
    let post = "https://reddit.com/r/ArtificialIntelligence/comments/1n1dwzv/what_math/";
    Some(match operation {
        "scrapeurls" => json!({"urls": [post], "max_items": 5}),
        "searchposts" | "searchusers" | "searchcommunities" => {
            json!({"queries": ["NASA"], "max_items": 5})
        }
        _ => return None,
    })
}

fn tiktok(operation: &str) -> Option<Value> {
    let video = "https://www.tiktok.com/@coachty23/video/7502100651397172526";
    Some(match operation {
        "transcription" => json!({"video_url": video, "language": "eng-US"}),
        "searchbyquery" => json!({"search": ["moon"], "max_items": 5}),
        "searchbytrending" => json!({"country_code": "US", "max_items": 5}),
        _ => return None,
    })
}

fn twitter(operation: &str) -> Option<Value> {
    Some(match operation {
        "searchbyquery" | "searchbyfullarchive" => {
            json!({"query": "climate change", "max_results": 5})
        }
        "getbyid" => json!({"query": "1881258110712492142"}),
        "getreplies" | "getretweeters" => json!({"query": "1234567890", "max_results": 5}),
        "getprofilebyid" => json!({"query": "44196397"}),
        "searchbyprofile" => json!({"query": "NASA"}),
        "gettweets" | "getmedia" | "getfollowers" | "getfollowing" => {
            json!({"query": "NASA", "max_results": 5})
        }
        "gethometweets" | "getforyoutweets" | "getbookmarks" => json!({"max_results": 5}),
        "gettrends" => json!({}),
        "getspace" => json!({"query": "1OwGWwjRkLjGQ"}),
        _ => return None,
    })
}
