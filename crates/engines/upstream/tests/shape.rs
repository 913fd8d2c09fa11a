//! What upstreams' objects are read into.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use sealwork_upstream::{Number, Text, objects::from_slice, shape};

shape! {
    /// An item.
    Video identified by id, url { id: Text, url: Text, views: Number, author: Author, }
}

shape! {
    /// Within it.
    Author { name: Text, }
}

#[test]
fn an_array_is_no_object_at_any_depth() {
    for wrong in ["[]", r#"["1"]"#, r#"{"id":"1","author":[]}"#, r#"{"id":"1","author":["A"]}"#] {
        assert!(from_slice::<Video>(wrong.as_bytes()).is_err(), "{wrong}");
    }
    let video: Video =
        serde_json::from_str(r#"{"id":7,"author":{"name":"A"},"views":null,"x":1}"#).unwrap();
    assert_eq!((video.id.0.as_str(), video.author.name.0.as_str()), ("7", "A"));
}

/// Apify's actors fill a dataset with such objects where they have found nothing.
#[test]
fn an_object_without_anything_that_identifies_it_is_no_item() {
    for filler in ["{}", r#"{"error":"no results"}"#, r#"{"a":1}"#, r#"{"views":3}"#] {
        assert!(serde_json::from_str::<Video>(filler).is_err(), "{filler}");
    }
    assert!(serde_json::from_str::<Video>(r#"{"url":"u"}"#).is_ok());
    assert!(serde_json::from_str::<Author>("{}").is_ok(), "it is not asked to be identified");
}
