use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sealwork_egress::Egress;
use sealwork_engine::{Context, Engine, Report};
use sealwork_job::{Code, Failure, Output, Rerun};
use sealwork_platform::Clock;
use sealwork_upstream::{
    Apify, Capped, Details, Operation, Social, Stop,
    apify::{Fetched, Order},
    not_configured, unless_stopped,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    Arguments, Transcription, TranscriptionConfig, TrendingVideo, Video,
    arguments::OPERATIONS,
    search::{self, QUERY_ACTOR, TRENDING_ACTOR},
    transcription::Transcripts,
};

/// The engine `tiktok`. Transcriptions need no keys; searches need Apify.
///
/// It moves these counters, by the names of Masa's workers:
///
/// | counter | by |
/// |---|---|
/// | `tiktok_transcription_success`, `tiktok_transcription_errors` | 1 for each transcription |
/// | `tiktok_queries` | 1 for each search that gave a result |
/// | `tiktok_returned_videos` | items of the result |
/// | `tiktok_errors` | 1 for each search that failed |
/// | `tiktok_auth_errors` | 1 more when Apify refused the worker's token |
#[derive(Debug)]
pub struct TiktokEngine {
    transcripts: Transcripts,
    apify: Apify,
}

impl TiktokEngine {
    /// An engine that asks for captions through `egress`, and runs its actors at `apify`.
    pub fn new(
        config: TranscriptionConfig,
        apify: Apify,
        egress: Arc<Egress>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let secrets = apify.secrets().clone();
        Self { transcripts: Transcripts::new(config, egress, clock, secrets), apify }
    }

    async fn transcription(&self, context: &Context, arguments: &Transcription) -> Report {
        let work = self.transcripts.transcript(context, arguments);
        let done = unless_stopped(context, context.deadline, work).await;
        let transcript = done.unwrap_or_else(|stop: Stop| Err(stop.into()));
        match transcript.map(|transcript| serde_json::to_vec(&transcript)) {
            Ok(Ok(mut json)) => {
                self.apify.secrets().withhold(&mut json);
                let details = Details {
                    way: OPERATIONS[0],
                    complete: true,
                    returned: 1,
                    ..Details::default()
                };
                Report::output(Output::json(json), [("tiktok_transcription_success", 1)])
                    .with_details(details.to_json())
            }
            Ok(Err(_)) => {
                let failure = Failure::new(Code::Internal, "the result could not be encoded");
                Report::failure(failure, [("tiktok_transcription_errors", 1)])
            }
            Err(failure) => Report::failure(failure, [("tiktok_transcription_errors", 1)]),
        }
    }

    async fn search<T: DeserializeOwned + Serialize>(
        &self,
        context: &Context,
        kind: &str,
        order: &Order,
        capped: Vec<Capped>,
    ) -> Report {
        let Fetched { result, mut details, .. } =
            self.apify.fetch(context, order, |_: &T| true).await;
        details.capped = capped;
        let report = match result {
            Ok(output) => {
                let stats = [("tiktok_queries", 1), ("tiktok_returned_videos", details.returned)];
                Report::output(output, stats)
            }
            Err(Failure { code, message, .. }) => {
                let refused = u64::from(code == Code::UpstreamUnauthorized);
                let mut stats = vec![("tiktok_errors", 1), ("tiktok_auth_errors", refused)];
                stats.retain(|(_, by)| *by > 0);
                let message = format!("apify run ({kind}): {message}");
                Report::failure(Failure::new(code, message), stats)
            }
        };
        report.with_details(details.to_json())
    }
}

#[async_trait]
impl Engine for TiktokEngine {
    fn name(&self) -> &'static str {
        "tiktok"
    }

    fn capabilities(&self) -> Vec<String> {
        sealwork_upstream::working(&self.operations())
    }

    fn admit(&self, arguments: &Value) -> Result<Rerun, Failure> {
        let [transcription, query, trending] = OPERATIONS;
        let needs = |operation, setting| {
            Err(not_configured(self.name(), operation, setting, &self.operations()))
        };
        let (operation, cursor) = match Arguments::parse(arguments, self.apify.max_items())? {
            Arguments::Transcription(_) if self.transcripts.is_configured() => {
                return Ok(Rerun::Idempotent);
            }
            Arguments::Transcription(_) => {
                return needs(transcription, "TIKTOK_TRANSCRIPTION_BASE_URL");
            }
            Arguments::Query(arguments) => (query, arguments.next_cursor),
            Arguments::Trending(arguments) => (trending, arguments.next_cursor),
        };
        if !self.apify.is_configured() {
            return needs(operation, "APIFY_API_KEY");
        }
        // A page of what an earlier run found can be read twice; a run is paid.
        Ok(if cursor.is_some() { Rerun::Idempotent } else { Rerun::Once })
    }

    async fn run(&self, context: &Context, arguments: Value) -> Report {
        match Arguments::parse(&arguments, self.apify.max_items()) {
            Ok(Arguments::Transcription(arguments)) => {
                self.transcription(context, &arguments).await
            }
            Ok(Arguments::Query(query)) => {
                let order = search::query(&query);
                self.search::<Video>(context, "search", &order, query.capped).await
            }
            Ok(Arguments::Trending(trending)) => {
                let order = search::trending(&trending);
                self.search::<TrendingVideo>(context, "trending", &order, trending.capped).await
            }
            Err(error) => Report::failure(error.into(), []),
        }
    }

    fn grace(&self) -> Duration {
        Apify::GRACE
    }
}

#[async_trait]
impl Social for TiktokEngine {
    fn operations(&self) -> Vec<Operation> {
        let [transcription, query, trending] = OPERATIONS;
        let free = self.transcripts.missing();
        let paid =
            |name, actor| Operation { name, way: "apify", missing: self.apify.missing(actor) };
        vec![
            Operation { name: transcription, way: transcription, missing: free },
            paid(query, QUERY_ACTOR),
            paid(trending, TRENDING_ACTOR),
        ]
    }

    async fn probe(&self) {
        self.transcripts.probe().await;
    }
}
