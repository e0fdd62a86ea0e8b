//! What the page asks, and who may see the answer.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{
        IntoResponse, Redirect, Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    document,
    feed::Feeds,
    job, jobs,
    place::{Place, Refused, Rights},
    wire::{About, Problem},
};

/// After that long, whether a viewer may look is asked once more.
const RIGHTS_LAST: Duration = Duration::from_secs(60);

/// How often a job's Events are asked for, under each viewer's token.
const EVENTS_PERIOD: Duration = Duration::from_secs(15);

/// What the routes share.
#[derive(Clone)]
struct Page {
    place: Arc<dyn Place>,
    jobs: Arc<Feeds<(), jobs::Reading>>,
    job: Arc<Feeds<Uuid, job::Reading>>,
    stop: CancellationToken,
}

/// The page at `/ui/`, and what it asks below that. Streams end with `stop`.
pub fn router(place: Arc<dyn Place>, stop: CancellationToken) -> Router {
    let is_open = place.rights() == Rights::None;
    let page = Page { place, jobs: Arc::default(), job: Arc::default(), stop };
    let routes = Router::new()
        .route("/ui", get(|| async { Redirect::permanent("/ui/") }))
        .route("/ui/", get(document::page))
        .route("/ui/api/about", get(about))
        .route("/ui/api/jobs", get(all_jobs))
        .route("/ui/api/jobs/{uid}", get(one_job))
        .route("/ui/api/jobs/{uid}/receipt", get(receipt))
        .route("/ui/api/jobs/{uid}/checkpoints/{number}", get(checkpoint))
        .with_state(page);
    if is_open { routes.layer(middleware::from_fn(only_this_machine)) } else { routes }
}

/// Serves the page and nothing else until `stop`; `/` leads to it.
///
/// # Errors
/// When the server fails.
pub async fn serve(listener: TcpListener, place: Arc<dyn Place>, stop: CancellationToken) -> io::Result<()> {
    let router = router(place, stop.clone()).route("/", get(|| async { Redirect::temporary("/ui/") }));
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Where nobody has to log in, only pages of this machine may ask: a page of another name, which leads to this machine, is somebody else's.
async fn only_this_machine(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host
        .rsplit_once(':')
        .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(host, |(name, _)| name);
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") {
        return next.run(request).await;
    }
    let error = "this page answers to localhost, 127.0.0.1 and [::1] only".to_owned();
    (StatusCode::MISDIRECTED_REQUEST, Json(Problem { error })).into_response()
}

/// Why a request is not answered.
enum Fault {
    Refused(Refused),
    Forbidden(String),
    NotFound,
    Unavailable(String),
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, error) = match self {
            Self::Refused(Refused::Unknown(error)) => (StatusCode::UNAUTHORIZED, error),
            Self::Forbidden(namespace) => {
                (StatusCode::FORBIDDEN, format!("this token may not list the SigningJobs of namespace {namespace}"))
            }
            Self::NotFound => {
                (StatusCode::NOT_FOUND, "there is no such job in this ledger, or not any more".to_owned())
            }
            Self::Refused(Refused::Unavailable(error)) | Self::Unavailable(error) => {
                (StatusCode::SERVICE_UNAVAILABLE, error)
            }
        };
        (status, Json(Problem { error })).into_response()
    }
}

async fn about(State(page): State<Page>) -> impl IntoResponse {
    let place = &page.place;
    // Where a token is asked for, whoever has none is not told where the ledger is.
    let ledger = place.ledger().ok().filter(|_| place.rights() == Rights::None).map(|ledger| ledger.place().to_owned());
    let version = env!("CARGO_PKG_VERSION");
    Json(About { version, place: place.name(), auth: place.rights(), ledger })
}

/// A viewer, and what it was found to be allowed.
struct Viewer {
    place: Arc<dyn Place>,
    token: Option<String>,
    /// By namespace; `None` for all of them.
    known: HashMap<Option<String>, (bool, Instant)>,
}

impl Viewer {
    fn of(page: &Page, headers: &HeaderMap) -> Self {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = authorization.and_then(|value| value.strip_prefix("Bearer ")).map(|token| token.trim().to_owned());
        Self { place: Arc::clone(&page.place), token, known: HashMap::new() }
    }

    async fn may_see(&mut self, namespace: Option<&str>) -> Result<bool, Refused> {
        let key = namespace.map(str::to_owned);
        if let Some((may, at)) = self.known.get(&key)
            && at.elapsed() < RIGHTS_LAST
        {
            return Ok(*may);
        }
        let may = self.place.may_see(self.token.as_deref(), namespace).await?;
        self.known.insert(key, (may, Instant::now()));
        Ok(may)
    }

    /// Of these namespaces those whose jobs it may see.
    async fn seen(&mut self, namespaces: HashSet<&str>) -> Result<HashSet<String>, Refused> {
        let all = self.may_see(None).await?;
        let mut seen = HashSet::new();
        for namespace in namespaces {
            if all || self.may_see(Some(namespace)).await? {
                seen.insert(namespace.to_owned());
            }
        }
        Ok(seen)
    }

    /// Makes sure that it may see the jobs of the namespace.
    async fn admit(&mut self, namespace: &str) -> Result<(), Fault> {
        let may = self.may_see(None).await.map_err(Fault::Refused)?
            || self.may_see(Some(namespace)).await.map_err(Fault::Refused)?;
        if may { Ok(()) } else { Err(Fault::Forbidden(namespace.to_owned())) }
    }
}

/// A stream's state, and what is to be sent before the next reading is looked at.
struct Looking<R, S> {
    viewer: Viewer,
    readings: watch::Receiver<R>,
    sent: S,
    problem: Option<Problem>,
    ready: Vec<Event>,
    ended: bool,
    /// When the job's Events are asked for next.
    events_due: tokio::time::Interval,
    /// Those that were sent.
    events: Option<String>,
}

impl<R, S: Default> Looking<R, S> {
    fn new(viewer: Viewer, mut readings: watch::Receiver<R>) -> Self {
        // What is there already is the first to be sent.
        readings.mark_changed();
        let events_due = tokio::time::interval(EVENTS_PERIOD);
        let (ready, problem, events) = (Vec::new(), None, None);
        Self { viewer, readings, sent: S::default(), problem, ready, ended: false, events_due, events }
    }

    /// Tells of a problem once, and of another one again.
    fn tell(&mut self, problem: Option<&Problem>) {
        if let Some(problem) = problem.filter(|problem| self.problem.as_ref() != Some(*problem)) {
            self.ready.push(event("problem", &serde_json::to_string(problem).unwrap_or_default()));
        }
        self.problem = problem.cloned();
    }

    /// The last that a viewer is told whose token ran out, or whose rights cannot be asked for.
    fn end(&mut self, refused: Refused) {
        let (Refused::Unknown(error) | Refused::Unavailable(error)) = refused;
        self.tell(Some(&Problem { error }));
        self.ended = true;
    }
}

fn event(name: &str, data: &str) -> Event {
    Event::default().event(name).data(data)
}

fn streamed(events: impl Stream<Item = Event> + Send + 'static, page: &Page) -> Response {
    let events = events.map(Ok::<_, Infallible>).take_until(page.stop.clone().cancelled_owned());
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // A proxy that collects what it passes on would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Sse::new(events).keep_alive(KeepAlive::new())).into_response()
}

async fn all_jobs(State(page): State<Page>, headers: HeaderMap) -> Result<Response, Fault> {
    let mut viewer = Viewer::of(&page, &headers);
    // A token that nobody knows is told at once, by a status.
    viewer.may_see(None).await.map_err(Fault::Refused)?;
    let readings = page.jobs.look((), |audience| jobs::read(Arc::clone(&page.place), audience));
    let looking = Looking::<_, jobs::Sent>::new(viewer, readings);
    let events = stream::unfold(looking, |mut looking| async move {
        loop {
            if !looking.ready.is_empty() {
                let next = looking.ready.remove(0);
                return Some((next, looking));
            }
            if looking.ended || looking.readings.changed().await.is_err() {
                return None;
            }
            let reading = looking.readings.borrow_and_update().clone();
            let seen = match looking.viewer.seen(reading.namespaces()).await {
                Ok(seen) => seen,
                Err(refused) => {
                    looking.end(refused);
                    continue;
                }
            };
            looking.tell(reading.problem.as_ref());
            if reading.is_read && reading.problem.is_none() {
                let next = looking.sent.next(&reading, |namespace| seen.contains(namespace));
                looking.ready.extend(next.map(|(name, data)| event(name, &data)));
            }
        }
    });
    Ok(streamed(events, &page))
}

impl<R, S> Looking<R, S> {
    /// Sends the job's Events, if they are others than those that were sent.
    async fn ask_for_events(&mut self, namespace: &str, uid: Uuid) {
        let Viewer { place, token, .. } = &self.viewer;
        let events = job::events(place.events(token.as_deref(), namespace, uid).await);
        let text = serde_json::to_string(&events).unwrap_or_default();
        if self.events.as_ref() != Some(&text) {
            self.ready.push(event("events", &text));
            self.events = Some(text);
        }
    }
}

async fn one_job(State(page): State<Page>, Path(uid): Path<Uuid>, headers: HeaderMap) -> Result<Response, Fault> {
    let mut viewer = Viewer::of(&page, &headers);
    viewer.may_see(None).await.map_err(Fault::Refused)?;
    let mut readings = page.job.look(uid, |audience| job::read(Arc::clone(&page.place), uid, audience));
    // Its namespace says whether it may be seen.
    let found = readings
        .wait_for(|reading| reading.namespace.is_some() || reading.is_gone || reading.problem.is_some())
        .await
        .map_err(|_| Fault::NotFound)?
        .clone();
    let namespace = match found {
        job::Reading { namespace: Some(namespace), .. } => namespace,
        job::Reading { problem: Some(problem), .. } => return Err(Fault::Unavailable(problem.error)),
        _ => return Err(Fault::NotFound),
    };
    viewer.admit(&namespace).await?;
    let looking = Looking::<_, job::Sent>::new(viewer, readings);
    let events = stream::unfold((looking, namespace), move |(mut looking, namespace)| async move {
        let next = looking.next_of_job(&namespace, uid).await?;
        Some((next, (looking, namespace)))
    });
    Ok(streamed(events, &page))
}

impl Looking<job::Reading, job::Sent> {
    /// The next event; `None` at the end.
    async fn next_of_job(&mut self, namespace: &str, uid: Uuid) -> Option<Event> {
        loop {
            if !self.ready.is_empty() {
                return Some(self.ready.remove(0));
            }
            if self.ended {
                return None;
            }
            let is_read = tokio::select! {
                changed = self.readings.changed() => changed.is_ok().then_some(true)?,
                _ = self.events_due.tick() => false,
            };
            match self.viewer.admit(namespace).await {
                Ok(()) => {}
                Err(Fault::Refused(refused)) => {
                    self.end(refused);
                    continue;
                }
                Err(_) => return None,
            }
            if !is_read {
                self.ask_for_events(namespace, uid).await;
                continue;
            }
            let reading = self.readings.borrow_and_update().clone();
            let gone = Problem { error: "the job was deleted".to_owned() };
            self.tell(if reading.is_gone { Some(&gone) } else { reading.problem.as_ref() });
            self.ended = reading.is_gone;
            let news = self.sent.next(&reading);
            self.ready.extend(news.iter().map(|(name, data)| event(name, data)));
        }
    }
}

async fn receipt(State(page): State<Page>, Path(uid): Path<Uuid>, headers: HeaderMap) -> Result<Response, Fault> {
    let job = admitted(&page, uid, &headers).await?;
    let receipt = job.receipt.clone().ok_or(Fault::NotFound)?;
    Ok(file(&format!("{}-{}.receipt.jws", job.namespace, job.name), receipt))
}

async fn checkpoint(
    State(page): State<Page>,
    Path((uid, number)): Path<(Uuid, i64)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let job = admitted(&page, uid, &headers).await?;
    let ledger = page.place.ledger().map_err(Fault::Unavailable)?;
    let found = vaultstream_ledger::checkpoints::list(&ledger, job.id, number.saturating_sub(1), 1).await;
    let found = found.map_err(|error| Fault::Unavailable(format!("the ledger cannot be read: {error}")))?;
    let row = found.into_iter().find(|row| row.number == number).ok_or(Fault::NotFound)?;
    Ok(file(&format!("{}-{}.checkpoint-{number}.jws", job.namespace, job.name), row.checkpoint))
}

/// The job, if its viewer may see it.
async fn admitted(page: &Page, uid: Uuid, headers: &HeaderMap) -> Result<vaultstream_ledger::Job, Fault> {
    let mut viewer = Viewer::of(page, headers);
    viewer.may_see(None).await.map_err(Fault::Refused)?;
    let ledger = page.place.ledger().map_err(Fault::Unavailable)?;
    let found = vaultstream_ledger::jobs::by_uid(&ledger, uid).await;
    let found = found.map_err(|error| Fault::Unavailable(format!("the ledger cannot be read: {error}")))?;
    let cluster = page.place.cluster();
    let job =
        found.filter(|job| cluster.as_ref().is_none_or(|cluster| *cluster == job.cluster)).ok_or(Fault::NotFound)?;
    viewer.admit(&job.namespace).await?;
    Ok(job)
}

/// A file to keep. Names of namespaces and jobs are letters, digits, dots and hyphens.
fn file(name: &str, content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/jose".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, content).into_response()
}
