//! The text of a video, from a free service that has its captions (reference 3.3).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sealwork_egress::{Egress, Scope, UpstreamBase};
use sealwork_engine::Context;
use sealwork_job::{Code, Failure};
use sealwork_platform::Clock;
use sealwork_upstream::{
    Availability, Call, Fault, Secrets, Upstream, UpstreamError, job_scope, objects, or_empty,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use crate::{Transcription, arguments::is_language, webvtt};

/// What the operator decides about transcriptions.
#[derive(Debug, Clone)]
pub struct TranscriptionConfig {
    /// The address of the service ([`TranscriptionConfig::DEFAULT_BASE`]); without one there are
    /// no transcriptions.
    pub base: Option<UpstreamBase>,
    /// `User-Agent` of the requests (`TIKTOK_API_USER_AGENT`).
    pub user_agent: String,
    /// The language of a job that names none, if the video has it (`TIKTOK_DEFAULT_LANGUAGE`).
    pub default_language: String,
}

impl TranscriptionConfig {
    /// The service's address, unless the operator says otherwise.
    pub const DEFAULT_BASE: &str = "https://submagic-free-tools.fly.dev";
    /// `User-Agent`, unless the operator says otherwise.
    pub const DEFAULT_USER_AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
        AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
    /// The language, unless the operator says otherwise.
    pub const DEFAULT_LANGUAGE: &str = "eng-US";
}

/// The service.
#[derive(Debug)]
pub(crate) struct Transcripts {
    /// The service, and its address for headers that name it.
    service: Option<(Upstream, UpstreamBase)>,
    user_agent: String,
    default_language: String,
    availability: Availability,
    secrets: Secrets,
}

/// A result.
#[derive(Debug, Serialize)]
pub(crate) struct Transcript {
    transcription_text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    detected_language: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    video_title: String,
    original_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    thumbnail_url: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Body {
    #[serde(deserialize_with = "or_empty")]
    video_title: String,
    #[serde(deserialize_with = "or_empty")]
    thumbnail_url: String,
    /// `None` when absent; `null` says that there are none.
    #[serde(deserialize_with = "there")]
    transcripts: Option<Captions>,
    #[serde(deserialize_with = "or_empty")]
    error: String,
}

impl Body {
    /// Whether it has anything that answers of the service have.
    fn is_known(&self) -> bool {
        let texts = [&self.error, &self.video_title, &self.thumbnail_url];
        self.transcripts.is_some() || texts.iter().any(|text| !text.is_empty())
    }
}

/// By language.
type Captions = BTreeMap<String, Option<String>>;

fn there<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Captions>, D::Error> {
    or_empty(from).map(Some)
}

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(30);
const SWITCHED_OFF: &str = "the operator of this worker has switched transcriptions off";
const EXPECTED: &str = "a transcription";
const PATH: [&str; 2] = ["api", "tiktok-transcription"];
/// Characters of the service's own error text that are passed on.
const QUOTED: usize = 200;

impl Transcripts {
    pub(crate) fn new(
        config: TranscriptionConfig,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
        secrets: Secrets,
    ) -> Self {
        let TranscriptionConfig { base, user_agent, default_language } = config;
        let service = base.map(|base| {
            (Upstream::new("the transcription service", base.clone(), egress, clock), base)
        });
        let availability = Availability::default();
        Self { service, user_agent, default_language, availability, secrets }
    }

    pub(crate) fn is_configured(&self) -> bool {
        self.service.is_some()
    }

    /// Why transcriptions do not work, as far as the last answers tell.
    pub(crate) fn missing(&self) -> Option<String> {
        match &self.service {
            Some((upstream, _)) => self.availability.missing(PATH[1], upstream.now()),
            None => Some(SWITCHED_OFF.to_owned()),
        }
    }

    /// Whether the service answers at all.
    pub(crate) async fn probe(&self) {
        let Some((upstream, _)) = &self.service else { return };
        let call = Call::get(&[]).timeout(PATIENCE);
        match upstream.answer(call, &Scope::unmetered()).await {
            Ok(answer) if answer.status.is_server_error() => {
                if let Err(error) = answer.success() {
                    self.availability.fails(error.to_string());
                }
            }
            Ok(_) => self.availability.works(),
            Err(error) => self.availability.fails(error.to_string()),
        }
    }

    /// The text of a video, in the language that was asked for, else in the worker's, else in the
    /// first that there is.
    pub(crate) async fn transcript(
        &self,
        context: &Context,
        arguments: &Transcription,
    ) -> Result<Transcript, Failure> {
        let body = self.ask(context, &arguments.video_url).await?;
        let all = body.transcripts.as_ref().ok_or_else(none)?;
        let (language, captions) = self.chosen(all, arguments.language.as_deref())?;
        let transcription_text = webvtt::text(captions);
        if transcription_text.is_empty() {
            return Err(none());
        }
        Ok(Transcript {
            transcription_text,
            detected_language: language.to_owned(),
            video_title: body.video_title.clone(),
            original_url: arguments.video_url.clone(),
            thumbnail_url: body.thumbnail_url.clone(),
        })
    }

    async fn ask(&self, context: &Context, video_url: &str) -> Result<Body, Failure> {
        let Some((upstream, base)) = &self.service else {
            return Err(Failure::new(Code::NotConfigured, SWITCHED_OFF));
        };
        let site = base.url();
        let origin = site.origin().ascii_serialization();
        let call = Call::post(&PATH)
            .json(&json!({"url": video_url}))
            .header("origin", &origin)
            .header("referer", &format!("{}{}", site, PATH[1]))
            .header("user-agent", &self.user_agent)
            .timeout(PATIENCE);
        let scope = job_scope(context, Some(context.deadline));
        let read = async {
            let answer = upstream.answer(call, &scope).await?.success()?;
            let body = answer.json::<Body>(EXPECTED)?;
            if body.is_known() { Ok(body) } else { Err(upstream.error(Fault::Shape(EXPECTED))) }
        };
        let body = read.await.map_err(|error| {
            if is_its_own(&error) {
                self.availability.part_fails(PATH[1], error.clone(), upstream.now());
            }
            failure(&error)
        })?;
        self.availability.part_works(PATH[1]);
        if !body.error.is_empty() {
            let text = format!("API returned an error: {}", self.quoted(&body.error));
            return Err(Failure::new(Code::UpstreamRejected, text));
        }
        Ok(body)
    }

    /// What the service says of a video. It gets no secret of the worker, but may have one from
    /// elsewhere.
    fn quoted(&self, text: &str) -> String {
        if self.secrets.are_in(text) {
            return "withheld, as a credential of this worker is in it".to_owned();
        }
        text.chars().filter(|c| !c.is_control()).take(QUOTED).collect()
    }

    fn chosen<'a>(
        &self,
        captions: &'a Captions,
        asked: Option<&str>,
    ) -> Result<(&'a str, &'a str), Failure> {
        let there = || {
            let all = captions
                .iter()
                .filter_map(|(language, text)| Some((language.as_str(), text.as_deref()?)));
            all.filter(|(_, captions)| !captions.trim().is_empty())
        };
        let named = |name: &str| there().find(|(language, _)| language.eq_ignore_ascii_case(name));
        let Some(asked) = asked else {
            let found = named(&self.default_language).or_else(|| there().next());
            return found.ok_or_else(none);
        };
        named(asked).ok_or_else(|| {
            let languages: Vec<&str> =
                there().map(|(language, _)| language).filter(|name| is_language(name)).collect();
            if languages.is_empty() {
                return none();
            }
            let text = format!(
                "Transcript for requested language {asked} not found in API response; there is {}",
                languages.join(", ")
            );
            Failure::new(Code::UpstreamNotFound, text)
        })
    }
}

fn none() -> Failure {
    Failure::new(Code::UpstreamNotFound, "No transcripts found in API response")
}

/// The texts of Masa's workers, with what happened behind them.
fn failure(error: &UpstreamError) -> Failure {
    let text = match (error.status(), &error.fault) {
        (Some(status), _) => {
            format!("API request failed with status code {}: {error}", status.as_u16())
        }
        (None, Fault::NotJson | Fault::Truncated | Fault::Shape(_)) => {
            format!("Failed to parse API response: {error}")
        }
        _ => format!("API request failed: {error}"),
    };
    Failure::new(error.code(), text)
}

/// Whether the service failed for reasons of its own: of a video it has something to say, in the form
/// that its answers have.
fn is_its_own(error: &UpstreamError) -> bool {
    let says_why = objects::from_slice::<Body>(error.body()).is_ok_and(|body| body.is_known());
    match error.code() {
        Code::UpstreamUnauthorized | Code::UpstreamForbidden => true,
        Code::RateLimited => false,
        _ if error.status().is_some() => !says_why,
        _ => error.is_about_the_upstream(),
    }
}
