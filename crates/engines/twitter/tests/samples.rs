//! Answers of X that others have recorded (`samples/README.md`), read by the same code as a job's.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use sealwork_engine_twitter::measure;
use sealwork_job::Code;
use sealwork_test_upstream::{BASE_KEY, Bad};
use serde_json::{Value, json};

use common::{Given, Setup, texts};

/// A job whose upstream answers the request with `part` in its path with the sample.
async fn job(
    sample: &'static str,
    part: &str,
    job_type: &str,
    arguments: Value,
) -> Result<Value, Code> {
    let setup = Setup::new(Given {
        api_keys: &[BASE_KEY],
        accounts: "alice",
        cookies: &["alice"],
        ..Given::default()
    })
    .await;
    setup.upstream.misbehave(part, Bad::Answer(200, sample, vec![]), 9);
    let report = setup.report(job_type, arguments).await;
    match report.result {
        Ok(output) => {
            assert_eq!(report.details.unwrap()["unreadable"], 0);
            Ok(serde_json::from_slice(&output.data).unwrap())
        }
        Err(failure) => Err(failure.code),
    }
}

const API: &str = "twitter-api";
const WEB: &str = "twitter-credential";

#[tokio::test]
async fn recorded_searches_of_api_v2_are_read() {
    let search = json!({"query": "Tweepy", "max_results": 10});
    let sample = include_str!("samples/tweepy_search_recent.json");
    let found = job(sample, "/search/recent", API, search.clone()).await.unwrap();
    assert_eq!(found.as_array().unwrap().len(), 10);
    assert_eq!(found[0]["text"], "2022-10-07 22:42:12.637103 tweepy");
    assert_eq!(
        (&found[0]["result_count"], &found[0]["newest_id"]),
        (&json!(10), &found[0]["tweet_id"])
    );

    let sample = include_str!("samples/x_docs_recent_search.json");
    let found = job(sample, "/search/recent", API, search.clone()).await.unwrap();
    assert_eq!(texts(&found, "tweet_id"), ["1234567890123456789", "1234567890123456788"]);

    let sample = include_str!("samples/twarc_edited.json");
    let found = job(sample, "/search/recent", API, search).await.unwrap();
    let tweet = &found[0];
    assert_eq!((&tweet["username"], &tweet["lang"]), (&json!("wongmjane"), &json!("qst")));
    assert_eq!(tweet["created_at"], "2022-10-03T17:57:11Z");
    assert_eq!(tweet["public_metrics"]["like_count"], 27);
    let link = "<a href=\"https://twitter.com/i/web/status/1576994789110992896\">https://t.co/rnwEIoNuqd</a>";
    assert_eq!(tweet["html"], format!("hey :) {link}"));
}

#[tokio::test]
async fn a_recorded_tweet_and_a_recorded_user_of_api_v2_are_read() {
    let sample = include_str!("samples/tweepy_tweet.json");
    let query = json!({"type": "getbyid", "query": "1293593516040269825"});
    let tweet = job(sample, "/tweets/", API, query).await.unwrap();
    assert_eq!(
        (&tweet["id"], &tweet["tweet_id"]),
        (&json!(1_293_593_516_040_269_825_u64), &json!("1293593516040269825"))
    );
    assert!(tweet["text"].as_str().unwrap().contains("Say hello to the new #TwitterAPI."));
    let sample = include_str!("samples/tweepy_user.json");
    let query = json!({"type": "getprofilebyid", "query": "Twitter"});
    let profile = job(sample, "/users/", API, query).await.unwrap();
    assert_eq!(
        (&profile["data"]["id"], &profile["data"]["name"]),
        (&json!("783214"), &json!("Twitter"))
    );
}

#[tokio::test]
async fn recorded_profiles_of_2023_and_of_2026_are_read() {
    let by_name = json!({"type": "searchbyprofile", "query": "TwitterDev"});
    let sample = include_str!("samples/twscrape_user_by_id.json");
    let profile = job(sample, "/UserByScreenName", WEB, by_name.clone()).await.unwrap();
    assert_eq!(
        (&profile["UserID"], &profile["Name"]),
        (&json!("2244994945"), &json!("Twitter Dev"))
    );
    assert_eq!(
        (&profile["FollowersCount"], &profile["FriendsCount"]),
        (&json!(583_721), &json!(1941))
    );
    assert_eq!(
        (&profile["Joined"], &profile["Location"]),
        (&json!("2013-12-14T04:35:55Z"), &json!("127.0.0.1"))
    );
    assert_eq!(profile["Website"], "https://developer.twitter.com/en/community");
    assert_eq!(profile["PinnedTweetIDs"], json!(["1641222782594990080"]));

    let sample = include_str!("samples/twscrape_user_of_2026.json");
    let profile = job(sample, "/UserByScreenName", WEB, by_name).await.unwrap();
    assert_eq!(
        (&profile["UserID"], &profile["Username"]),
        (&json!("110405142"), &json!("territoricat"))
    );
    assert_eq!(
        (&profile["FollowersCount"], &profile["FriendsCount"]),
        (&json!(37_557), &json!(197))
    );
    assert_eq!((&profile["TweetsCount"], &profile["MediaCount"]), (&json!(37_967), &json!(12_190)));
    assert_eq!((&profile["LikesCount"], &profile["Location"]), (&json!(4564), &json!("Catalunya")));
    assert_eq!(profile["Banner"], "https://pbs.twimg.com/profile_banners/110405142/1739961667");
    assert_eq!(profile["Website"], "http://territori.gencat.cat/ca/inici");
    assert_eq!(profile["PinnedTweetIDs"], json!(["2100240775858528609"]));
    assert!(profile["Biography"].as_str().unwrap().starts_with("Departament de Territori"));
}

#[tokio::test]
async fn a_recorded_timeline_of_2026_is_read() {
    let sample = include_str!("samples/twscrape_user_tweets.json");
    let query = json!({"type": "gettweets", "query": "territoricat"});
    let found = job(sample, "/UserTweets", WEB, query).await.unwrap();
    let tweet = &found[0];
    assert_eq!(tweet["tweet_id"], "2106637440312369380");
    assert_eq!(
        (&tweet["is_retweet"], &tweet["retweeted_status_id"]),
        (&json!(true), &json!("2106572563228803116"))
    );
    assert_eq!((&tweet["username"], &tweet["views"]), (&json!("territoricat"), &json!(43)));
    assert_eq!(
        (&tweet["created_at"], &tweet["lang"]),
        (&json!("2026-10-04T06:47:59Z"), &json!("ca"))
    );
    assert!(
        tweet["html"]
            .as_str()
            .unwrap()
            .starts_with("RT <a href=\"https://twitter.com/rodalies\">@rodalies</a>: ")
    );
}

#[tokio::test]
async fn recorded_refusals_are_told_apart() {
    let profile = json!({"type": "getprofilebyid", "query": "17"});
    let timeline = json!({"type": "gettweets", "query": "NASA"});
    let suspended = include_str!("samples/twscrape_user_suspended.json");
    let absent = include_str!("samples/twscrape_user_not_found.json");
    let unavailable = include_str!("samples/twscrape_user_tweets_unavailable.json");
    let late = include_str!("samples/twscrape_deadline_exceeded.json");
    for (sample, part, arguments, code) in [
        (suspended, "/UserByRestId", profile.clone(), Code::UpstreamNotFound),
        (absent, "/UserByRestId", profile.clone(), Code::UpstreamNotFound),
        (unavailable, "/UserTweets", timeline, Code::UpstreamNotFound),
        (late, "/UserByRestId", profile, Code::UpstreamStatus),
    ] {
        assert_eq!(job(sample, part, WEB, arguments).await.unwrap_err(), code, "{sample}");
    }
}

/// Every prefix, and every byte replaced: an answer is read or refused, whatever it is.
#[test]
fn no_damaged_answer_makes_the_readers_panic() {
    for sample in [
        include_str!("samples/tweepy_search_recent.json"),
        include_str!("samples/twarc_edited.json"),
        include_str!("samples/twscrape_user_tweets.json"),
    ] {
        let whole = sample.as_bytes();
        for at in 0..whole.len() {
            let _ = (measure::api_page(&whole[..at]), measure::web_page(&whole[..at]));
            for byte in *b"0]\"\\\xff" {
                let mut damaged = whole.to_vec();
                damaged[at] = byte;
                let _ = (measure::api_page(&damaged), measure::web_page(&damaged));
            }
        }
    }
}
