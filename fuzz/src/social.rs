//! What social networks and Apify answer, and what requesters ask of them.

use sealwork_engine_reddit::Item;
use sealwork_engine_tiktok::{TrendingVideo, Video, webvtt_text};
use sealwork_engine_twitter::{JobType, Session, measure};
use sealwork_upstream::{ArrayReader, Found};
use serde::{Serialize, de::DeserializeOwned};

/// Items that one job may ask for.
const MAX_ITEMS: u64 = 100_000;

/// The arguments of a job; sessions at X are read from the same bytes.
pub fn social_arguments(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = Session::parse(text);
    }
    let Ok(value) = serde_json::from_slice(data) else { return };
    let _ =
        sealwork_engine_reddit::Arguments::parse(&value, MAX_ITEMS, jiff::Timestamp::UNIX_EPOCH);
    let _ = sealwork_engine_tiktok::Arguments::parse(&value, MAX_ITEMS);
    for job_type in JobType::ALL {
        let _ = sealwork_engine_twitter::Arguments::parse(&value, job_type, MAX_ITEMS);
    }
}

/// A page of a dataset, as it comes in pieces. The first byte is their size.
pub fn social_items(data: &[u8]) {
    let (size, page) = data.split_first().map_or((1, data), |(first, rest)| (*first, rest));
    let read = |size: usize| {
        let (mut reader, mut items) = (ArrayReader::default(), Vec::new());
        let taken = page.chunks(size).try_for_each(|piece| {
            reader.take(piece, |found| {
                if let Found::Item(item) = found {
                    items.push(item.to_vec());
                }
                true
            })?;
            Ok(())
        });
        (items, taken.and_then(|()| reader.finish()))
    };
    let (items, end) = read(usize::from(size).max(1));
    assert_eq!((&items, end), (&read(page.len().max(1)).0, end), "pieces make no difference");
    for item in &items {
        stays::<Item>(item);
        stays::<Video>(item);
        stays::<TrendingVideo>(item);
    }
}

/// What is given to a client reads back to the same.
fn stays<T: DeserializeOwned + Serialize>(item: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(item) else { return };
    let given = serde_json::to_vec(&read).expect("items are written as JSON");
    let again = serde_json::from_slice::<T>(&given).expect("what was given is read");
    assert_eq!(serde_json::to_vec(&again).expect("as before"), given);
}

/// Captions in WebVTT.
pub fn tiktok_captions(data: &[u8]) {
    let captions = String::from_utf8_lossy(data);
    let text = webvtt_text(&captions);
    assert!(text.len() <= captions.len(), "no text comes from nowhere");
}

/// A page of tweets, of the API and of the web client.
pub fn x_page(data: &[u8]) {
    for (count, bytes) in [measure::api_page(data), measure::web_page(data)].into_iter().flatten() {
        // A tweet as JSON has all its fields, filled or not.
        assert!(bytes >= count * 100, "{count} tweets in {bytes} bytes");
    }
}
