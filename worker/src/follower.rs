//! Following the job's table: beside a session that signs, one worker of the job is the planner, and moves arrivals from the source into the
//! ledger.
//!
//! ```text
//! begin ─held─▶ wait
//!   └─▶ look at the trigger ─▶ read arrivals ─▶ plan them ─▶ delete them ─▶ look through a part of the table, when that is due ─┐
//!              ▲                                                                                          pause while idle ◀────┘
//!              └──────────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! A failure whose outcome is not known, and a refusal, end the turn: what was read is forgotten, and a new epoch begun.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vaultstream_api::Follow;
use vaultstream_ledger::{
    FollowState, Job, QueryError,
    following::{self, Arrivals, Arrived, FollowPlan, Followed, Looked, Place, Stored, TableRows},
    jobs,
    planning::TableError,
};
use vaultstream_program::chain;
use vaultstream_streams::Backoff;

use crate::{parts, planner, session::Session, shared::Shared, source_health::Teller};

/// How often a worker that does not plan looks whether another one still does.
const HELD_RETRY: Duration = Duration::from_secs(1);

/// The delay before a planner that failed begins anew.
const RETRY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// How often the trigger is looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How often an idle planner says that it is there. Its lease is three times as long.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// The shortest and longest pauses of a planner that has nothing to do.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// Plans what the session's job follows, whenever no other worker does, until there is nothing to follow or `stop`.
pub(crate) async fn run(session: Arc<Session>, stop: CancellationToken) {
    if !session.job.is_following() {
        return;
    }
    let mut follower = Follower {
        shared: Arc::clone(&session.shared),
        teller: Teller::new(&session.job),
        job: session.job.clone(),
        lease: Uuid::new_v4(),
        plan: None,
    };
    tokio::select! {
        () = follower.follow() => {}
        () = stop.cancelled() => {}
    }
    follower.leave().await;
}

struct Follower {
    shared: Arc<Shared>,
    teller: Teller,
    job: Job,
    lease: Uuid,
    /// Held until another worker has it.
    plan: Option<FollowPlan>,
}

/// How leading ended.
enum Led {
    /// Nothing is left to follow.
    Over,
    /// Another worker plans.
    Held,
    /// The plan is another planner's now, or the job has changed.
    Lost,
}

impl Follower {
    async fn follow(&mut self) {
        let mut failures = 0;
        loop {
            match self.lead().await {
                Ok(Led::Over) => return,
                Ok(Led::Held) => tokio::time::sleep(HELD_RETRY).await,
                Ok(Led::Lost) => failures = 0,
                Err(error) => {
                    tracing::warn!(job = %self.job.name, error = chain(&error), "following the table failed; beginning anew");
                    tokio::time::sleep(RETRY.at_least_half(failures)).await;
                    failures += 1;
                }
            }
        }
    }

    /// Plans under one epoch.
    async fn lead(&mut self) -> Result<Led, QueryError> {
        let ledger = &self.shared.ledger;
        let plan = match following::begin(ledger, self.job.id, self.lease).await? {
            Followed::Plan(plan) => plan,
            Followed::Held => return Ok(Led::Held),
            Followed::Over => return Ok(Led::Over),
        };
        self.plan = Some(plan.clone());
        // What it is under this epoch: the removal of `follow` raises the epoch, too.
        let Some(job) = jobs::by_id(ledger, self.job.id).await? else { return Ok(Led::Over) };
        self.teller = Teller::new(&job);
        let Some(turn) = Turn::of(&self.shared, &job, plan) else { return Ok(Led::Over) };
        tracing::debug!(job = %job.name, "this worker plans what arrives");
        tokio::select! {
            led = turn.take_all(&mut self.teller) => led,
            never = parts::close_when_due(ledger, job.id) => match never {},
        }
    }

    async fn leave(&mut self) {
        if let Some(plan) = self.plan.take() {
            planner::give_up(following::release(&self.shared.ledger, &plan)).await;
        }
    }
}

/// What followed a step.
enum Took {
    Pause(Duration),
    Over,
    Lost,
}

/// What a planner knows under one epoch.
struct Turn<'a> {
    shared: &'a Shared,
    job: &'a Job,
    plan: FollowPlan,
    delay: Duration,
    reconcile_every: Duration,
    /// `follow` was removed.
    is_ending: bool,
    arrivals: Option<Arrivals>,
    looked: Option<Instant>,
    /// Rows may be inserted now that no trigger sees.
    is_off: bool,
    /// The arrivals table that the ledger knows.
    known: Option<u32>,
    /// Where the look through the table goes on.
    scan: Option<Place>,
    scanned: Instant,
    /// Rows in no batch, and since when.
    unbatched: i64,
    since: Instant,
    stored: Instant,
    pause: Duration,
    /// A failure now is one of the source: nothing is stored meanwhile.
    is_reading: bool,
    failures: u32,
}

impl<'a> Turn<'a> {
    fn of(shared: &'a Shared, job: &'a Job, plan: FollowPlan) -> Option<Self> {
        let follow = job.follow.as_ref()?;
        let wanted = job.spec.follow.clone().unwrap_or_default();
        let Follow { max_delay, reconcile_every, checkpoint: _ } = wanted;
        let now = Instant::now();
        let scanned = follow.scanned.or(job.times.seeded).and_then(|at| at.elapsed().ok()).unwrap_or_default();
        Some(Self {
            shared,
            job,
            plan,
            delay: max_delay.as_std(),
            reconcile_every: reconcile_every.as_std(),
            is_ending: follow.state == FollowState::Ending,
            arrivals: None,
            looked: None,
            is_off: false,
            known: follow.arrivals,
            scan: follow.scan.clone().map(|after| after.map_or(Place::Begin, Place::After)),
            scanned: now.checked_sub(scanned).unwrap_or(now),
            unbatched: 1,
            since: now,
            stored: now,
            pause: PAUSES.0,
            is_reading: true,
            failures: 0,
        })
    }

    async fn take_all(mut self, teller: &mut Teller) -> Result<Led, QueryError> {
        loop {
            match self.take(teller).await {
                Ok(Took::Pause(pause)) => tokio::time::sleep(pause).await,
                Ok(Took::Over) => return Ok(Led::Over),
                Ok(Took::Lost) => return Ok(Led::Lost),
                Err(TableError::Query(error)) if !self.is_reading => return Err(error),
                Err(error) => {
                    teller.tell(self.shared, Some(&error)).await;
                    self.failures += 1;
                    tokio::time::sleep(RETRY.at_least_half(self.failures)).await;
                }
            }
        }
    }

    async fn take(&mut self, teller: &mut Teller) -> Result<Took, TableError> {
        self.is_reading = true;
        self.look(teller).await?;
        let arrived = match &self.arrivals {
            Some(arrivals) => Some(following::read_arrivals(&self.shared.ledger, self.job, arrivals).await?),
            None if self.is_ending => Some(Arrived::nothing()),
            None => None,
        };
        if let Some(arrived) = arrived
            && self.is_to_be_stored(&arrived)
        {
            let took = self.store(&arrived).await?;
            if !matches!(took, Took::Pause(Duration::ZERO)) || !arrived.is_all() {
                return Ok(took);
            }
        }
        if let Some(took) = self.look_through().await? {
            return Ok(took);
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSES.1).min((self.delay / 2).max(PAUSES.0));
        let due = self.since + self.close_after();
        let until_due = if self.unbatched > 0 { due.saturating_duration_since(Instant::now()) } else { pause };
        Ok(Took::Pause(pause.min(until_due.max(Duration::from_millis(1)))))
    }

    /// Looks at the trigger, now and then.
    async fn look(&mut self, teller: &mut Teller) -> Result<(), TableError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_INTERVAL) {
            return Ok(());
        }
        let Looked { arrivals, fault } = following::look(&self.shared.ledger, self.job).await?;
        self.arrivals = arrivals;
        self.looked = Some(Instant::now());
        self.failures = 0;
        // Who removes the trigger as well as `follow` wants no more rows.
        let fault = fault.filter(|_| !self.is_ending).map(TableError::Source);
        let is_off = fault.is_some();
        let is_due = !is_off && self.scan.is_none() && self.scanned.elapsed() >= self.reconcile_every;
        // Noted when the trigger is found to be off, so that the look through the table, which waits until it fires again, is not lost with
        // this planner.
        if (is_due || is_off && !self.is_off) && !self.begin_look_through().await? {
            // It is tried again at the next look; whoever has the plan by then looks for itself.
            return Ok(());
        }
        self.is_off = is_off;
        teller.tell(self.shared, fault.as_ref()).await;
        Ok(())
    }

    /// False when the ledger has not noted it.
    async fn begin_look_through(&mut self) -> Result<bool, TableError> {
        self.is_reading = false;
        let noted = following::store_rows(&self.shared.ledger, &self.plan, &TableRows::from_the_beginning()).await?;
        self.is_reading = true;
        if !matches!(noted, Stored::Planned { .. }) {
            return Ok(false);
        }
        self.scanned = Instant::now();
        self.scan = Some(Place::Begin);
        Ok(true)
    }

    /// A batch is closed by then, so that it is there within the delay.
    fn close_after(&self) -> Duration {
        if self.is_ending { Duration::ZERO } else { self.delay.saturating_sub(PAUSES.0) }
    }

    fn is_to_be_stored(&self, arrived: &Arrived) -> bool {
        !arrived.is_empty()
            || self.is_ending
            || self.known != Some(arrived.table())
            || self.unbatched > 0 && self.since.elapsed() >= self.close_after()
            || self.stored.elapsed() >= HEARTBEAT
    }

    async fn store(&mut self, arrived: &Arrived) -> Result<Took, TableError> {
        self.is_reading = false;
        let close_after = arrived.is_all().then(|| self.close_after());
        let stored = following::store_arrivals(&self.shared.ledger, &self.plan, arrived, close_after).await?;
        self.stored = Instant::now();
        match stored {
            Stored::Planned { new, unbatched } => {
                if self.known != Some(arrived.table()) {
                    self.known = Some(arrived.table());
                    self.scan = Some(Place::Begin);
                }
                if unbatched < self.unbatched + new || self.unbatched == 0 {
                    let now = Instant::now();
                    self.since = arrived.oldest().and_then(|age| now.checked_sub(age)).unwrap_or(now);
                }
                self.unbatched = unbatched;
            }
            Stored::Ended => {
                self.delete(arrived).await?;
                return Ok(Took::Over);
            }
            Stored::Wait => return Ok(Took::Pause(PAUSES.1)),
            Stored::Lost => return Ok(Took::Lost),
        }
        if !arrived.is_empty() {
            self.delete(arrived).await?;
            self.pause = PAUSES.0;
        }
        Ok(Took::Pause(Duration::ZERO))
    }

    async fn delete(&mut self, arrived: &Arrived) -> Result<(), TableError> {
        self.is_reading = true;
        Ok(following::delete_arrivals(&self.shared.ledger, arrived).await?)
    }

    /// Looks through a part of the table, if that is due.
    async fn look_through(&mut self) -> Result<Option<Took>, TableError> {
        let Some(place) = self.scan.as_ref().filter(|_| !self.is_off) else { return Ok(None) };
        self.is_reading = true;
        let rows = following::read_table(&self.shared.ledger, self.job, place).await?;
        self.is_reading = false;
        let stored = following::store_rows(&self.shared.ledger, &self.plan, &rows).await?;
        self.stored = Instant::now();
        Ok(Some(match stored {
            Stored::Planned { unbatched, .. } => {
                if self.unbatched == 0 {
                    self.since = Instant::now();
                }
                self.unbatched = unbatched;
                self.scan = Some(rows.next().clone()).filter(|next| *next != Place::End);
                Took::Pause(Duration::ZERO)
            }
            Stored::Ended => Took::Over,
            Stored::Wait => Took::Pause(PAUSES.1),
            Stored::Lost => Took::Lost,
        }))
    }
}
