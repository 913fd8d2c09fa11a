use url::Url;

/// An address at `site` or beneath it, which an upstream is given as it is written: nothing of it may
/// be read in two ways. `None` for any other text.
pub fn site_url(text: &str, site: &str) -> Option<Url> {
    let is_plain = text.bytes().all(|byte| byte > b' ' && byte != 0x7f && byte != b'\\');
    let url = Url::parse(text).ok().filter(|_| is_plain)?;
    let host = url.host_str()?;
    let is_there = host.strip_suffix(site).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
    let is_web = matches!(url.scheme(), "http" | "https") && url.port().is_none();
    let authority = text.split_once("://")?.1.split(['/', '?', '#']).next()?;
    (is_there && is_web && !authority.contains('@')).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_be_read_as_another_hosts_is_none_of_the_site() {
        for text in [
            "https://site.com/a",
            "http://www.site.com/@user/video/1?x=y@z#a",
            "HTTPS://WWW.SITE.COM/a",
            "https://site.com:443/a",
            "https://site.com",
        ] {
            assert!(site_url(text, "site.com").is_some(), "{text}");
        }
        for text in [
            "https://www.site.com\\@evil.com/",
            "https://site.com@evil.com/",
            "https://@site.com/",
            "https://:x@site.com/",
            "https://site.com:99/a",
            "https://evilsite.com/",
            "https://site.com.evil.com/",
            "https:site.com/a",
            "https:/\\site.com/a",
            "https://site.com/a b",
            "https://si\tte.com/a",
            "ftp://site.com/a",
            "site.com/a",
        ] {
            assert!(site_url(text, "site.com").is_none(), "{text}");
        }
    }
}
