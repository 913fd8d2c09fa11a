use sealwork_upstream::{Call, Fault, read_json};

use super::{
    ApiWay, EXPANSIONS, MEDIA_FIELDS, TWEET_FIELDS, TWEETS, USER_FIELDS, USERS,
    model::{Answered, ApiTweet, Includes},
    tweet::{Beside, tweet},
};
use crate::{
    arguments::is_number,
    desk::{Desk as _, Run, WayError, ask},
    found::Found,
    results::{ApiProfile, ApiProfileResult},
};

impl ApiWay {
    /// One tweet.
    pub(super) async fn tweet(&self, run: &mut Run<'_>) -> Result<Found, WayError> {
        let call = Call::get(&["tweets", &run.arguments.query])
            .query("expansions", EXPANSIONS)
            .query("tweet.fields", TWEET_FIELDS)
            .query("media.fields", MEDIA_FIELDS)
            .query("user.fields", "username");
        let answer = ask(self, run, TWEETS, call).await?;
        let read: Result<Answered<'_, ApiTweet<'_>, Includes<'_>>, Fault> =
            read_json(&answer.body, "a tweet");
        let found = read.and_then(|answered| {
            let data = answered.data.filter(|tweet| is_number(tweet.id.as_str()));
            let data = data.ok_or(Fault::Shape("a tweet"))?;
            let includes = answered.includes.unwrap_or_default();
            Ok(tweet(data, &Beside::of(&includes), None))
        });
        match found {
            Ok(tweet) => Found::single(run.context, &tweet, &self.secrets),
            Err(fault) => Err(self.unread(TWEETS, self.upstream.error(fault), run)),
        }
    }

    /// One profile, by its number or its screen name.
    pub(super) async fn profile(&self, run: &mut Run<'_>) -> Result<Found, WayError> {
        let query = run.arguments.query.as_str();
        let by_name = ["users", "by", "username", query];
        let path = if is_number(query) { &["users", query][..] } else { &by_name[..] };
        let call = Call::get(path).query("user.fields", USER_FIELDS);
        let answer = ask(self, run, USERS, call).await?;
        let read: Result<Answered<'_, ApiProfile<'_>, ()>, Fault> =
            read_json(&answer.body, "a profile");
        let found = read.and_then(|answered| {
            answered.data.filter(ApiProfile::is_one).ok_or(Fault::Shape("a profile"))
        });
        match found {
            Ok(data) => {
                let result = ApiProfileResult { data: &data };
                Found::single(run.context, &result, &self.secrets)
            }
            Err(fault) => Err(self.unread(USERS, self.upstream.error(fault), run)),
        }
    }
}
