use std::collections::BTreeMap;

use serde_json::{Map, Value};
use thiserror::Error;

use super::operations::Graph;

/// Ids and features of X's internal GraphQL, which rotate: defaults, and what the operator sets
/// instead of them.
#[derive(Debug, Clone)]
pub struct GraphqlConfig {
    ids: BTreeMap<&'static str, String>,
    features: Map<String, Value>,
}

/// Why a setting of the GraphQL is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GraphqlError {
    /// Not `NAME=VALUE`.
    #[error("{0} is not of the form NAME=VALUE")]
    Form(String),
    /// An operation that is not used.
    #[error("{given} is no operation that is used; those are {known}")]
    Operation {
        /// What was given.
        given: String,
        /// Those that are used.
        known: String,
    },
    /// An id with other characters than letters, digits, `-` and `_`.
    #[error("the id of {0} must be letters, digits, - and _")]
    Id(&'static str),
    /// A feature that is neither on nor off.
    #[error("the feature {0} must be true or false")]
    Feature(String),
}

/// What the web client of 2026 sends; X refuses requests that lack one it asks for.
const ON: [&str; 27] = [
    "articles_preview_enabled",
    "c9s_tweet_anatomy_moderator_badge_enabled",
    "communities_web_enable_tweet_community_results_fetch",
    "creator_subscriptions_tweet_preview_api_enabled",
    "freedom_of_speech_not_reach_fetch_enabled",
    "graphql_is_translatable_rweb_tweet_is_translatable_enabled",
    "graphql_timeline_v2_bookmark_timeline",
    "hidden_profile_likes_enabled",
    "hidden_profile_subscriptions_enabled",
    "highlights_tweets_tab_ui_enabled",
    "longform_notetweets_consumption_enabled",
    "longform_notetweets_inline_media_enabled",
    "longform_notetweets_rich_text_read_enabled",
    "responsive_web_edit_tweet_api_enabled",
    "responsive_web_graphql_exclude_directive_enabled",
    "responsive_web_graphql_timeline_navigation_enabled",
    "responsive_web_twitter_article_tweet_consumption_enabled",
    "rweb_tipjar_consumption_enabled",
    "rweb_video_timestamps_enabled",
    "spaces_2022_h2_clipping",
    "spaces_2022_h2_spaces_communities",
    "standardized_nudges_misinfo",
    "subscriptions_verification_info_is_identity_verified_enabled",
    "subscriptions_verification_info_verified_since_enabled",
    "tweet_with_visibility_results_prefer_gql_limited_actions_policy_enabled",
    "tweetypie_unmention_optimization_enabled",
    "view_counts_everywhere_api_enabled",
];
const OFF: [&str; 14] = [
    "creator_subscriptions_quote_tweet_preview_enabled",
    "premium_content_api_read_enabled",
    "profile_label_improvements_pcf_label_in_post_enabled",
    "responsive_web_enhance_cards_enabled",
    "responsive_web_graphql_skip_user_profile_image_extensions_enabled",
    "responsive_web_grok_analyze_button_fetch_trends_enabled",
    "responsive_web_grok_analyze_post_followups_enabled",
    "responsive_web_grok_share_attachment_enabled",
    "responsive_web_media_download_video_enabled",
    "responsive_web_twitter_article_notes_tab_enabled",
    "subscriptions_feature_can_gift_premium",
    "tweet_awards_web_tipping_enabled",
    "tweet_with_visibility_results_prefer_gql_media_interstitial_enabled",
    "verified_phone_label_enabled",
];

impl Default for GraphqlConfig {
    fn default() -> Self {
        let ids = Graph::ALL.map(|graph| (graph.name(), graph.default_id().to_owned()));
        let feature = |on: bool| move |name: &str| (name.to_owned(), Value::Bool(on));
        let on = ON.into_iter().map(feature(true));
        let off = OFF.into_iter().map(feature(false));
        Self { ids: ids.into(), features: on.chain(off).collect() }
    }
}

impl GraphqlConfig {
    /// The defaults, with other ids (`SearchTimeline=flaR-PUMshxFWZWPNpq4zA,...`) and other or
    /// further features (`view_counts_everywhere_api_enabled=false,...`).
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn with(ids: &str, features: &str) -> Result<Self, GraphqlError> {
        let mut config = Self::default();
        for (name, id) in pairs(ids)? {
            let Some(graph) = Graph::ALL.into_iter().find(|graph| graph.name() == name) else {
                let known = Graph::ALL.map(Graph::name).join(", ");
                return Err(GraphqlError::Operation { given: name.to_owned(), known });
            };
            let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            if id.is_empty() || !id.bytes().all(is_part) {
                return Err(GraphqlError::Id(graph.name()));
            }
            config.ids.insert(graph.name(), id.to_owned());
        }
        for (name, value) in pairs(features)? {
            let value: bool = value.parse().map_err(|_| GraphqlError::Feature(name.to_owned()))?;
            config.features.insert(name.to_owned(), Value::Bool(value));
        }
        Ok(config)
    }

    pub(super) fn id(&self, graph: Graph) -> &str {
        self.ids.get(graph.name()).map_or(graph.default_id(), String::as_str)
    }

    pub(super) fn features(&self) -> String {
        Value::Object(self.features.clone()).to_string()
    }
}

fn pairs(text: &str) -> Result<Vec<(&str, &str)>, GraphqlError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let pair = part.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
            pair.filter(|(name, _)| !name.is_empty())
                .ok_or_else(|| GraphqlError::Form(part.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_features_take_the_place_of_the_defaults() {
        let config = GraphqlConfig::with(
            " SearchTimeline=new-id_1 ,",
            "view_counts_everywhere_api_enabled=false,brand_new=true",
        )
        .unwrap();
        assert_eq!(config.id(Graph::SearchTimeline), "new-id_1");
        assert_eq!(config.id(Graph::TweetDetail), Graph::TweetDetail.default_id());
        let features: Value = serde_json::from_str(&config.features()).unwrap();
        assert_eq!(features["view_counts_everywhere_api_enabled"], false);
        assert_eq!(features["brand_new"], true);
    }

    #[test]
    fn what_is_wrong_with_a_setting_is_told() {
        for (ids, features, told) in [
            ("SearchTimeline", "", "NAME=VALUE"),
            ("SearchTimelines=x", "", "those are SearchTimeline, UserByScreenName"),
            ("SearchTimeline=../x", "", "the id of SearchTimeline"),
            ("", "x=maybe", "the feature x must be true or false"),
        ] {
            let error = GraphqlConfig::with(ids, features).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
