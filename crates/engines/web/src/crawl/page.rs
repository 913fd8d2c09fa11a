use std::sync::Arc;

use sealwork_egress::Place;
use sealwork_job::{Code, Failure, Timestamp};
use url::Url;

use super::{
    Crawl, Visit,
    fetch::{Answer, Body},
    result::Parts,
};
use crate::{
    Document, Extraction, MediaKind, PageError, Site, Truncated,
    budget::PageBudget,
    charset::decode,
    html::{self, Page},
    key::PageKey,
};

/// A visited page: what goes into the result, and where it leads.
pub(crate) struct Processed {
    pub(crate) depth: u32,
    pub(crate) final_url: Url,
    pub(crate) final_key: PageKey,
    pub(crate) was_redirected: bool,
    pub(crate) error: Option<PageError>,
    /// Whether it was read as HTML or text.
    pub(crate) is_read: bool,
    pub(crate) leads: Leads,
    pub(crate) parts: Parts,
    /// The place of its body, if that was large.
    _room: Option<Place>,
}

/// Where a page leads.
#[derive(Default)]
pub(crate) struct Leads {
    /// Links to be followed.
    pub(crate) follow: Vec<(PageKey, Link)>,
    /// How many are not, because they leave the site.
    pub(crate) left_site: u64,
}

/// A link, and the page that it is on.
pub(crate) struct Link {
    pub(crate) url: Url,
    pub(crate) referrer: Arc<Url>,
}

impl Processed {
    /// The failure of a job whose start page this is.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let error = self.error.as_ref()?;
        Some(Failure::new(error.code, error.message.clone()))
    }
}

/// What a page is read with.
struct Reading {
    extraction: Extraction,
    /// Which links are followed; `None` for none.
    following: Option<Following>,
}

struct Following {
    /// Where they must lead; `None`: anywhere. For the start page: its own final site.
    site: Option<Site>,
    stays_within: bool,
    heeds_nofollow: bool,
}

impl Crawl {
    /// Reads an answer on a blocking thread.
    pub(super) async fn process(&self, answer: Box<Answer>, site: Option<Site>) -> Visit {
        let parser = self.shared.parsers.enter(self.scope.share()).await;
        let follows = answer.target.depth + 1 < self.arguments.depth;
        let reading = Reading {
            extraction: Extraction { selector: self.arguments.selector.clone() },
            following: follows.then_some(Following {
                site,
                stays_within: self.arguments.same_origin,
                heeds_nofollow: self.arguments.respect_robots,
            }),
        };
        let (time, stop) = (self.shared.config.maxima.page_cpu, self.stop.clone());
        let (clock, meter) = (Arc::clone(&self.shared.clock), Arc::clone(&self.context.meter));
        let fallback = Skeleton::of(&answer);
        let reading = tokio::task::spawn_blocking(move || {
            let _parser = parser;
            let began = clock.monotonic();
            let processed = read(*answer, &reading, &PageBudget::begin(time, stop));
            meter.add_cpu(clock.monotonic().saturating_sub(began));
            processed
        });
        let processed = reading.await.unwrap_or_else(|_| fallback.unreadable());
        Visit::Page(Box::new(processed))
    }
}

fn read(answer: Answer, reading: &Reading, budget: &PageBudget) -> Processed {
    let skeleton = Skeleton::of(&answer);
    let Answer { body, media_type, final_url, .. } = answer;
    let Body { bytes: body, is_truncated, room } = match body {
        Ok(body) => body,
        Err(error) => return skeleton.failed(error),
    };
    let kind = if media_type.is_other() { MediaKind::Other } else { media_type.kind(&body) };
    let mut document = skeleton.document.clone();
    if kind == MediaKind::Other {
        return skeleton.with(document, &[], Leads::default());
    }
    let decoded = decode(&body, media_type.charset.as_deref(), final_url.host_str());
    drop(body);
    document.charset = Some(decoded.encoding);
    document.truncated = is_truncated.then_some(Truncated::Bytes);
    if kind == MediaKind::Text {
        document.text = Some(decoded.text);
        let leads = Leads::default();
        return Processed { is_read: true, _room: room, ..skeleton.with(document, &[], leads) };
    }
    let page = html::extract(&decoded.text, &final_url, &reading.extraction, budget);
    let leads = reading.following.as_ref().map(|rules| leads(&page, &final_url, rules));
    let sections: Vec<_> =
        page.sections.iter().filter_map(|s| serde_json::to_vec(s).ok()).collect();
    fill(&mut document, page);
    let leads = leads.unwrap_or_default();
    Processed { is_read: true, _room: room, ..skeleton.with(document, &sections, leads) }
}

fn fill(document: &mut Document, page: Page) {
    document.title = page.title;
    document.canonical_url = page.canonical_url;
    document.description = page.description;
    document.author = page.author;
    document.language = page.language;
    document.text = Some(page.text);
    document.markdown = Some(page.markdown);
    document.links = page.links;
    document.images = page.images;
    document.truncated = document.truncated.or(page.cut.map(Truncated::from));
}

fn leads(page: &Page, at: &Url, rules: &Following) -> Leads {
    if page.nofollow && rules.heeds_nofollow {
        return Leads::default();
    }
    let own = rules.stays_within.then(|| rules.site.clone().unwrap_or_else(|| Site::of(at)));
    let referrer = Arc::new(at.clone());
    let (within, beyond): (Vec<Url>, Vec<Url>) = page
        .links
        .iter()
        .filter_map(|link| Url::parse(link).ok())
        .partition(|url| own.as_ref().is_none_or(|site| site.contains(url)));
    let link = |url: Url| (PageKey::new(&url), Link { url, referrer: Arc::clone(&referrer) });
    Leads { follow: within.into_iter().map(link).collect(), left_site: beyond.len() as u64 }
}

/// What is known of a page before it is read.
struct Skeleton {
    document: Document,
    order: u64,
    final_url: Url,
}

impl Skeleton {
    fn of(answer: &Answer) -> Self {
        let target = &answer.target;
        let essence = &answer.media_type.essence;
        let document = Document {
            url: target.url.to_string(),
            final_url: answer.status.map(|_| answer.final_url.to_string()),
            status: answer.status.map(|status| status.as_u16()),
            fetched_at: rfc3339(answer.fetched_at),
            depth: target.depth,
            referrer: target.referrer.as_ref().map(|url| url.to_string()),
            content_type: (!essence.is_empty()).then(|| essence.clone()),
            charset: None,
            title: None,
            canonical_url: None,
            description: None,
            author: None,
            language: None,
            text: None,
            markdown: None,
            links: Vec::new(),
            images: Vec::new(),
            truncated: None,
            error: None,
        };
        Self { document, order: target.order, final_url: answer.final_url.clone() }
    }

    fn failed(self, error: PageError) -> Processed {
        let document = Document { error: Some(error), ..self.document.clone() };
        self.with(document, &[], Leads::default())
    }

    /// For a page on which the code that reads pages breaks: it fails alone.
    fn unreadable(self) -> Processed {
        let message = "the page could not be read".to_owned();
        self.failed(PageError { code: Code::Internal, message })
    }

    fn with(self, document: Document, sections: &[Vec<u8>], leads: Leads) -> Processed {
        Processed {
            depth: document.depth,
            final_key: PageKey::new(&self.final_url),
            was_redirected: document.final_url.as_ref().is_some_and(|url| *url != document.url),
            final_url: self.final_url,
            error: document.error.clone(),
            is_read: false,
            leads,
            parts: Parts::new(self.order, sections, document),
            _room: None,
        }
    }
}

/// Seconds are enough for a page.
fn rfc3339(at: Timestamp) -> String {
    let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
