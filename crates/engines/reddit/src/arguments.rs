use std::fmt;

use jiff::Timestamp;
use sealwork_job::{Code, Failure};
use sealwork_upstream::{Capped, FieldError, Fields, rfc3339, site_url};
use serde_json::Value;

/// Most `urls` or `queries`, and the longest of each, in bytes.
const MAX_LIST: usize = 100;
const MAX_URL: usize = 2 << 10;
const MAX_QUERY: usize = 512;

const OPERATIONS: [&str; 4] = ["scrapeurls", "searchposts", "searchusers", "searchcommunities"];
const SORTS: [&str; 6] = ["relevance", "hot", "top", "new", "rising", "comments"];

const KNOWN: [&str; 14] = [
    "type",
    "urls",
    "queries",
    "sort",
    "include_nsfw",
    "skip_posts",
    "after",
    "max_items",
    "max_results",
    "max_posts",
    "max_comments",
    "max_communities",
    "max_users",
    "next_cursor",
];

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Gives the posts and comments at addresses.
    ScrapeUrls,
    /// Searches posts.
    SearchPosts,
    /// Searches users, and gives their posts as well.
    SearchUsers,
    /// Searches communities.
    SearchCommunities,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ScrapeUrls, Self::SearchPosts, Self::SearchUsers, Self::SearchCommunities];

    /// Its name as an argument and a capability.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScrapeUrls => OPERATIONS[0],
            Self::SearchPosts => OPERATIONS[1],
            Self::SearchUsers => OPERATIONS[2],
            Self::SearchCommunities => OPERATIONS[3],
        }
    }
}

/// The arguments of a reddit job, checked (reference 3.4).
///
/// | name | type | meaning |
/// |---|---|---|
/// | `type` | string | the operation, in any case; `scrapeurls` if absent |
/// | `urls` | list of strings | for `scrapeurls`: addresses of posts or comments, at most 100 |
/// | `queries` | list of strings | for the searches: what to search for, at most 100 |
/// | `sort` | string | `relevance`, `hot`, `top`, `new`, `rising` or `comments`; `new` if absent |
/// | `include_nsfw` | boolean | false if absent |
/// | `skip_posts` | boolean | for `searchusers`: without their posts; false if absent |
/// | `after` | string | RFC 3339 with a zone: only what was created after it |
/// | `max_items` | integer | items that the run looks for; 10 if 0 or absent |
/// | `max_results` | integer | items of this result; `max_items` if 0 or absent |
/// | `max_posts`, `max_comments` | integer | of each query; 10 if 0 or absent |
/// | `max_communities`, `max_users` | integer | of each query; 2 if 0 or absent |
/// | `next_cursor` | string | where an earlier result ended |
///
/// A number above the operator's limit is cut to it, which the result's details say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// What to do.
    pub operation: Operation,
    /// Addresses, for [`Operation::ScrapeUrls`].
    pub urls: Vec<String>,
    /// What to search for, for the others.
    pub queries: Vec<String>,
    /// The order.
    pub sort: &'static str,
    /// Whether to include what is marked as not safe for work.
    pub include_nsfw: bool,
    /// Whether to leave out users' posts.
    pub skip_posts: bool,
    /// Only what was created after it.
    pub after: Option<Timestamp>,
    /// Items that the run looks for.
    pub max_items: u64,
    /// Items of this result.
    pub max_results: u64,
    /// Posts of each query.
    pub max_posts: u64,
    /// Comments of each post.
    pub max_comments: u64,
    /// Communities of each query.
    pub max_communities: u64,
    /// Users of each query.
    pub max_users: u64,
    /// Where an earlier result ended.
    pub next_cursor: Option<String>,
    /// Numbers that were cut.
    pub capped: Vec<Capped>,
}

/// Why arguments are refused: everything that is wrong with them, a line each. The texts that Masa's
/// workers gave are kept to the letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArgumentsError(Vec<FieldError>);

impl fmt::Display for ArgumentsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ArgumentsError {}

impl From<ArgumentsError> for Failure {
    fn from(error: ArgumentsError) -> Self {
        let before = "failed to unmarshal job arguments: failed to unmarshal Reddit job arguments: \
                      failed to unmarshal arguments";
        let in_clear: Vec<String> = error.0.iter().map(FieldError::without_values).collect();
        Self::new(Code::ArgumentsInvalid, format!("{before}: {error}"))
            .in_clear(format!("{before}: {}", in_clear.join("\n")))
    }
}

impl Arguments {
    /// Checks `arguments`. `most` is the operator's limit for each number, `now` bounds `after`.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn parse(arguments: &Value, most: u64, now: Timestamp) -> Result<Self, ArgumentsError> {
        let fields = Fields::of(arguments).map_err(|error| ArgumentsError(vec![error]))?;
        let mut wrong = Vec::new();
        let mut capped = Vec::new();
        if let Err(error) = fields.only(&KNOWN) {
            wrong.push(error);
        }
        let operation = noted(&mut wrong, operation(&fields)).unwrap_or(Operation::ScrapeUrls);
        let urls = noted(&mut wrong, fields.texts("urls", MAX_LIST, MAX_URL)).unwrap_or_default();
        let queries =
            noted(&mut wrong, fields.texts("queries", MAX_LIST, MAX_QUERY)).unwrap_or_default();
        if wrong.is_empty() {
            check_subject(operation, &urls, &queries, &mut wrong);
        }
        let mut count = |name, otherwise| {
            let asked = noted(&mut wrong, fields.count(name)).unwrap_or_default();
            let asked = if asked == 0 { otherwise } else { asked };
            Capped::cap(name, asked, most, &mut capped)
        };
        let max_items = count("max_items", 10);
        let max_results = count("max_results", max_items);
        let max_posts = count("max_posts", 10);
        let max_comments = count("max_comments", 10);
        let max_communities = count("max_communities", 2);
        let max_users = count("max_users", 2);
        let sort = noted(&mut wrong, fields.choice("sort", &SORTS)).flatten().unwrap_or("new");
        let include_nsfw = noted(&mut wrong, fields.flag("include_nsfw")).unwrap_or_default();
        let skip_posts = noted(&mut wrong, fields.flag("skip_posts")).unwrap_or_default();
        let after = noted(&mut wrong, after(&fields, now)).flatten();
        let next_cursor =
            noted(&mut wrong, fields.cursor("next_cursor")).flatten().map(str::to_owned);
        if !wrong.is_empty() {
            return Err(ArgumentsError(wrong));
        }
        Ok(Self {
            operation,
            urls: urls.into_iter().map(str::to_owned).collect(),
            queries: queries.into_iter().map(str::to_owned).collect(),
            sort,
            include_nsfw,
            skip_posts,
            after,
            max_items,
            max_results,
            max_posts,
            max_comments,
            max_communities,
            max_users,
            next_cursor,
            capped,
        })
    }
}

fn noted<T>(wrong: &mut Vec<FieldError>, read: Result<T, FieldError>) -> Option<T> {
    read.map_err(|error| wrong.push(error)).ok()
}

fn operation(fields: &Fields<'_>) -> Result<Operation, FieldError> {
    let name = fields.choice("type", &OPERATIONS)?.unwrap_or(OPERATIONS[0]);
    let found = Operation::ALL.into_iter().find(|operation| operation.name() == name);
    Ok(found.unwrap_or(Operation::ScrapeUrls))
}

fn check_subject(
    operation: Operation,
    urls: &[&str],
    queries: &[&str],
    wrong: &mut Vec<FieldError>,
) {
    let mut note = |text: &'static str| wrong.push(invalid(text));
    if operation == Operation::ScrapeUrls {
        if !queries.is_empty() {
            note("the scrapeurls query type does not admit queries");
        }
        if urls.is_empty() {
            note("urls must be provided for scrapeurls query type");
        }
        wrong.extend(urls.iter().filter_map(|url| url_problem(url)));
    } else {
        if !urls.is_empty() {
            note("urls can only be provided for the scrapeurls query type");
        }
        if queries.is_empty() {
            note("queries must be provided for all query types except scrapeurls");
        }
    }
}

/// What is wrong in words that are not the job's.
fn invalid(text: &'static str) -> FieldError {
    FieldError::Invalid { text: text.to_owned(), in_clear: text }
}

/// What keeps a text from being the address of a post or comment.
fn url_problem(text: &str) -> Option<FieldError> {
    let in_clear = "urls must be addresses of posts or comments at reddit.com: \
                    https://reddit.com/r/COMMUNITY/comments/ID";
    let problem = |text| Some(FieldError::Invalid { text, in_clear });
    let shown: String = text.chars().take(200).collect();
    let Some(url) = site_url(text, "reddit.com") else {
        return problem(format!("invalid Reddit URL {shown}"));
    };
    if !url.path().starts_with("/r/") {
        return problem(format!("{shown} is not a Reddit post or comment URL (missing /r/)"));
    }
    if !url.path().contains("/comments/") {
        return problem(format!(
            "{shown} is not a Reddit post or comment URL (missing /comments/)"
        ));
    }
    None
}

fn after(fields: &Fields<'_>, now: Timestamp) -> Result<Option<Timestamp>, FieldError> {
    let Some(text) = fields.text("after", 64)? else { return Ok(None) };
    let after = rfc3339(text).ok_or(FieldError::Type {
        name: "after",
        expected: "a time as in RFC 3339 with a zone, for example 2025-09-01T00:00:00Z",
    })?;
    if after > now {
        return Err(invalid("after field is in the future"));
    }
    Ok(Some(after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URL: &str = "https://reddit.com/r/space/comments/1n1dwzv/title/";

    fn parse(value: &Value) -> Result<Arguments, String> {
        let now = "2025-10-01T00:00:00Z".parse().unwrap();
        Arguments::parse(value, 1000, now).map_err(|error| error.to_string())
    }

    #[test]
    fn the_examples_of_the_readme_are_taken() {
        let url = "https://reddit.com/r/ArtificialIntelligence/comments/1n1dwzv/\
                   what_math_should_i_focus_on_for_ai_and_why/";
        let scrape = parse(&json!({
            "type": "scrapeurls", "urls": [url], "sort": "new", "include_nsfw": true,
            "max_items": 100
        }))
        .unwrap();
        assert_eq!((scrape.max_items, scrape.max_results), (100, 100));
        assert!(scrape.include_nsfw);
        let users = parse(&json!({
            "type": "searchusers", "queries": ["NASA", "European Space Agency"],
            "sort": "relevance", "skip_posts": true
        }))
        .unwrap();
        assert_eq!((users.sort, users.skip_posts, users.max_users), ("relevance", true, 2));
        let posts = parse(&json!({
            "type": "searchposts", "queries": ["NASA", "European Space Agency"],
            "max_items": 100, "max_results": 10, "max_posts": 5
        }))
        .unwrap();
        assert_eq!((posts.max_items, posts.max_results, posts.max_posts), (100, 10, 5));
        let communities = parse(&json!({
            "type": "searchcommunities", "queries": ["Artificial Intelligence"],
            "max_items": 100, "max_results": 10
        }))
        .unwrap();
        assert_eq!((communities.max_communities, communities.max_comments), (2, 10));
    }

    #[test]
    fn defaults_are_those_of_the_reference_and_zero_means_default() {
        for arguments in [
            json!({"urls": [URL]}),
            json!({
                "type": "ScrapeURLs", "urls": [URL], "sort": "", "max_items": 0, "max_results": 0,
                "max_posts": 0, "max_comments": 0, "max_communities": 0, "max_users": 0,
                "after": null, "next_cursor": ""
            }),
        ] {
            let parsed = parse(&arguments).unwrap();
            assert_eq!(parsed.operation, Operation::ScrapeUrls);
            assert_eq!(
                (parsed.sort, parsed.include_nsfw, parsed.skip_posts),
                ("new", false, false)
            );
            assert_eq!((parsed.max_items, parsed.max_results), (10, 10));
            assert_eq!((parsed.max_posts, parsed.max_comments), (10, 10));
            assert_eq!((parsed.max_communities, parsed.max_users), (2, 2));
            assert_eq!((parsed.after, parsed.next_cursor), (None, None));
        }
    }

    #[test]
    fn refusals_use_the_texts_of_the_reference_and_name_what_is_allowed() {
        for (arguments, text) in [
            (json!({}), "urls must be provided for scrapeurls query type"),
            (
                json!({"queries": ["a"]}),
                "the scrapeurls query type does not admit queries\n\
                 urls must be provided for scrapeurls query type",
            ),
            (
                json!({"type": "searchposts", "urls": [URL]}),
                "urls can only be provided for the scrapeurls query type\n\
                 queries must be provided for all query types except scrapeurls",
            ),
            (
                json!({"type": "searchall", "queries": ["a"]}),
                "type must be one of scrapeurls, searchposts, searchusers, searchcommunities; \
                 got: searchall",
            ),
            (
                json!({"urls": ["https://evilreddit.com/r/a/comments/b"]}),
                "invalid Reddit URL https://evilreddit.com/r/a/comments/b",
            ),
            (json!({"urls": ["reddit.com"]}), "invalid Reddit URL reddit.com"),
            (
                json!({"urls": ["https://reddit.com/user/a/comments/b"]}),
                "https://reddit.com/user/a/comments/b is not a Reddit post or comment URL (missing \
                 /r/)",
            ),
            (
                json!({"urls": ["https://old.reddit.com/r/space/"]}),
                "https://old.reddit.com/r/space/ is not a Reddit post or comment URL (missing \
                 /comments/)",
            ),
            (
                json!({"urls": [URL], "sort": "newest"}),
                "sort must be one of relevance, hot, top, new, rising, comments; got: newest",
            ),
            (json!({"urls": [URL], "max_items": -1}), "max_items must be non-negative, got: -1"),
            (json!({"urls": [URL], "max_posts": "3"}), "max_posts must be an integer"),
            (json!({"urls": [URL], "max_users": 1.5}), "max_users must be an integer"),
            (json!({"urls": [URL], "include_nsfw": "yes"}), "include_nsfw must be true or false"),
            (
                json!({"urls": [URL], "after": "2025-10-01T00:00:01Z"}),
                "after field is in the future",
            ),
            (
                json!({"urls": [URL], "after": "2025-09-01"}),
                "after must be a time as in RFC 3339 with a zone, for example 2025-09-01T00:00:00Z",
            ),
            (
                json!({"urls": [URL], "next_cursor": "eyJvZmZzZXQiOjEwfQ=="}),
                "next_cursor must be a cursor that this worker gave with an earlier result",
            ),
            (json!([URL]), "arguments must be an object"),
        ] {
            assert_eq!(parse(&arguments), Err(text.to_owned()), "{arguments}");
        }
        let unknown = parse(&json!({"urls": [URL], "max_item": 5})).unwrap_err();
        assert!(unknown.starts_with("max_item is no argument here; known are type, "), "{unknown}");
    }

    #[test]
    fn huge_numbers_are_cut_to_the_limit_and_noted() {
        let parsed = parse(&json!({
            "urls": [URL], "max_items": 1_000_000_000_000_000_000u64, "max_comments": 1e300
        }))
        .unwrap();
        assert_eq!((parsed.max_items, parsed.max_results, parsed.max_comments), (1000, 1000, 1000));
        let capped: Vec<_> = parsed.capped.iter().map(|capped| capped.argument).collect();
        assert_eq!(capped, ["max_items", "max_comments"]);
    }
}
