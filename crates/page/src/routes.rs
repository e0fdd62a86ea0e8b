//! What the page asks, and who may see the answer.

use std::{convert::Infallible, io, sync::Arc};

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
use futures_util::stream::{Stream, StreamExt as _};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_ledger::Job;

use crate::{
    document,
    fault::Fault,
    feed::{Feeds, SILENCE},
    job, jobs,
    place::{Place, Rights},
    streams,
    viewer::Viewer,
    wire::{About, Problem},
};

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

async fn about(State(page): State<Page>) -> impl IntoResponse {
    let place = &page.place;
    // Where a token is asked for, whoever has none is not told where the ledger is.
    let ledger = place.ledger().ok().filter(|_| place.rights() == Rights::None).map(|ledger| ledger.place().to_owned());
    let version = env!("CARGO_PKG_VERSION");
    Json(About { version, place: place.name(), auth: place.rights(), ledger })
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
    let viewer = Viewer::of(&*page.place, &headers).await?;
    let readings = page.jobs.look((), |audience| jobs::read(Arc::clone(&page.place), audience));
    Ok(streamed(streams::of_jobs(viewer, readings), &page))
}

async fn one_job(State(page): State<Page>, Path(uid): Path<Uuid>, headers: HeaderMap) -> Result<Response, Fault> {
    let (viewer, job) = admitted(&page, uid, &headers).await?;
    let readings = page.job.look(uid, |audience| job::read(Arc::clone(&page.place), uid, audience));
    Ok(streamed(streams::of_job(viewer, readings, (job.namespace, uid)), &page))
}

async fn receipt(State(page): State<Page>, Path(uid): Path<Uuid>, headers: HeaderMap) -> Result<Response, Fault> {
    let (_, job) = admitted(&page, uid, &headers).await?;
    let receipt = job.receipt.clone().ok_or(Fault::NotFound)?;
    Ok(file(&format!("{}-{}.receipt.jws", job.namespace, job.name), receipt))
}

async fn checkpoint(
    State(page): State<Page>,
    Path((uid, number)): Path<(Uuid, i64)>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (_, job) = admitted(&page, uid, &headers).await?;
    let ledger = page.place.ledger().map_err(Fault::Unavailable)?;
    let found = vaultstream_ledger::checkpoints::list(&ledger, job.id, number.saturating_sub(1), 1).await;
    let found = found.map_err(|error| Fault::Unavailable(format!("the ledger cannot be read: {error}")))?;
    let row = found.into_iter().find(|row| row.number == number).ok_or(Fault::NotFound)?;
    Ok(file(&format!("{}-{}.checkpoint-{number}.jws", job.namespace, job.name), row.checkpoint))
}

/// The job, and who asks for it, if they may see it. Nothing is begun for anybody else.
async fn admitted(page: &Page, uid: Uuid, headers: &HeaderMap) -> Result<(Viewer, Job), Fault> {
    let mut viewer = Viewer::of(&*page.place, headers).await?;
    let ledger = page.place.ledger().map_err(Fault::Unavailable)?;
    let found = tokio::time::timeout(SILENCE, vaultstream_ledger::jobs::by_uid(&ledger, uid)).await;
    let found = found.map_err(|_| Fault::Unavailable(Problem::of_silence().error))?;
    let found = found.map_err(|error| Fault::Unavailable(format!("the ledger cannot be read: {error}")))?;
    let cluster = page.place.cluster();
    let job =
        found.filter(|job| cluster.as_ref().is_none_or(|cluster| *cluster == job.cluster)).ok_or(Fault::NotFound)?;
    viewer.admit(&job.namespace).await?;
    Ok((viewer, job))
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
