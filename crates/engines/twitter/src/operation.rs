use std::fmt;

/// What a job of one of the Twitter engines does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// Recent tweets that match a query.
    SearchByQuery,
    /// Tweets of all times that match a query.
    SearchByFullArchive,
    /// A profile by its screen name.
    SearchByProfile,
    /// A tweet by its id.
    GetById,
    /// The replies to a tweet.
    GetReplies,
    /// The profiles that retweeted a tweet.
    GetRetweeters,
    /// The tweets of a profile.
    GetTweets,
    /// The tweets of a profile that have photos or videos.
    GetMedia,
    /// The account's own home timeline.
    GetHomeTweets,
    /// The account's own "For you" timeline.
    GetForYouTweets,
    /// The account's own bookmarks.
    GetBookmarks,
    /// A profile by its number.
    GetProfileById,
    /// The profiles that follow a profile.
    GetFollowers,
    /// The profiles that a profile follows.
    GetFollowing,
    /// The names of what is trending.
    GetTrends,
    /// An audio space by its id.
    GetSpace,
}

/// What the query of an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Text in the search syntax.
    Text,
    /// The number of a tweet.
    TweetId,
    /// The number of a profile, or its screen name.
    Profile,
    /// A screen name.
    ScreenName,
    /// The id of a space.
    SpaceId,
    /// Nothing: a query is ignored.
    Nothing,
}

/// What an operation returns: decides which counter moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Tweets.
    Tweets,
    /// Profiles.
    Profiles,
    /// Media, trends, spaces.
    Other,
}

impl Operation {
    /// All of them, in the order in which capabilities list them.
    pub const ALL: [Self; 16] = [
        Self::SearchByQuery,
        Self::SearchByFullArchive,
        Self::SearchByProfile,
        Self::GetById,
        Self::GetReplies,
        Self::GetRetweeters,
        Self::GetTweets,
        Self::GetMedia,
        Self::GetHomeTweets,
        Self::GetForYouTweets,
        Self::GetBookmarks,
        Self::GetProfileById,
        Self::GetFollowers,
        Self::GetFollowing,
        Self::GetTrends,
        Self::GetSpace,
    ];

    /// The name by which jobs ask for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SearchByQuery => "searchbyquery",
            Self::SearchByFullArchive => "searchbyfullarchive",
            Self::SearchByProfile => "searchbyprofile",
            Self::GetById => "getbyid",
            Self::GetReplies => "getreplies",
            Self::GetRetweeters => "getretweeters",
            Self::GetTweets => "gettweets",
            Self::GetMedia => "getmedia",
            Self::GetHomeTweets => "gethometweets",
            Self::GetForYouTweets => "getforyoutweets",
            Self::GetBookmarks => "getbookmarks",
            Self::GetProfileById => "getprofilebyid",
            Self::GetFollowers => "getfollowers",
            Self::GetFollowing => "getfollowing",
            Self::GetTrends => "gettrends",
            Self::GetSpace => "getspace",
        }
    }

    /// Reads a name in any case; `searchfollowers` is the older name of `getfollowers`.
    pub fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("searchfollowers") {
            return Some(Self::GetFollowers);
        }
        Self::ALL.into_iter().find(|operation| operation.as_str().eq_ignore_ascii_case(name))
    }

    /// What its query is.
    pub fn subject(self) -> Subject {
        match self {
            Self::SearchByQuery | Self::SearchByFullArchive => Subject::Text,
            Self::GetById | Self::GetReplies | Self::GetRetweeters => Subject::TweetId,
            Self::GetProfileById => Subject::Profile,
            Self::SearchByProfile
            | Self::GetTweets
            | Self::GetMedia
            | Self::GetFollowers
            | Self::GetFollowing => Subject::ScreenName,
            Self::GetSpace => Subject::SpaceId,
            Self::GetHomeTweets | Self::GetForYouTweets | Self::GetBookmarks | Self::GetTrends => {
                Subject::Nothing
            }
        }
    }

    /// What it returns.
    pub fn kind(self) -> Kind {
        match self {
            Self::SearchByQuery
            | Self::SearchByFullArchive
            | Self::GetById
            | Self::GetReplies
            | Self::GetTweets
            | Self::GetHomeTweets
            | Self::GetForYouTweets
            | Self::GetBookmarks => Kind::Tweets,
            Self::SearchByProfile
            | Self::GetProfileById
            | Self::GetRetweeters
            | Self::GetFollowers
            | Self::GetFollowing => Kind::Profiles,
            Self::GetMedia | Self::GetTrends | Self::GetSpace => Kind::Other,
        }
    }

    /// Whether it is a search, whose time range can be given.
    pub fn is_search(self) -> bool {
        matches!(self, Self::SearchByQuery | Self::SearchByFullArchive)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_reads_back_from_its_name_in_any_case() {
        for operation in Operation::ALL {
            let name = operation.as_str();
            assert_eq!(Operation::from_name(name), Some(operation));
            assert_eq!(Operation::from_name(&name.to_uppercase()), Some(operation));
        }
        assert_eq!(Operation::from_name("SearchFollowers"), Some(Operation::GetFollowers));
        assert_eq!(Operation::from_name("getlikes"), None);
    }
}
