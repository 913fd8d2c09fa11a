use std::time::Duration;

use super::{MAX_BYTES, MAX_RULES, Robots, Rule, matcher::Pattern};

/// A `Crawl-delay` above this is taken for a slip and ignored.
const MAX_CRAWL_DELAY: f64 = 86_400.0;

/// What a line sets.
enum Key {
    UserAgent,
    Allow,
    Disallow,
    Sitemap,
    CrawlDelay,
}

/// Rules gathered for one kind of group.
#[derive(Default)]
struct Group {
    /// Whether the lines being read belong to such a group.
    is_open: bool,
    /// Whether there was such a group at all, even without rules.
    is_present: bool,
    rules: Vec<Rule>,
    crawl_delay: Option<Duration>,
}

pub(super) fn parse(bytes: &[u8], agent: &str) -> Robots {
    let (mut named, mut any) = (Group::default(), Group::default());
    let mut sitemaps = Vec::new();
    // A group begins with one or more user-agent lines; the first rule closes that list.
    let mut agents_end = false;
    for (key, value) in lines(capped(without_bom(bytes))).filter_map(directive) {
        match key {
            Key::UserAgent => {
                if agents_end {
                    (named.is_open, any.is_open, agents_end) = (false, false, false);
                }
                if is_any_agent(value) {
                    any.open();
                } else if product_token(value).eq_ignore_ascii_case(agent.as_bytes()) {
                    named.open();
                }
            }
            Key::Allow | Key::Disallow => {
                agents_end = true;
                let allow = matches!(key, Key::Allow);
                for group in [&mut named, &mut any] {
                    group.add(allow, value);
                }
            }
            // RFC 9309 section 2.2.4: other records do not end a group.
            Key::CrawlDelay => {
                for group in [&mut named, &mut any].into_iter().filter(|group| group.is_open) {
                    group.crawl_delay = group.crawl_delay.or(crawl_delay(value));
                }
            }
            Key::Sitemap => {
                if let Ok(text) = std::str::from_utf8(value)
                    && !text.is_empty()
                {
                    sitemaps.push(text.to_owned());
                }
            }
        }
    }
    let Group { rules, crawl_delay, .. } = if named.is_present { named } else { any };
    Robots { rules, crawl_delay, sitemaps }
}

impl Group {
    fn open(&mut self) {
        (self.is_open, self.is_present) = (true, true);
    }

    fn add(&mut self, allow: bool, value: &[u8]) {
        if !self.is_open {
            return;
        }
        if self.rules.len() >= MAX_RULES {
            return;
        }
        self.rules.extend(Pattern::new(value).map(|pattern| Rule { allow, pattern }));
        // Who allows a directory's index page means the directory too, as search engines read it.
        if let Some(directory) = allow.then(|| index_directory(value)).flatten() {
            let pattern = [directory, b"$"].concat();
            self.rules.extend(Pattern::new(&pattern).map(|pattern| Rule { allow, pattern }));
        }
    }
}

/// Drops as much of a UTF-8 byte order mark as is there.
fn without_bom(bytes: &[u8]) -> &[u8] {
    let mark = b"\xEF\xBB\xBF";
    let shared = bytes.iter().zip(mark).take_while(|(a, b)| a == b).count();
    &bytes[shared..]
}

/// The first [`MAX_BYTES`], without the line that the cut goes through: half a rule can say the
/// opposite of the whole.
fn capped(bytes: &[u8]) -> &[u8] {
    let Some(head) = bytes.get(..MAX_BYTES + 1) else { return bytes };
    let end = head.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(0);
    &head[..end]
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Splits a line into what it sets and to what; `None` for comments and unknown records.
fn directive(line: &[u8]) -> Option<(Key, &[u8])> {
    let line = line.split(|byte| *byte == b'#').next()?.trim_ascii();
    let (key, value) = match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        // A forgotten colon is plain enough when exactly two words stand there.
        None => {
            let space = line.iter().position(u8::is_ascii_whitespace)?;
            let value = line[space..].trim_ascii();
            if value.iter().any(u8::is_ascii_whitespace) {
                return None;
            }
            (&line[..space], value)
        }
    };
    let key = match key.trim_ascii().to_ascii_lowercase().as_slice() {
        b"user-agent" | b"useragent" | b"user agent" => Key::UserAgent,
        b"allow" => Key::Allow,
        b"disallow" | b"dissallow" | b"dissalow" | b"disalow" | b"diasllow" | b"disallaw" => {
            Key::Disallow
        }
        b"sitemap" | b"site-map" => Key::Sitemap,
        b"crawl-delay" | b"crawldelay" => Key::CrawlDelay,
        _ => return None,
    };
    Some((key, value.trim_ascii()))
}

fn is_any_agent(value: &[u8]) -> bool {
    matches!(value, [b'*'] | [b'*', b' ' | b'\t', ..])
}

/// The product token that a user-agent line begins with: RFC 9309 section 2.2.1.
fn product_token(value: &[u8]) -> &[u8] {
    let is_token = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
    let end = value.iter().position(|byte| !is_token(byte)).unwrap_or(value.len());
    &value[..end]
}

fn index_directory(value: &[u8]) -> Option<&[u8]> {
    let slash = value.iter().rposition(|byte| *byte == b'/')?;
    let (directory, page) = value.split_at(slash + 1);
    matches!(page, b"index.htm" | b"index.html").then_some(directory)
}

fn crawl_delay(value: &[u8]) -> Option<Duration> {
    let seconds: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (0.0..=MAX_CRAWL_DELAY).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_and_sitemaps_are_read() {
        let text = b"Sitemap: https://a.example/map.xml\nUser-agent: bot\nCrawl-delay: 1.5\n\
            User-agent: other\nDisallow: /x\nSitemap: /two.xml\nUser-agent: *\nCrawl-delay: 9\n";
        let robots = Robots::parse(text, "bot");
        assert_eq!(robots.crawl_delay(), Some(Duration::from_millis(1500)));
        assert_eq!(robots.sitemaps(), ["https://a.example/map.xml", "/two.xml"]);
        assert!(!robots.allows(b"/x"), "a crawl delay must not end the list of agents");
        assert_eq!(Robots::parse(text, "else").crawl_delay(), Some(Duration::from_secs(9)));
    }

    #[test]
    fn delays_that_make_no_sense_are_ignored() {
        for delay in ["-1", "NaN", "inf", "1e300", "soon", "", "100000"] {
            let text = format!("user-agent: *\ncrawl-delay: {delay}\n");
            assert_eq!(Robots::parse(text.as_bytes(), "bot").crawl_delay(), None, "{delay}");
        }
    }

    #[test]
    fn what_lies_behind_500_kib_is_not_read_and_the_cut_line_is_no_rule() {
        let mut text = b"user-agent: *\ndisallow: /early\n".to_vec();
        text.resize(MAX_BYTES - "\ndisallow: /lat".len(), b'#');
        text.extend_from_slice(b"\ndisallow: /late\ndisallow: /never\n");
        let robots = Robots::parse(&text, "bot");
        assert!(!robots.allows(b"/early"));
        assert!(robots.allows(b"/lat") && robots.allows(b"/late") && robots.allows(b"/never"));
    }

    #[test]
    fn the_file_itself_is_always_allowed() {
        assert!(Robots::parse(b"user-agent: *\ndisallow: /\n", "bot").allows(b"/robots.txt"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, path: Vec<u8>) {
            let _ = Robots::parse(&bytes, "bot").allows(&path);
        }

        #[test]
        fn lines_of_rules_in_any_order_never_panic(
            text in "((user-agent|allow|disallow|crawl-delay|sitemap):? ?[/*$%a-z0-9 #]{0,8}[\r\n]){0,20}",
            path in "/[a-z%*$]{0,8}",
        ) {
            let _ = Robots::parse(text.as_bytes(), "bot").allows(path.as_bytes());
        }
    }
}
