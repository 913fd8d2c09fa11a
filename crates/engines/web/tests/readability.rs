//! Main content and metadata on the saved pages of `conformance/readability` (its INDEX, section
//! 8): the relaxed comparison, by words.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

mod common;

use std::{collections::HashMap, path::Path};

use common::conformance::folder;
use sealwork_engine_web::{Extraction, Page, Unlimited, extract};
use serde_json::Value;
use url::Url;

/// Measured; a change that loses a page has to say why.
const GOOD_PAGES: usize = 65;
const MEAN: f64 = 0.999;
/// Of titles, bylines, excerpts and languages. Three pages give a byline where none is expected.
/// An expected excerpt may be the page's first paragraph, which is no description.
const EQUAL: [usize; 4] = [65, 62, 31, 65];

#[test]
#[allow(clippy::disallowed_methods, reason = "tests read files beside the repository")]
fn main_content_and_metadata_of_saved_pages_are_found() {
    let Some(root) = folder("readability", 65) else { return };
    let mut names: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    names.sort();
    let (mut good, mut sum) = (0, 0.0);
    let mut equal = [0; 4];
    for folder in &names {
        let expected = read(&folder.join("expected.html"));
        let metadata: Value =
            serde_json::from_str(&read(&folder.join("expected-metadata.json"))).unwrap();
        let page = extracted(&read(&folder.join("source.html")));
        let f1 = word_f1(&words_of(&expected), &page.text);
        if f1 >= 0.95 {
            good += 1;
        } else {
            println!("{}: {f1:.3}", folder.file_name().unwrap().display());
        }
        sum += f1;
        let pairs = [
            ("title", &page.title),
            ("byline", &page.author),
            ("excerpt", &page.description),
            ("lang", &page.language),
        ];
        for (n, (name, found)) in pairs.into_iter().enumerate() {
            let wanted = collapsed(metadata[name].as_str().unwrap_or_default());
            equal[n] += usize::from(wanted == collapsed(found.as_deref().unwrap_or_default()));
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "some dozens")]
    let mean = sum / names.len() as f64;
    println!("{good} of {} pages with F1 >= 0.95, mean {mean:.4}", names.len());
    println!("equal metadata: title, byline, excerpt, lang {equal:?}");
    assert_eq!(names.len(), 65);
    assert!(good >= GOOD_PAGES && mean >= MEAN);
    assert!(equal.iter().zip(EQUAL).all(|(found, least)| *found >= least), "{equal:?}");
}

#[allow(clippy::disallowed_methods, reason = "tests read files beside the repository")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn extracted(html: &str) -> Page {
    let url = Url::parse("http://fakehost/test/page.html").unwrap();
    extract(html, &url, &Extraction::default(), &Unlimited)
}

/// The text of the expected article, rendered as the engine renders text.
fn words_of(expected: &str) -> String {
    dom_query::Document::from(expected).formatted_text().to_string()
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// F1 of two multisets of words.
fn word_f1(one: &str, other: &str) -> f64 {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in one.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    let mut common = 0_u32;
    for word in other.split_whitespace() {
        if let Some(count) = counts.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    let words = one.split_whitespace().count() + other.split_whitespace().count();
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let total = words as f64;
    if words == 0 { 1.0 } else { 2.0 * f64::from(common) / total }
}
