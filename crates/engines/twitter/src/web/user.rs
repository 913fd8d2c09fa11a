use sealwork_upstream::{Fault, read_json};
use serde::Deserialize;

use super::{
    model::{Author, Birthdate, Picture, WebUser},
    page::Strange,
};
use crate::{
    arguments::is_number,
    loose::{Others, Text},
    results::Profile,
    time::Moment,
};

#[derive(Deserialize)]
struct UserAnswered<'a> {
    #[serde(borrow)]
    data: Option<UserData<'a>>,
}

#[derive(Deserialize)]
struct UserData<'a> {
    #[serde(borrow)]
    user: Option<UserSlot<'a>>,
    #[serde(flatten)]
    others: Others,
}

#[derive(Deserialize)]
struct UserSlot<'a> {
    #[serde(borrow)]
    result: Option<WebUser<'a>>,
    #[serde(flatten)]
    others: Others,
}

/// Reads the answer of `UserByScreenName` or `UserByRestId`. X says of a profile that it is not
/// there by leaving it out.
pub(super) fn read_user(body: &[u8]) -> Result<Profile<'_>, Fault> {
    const CHANGED: Fault = Fault::Shape("a profile");
    let answered: UserAnswered<'_> = read_json(body, "a profile")?;
    let absent = |others: Others| {
        if others.0 { CHANGED } else { Fault::NotFound("such profile") }
    };
    let data = answered.data.ok_or(CHANGED)?;
    let slot = data.user.ok_or_else(|| absent(data.others))?;
    let user = slot.result.ok_or_else(|| absent(slot.others))?;
    let profile = profile(user).map_err(|Strange| CHANGED)?;
    profile.ok_or(Fault::NotFound("such profile: it is suspended or gone"))
}

/// A profile in the form of results, from where X has had its fields over the years; `None` for
/// one that is suspended, deleted or hidden.
///
/// # Errors
/// [`Strange`].
pub(super) fn profile<'a>(user: WebUser<'a>) -> Result<Option<Profile<'a>>, Strange> {
    let mut legacy = user.legacy.unwrap_or_default();
    if let Some(core) = user.core {
        legacy.name = first(legacy.name, core.name);
        legacy.screen_name = first(legacy.screen_name, core.screen_name);
        legacy.created_at = first(legacy.created_at, core.created_at);
    }
    if !is_number(user.rest_id.as_str()) || legacy.screen_name.is_empty() {
        // What is hidden says what it is instead of a user.
        return if matches!(user.kind.as_str(), "" | "User") { Err(Strange) } else { Ok(None) };
    }
    if let Some(bio) = user.profile_bio {
        legacy.description = first(legacy.description, bio.description);
        legacy.entities = legacy.entities.or(bio.entities);
    }
    let counts = user.relationship_counts;
    let (followers, friends) = counts.map_or((0, 0), |it| (it.followers.0, it.following.0));
    let (tweets, media) = user.tweet_counts.map_or((0, 0), |it| (it.tweets.0, it.media_tweets.0));
    let likes = user.action_counts.map_or(0, |it| it.favorites_count.0);
    let likes = likes.max(legacy.favourites_count.0);
    let (following, followed_by) = user
        .relationship_perspectives
        .map_or((false, false), |it| (it.following.0, it.followed_by.0));
    let pinned = user.pinned_items.map(|it| it.tweet_ids_str.0).unwrap_or_default();
    let website = legacy.entities.and_then(|entities| entities.url);
    let website = website.and_then(|url| url.urls.0.into_iter().next());
    let birthdate = user.legacy_extended_profile.and_then(|profile| profile.birthdate);
    let picture = |picture: Option<Picture<'a>>| picture.map(|it| it.image_url).unwrap_or_default();
    let location = user.location.map(|it| it.location).unwrap_or_default();
    Ok(Some(Profile {
        avatar: first(legacy.profile_image_url_https, picture(user.avatar)),
        banner: first(legacy.profile_banner_url, picture(user.banner)),
        biography: legacy.description,
        birthday: birthdate.map(birthday).unwrap_or_default(),
        followers_count: followers.max(legacy.followers_count.0),
        following_count: likes,
        friends_count: friends.max(legacy.friends_count.0),
        is_private: legacy.protected.0 || user.privacy.is_some_and(|it| it.protected.0),
        is_verified: legacy.verified.0 || user.verification.is_some_and(|it| it.verified.0),
        is_blue_verified: user.is_blue_verified.0,
        joined: Moment::from_web(legacy.created_at.as_str()).or_null(),
        likes_count: likes,
        listed_count: legacy.listed_count.0,
        location: first(legacy.location, location),
        name: legacy.name,
        pinned_tweet_ids: Some(legacy.pinned_tweet_ids_str.0.into_iter().chain(pinned).collect()),
        tweets_count: tweets.max(legacy.statuses_count.0),
        url: format!("https://twitter.com/{}", legacy.screen_name.as_str()),
        user_id: user.rest_id,
        username: legacy.screen_name,
        website: website.map(|url| url.expanded_url).unwrap_or_default(),
        sensitive: legacy.possibly_sensitive.0 || user.possibly_sensitive.0,
        following: following || legacy.following.0,
        followed_by: followed_by || legacy.followed_by.0,
        media_count: media.max(legacy.media_count.0),
        fast_followers_count: legacy.fast_followers_count.0,
        normal_followers_count: legacy.normal_followers_count.0,
        profile_image_shape: user.profile_image_shape,
        has_graduated_access: user.has_graduated_access.0,
        can_highlight_tweets: user.highlights_info.is_some_and(|it| it.can_highlight_tweets.0),
    }))
}

/// An author's screen name, wherever it stands.
pub(super) fn screen_name(author: Author<'_>) -> Text<'_> {
    let (legacy, core) =
        (author.legacy.map(|it| it.screen_name), author.core.map(|it| it.screen_name));
    first(legacy.unwrap_or_default(), core.unwrap_or_default())
}

fn first<'a>(one: Text<'a>, other: Text<'a>) -> Text<'a> {
    if one.is_empty() { other } else { one }
}

/// `1971-06-28`, or without a year `06-28`.
fn birthday(date: Birthdate) -> String {
    let (day, month, year) = (date.day.0, date.month.0, date.year.0);
    match (year, month, day) {
        (_, 0, _) | (_, _, 0) => String::new(),
        (0, ..) => format!("{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02}"),
    }
}
