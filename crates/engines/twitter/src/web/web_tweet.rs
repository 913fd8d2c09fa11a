use std::borrow::Cow;

use super::{
    model::{Address, LegacyTweet, Retweeted, Variant, WebEntities, WebMedia, WebTweet},
    page::Strange,
    user::screen_name,
};
use crate::{
    arguments::is_number,
    loose::{List, Text},
    results::{Link, Markup, Metrics, Photo, Span, Tweet, Video, leads_to_the_web, or_null},
    time::Moment,
};

/// A tweet in the form of results, boxed because it is handed on; `None` for a deleted or hidden
/// one.
///
/// # Errors
/// [`Strange`].
pub(super) fn tweet(mut found: WebTweet<'_>) -> Result<Option<Box<Tweet<'_>>>, Strange> {
    // With limited visibility it stands one level deeper.
    if let Some(inner) = found.tweet.take() {
        found = *inner;
    }
    let Some(mut legacy) = found.legacy else {
        // A tombstone says what it is; a tweet has its text.
        let is_tweet = matches!(found.kind.as_str(), "" | "Tweet" | "TweetWithVisibilityResults");
        return if is_tweet { Err(Strange) } else { Ok(None) };
    };
    let tweet_id = if found.rest_id.is_empty() { legacy.id_str.clone() } else { found.rest_id };
    if !is_number(tweet_id.as_str()) {
        return Err(Strange);
    }
    let author = found.core.and_then(|core| core.user_results).and_then(|user| user.result);
    let username = author.map(screen_name).unwrap_or_default();
    let created_at = Moment::from_web(legacy.created_at.as_str());
    let media = legacy.extended_entities.take().map(|it| it.media.0).unwrap_or_default();
    let note = found.note_tweet.and_then(|note| note.note_tweet_results);
    let note = note.and_then(|note| note.result).filter(|note| !note.text.is_empty());
    let (text, entities, in_text): (_, _, &[WebMedia<'_>]) = match note {
        Some(note) => (note.text, note.entity_set, &[]),
        None => (std::mem::take(&mut legacy.full_text), legacy.entities.take(), &media),
    };
    let entities = entities.unwrap_or_default();
    let (text, html) = markup(text, &entities, in_text, &media);
    let retweeted = legacy.retweeted_status_result.take().and_then(|it| it.result).map(original);
    let views = found.views.map_or(0, |views| views.count.0);
    let user_id = legacy.user_id_str.clone();
    let sensitive = legacy.possibly_sensitive.0;
    Ok(Some(Box::new(Tweet {
        id: tweet_id.number(),
        tweet_id,
        is_quoted: legacy.is_quote_status.0,
        is_reply: !legacy.in_reply_to_status_id_str.is_empty(),
        is_retweet: retweeted.is_some(),
        is_self_thread: is_self_thread(&legacy),
        conversation_id: legacy.conversation_id_str,
        author_id: user_id.clone(),
        user_id,
        text,
        html,
        timestamp: created_at.unix(),
        created_at,
        likes: legacy.favorite_count.0,
        replies: legacy.reply_count.0,
        retweets: legacy.retweet_count.0,
        views,
        public_metrics: Metrics {
            retweet_count: legacy.retweet_count.0,
            reply_count: legacy.reply_count.0,
            like_count: legacy.favorite_count.0,
            quote_count: legacy.quote_count.0,
            bookmark_count: legacy.bookmark_count.0,
            impression_count: views,
        },
        urls: or_null(addresses(entities.urls)),
        hashtags: or_null(entities.hashtags.0.into_iter().map(|tag| tag.text).collect()),
        photos: or_null(media.iter().filter_map(photo).collect()),
        videos: or_null(media.iter().filter_map(video).collect()),
        username,
        retweeted_status_id: retweeted.unwrap_or_default(),
        sensitive_content: sensitive,
        possibly_sensitive: sensitive,
        lang: legacy.lang,
        ..Tweet::default()
    })))
}

fn addresses<'a>(urls: List<Address<'a>>) -> Vec<Text<'a>> {
    let addresses = urls.0.into_iter().map(|url| url.expanded_url);
    addresses.filter(|address| leads_to_the_web(address.as_str())).collect()
}

/// An author's answer to an own tweet.
fn is_self_thread(tweet: &LegacyTweet<'_>) -> bool {
    !tweet.in_reply_to_user_id_str.is_empty() && tweet.in_reply_to_user_id_str == tweet.user_id_str
}

fn original(retweeted: Retweeted<'_>) -> Text<'_> {
    match retweeted.tweet {
        Some(inner) if retweeted.rest_id.is_empty() => inner.rest_id,
        _ => retweeted.rest_id,
    }
}

/// The text with its addresses expanded, and as HTML. A long tweet's media have no place in its
/// text.
fn markup<'a>(
    text: Text<'a>,
    entities: &WebEntities<'a>,
    in_text: &[WebMedia<'a>],
    media: &[WebMedia<'a>],
) -> (Cow<'a, str>, String) {
    let mut spans = Vec::new();
    for tag in &entities.hashtags.0 {
        spans.push(span(tag.indices, Link::Hashtag(tag.text.as_str())));
    }
    for mention in &entities.user_mentions.0 {
        spans.push(span(mention.indices, Link::Mention(mention.screen_name.as_str())));
    }
    for url in entities.urls.0.iter().filter(|url| !url.expanded_url.is_empty()) {
        spans.push(span(url.indices, Link::Url(url.expanded_url.as_str())));
    }
    // Several share one place in the text: the first has it.
    let mut placed: Option<(usize, usize)> = None;
    let mut rest = Vec::new();
    for media in if in_text.is_empty() { media } else { in_text } {
        let picture = media.media_url_https.as_str();
        if in_text.is_empty() || placed == Some(media.indices) {
            rest.push(picture);
        } else {
            placed = Some(media.indices);
            spans.push(span(media.indices, Link::Media(picture)));
        }
    }
    match text.0 {
        Cow::Borrowed(text) => {
            let Markup { text, html } = Markup::new(text, spans, &rest);
            (text, html)
        }
        Cow::Owned(text) => {
            let Markup { text: expanded, html } = Markup::new(&text, spans, &rest);
            (Cow::Owned(expanded.into_owned()), html)
        }
    }
}

fn span<'a>((start, end): (usize, usize), link: Link<'a>) -> Span<'a> {
    Span { start, end, link }
}

fn photo<'a>(media: &WebMedia<'a>) -> Option<Photo<'a>> {
    let is_photo = media.kind.as_str() == "photo";
    is_photo.then(|| Photo { id: media.id_str.clone(), url: media.media_url_https.clone() })
}

fn video<'a>(media: &WebMedia<'a>) -> Option<Video<'a>> {
    let variants = &media.video_info.as_ref()?.variants.0;
    let of_type =
        |kind: &'static str| move |variant: &&Variant<'a>| variant.content_type.as_str() == kind;
    let best = variants.iter().filter(of_type("video/mp4")).max_by_key(|variant| variant.bitrate.0);
    let hls = variants.iter().find(of_type("application/x-mpegURL"));
    let url = |variant: Option<&Variant<'a>>| variant.map(|it| it.url.clone()).unwrap_or_default();
    Some(Video {
        id: media.id_str.clone(),
        preview: media.media_url_https.clone(),
        url: url(best),
        hls_url: url(hls),
    })
}
