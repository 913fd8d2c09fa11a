#![no_main]

use libfuzzer_sys::fuzz_target;
use sealwork_engine_web::{Extraction, PageKey, Unlimited, decode, extract};
use url::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(url) = Url::parse("http://a.test/dir/page.html") else { return };
    // The first byte chooses a selector, so that both ways to the text are taken.
    let (choice, page) = data.split_first().map_or((0, data), |(first, rest)| (*first, rest));
    let selector = (choice % 2 == 1).then(|| "body p, td".to_owned());
    let text = decode(page, None, Some("a.test")).text;
    let page = extract(&text, &url, &Extraction { selector }, &Unlimited);
    for link in &page.links {
        let key = Url::parse(link).map(|url| PageKey::new(&url)).expect("links are URLs");
        let again = Url::parse(key.as_str()).map(|url| PageKey::new(&url)).expect("keys are URLs");
        assert_eq!(key, again, "a key is its own key");
    }
});
