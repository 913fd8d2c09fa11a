//! What comes from sites, and what operators and requesters say about them.

use sealwork_egress::{AllowList, PortPolicy, Robots, UpstreamBase};
use sealwork_engine_web::{
    Arguments, Extraction, MediaType, PageKey, Unlimited, WebConfig, decode, extract,
};
use sealwork_job::Timestamp;
use url::Url;

/// A robots.txt. Its first line is taken for a path as well.
pub fn robots(data: &[u8]) {
    let robots = Robots::parse(data, "Sealwork");
    let path = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let _ = (robots.allows(path), robots.allows(b"/"), robots.crawl_delay(), robots.sitemaps());
    if let Ok(url) =
        Url::parse("http://a.test/").and_then(|base| base.join(&String::from_utf8_lossy(path)))
    {
        let _ = robots.allows_url(&url);
    }
}

/// A `Retry-After`.
pub fn retry_after(data: &[u8]) {
    let now = Timestamp::from_secs(784_111_747);
    if let Some(wait) = sealwork_egress::retry_after(data, now) {
        assert!(data.iter().any(u8::is_ascii_digit), "{wait:?} from nothing");
    }
}

/// A content type, and a body of the charset that it names. The first line is the header.
pub fn content_type(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (header, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let media_type = MediaType::parse(header);
    let _ = (media_type.kind(body), media_type.is_other());
    for charset in [media_type.charset.as_deref(), None] {
        let decoded = decode(body, charset, Some("a.test"));
        // UTF-8 takes at most three bytes for what another encoding says in one.
        assert!(decoded.text.len() <= 3 * body.len() + 3, "{}", decoded.encoding);
    }
}

/// The operator's lists of addresses and ports, and the base of an upstream.
pub fn egress_lists(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(list) = text.parse::<AllowList>() {
        for net in list.nets() {
            assert!(list.contains(net.addr()) && net.addr() == net.network());
        }
    }
    let _ = text.parse::<PortPolicy>();
    if let Ok(base) = text.parse::<UpstreamBase>() {
        let joined = base.join("/a/../b", &[("q", text)]);
        assert!(joined.is_err() || joined.is_ok_and(|url| url.origin() == base.url().origin()));
    }
}

/// The arguments of a crawl.
pub fn web_arguments(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice(data) {
        let _ = Arguments::parse(&value, &WebConfig::default());
    }
}

/// A page. The first byte chooses a selector, so that both ways to the text are taken.
pub fn web_page(data: &[u8]) {
    let Ok(url) = Url::parse("http://a.test/dir/page.html") else { return };
    let (choice, page) = data.split_first().map_or((0, data), |(first, rest)| (*first, rest));
    let selector = (choice % 2 == 1).then(|| "body p, td".to_owned());
    let text = decode(page, None, Some("a.test")).text;
    let page = extract(&text, &url, &Extraction { selector }, &Unlimited);
    for link in &page.links {
        let key = Url::parse(link).map(|url| PageKey::new(&url)).expect("links are URLs");
        let again = Url::parse(key.as_str()).map(|url| PageKey::new(&url)).expect("keys are URLs");
        assert_eq!(key, again, "a key is its own key");
    }
}
