//! What a viewer is sent, as long as they look.

use std::time::Duration;

use axum::response::sse::Event;
use futures_util::stream::{self, Stream};
use tokio::{
    sync::watch,
    time::{Interval, interval},
};
use uuid::Uuid;

use crate::{fault::Fault, job, jobs, place::Refused, viewer::Viewer, wire::Problem};

/// How often a job's Events are asked for, under each viewer's rights.
const EVENTS_PERIOD: Duration = Duration::from_secs(15);

/// A stream's state, and what is to be sent before the next reading is looked at.
struct Looking<R, S> {
    viewer: Viewer,
    readings: watch::Receiver<R>,
    sent: S,
    problem: Option<Problem>,
    ready: Vec<Event>,
    ended: bool,
}

impl<R, S: Default> Looking<R, S> {
    fn new(viewer: Viewer, mut readings: watch::Receiver<R>) -> Self {
        // What is there already is the first to be sent.
        readings.mark_changed();
        Self { viewer, readings, sent: S::default(), problem: None, ready: Vec::new(), ended: false }
    }
}

impl<R, S> Looking<R, S> {
    /// Tells of a problem once, and of another one again. True when one is over.
    fn tell(&mut self, problem: Option<&Problem>) -> bool {
        let is_over = problem.is_none() && self.problem.is_some();
        if let Some(problem) = problem.filter(|problem| self.problem.as_ref() != Some(*problem)) {
            self.ready.push(event("problem", &serde_json::to_string(problem).unwrap_or_default()));
        }
        self.problem = problem.cloned();
        is_over
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

/// The jobs that the viewer may see.
pub(crate) fn of_jobs(
    viewer: Viewer,
    readings: watch::Receiver<jobs::Reading>,
) -> impl Stream<Item = Event> + Send + 'static {
    let looking = Looking::<_, jobs::Sent>::new(viewer, readings);
    stream::unfold(looking, |mut looking| async move { looking.next_of_jobs().await.map(|next| (next, looking)) })
}

impl Looking<jobs::Reading, jobs::Sent> {
    /// The next event; `None` at the end.
    async fn next_of_jobs(&mut self) -> Option<Event> {
        loop {
            if !self.ready.is_empty() {
                return Some(self.ready.remove(0));
            }
            if self.ended || self.readings.changed().await.is_err() {
                return None;
            }
            let reading = self.readings.borrow_and_update().clone();
            let seen = match self.viewer.seen(reading.namespaces()).await {
                Ok(seen) => seen,
                Err(refused) => {
                    self.end(refused);
                    continue;
                }
            };
            let again = self.tell(reading.problem.as_ref());
            if reading.is_read && reading.problem.is_none() {
                let next = self.sent.next(&reading, again, |namespace| seen.contains(namespace));
                self.ready.extend(next.map(|(name, data)| event(name, &data)));
            }
        }
    }
}

/// A job with its Events.
struct OneJob {
    looking: Looking<job::Reading, job::Sent>,
    namespace: String,
    uid: Uuid,
    /// When its Events are asked for next.
    events_due: Interval,
    /// Those that were sent.
    events: Option<String>,
}

/// The job, which the viewer may see.
pub(crate) fn of_job(
    viewer: Viewer,
    readings: watch::Receiver<job::Reading>,
    (namespace, uid): (String, Uuid),
) -> impl Stream<Item = Event> + Send + 'static {
    let looking = Looking::new(viewer, readings);
    let job = OneJob { looking, namespace, uid, events_due: interval(EVENTS_PERIOD), events: None };
    stream::unfold(job, |mut job| async move { job.next().await.map(|next| (next, job)) })
}

impl OneJob {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.looking.ready.is_empty() {
                return Some(self.looking.ready.remove(0));
            }
            if self.looking.ended {
                return None;
            }
            let is_read = tokio::select! {
                changed = self.looking.readings.changed() => changed.is_ok().then_some(true)?,
                _ = self.events_due.tick() => false,
            };
            match self.looking.viewer.admit(&self.namespace).await {
                Ok(()) if is_read => self.take(),
                Ok(()) => self.ask_for_events().await,
                Err(Fault::Refused(refused)) => self.looking.end(refused),
                Err(_) => return None,
            }
        }
    }

    fn take(&mut self) {
        let reading = self.looking.readings.borrow_and_update().clone();
        let gone = Problem { error: "the job was deleted".to_owned() };
        let again = self.looking.tell(if reading.is_gone { Some(&gone) } else { reading.problem.as_ref() });
        self.looking.ended = reading.is_gone;
        let news = self.looking.sent.next(&reading, again);
        self.looking.ready.extend(news.iter().map(|(name, data)| event(name, data)));
    }

    /// Sends the job's Events, if they are others than those that were sent.
    async fn ask_for_events(&mut self) {
        let events = job::events(self.looking.viewer.events(&self.namespace, self.uid).await);
        let text = serde_json::to_string(&events).unwrap_or_default();
        if self.events.as_ref() != Some(&text) {
            self.looking.ready.push(event("events", &text));
            self.events = Some(text);
        }
    }
}
