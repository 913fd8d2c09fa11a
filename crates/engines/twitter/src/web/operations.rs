use serde_json::{Value, json};

use crate::{Arguments, Operation, Subject};

/// An operation of X's internal GraphQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Graph {
    SearchTimeline,
    UserByScreenName,
    UserByRestId,
    TweetDetail,
    Retweeters,
    UserTweets,
    UserTweetsAndReplies,
    HomeLatestTimeline,
    HomeTimeline,
    Followers,
    Following,
    Bookmarks,
    AudioSpaceById,
}

impl Graph {
    pub(super) const ALL: [Self; 13] = [
        Self::SearchTimeline,
        Self::UserByScreenName,
        Self::UserByRestId,
        Self::TweetDetail,
        Self::Retweeters,
        Self::UserTweets,
        Self::UserTweetsAndReplies,
        Self::HomeLatestTimeline,
        Self::HomeTimeline,
        Self::Followers,
        Self::Following,
        Self::Bookmarks,
        Self::AudioSpaceById,
    ];

    /// Its name in addresses; also the endpoint that budgets are kept for.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SearchTimeline => "SearchTimeline",
            Self::UserByScreenName => "UserByScreenName",
            Self::UserByRestId => "UserByRestId",
            Self::TweetDetail => "TweetDetail",
            Self::Retweeters => "Retweeters",
            Self::UserTweets => "UserTweets",
            Self::UserTweetsAndReplies => "UserTweetsAndReplies",
            Self::HomeLatestTimeline => "HomeLatestTimeline",
            Self::HomeTimeline => "HomeTimeline",
            Self::Followers => "Followers",
            Self::Following => "Following",
            Self::Bookmarks => "Bookmarks",
            Self::AudioSpaceById => "AudioSpaceById",
        }
    }

    /// The id that X's web client had in 2026 (reference 3.5.2, second generation, where it names
    /// one). X changes them with its releases: `TWITTER_GRAPHQL` sets others.
    pub(super) fn default_id(self) -> &'static str {
        match self {
            Self::SearchTimeline => "flaR-PUMshxFWZWPNpq4zA",
            Self::UserByScreenName => "NimuplG1OB7Fd2btCLdBOw",
            Self::UserByRestId => "tD8zKvQzwY3kdx5yz6YmOw",
            Self::TweetDetail => "U0HTv-bAWTBYylwEMT7x5A",
            Self::Retweeters => "X-XEqG5qHQSAwmvy00xfyQ",
            Self::UserTweets => "QWF3SzpHmykQHsQMixG0cg",
            Self::UserTweetsAndReplies => "vMkJyzx1wdmvOeeNG0n6Wg",
            Self::HomeLatestTimeline => "U0cdisy7QFIoTfu3-Okw0A",
            Self::HomeTimeline => "-X_hcgQzmHGl29-UXxz4sw",
            Self::Followers => "gC_lyAxZOptAMLCJX5UhWw",
            Self::Following => "2vUj-_Ek-UmBVDNtd8OnQA",
            Self::Bookmarks => "qToeLeMs43Q8cr7tRYXmaQ",
            Self::AudioSpaceById => "d03OdorPdZ_sH9V3D1_yWQ",
        }
    }
}

/// A timeline that an operation pages through.
pub(super) struct Timeline {
    pub(super) graph: Graph,
    /// What X takes as `count` of one page; it may give more or fewer.
    pub(super) most: u64,
}

/// The timeline of an operation; `None` for those that are no timeline.
pub(super) fn timeline(operation: Operation) -> Option<Timeline> {
    let (graph, most) = match operation {
        // The web client's search has no limit in time.
        Operation::SearchByQuery | Operation::SearchByFullArchive => (Graph::SearchTimeline, 50),
        Operation::GetReplies => (Graph::TweetDetail, 40),
        Operation::GetRetweeters => (Graph::Retweeters, 200),
        Operation::GetTweets => (Graph::UserTweets, 200),
        Operation::GetMedia => (Graph::UserTweetsAndReplies, 200),
        Operation::GetHomeTweets => (Graph::HomeLatestTimeline, 200),
        Operation::GetForYouTweets => (Graph::HomeTimeline, 200),
        Operation::GetBookmarks => (Graph::Bookmarks, 100),
        Operation::GetFollowers => (Graph::Followers, 200),
        Operation::GetFollowing => (Graph::Following, 200),
        Operation::SearchByProfile
        | Operation::GetById
        | Operation::GetProfileById
        | Operation::GetTrends
        | Operation::GetSpace => return None,
    };
    Some(Timeline { graph, most })
}

/// X's trends: no part of the GraphQL.
pub(super) const TRENDS: &str = "guide.json";

/// Where X is asked for an operation.
pub(super) fn endpoints(operation: Operation) -> Vec<&'static str> {
    let by_name = Graph::UserByScreenName.name();
    match operation {
        Operation::SearchByProfile => vec![by_name],
        Operation::GetProfileById => vec![Graph::UserByRestId.name()],
        Operation::GetById => vec![Graph::TweetDetail.name()],
        Operation::GetSpace => vec![Graph::AudioSpaceById.name()],
        Operation::GetTrends => vec![TRENDS],
        _ => {
            // These are given a screen name, and ask for a number.
            let is_named = operation.subject() == Subject::ScreenName;
            let pages = timeline(operation).map(|timeline| timeline.graph.name());
            is_named.then_some(by_name).into_iter().chain(pages).collect()
        }
    }
}

/// The variables of one page. `subject` is the number of the profile or tweet, where there is one.
pub(super) fn variables(
    graph: Graph,
    arguments: &Arguments,
    subject: &str,
    count: u64,
    cursor: Option<&str>,
) -> Value {
    let mut variables = match graph {
        Graph::SearchTimeline => json!({
            "rawQuery": search_text(arguments),
            "count": count,
            "product": "Latest",
            "querySource": "typed_query",
        }),
        Graph::UserByScreenName => {
            json!({"screen_name": subject, "withSafetyModeUserFields": true})
        }
        Graph::UserByRestId => json!({"userId": subject, "withSafetyModeUserFields": true}),
        Graph::TweetDetail => json!({
            "focalTweetId": subject,
            "with_rux_injections": false,
            "rankingMode": "Relevance",
            "includePromotedContent": false,
            "withCommunity": true,
            "withQuickPromoteEligibilityTweetFields": false,
            "withBirdwatchNotes": false,
            "withVoice": true,
        }),
        Graph::Retweeters => {
            json!({"tweetId": subject, "count": count, "includePromotedContent": false})
        }
        Graph::UserTweets => json!({
            "userId": subject,
            "count": count,
            "includePromotedContent": false,
            "withQuickPromoteEligibilityTweetFields": false,
            "withVoice": true,
        }),
        Graph::UserTweetsAndReplies => json!({
            "userId": subject,
            "count": count,
            "includePromotedContent": false,
            "withCommunity": true,
            "withVoice": true,
        }),
        Graph::HomeLatestTimeline | Graph::HomeTimeline => json!({
            "count": count,
            "includePromotedContent": false,
            "latestControlAvailable": true,
            "requestContext": "launch",
        }),
        Graph::Followers | Graph::Following => {
            json!({"userId": subject, "count": count, "includePromotedContent": false})
        }
        Graph::Bookmarks => json!({"count": count, "includePromotedContent": false}),
        Graph::AudioSpaceById => json!({
            "id": subject,
            "isMetatagsQuery": false,
            "withReplays": true,
            "withListeners": true,
        }),
    };
    if let Some(cursor) = cursor {
        variables["cursor"] = cursor.into();
    }
    variables
}

/// The query as written; a time range is the search's own operators.
fn search_text(arguments: &Arguments) -> String {
    let mut text = arguments.query.clone();
    for (operator, time) in
        [("since_time", arguments.start_time), ("until_time", arguments.end_time)]
    {
        if let Some(time) = time {
            text.push_str(&format!(" {operator}:{}", time.as_second()));
        }
    }
    text
}
