use std::sync::Arc;

use sealwork_job::{Code, Failure};
use sealwork_platform::Clock;
use sealwork_upstream::{Answer, Availability, Call, Fault, Secrets};
use tokio::sync::OnceCell;

use super::{
    account::{Account, SessionStore},
    client::WebClient,
    graphql::GraphqlConfig,
    judge::beside,
    operations::{Graph, TRENDS, Timeline, endpoints, timeline, variables},
    page::{Given, Want, read_page},
    place::Place,
    space::read_space,
    trends::read_trends,
    user::read_user,
};
use crate::{
    Operation, Subject, Way,
    arguments::is_number,
    desk::{Desk as _, Run, WayError, ask},
    found::{Found, Took},
    pool::{Pool, Standing},
    progress::Progress,
    refusal::nobody,
};

/// X gives no fewer than about this many items of a timeline.
const LEAST: u64 = 20;

/// X as a logged-in web client sees it.
pub(crate) struct WebWay {
    pub(super) client: WebClient,
    graphql: GraphqlConfig,
    features: String,
    pub(super) accounts: Pool<Arc<Account>>,
    pub(super) store: Arc<dyn SessionStore>,
    /// Whether sessions have been looked for.
    pub(super) looked: OnceCell<()>,
    /// At which endpoints X answers as this worker knows it.
    pub(super) health: Availability,
    pub(super) secrets: Secrets,
}

impl WebWay {
    /// Adds what the accounts have to `secrets`.
    pub(crate) fn new(
        client: WebClient,
        graphql: GraphqlConfig,
        accounts: Vec<Account>,
        store: Arc<dyn SessionStore>,
        secrets: Secrets,
    ) -> Self {
        let accounts = Pool::new(accounts.into_iter().map(Arc::new).collect());
        for (index, account) in accounts.accounts().enumerate() {
            account.tell(&secrets);
            if !account.has_credentials() {
                accounts.standing(index).sessionless();
            }
        }
        let (features, looked, health) =
            (graphql.features(), OnceCell::new(), Availability::default());
        Self { client, graphql, features, accounts, store, looked, health, secrets }
    }

    /// Whether there are accounts.
    pub(crate) fn is_configured(&self) -> bool {
        self.accounts.accounts().next().is_some()
    }

    /// Why an operation does not work now.
    pub(crate) fn missing(&self, operation: Operation, clock: &dyn Clock) -> Option<String> {
        let now = clock.now();
        endpoints(operation).into_iter().find_map(|endpoint| {
            let rests = |account: &Standing| account.rests_at(endpoint, now);
            let refused = self.accounts.broken(rests).map(|why| {
                nobody(Way::Credential, why, &self.accounts.reasons(rests), now).message
            });
            refused.or_else(|| self.health.missing(endpoint, now))
        })
    }

    /// Whether a cursor of an operation comes from an account that is not there.
    pub(crate) fn is_of_nobody(&self, operation: Operation, token: &str) -> bool {
        let account = Place::read(Some(token)).account.filter(|_| is_own(operation));
        account.is_some_and(|account| account >= self.accounts.accounts().len())
    }

    /// Does an operation.
    pub(crate) async fn run(
        &self,
        operation: Operation,
        run: &mut Run<'_>,
        token: Option<&str>,
    ) -> Result<Found, WayError> {
        self.look_for_sessions().await;
        let query = run.arguments.query.clone();
        match operation {
            Operation::GetTrends => self.trends(run).await,
            Operation::GetSpace => self.space(run, &query).await,
            Operation::GetById => self.tweet(run, &query).await,
            Operation::SearchByProfile | Operation::GetProfileById => self.user(run, &query).await,
            Operation::GetTweets
            | Operation::GetMedia
            | Operation::GetFollowers
            | Operation::GetFollowing => {
                let number = self.number_of(run, &query).await?;
                self.page_through(operation, run, &number, token).await
            }
            _ => self.page_through(operation, run, &query, token).await,
        }
    }

    async fn page_through(
        &self,
        operation: Operation,
        run: &mut Run<'_>,
        subject: &str,
        token: Option<&str>,
    ) -> Result<Found, WayError> {
        let Some(Timeline { graph, most }) = timeline(operation) else {
            return Err(self.client.upstream.error(Fault::Unsendable("no timeline")).into());
        };
        let want = match operation {
            Operation::GetReplies => Want::Replies(subject),
            Operation::GetRetweeters | Operation::GetFollowers | Operation::GetFollowing => {
                Want::Users
            }
            _ => Want::Tweets,
        };
        let only_media = operation == Operation::GetMedia;
        let is_own = is_own(operation);
        let mut found = Found::list(run.context, run.arguments.max_results, &self.secrets);
        let mut place = Place::read(token);
        run.only = place.account.filter(|_| is_own);
        let mut progress = Progress::default();
        loop {
            // Few tweets have media: a full page is asked for.
            let wanted = found.missing().saturating_add(place.skip as u64);
            let count = if only_media { most } else { wanted.clamp(LEAST, most) };
            let call = self.call(graph, run, subject, count, place.token.as_deref());
            found.cursor = place.write();
            let answer = match ask(self, run, graph.name(), call).await {
                Ok(answer) => answer,
                Err(error) => return found.broke_off(error),
            };
            if is_own {
                run.only = run.answered;
                place.account = run.answered;
            }
            let read = read_page(&answer.body, want, place.skip, &mut |given| match given {
                Given::Tweet(tweet) if only_media && !tweet.has_media() => Took::More,
                Given::Tweet(tweet) if !progress.is_new(tweet.id) => Took::More,
                Given::Tweet(tweet) => found.push(&*tweet),
                Given::User(user) if !progress.is_new(user.user_id.number()) => Took::More,
                Given::User(user) => found.push(&*user),
            });
            let page = match read {
                Ok(page) => page,
                Err(fault) => return found.broke_off(self.changed(graph.name(), run, fault)),
            };
            found.unreadable += page.unreadable;
            if let Some(fault) = beside(&answer) {
                let error = self.client.upstream.error(fault);
                if found.count() == 0 {
                    run.tally.failed(error.code());
                    return Err(error.into());
                }
                found.partial = Some(error.into());
            }
            if let Some(cut) = page.cut {
                place.skip = cut;
                found.cursor = place.write();
                return Ok(found);
            }
            if page.is_cursor_strange && page.bottom.is_none() {
                let text = "X's cursor has a form that this worker does not know";
                found.stopped = Some(Failure::new(Code::UpstreamChanged, text));
            }
            if page.is_bare() || page.bottom.is_none() || page.bottom == place.token {
                found.cursor = None;
                return Ok(found);
            }
            // A page may be shorter than the one that was cut: the rest is skipped in the next.
            let skip = place.skip.saturating_sub(page.pieces);
            place = Place { token: page.bottom, skip, account: place.account };
            found.cursor = place.write();
            if found.is_full() {
                return Ok(found);
            }
            if let Err(reason) = progress.page(found.count()) {
                found.paused = Some(reason);
                return Ok(found);
            }
        }
    }

    async fn tweet(&self, run: &mut Run<'_>, id: &str) -> Result<Found, WayError> {
        let call = self.call(Graph::TweetDetail, run, id, 1, None);
        let answer = ask(self, run, Graph::TweetDetail.name(), call).await?;
        let context = run.context;
        let mut found = None;
        let read = read_page(&answer.body, Want::Tweets, 0, &mut |given| match given {
            Given::Tweet(tweet) if tweet.tweet_id.as_str() == id => {
                found = Some(Found::single(context, &*tweet, &self.secrets));
                Took::Last
            }
            _ => Took::More,
        });
        match (read, found) {
            (_, Some(found)) => found,
            (Ok(page), None) if page.unreadable > 0 => {
                Err(self.failed(run, Fault::Shape("a tweet")))
            }
            (Ok(_), None) => Err(self.failed(run, Fault::NotFound("such tweet"))),
            (Err(fault), None) => Err(self.changed(Graph::TweetDetail.name(), run, fault)),
        }
    }

    async fn user(&self, run: &mut Run<'_>, query: &str) -> Result<Found, WayError> {
        let (graph, answer) = self.user_answer(run, query).await?;
        match read_user(&answer.body) {
            Ok(profile) => Found::single(run.context, &profile, &self.secrets),
            Err(fault) => Err(self.changed(graph.name(), run, fault)),
        }
    }

    /// The number of the profile with this screen name.
    async fn number_of(&self, run: &mut Run<'_>, name: &str) -> Result<String, WayError> {
        let call = self.call(Graph::UserByScreenName, run, name, 1, None);
        let answer = ask(self, run, Graph::UserByScreenName.name(), call).await?;
        let number = read_user(&answer.body).map(|profile| profile.user_id.as_str().to_owned());
        number.map_err(|fault| self.changed(Graph::UserByScreenName.name(), run, fault))
    }

    async fn user_answer(
        &self,
        run: &mut Run<'_>,
        query: &str,
    ) -> Result<(Graph, Answer), WayError> {
        let by_number = run.arguments.operation == Operation::GetProfileById && is_number(query);
        let graph = if by_number { Graph::UserByRestId } else { Graph::UserByScreenName };
        let call = self.call(graph, run, query, 1, None);
        Ok((graph, ask(self, run, graph.name(), call).await?))
    }

    async fn space(&self, run: &mut Run<'_>, id: &str) -> Result<Found, WayError> {
        let call = self.call(Graph::AudioSpaceById, run, id, 1, None);
        let answer = ask(self, run, Graph::AudioSpaceById.name(), call).await?;
        match read_space(&answer.body) {
            Ok(space) => Found::single(run.context, &space, &self.secrets),
            Err(fault) => Err(self.changed(Graph::AudioSpaceById.name(), run, fault)),
        }
    }

    /// The names of trends; X gives about 20 and no more pages.
    async fn trends(&self, run: &mut Run<'_>) -> Result<Found, WayError> {
        let call = Call::get(&["2", "guide.json"])
            .query("count", LEAST)
            .query("candidate_source", "trends")
            .query("include_page_configuration", false)
            .query("entity_tokens", false);
        let answer = ask(self, run, TRENDS, call).await?;
        let names = match read_trends(&answer.body) {
            Ok(names) => names,
            Err(fault) => return Err(self.changed(TRENDS, run, fault)),
        };
        let mut found = Found::list(run.context, run.arguments.max_results, &self.secrets);
        for name in &names {
            if found.push(name) != Took::More {
                break;
            }
        }
        Ok(found)
    }

    pub(super) fn call(
        &self,
        graph: Graph,
        run: &Run<'_>,
        subject: &str,
        count: u64,
        cursor: Option<&str>,
    ) -> Call {
        Call::get(&["graphql", self.graphql.id(graph), graph.name()])
            .query("variables", variables(graph, run.arguments, subject, count, cursor))
            .query("features", &self.features)
    }

    /// An answer to which X gave another form than it is known to have.
    fn changed(&self, endpoint: &'static str, run: &mut Run<'_>, fault: Fault) -> WayError {
        self.unread(endpoint, self.client.upstream.error(fault), run)
    }

    fn failed(&self, run: &mut Run<'_>, fault: Fault) -> WayError {
        let error = self.client.upstream.error(fault);
        run.tally.failed(error.code());
        error.into()
    }
}

/// Whether each account sees something else of it: further pages come from where the first one did.
fn is_own(operation: Operation) -> bool {
    operation.subject() == Subject::Nothing
}
