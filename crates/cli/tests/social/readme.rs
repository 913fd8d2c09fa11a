//! Every example of the late README that concerns these networks, on Masa's routes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{World, masa};

/// What a result must look like: how many of what.
#[derive(Clone, Copy)]
enum Gives {
    One(&'static str),
    Many(usize, &'static str),
    /// Items of several kinds.
    Reddit(usize),
    Names,
}

const TWEET: &str = "id tweet_id conversation_id user_id text created_at timestamp ThreadCursor \
    is_quoted is_pin is_reply is_retweet is_self_thread likes hashtags html replies retweets urls \
    username photos videos retweeted_status_id views sensitive_content author_id public_metrics \
    possibly_sensitive lang newest_id oldest_id result_count error";
const PROFILE: &str = "Avatar Banner Biography Birthday FollowersCount FollowingCount FriendsCount \
    IsPrivate IsVerified IsBlueVerified Joined LikesCount ListedCount Location Name PinnedTweetIDs \
    TweetsCount URL UserID Username Website Sensitive Following FollowedBy MediaCount \
    FastFollowersCount NormalFollowersCount ProfileImageShape HasGraduatedAccess CanHighlightTweets";
const APIFY_PROFILE: &str = "id id_str name screen_name location description url entities protected \
    followers_count fast_followers_count normal_followers_count friends_count listed_count \
    created_at favourites_count utc_offset time_zone geo_enabled verified statuses_count \
    media_count lang contributors_enabled is_translator is_translation_enabled \
    profile_background_color profile_background_image_url profile_background_image_url_https \
    profile_background_tile profile_image_url profile_image_url_https profile_link_color \
    profile_sidebar_border_color profile_sidebar_fill_color profile_text_color \
    profile_use_background_image has_extended_profile default_profile default_profile_image \
    pinned_tweet_ids pinned_tweet_ids_str has_custom_timelines can_media_tag followed_by following \
    live_following follow_request_sent notifications muting blocking blocked_by \
    advertiser_account_type advertiser_account_service_levels analytics_type \
    business_profile_state translator_type withheld_in_countries require_some_consent type \
    target_username email";
const TRANSCRIPT: &str =
    "transcription_text detected_language video_title original_url thumbnail_url";
const POST: &str = "id parsedId url username title communityName parsedCommunityName body html \
    numberOfComments upVotes isVideo isAd over18 createdAt scrapedAt dataType";
const COMMENT: &str = "id parsedId url parentId username category communityName body createdAt \
    scrapedAt upVotes numberOfreplies html dataType";
const USER: &str = "id url username userIcon postKarma commentKarma description over18 createdAt \
    scrapedAt dataType";
const COMMUNITY: &str =
    "id name title headerImage description over18 createdAt scrapedAt numberOfMembers url dataType";

/// The examples in the README's order, and what it documents of their results.
fn examples() -> Examples {
    let cursor = "optional_pagination_cursor";
    vec![
        (
            "tiktok",
            json!({
                "type": "transcription",
                "video_url": "https://www.tiktok.com/@coachty23/video/7502100651397172526",
                "language": "eng-US",
            }),
            Gives::One(TRANSCRIPT),
        ),
        (
            "reddit",
            json!({
                "type": "scrapeurls",
                "urls": ["https://reddit.com/r/ArtificialIntelligence/comments/1n1dwzv/what_math_should_i_focus_on_for_ai_and_why/"],
                "sort": "new", "include_nsfw": true, "max_items": 100,
            }),
            Gives::Reddit(100),
        ),
        (
            "reddit",
            json!({
                "type": "searchusers", "queries": ["NASA", "European Space Agency"],
                "sort": "relevance", "skip_posts": true,
            }),
            Gives::Reddit(10),
        ),
        (
            "reddit",
            json!({
                "type": "searchposts", "queries": ["NASA", "European Space Agency"],
                "max_items": 100, "max_results": 10, "max_posts": 5,
            }),
            Gives::Reddit(10),
        ),
        (
            "reddit",
            json!({
                "type": "searchcommunities", "queries": ["Artificial Intelligence"],
                "max_items": 100, "max_results": 10,
            }),
            Gives::Reddit(10),
        ),
        (
            "twitter",
            json!({"type": "searchbyquery", "query": "climate change", "max_results": 10}),
            Gives::Many(10, TWEET),
        ),
        (
            "twitter-api",
            json!({"type": "searchbyfullarchive", "query": "NASA", "max_results": 100}),
            Gives::Many(100, TWEET),
        ),
        ("twitter", json!({"type": "getbyid", "query": "1881258110712492142"}), Gives::One(TWEET)),
        (
            "twitter-credential",
            json!({"type": "getreplies", "query": "1234567890", "max_results": 20}),
            Gives::Many(20, TWEET),
        ),
        (
            "twitter-credential",
            json!({"type": "getretweeters", "query": "1234567890", "max_results": 50}),
            Gives::Many(50, PROFILE),
        ),
        (
            "twitter-credential",
            json!({"type": "gettweets", "query": "NASA", "max_results": 50}),
            Gives::Many(50, TWEET),
        ),
        (
            "twitter-credential",
            json!({"type": "getmedia", "query": "NASA", "max_results": 20}),
            Gives::Many(20, TWEET),
        ),
        (
            "twitter-credential",
            json!({"type": "gethometweets", "max_results": 30}),
            Gives::Many(30, TWEET),
        ),
        (
            "twitter-credential",
            json!({"type": "getforyoutweets", "max_results": 25}),
            Gives::Many(25, TWEET),
        ),
        (
            "twitter-credential",
            json!({"type": "searchbyprofile", "query": "NASA_Marshall"}),
            Gives::One(PROFILE),
        ),
        ("twitter", json!({"type": "getprofilebyid", "query": "44196397"}), Gives::One(PROFILE)),
        (
            "twitter-credential",
            json!({"type": "getfollowers", "query": "NASA", "max_results": 100}),
            Gives::Many(100, PROFILE),
        ),
        (
            "twitter-apify",
            json!({
                "type": "getfollowers", "query": "NASA", "max_results": 100, "next_cursor": cursor,
            }),
            Gives::Many(100, APIFY_PROFILE),
        ),
        (
            "twitter-credential",
            json!({"type": "getfollowing", "query": "NASA", "max_results": 100}),
            Gives::Many(100, PROFILE),
        ),
        (
            "twitter-apify",
            json!({
                "type": "getfollowing", "query": "NASA", "max_results": 100, "next_cursor": cursor,
            }),
            Gives::Many(100, APIFY_PROFILE),
        ),
        ("twitter-credential", json!({"type": "gettrends"}), Gives::Names),
    ]
}

/// Broken by: `keep` or `cursor` in compat's spec.rs, a result's field, a way that is not wired.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_example_gives_the_documented_shape() {
    let world = World::new().await;
    each_gives(&world, examples());
    counted(&world);
}

/// Jobs by type and arguments, and what each gives.
type Examples = Vec<(&'static str, Value, Gives)>;

fn each_gives(world: &World, examples: Examples) {
    for (kind, arguments, gives) in examples {
        let job = json!({"type": kind, "arguments": arguments});
        let result = masa(&world.worker, &job).result;
        check(&result.unwrap_or_else(|failed| panic!("{job} fails: {failed}")), gives, &job);
    }
}

fn check(result: &Value, gives: Gives, job: &Value) {
    let items = || result.as_array().unwrap_or_else(|| panic!("{job} gives no list: {result}"));
    match gives {
        Gives::One(fields) => assert_fields(result, fields, job),
        Gives::Many(count, fields) => {
            assert_eq!(items().len(), count, "{job}");
            items().iter().for_each(|item| assert_fields(item, fields, job));
        }
        Gives::Reddit(count) => {
            assert_eq!(items().len(), count, "{job}");
            for item in items() {
                let fields = match item["dataType"].as_str().unwrap() {
                    "post" => POST,
                    "comment" => COMMENT,
                    "user" => USER,
                    "community" => COMMUNITY,
                    other => panic!("{job} gives a {other}"),
                };
                assert_fields(item, fields, job);
            }
        }
        Gives::Names => {
            assert!(!items().is_empty() && items().iter().all(Value::is_string), "{result}");
        }
    }
}

fn assert_fields(item: &Value, fields: &str, job: &Value) {
    let expected: BTreeSet<&str> = fields.split_whitespace().collect();
    let given: BTreeSet<&str> = item
        .as_object()
        .unwrap_or_else(|| panic!("{job} gives {item}"))
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(given, expected, "{job}");
}

/// The counters of all those jobs, by the reference's names, for the worker that asked.
fn counted(world: &World) {
    let telemetry = world.telemetry();
    let id = telemetry["worker_id"].as_str().unwrap();
    let stats = &telemetry["stats"][id];
    for (name, count) in [
        ("tiktok_transcription_success", 1),
        ("reddit_queries", 4),
        ("reddit_returned_items", 130),
        // Searches 10 + 100, one by its id, replies 20, of a profile 50, home 30, for you 25.
        ("twitter_returned_tweets", 236),
        // Retweeters 50, two single ones, followers and followed ones 100 each.
        ("twitter_returned_profiles", 252),
        ("twitter_returned_followers", 200),
        // Media 20, and trends.
        ("twitter_returned_other", 23),
    ] {
        assert_eq!(stats[name], count, "{name} of {stats}");
    }
    let scrapes = stats["twitter_scrapes"].as_u64().unwrap();
    assert!(scrapes >= 16, "{scrapes} requests");
    for error in ["reddit_errors", "twitter_errors", "twitter_auth_errors", "tiktok_errors"] {
        assert_eq!(stats.get(error), None, "{stats}");
    }
    assert!(telemetry["last_operation_time"].as_u64().unwrap() > 0);
}

/// Broken by: the aliases in compat's spec.rs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_early_readmes_names_of_types_operations_and_arguments_work_too() {
    let world = World::new().await;
    let examples = vec![
        (
            "twitter-scraper",
            json!({"type": "searchbyquery", "query": "NASA", "count": 7}),
            Gives::Many(7, TWEET),
        ),
        (
            "twitter-scraper",
            json!({"type": "searchfollowers", "query": "NASA", "count": 3}),
            Gives::Many(3, APIFY_PROFILE),
        ),
        (
            "twitter-credential-scraper",
            json!({"type": "getbookmarks", "query": "NASA", "count": 20}),
            Gives::Many(20, TWEET),
        ),
        (
            "twitter-scraper",
            json!({"type": "getprofilebyid", "query": "NASA"}),
            Gives::One(PROFILE),
        ),
        (
            "twitter-api-scraper",
            json!({"type": "GetById", "query": "1881258110712492142"}),
            Gives::One(TWEET),
        ),
        (
            "tiktok-transcription",
            json!({"video_url": "https://www.tiktok.com/@coachty23/video/7502100651397172526"}),
            Gives::One(TRANSCRIPT),
        ),
    ];
    each_gives(&world, examples);
}
