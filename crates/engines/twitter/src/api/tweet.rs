use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::model::{Address, ApiTweet, Entities, Includes, Media, Meta, Variant};
use crate::{
    loose::{List, Text},
    results::{Link, Markup, Metrics, Photo, Span, Tweet, Video, leads_to_the_web, or_null},
    time::Moment,
};

/// Variants of a video that are looked at: X makes a handful.
const MOST_VARIANTS: usize = 32;

/// What comes beside the tweets of a page, to be found by its key.
pub(super) struct Beside<'i, 'a> {
    names: HashMap<&'i str, &'i Text<'a>>,
    media: HashMap<&'i str, &'i Media<'a>>,
}

impl<'i, 'a> Beside<'i, 'a> {
    pub(super) fn of(includes: &'i Includes<'a>) -> Self {
        let names = includes.users.0.iter().map(|user| (user.id.as_str(), &user.username));
        let media = includes.media.0.iter().map(|media| (media.media_key.as_str(), media));
        Self { names: names.collect(), media: media.collect() }
    }

    /// Each once, in order.
    fn attached(&self, keys: &List<Text<'a>>) -> Vec<&'i Media<'a>> {
        let mut seen = HashSet::new();
        let keys = keys.0.iter().filter(|key| seen.insert(key.as_str()));
        keys.filter_map(|key| self.media.get(key.as_str()).copied()).collect()
    }
}

/// A tweet of API v2 in the form of results. `text` is as the upstream has it: the shortened
/// addresses in it are expanded in `urls` and `html`.
pub(super) fn tweet<'a>(
    tweet: ApiTweet<'a>,
    beside: &Beside<'_, 'a>,
    meta: Option<&Meta<'a>>,
) -> Tweet<'a> {
    let created_at = Moment::from_api(tweet.created_at.as_str());
    let refers = |kind: &str| {
        tweet.referenced_tweets.0.iter().find(|reference| reference.kind.as_str() == kind)
    };
    let (text, entities) = match tweet.note_tweet {
        Some(note) if !note.text.is_empty() => (note.text, note.entities.or(tweet.entities)),
        _ => (tweet.text, tweet.entities),
    };
    let entities = entities.unwrap_or_default();
    let keys = tweet.attachments.map(|it| it.media_keys).unwrap_or_default();
    let media = beside.attached(&keys);
    let html = markup(text.as_str(), &entities, &media);
    let username = beside.names.get(tweet.author_id.as_str()).copied().cloned();
    let metrics = &tweet.public_metrics;
    let public_metrics = Metrics {
        retweet_count: metrics.retweet_count.0,
        reply_count: metrics.reply_count.0,
        like_count: metrics.like_count.0,
        quote_count: metrics.quote_count.0,
        bookmark_count: metrics.bookmark_count.0,
        impression_count: metrics.impression_count.0,
    };
    let retweeted = refers("retweeted").map(|reference| reference.id.clone());
    Tweet {
        id: tweet.id.number(),
        is_quoted: refers("quoted").is_some(),
        is_reply: refers("replied_to").is_some(),
        is_retweet: retweeted.is_some(),
        // A thread: an author's answer to an own tweet.
        is_self_thread: !tweet.in_reply_to_user_id.is_empty()
            && tweet.in_reply_to_user_id == tweet.author_id,
        retweeted_status_id: retweeted.unwrap_or_default(),
        tweet_id: tweet.id,
        conversation_id: tweet.conversation_id,
        user_id: tweet.author_id.clone(),
        author_id: tweet.author_id,
        username: username.unwrap_or_default(),
        timestamp: created_at.unix(),
        created_at,
        likes: public_metrics.like_count,
        replies: public_metrics.reply_count,
        retweets: public_metrics.retweet_count,
        views: public_metrics.impression_count,
        public_metrics,
        urls: or_null(addresses(&entities.urls)),
        hashtags: or_null(entities.hashtags.0.into_iter().map(|tag| tag.tag).collect()),
        photos: or_null(media.iter().filter_map(|media| photo(media)).collect()),
        videos: or_null(media.iter().filter_map(|media| video(media)).collect()),
        html,
        text: text.0,
        lang: tweet.lang,
        sensitive_content: tweet.possibly_sensitive.0,
        possibly_sensitive: tweet.possibly_sensitive.0,
        newest_id: meta.map(|meta| meta.newest_id.clone()).unwrap_or_default(),
        oldest_id: meta.map(|meta| meta.oldest_id.clone()).unwrap_or_default(),
        result_count: meta.and_then(|meta| meta.result_count).unwrap_or_default().0,
        ..Tweet::default()
    }
}

/// Addresses that lead out of X: those of attached media are in `photos` and `videos`.
fn addresses<'a>(urls: &List<Address<'a>>) -> Vec<Text<'a>> {
    let outside = urls.0.iter().filter(|url| url.media_key.is_empty());
    outside
        .map(|url| url.expanded_url.clone())
        .filter(|url| leads_to_the_web(url.as_str()))
        .collect()
}

fn markup(text: &str, entities: &Entities<'_>, media: &[&Media<'_>]) -> String {
    // Four photos share one address in the text; the first stands for them there.
    let mut pictures: HashMap<&str, &str> =
        media.iter().map(|media| (media.media_key.as_str(), picture(media))).collect();
    let mut spans = Vec::new();
    for tag in &entities.hashtags.0 {
        let link = Link::Hashtag(tag.tag.as_str());
        spans.push(Span { start: tag.start, end: tag.end, link });
    }
    for mention in &entities.mentions.0 {
        let link = Link::Mention(mention.username.as_str());
        spans.push(Span { start: mention.start, end: mention.end, link });
    }
    for url in &entities.urls.0 {
        let link = match pictures.remove(url.media_key.as_str()) {
            Some(picture) => Link::Media(picture),
            None if url.expanded_url.is_empty() => continue,
            None => Link::Url(url.expanded_url.as_str()),
        };
        spans.push(Span { start: url.start, end: url.end, link });
    }
    let rest: Vec<&str> =
        media.iter().filter_map(|media| pictures.remove(media.media_key.as_str())).collect();
    Markup::new(text, spans, &rest).html
}

fn picture<'m>(media: &'m Media<'_>) -> &'m str {
    if media.url.is_empty() { media.preview_image_url.as_str() } else { media.url.as_str() }
}

/// The number in a media key such as `3_1576994475507077121`.
fn media_id<'a>(key: &Text<'a>) -> Text<'a> {
    match &key.0 {
        Cow::Borrowed(key) => {
            Text(Cow::Borrowed(key.split_once('_').map_or(*key, |(_, number)| number)))
        }
        Cow::Owned(key) => {
            Text(Cow::Owned(key.split_once('_').map_or(key.as_str(), |(_, n)| n).to_owned()))
        }
    }
}

fn photo<'a>(media: &Media<'a>) -> Option<Photo<'a>> {
    let is_photo = media.kind.as_str() == "photo";
    is_photo.then(|| Photo { id: media_id(&media.media_key), url: media.url.clone() })
}

fn video<'a>(media: &Media<'a>) -> Option<Video<'a>> {
    if !matches!(media.kind.as_str(), "video" | "animated_gif") {
        return None;
    }
    let of_type =
        |kind: &'static str| move |variant: &&Variant<'a>| variant.content_type.as_str() == kind;
    let variants = media.variants.0.get(..MOST_VARIANTS).unwrap_or(&media.variants.0);
    let best =
        variants.iter().filter(of_type("video/mp4")).max_by_key(|variant| variant.bit_rate.0);
    let hls = variants.iter().find(of_type("application/x-mpegURL"));
    let url = |variant: Option<&Variant<'a>>| variant.map(|it| it.url.clone()).unwrap_or_default();
    Some(Video {
        id: media_id(&media.media_key),
        preview: media.preview_image_url.clone(),
        url: url(best),
        hls_url: url(hls),
    })
}
