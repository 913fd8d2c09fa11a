use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// What a field of a profile from Apify holds.
#[derive(Clone, Copy)]
enum Holds {
    Text,
    Number,
    Flag,
    Texts,
    Numbers,
    /// Text, or `null` when it is absent.
    MaybeText,
    /// Anything, or `null` when it is absent.
    Maybe,
    /// Anything, an object when it is absent.
    Object,
}

/// The fields of the reference, each with what it holds (reference 3.5.4). Others are dropped.
const FIELDS: [(&str, Holds); 62] = [
    ("id", Holds::Number),
    ("id_str", Holds::Text),
    ("name", Holds::Text),
    ("screen_name", Holds::Text),
    ("location", Holds::Text),
    ("description", Holds::Text),
    ("url", Holds::MaybeText),
    ("entities", Holds::Object),
    ("protected", Holds::Flag),
    ("followers_count", Holds::Number),
    ("fast_followers_count", Holds::Number),
    ("normal_followers_count", Holds::Number),
    ("friends_count", Holds::Number),
    ("listed_count", Holds::Number),
    ("created_at", Holds::Text),
    ("favourites_count", Holds::Number),
    ("utc_offset", Holds::Maybe),
    ("time_zone", Holds::MaybeText),
    ("geo_enabled", Holds::Flag),
    ("verified", Holds::Flag),
    ("statuses_count", Holds::Number),
    ("media_count", Holds::Number),
    ("lang", Holds::MaybeText),
    ("contributors_enabled", Holds::Flag),
    ("is_translator", Holds::Flag),
    ("is_translation_enabled", Holds::Flag),
    ("profile_background_color", Holds::Text),
    ("profile_background_image_url", Holds::MaybeText),
    ("profile_background_image_url_https", Holds::MaybeText),
    ("profile_background_tile", Holds::Flag),
    ("profile_image_url", Holds::Text),
    ("profile_image_url_https", Holds::Text),
    ("profile_link_color", Holds::Text),
    ("profile_sidebar_border_color", Holds::Text),
    ("profile_sidebar_fill_color", Holds::Text),
    ("profile_text_color", Holds::Text),
    ("profile_use_background_image", Holds::Flag),
    ("has_extended_profile", Holds::Flag),
    ("default_profile", Holds::Flag),
    ("default_profile_image", Holds::Flag),
    ("pinned_tweet_ids", Holds::Numbers),
    ("pinned_tweet_ids_str", Holds::Texts),
    ("has_custom_timelines", Holds::Flag),
    ("can_media_tag", Holds::Flag),
    ("followed_by", Holds::Flag),
    ("following", Holds::Flag),
    ("live_following", Holds::Flag),
    ("follow_request_sent", Holds::Flag),
    ("notifications", Holds::Flag),
    ("muting", Holds::Flag),
    ("blocking", Holds::Flag),
    ("blocked_by", Holds::Flag),
    ("advertiser_account_type", Holds::Text),
    ("advertiser_account_service_levels", Holds::Texts),
    ("analytics_type", Holds::Text),
    ("business_profile_state", Holds::Text),
    ("translator_type", Holds::Text),
    ("withheld_in_countries", Holds::Texts),
    ("require_some_consent", Holds::Flag),
    ("type", Holds::Text),
    ("target_username", Holds::Text),
    ("email", Holds::MaybeText),
];

/// A follower or followed profile as the actor gives it, in the reference's form: its fields and no
/// others, each there.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(try_from = "Value", into = "Value")]
pub(crate) struct ApifyProfile(Value);

impl From<ApifyProfile> for Value {
    fn from(profile: ApifyProfile) -> Self {
        profile.0
    }
}

impl TryFrom<Value> for ApifyProfile {
    type Error = &'static str;

    /// Refuses what is no profile, and a field of another type.
    fn try_from(item: Value) -> Result<Self, Self::Error> {
        let Value::Object(mut given) = item else { return Err("no object") };
        if !given.contains_key("id_str") && !given.contains_key("id") {
            return Err("no profile");
        }
        let mut profile = Map::new();
        for (name, holds) in FIELDS {
            let value = given.remove(name).unwrap_or(Value::Null);
            profile.insert(name.to_owned(), holds.read(value).ok_or("a field of another type")?);
        }
        Ok(Self(Value::Object(profile)))
    }
}

impl Holds {
    /// The value, or what stands for none; `None` for a value of another type.
    fn read(self, value: Value) -> Option<Value> {
        let fits = match self {
            _ if value.is_null() => return Some(self.none()),
            Self::Text | Self::MaybeText => value.is_string(),
            Self::Number => value.is_number(),
            Self::Flag => value.is_boolean(),
            Self::Texts => are(&value, Value::is_string),
            Self::Numbers => are(&value, Value::is_number),
            Self::Object => value.is_object(),
            Self::Maybe => true,
        };
        fits.then_some(value)
    }

    fn none(self) -> Value {
        match self {
            Self::Text => json!(""),
            Self::Number => json!(0),
            Self::Flag => json!(false),
            Self::Object => json!({}),
            Self::Texts | Self::Numbers | Self::MaybeText | Self::Maybe => Value::Null,
        }
    }
}

fn are(value: &Value, is: fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(is))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_the_reference_are_there_and_no_others() {
        let given =
            json!({"id": 11348282, "id_str": "11348282", "screen_name": "NASA", "extra": 1});
        let profile = ApifyProfile::try_from(given).unwrap().0;
        assert_eq!(profile["screen_name"], "NASA");
        assert_eq!(profile["protected"], false);
        assert_eq!(profile["followers_count"], 0);
        assert!(profile["url"].is_null() && profile.get("extra").is_none());
        assert_eq!(profile.as_object().unwrap().len(), FIELDS.len());
    }

    #[test]
    fn what_is_no_profile_is_none() {
        for item in [json!("x"), json!({}), json!({"message": "no results"}), json!({"id": "1"})] {
            assert!(ApifyProfile::try_from(item).is_err());
        }
        assert!(ApifyProfile::try_from(json!({"id": 1, "protected": "yes"})).is_err());
    }
}
