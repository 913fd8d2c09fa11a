//! What a job asks of Apify, and what it gets.

use http::StatusCode;
use sealwork_engine::Context;
use sealwork_job::{Code, Failure, Output};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::time::{Duration, Instant};

use super::{
    Apify,
    api::Api,
    dataset::{Dataset, Took},
    run::{Run, RunEnd},
};
use crate::{CursorError, Details, Fault, ItemList, array::MAX_ITEM, job_scope, left_out, objects};

/// The part of a job's time that is kept for reading what a run has found, within bounds.
const READING_PART: u32 = 10;
const LEAST_READING: Duration = Duration::from_millis(200);
const MOST_READING: Duration = Duration::from_secs(5);

/// No item of a dataset has a form that is known.
const NONE_KNOWN: Fault = Fault::Shape("the items of a dataset");
/// An actor that could not do its work may put errors in the place of items.
const ONLY_ERRORS: Fault = Fault::RunFailed("Actor run gave errors in the place of items");

/// What a job asks of an actor.
#[derive(Debug, Clone)]
pub struct Order {
    /// The actor, as addresses name it: `owner~name`.
    pub actor: &'static str,
    /// Its input.
    pub input: Value,
    /// Where an earlier job's result ended: nothing is run then.
    pub cursor: Option<String>,
    /// Items of the result at most.
    pub results: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Fetched {
    /// The items as a JSON array, with the cursor of the next page; or why there is nothing.
    pub result: Result<Output, Failure>,
    /// How many, and what is missing.
    pub details: Details,
    /// Whether a run was started, or may have been: it is paid for, whatever came of it.
    pub is_paid: bool,
}

/// Where items are, and why there are not all of them.
struct Place {
    dataset: String,
    offset: u64,
    stopped: Option<Failure>,
}

#[derive(Serialize, serde::Deserialize)]
struct Cursor {
    dataset: String,
    offset: u64,
}

impl Apify {
    /// Runs an actor, unless a cursor names the dataset of an earlier run, and gives those items
    /// that have the form of `T` and that `keep` wants. What a run found before it failed, or
    /// before the job's time was over, is given as a result that is not complete.
    pub async fn fetch<T>(
        &self,
        context: &Context,
        order: &Order,
        keep: impl FnMut(&T) -> bool + Send,
    ) -> Fetched
    where
        T: DeserializeOwned + Serialize,
    {
        let mut details = Details { way: "apify", ..Details::default() };
        let mut is_paid = false;
        let result = self.collect(context, order, keep, &mut details, &mut is_paid).await;
        Fetched { result, details, is_paid }
    }

    async fn collect<T>(
        &self,
        context: &Context,
        order: &Order,
        mut keep: impl FnMut(&T) -> bool + Send,
        details: &mut Details,
        is_paid: &mut bool,
    ) -> Result<Output, Failure>
    where
        T: DeserializeOwned + Serialize,
    {
        let api = self.api()?;
        let remaining = context.remaining();
        let reading = (remaining / READING_PART).clamp(LEAST_READING, MOST_READING);
        let until = context.deadline.checked_sub(reading).unwrap_or(context.deadline);
        let place = match &order.cursor {
            Some(cursor) => self.opened(context, order, cursor)?,
            None => self.run(api, context, order, until, is_paid).await?,
        };
        let mut items = ItemList::new(context, self.0.secrets.clone());
        let (mut no_room, mut errors) = (false, 0);
        let mut dataset = Dataset::new(api, &place.dataset, place.offset);
        // What is left is for the report itself.
        let until = context.deadline.checked_sub(reading / 4).unwrap_or(context.deadline);
        let scope = job_scope(context, Some(until));
        let read = dataset
            .read(context, &scope, until, order.results, |bytes| {
                let Ok(item) = objects::from_slice::<T>(bytes) else {
                    details.unreadable += 1;
                    errors += u64::from(is_error(bytes));
                    return Took::LeftOut;
                };
                if !keep(&item) {
                    details.filtered += 1;
                    return Took::LeftOut;
                }
                no_room = !items.push(&item);
                if no_room { Took::NoRoom } else { Took::Kept }
            })
            .await;
        let (offset, has_more, too_large) = (dataset.offset, dataset.has_more, dataset.too_large);
        let read = read.map_err(|end| self.failure(api, order.actor, end));
        if let Err(failure) = &read
            && failure.code == Code::Cancelled
        {
            return Err(failure.clone());
        }
        let stopped = place.stopped.or(read.err());
        let stopped = stopped.or_else(|| no_room.then(|| full(context)));
        let stopped = stopped.or_else(|| (too_large > 0).then(|| passed_over(too_large)));
        let stopped = stopped.or_else(|| {
            left_out(details.unreadable).filter(|_| items.count() + details.filtered > 0)
        });
        details.returned = items.count();
        details.complete = stopped.is_none();
        let cursor = |offset| self.sealed(context, order, &place.dataset, offset);
        let is_none_known = items.count() + details.filtered == 0 && details.unreadable > 0;
        if is_none_known && too_large == 0 {
            // From its beginning: a later version of this worker may know the form.
            details.complete = false;
            details.resume = cursor(place.offset);
            let fault = if errors == details.unreadable { ONLY_ERRORS } else { NONE_KNOWN };
            return Err(stopped.unwrap_or_else(|| api.upstream.error(fault).into()));
        }
        if let Some(failure) = stopped {
            if items.count() == 0 {
                details.resume = has_more.then(|| cursor(offset)).flatten();
                return Err(failure);
            }
            details.stopped = Some(failure.into());
        }
        let next_cursor = has_more.then(|| cursor(offset)).flatten();
        Ok(Output { next_cursor, ..Output::json(items.finish()) })
    }

    /// Starts a run and waits for it. A run that fails may have found something all the same.
    async fn run(
        &self,
        api: &Api,
        context: &Context,
        order: &Order,
        until: Instant,
        is_paid: &mut bool,
    ) -> Result<Place, Failure> {
        let failure = |end| self.failure(api, order.actor, end);
        let started = Run::start(api, context, order.actor, &order.input, until).await;
        *is_paid = matches!(started, Ok(_) | Err(RunEnd::Unknown(_)));
        let mut run = started.map_err(|end| {
            if let RunEnd::Failed(error) | RunEnd::Unknown(error) = &end
                && (error.status() == Some(StatusCode::NOT_FOUND) || error.is_about_the_upstream())
            {
                self.0.availability.part_fails(order.actor, error.clone(), api.upstream.now());
            }
            failure(end)
        })?;
        self.0.availability.part_works(order.actor);
        let scope = job_scope(context, Some(context.deadline));
        let ended = run.finish(context, &scope, until).await;
        let stopped = ended.err().map(failure);
        let dataset = run.dataset().map(str::to_owned);
        run.abort().await;
        match (dataset, stopped) {
            (_, Some(failure)) if failure.code == Code::Cancelled => Err(failure),
            (Some(dataset), stopped) => Ok(Place { dataset, offset: 0, stopped }),
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(api.upstream.error(Fault::Shape("a run with a dataset")).into()),
        }
    }

    fn opened(&self, context: &Context, order: &Order, cursor: &str) -> Result<Place, Failure> {
        let refused = |error: CursorError| Failure::new(Code::ArgumentsInvalid, error.to_string());
        let input = order.input.to_string();
        let bound = bound(context, order, &input);
        let Cursor { dataset, offset } = self.0.cursors.open(cursor, &bound).map_err(refused)?;
        Ok(Place { dataset, offset, stopped: None })
    }

    fn sealed(
        &self,
        context: &Context,
        order: &Order,
        dataset: &str,
        offset: u64,
    ) -> Option<String> {
        let input = order.input.to_string();
        let cursor = Cursor { dataset: dataset.to_owned(), offset };
        self.0.cursors.seal(&cursor, &bound(context, order, &input), self.0.entropy.as_ref())
    }

    /// The failure, after what it says about the token and the actor has been noted.
    fn failure(&self, api: &Api, actor: &'static str, end: RunEnd) -> Failure {
        let error = match end {
            RunEnd::Stopped(stop) => return stop.into(),
            RunEnd::Failed(error) => error,
            RunEnd::Unknown(error) => {
                let text = format!("{error}; whether a run was started there is not known");
                return Failure::new(error.code(), text);
            }
        };
        match error.code() {
            Code::UpstreamUnauthorized => self.0.availability.fails(error.to_string()),
            Code::UpstreamForbidden => {
                self.0.availability.part_fails(actor, error.clone(), api.upstream.now());
            }
            _ => {}
        }
        error.into()
    }
}

/// What a cursor is good for: this requester, this actor, this input.
fn bound<'a>(context: &'a Context, order: &'a Order, input: &'a str) -> [&'a [u8]; 3] {
    [context.requester.as_str().as_bytes(), order.actor.as_bytes(), input.as_bytes()]
}

/// Whether an actor has put an error in the place of an item.
fn is_error(item: &[u8]) -> bool {
    let item: Value = serde_json::from_slice(item).unwrap_or_default();
    ["error", "#error"].iter().any(|name| match &item[name] {
        Value::String(text) => !text.is_empty(),
        Value::Bool(flag) => *flag,
        Value::Object(_) => true,
        _ => false,
    })
}

fn passed_over(count: u64) -> Failure {
    let text = format!(
        "this worker reads items of up to {MAX_ITEM} bytes; larger ones that were left out: {count}"
    );
    Failure::new(Code::ResponseTooLarge, text)
}

fn full(context: &Context) -> Failure {
    let limit = context.limits.output_bytes.unwrap_or_default();
    Failure::new(Code::OutputTooLarge, format!("the output limit of {limit} bytes is reached"))
}
