//! What jobs return, field by field as the reference's workers did (reference 3.5.4).

mod api_profile;
mod apify;
mod markup;
mod profile;
mod space;
mod tweet;

pub(crate) use api_profile::{ApiProfile, ApiProfileResult};
pub(crate) use apify::ApifyProfile;
pub(crate) use markup::{Link, Markup, Span, leads_to_the_web};
pub(crate) use profile::Profile;
pub(crate) use space::{Participants, Space, SpaceUser, Topic};
pub(crate) use tweet::{Metrics, Photo, ThreadCursor, Tweet, Video, or_null};
