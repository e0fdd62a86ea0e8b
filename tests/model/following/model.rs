//! The model: where histories begin, how they go on, and what is promised.

use stateright::{Model, Property};

use crate::bug::Bug;
use crate::choices::{Action, chance, progress};
use crate::ledger::{Ledger, Phase};
use crate::scenario::Scenario;
use crate::source::{Place, Row, Source};
use crate::state::{Maker, Planner, State, Worker};
use crate::steps::step;

pub(crate) const ONE_ORDINAL: &str = "a row has at most one ordinal";
pub(crate) const NO_GAPS: &str = "ordinals have no gaps";
pub(crate) const ONE_OUTCOME: &str = "an ordinal has at most one signature or reject, and one in a signed batch";
pub(crate) const GONE: &str = "only a row that was gone is rejected";
pub(crate) const CHAIN: &str = "checkpoints are one chain of growing runs of signed batches";
pub(crate) const PUBLISHED: &str = "what strangers have seen is in the chain";
pub(crate) const COMPLETE: &str = "a complete job owes nothing";
pub(crate) const NOTHING_LOST: &str = "at rest every committed row has one signature or one reject";
pub(crate) const SHOWN: &str = "what the scenario is about is seen";

/// A job that follows a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Following {
    pub(crate) scenario: Scenario,
    pub(crate) bug: Option<Bug>,
}

impl Model for Following {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let Scenario { rows, old, trigger, looked_through, planners, workers, makers, budget, .. } = self.scenario;
        vec![State {
            source: Source::new(rows, old, trigger),
            ledger: Ledger::new(looked_through),
            planners: vec![Planner::Idle; planners],
            workers: vec![Worker::Idle; workers],
            makers: vec![Maker::Idle; makers],
            published: Vec::new(),
            left: budget,
            on_disk: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        progress(&self.scenario, self.bug, state, actions);
        chance(self.bug, state, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        Some(step(&self.scenario, self.bug, state, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONE_ORDINAL, |_, state: &State| {
                (0..).zip(&state.source.rows).all(|(key, _)| ordinals_of(&state.ledger, key) <= 1)
            }),
            Property::always(NO_GAPS, |_, state: &State| {
                state.ledger.mapping.iter().all(|ordinal| ordinal.row.is_some())
            }),
            Property::always(ONE_OUTCOME, |_, state: &State| outcomes(&state.ledger)),
            Property::always(GONE, |_, state: &State| {
                let was_gone = |row: u8| state.source.rows[usize::from(row)].was_gone;
                state.ledger.mapping.iter().all(|ordinal| ordinal.rejects == 0 || ordinal.row.is_some_and(was_gone))
            }),
            Property::always(CHAIN, |_, state: &State| is_chain(&state.ledger)),
            Property::always(PUBLISHED, |_, state: &State| {
                let stored = |digest| state.ledger.checkpoints.iter().any(|checkpoint| checkpoint.digest == digest);
                state.published.iter().all(|digest| stored(*digest))
            }),
            Property::always(COMPLETE, |model: &Following, state: &State| {
                state.ledger.phase != Phase::Complete || model.is_settled(state)
            }),
            Property::always(NOTHING_LOST, |model: &Following, state: &State| {
                model.is_settled(state) || !model.is_at_rest(state)
            }),
            Property::sometimes(SHOWN, |model: &Following, state: &State| (model.scenario.shows)(state)),
        ]
    }
}

impl Following {
    /// Nothing is left to do by itself. A job whose table has no trigger yet is not at rest: its owner is told to make one.
    fn is_at_rest(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        progress(&self.scenario, self.bug, state, &mut actions);
        actions.is_empty() && state.source.trigger
    }

    /// All that was committed is planned; and signed or rejected, and proved, where the scenario has somebody for that.
    fn is_settled(&self, state: &State) -> bool {
        let State { source, ledger, .. } = state;
        // While the job follows, rows that no trigger has seen may wait for the next look through the table.
        let looks = self.scenario.reconciles || ledger.phase != Phase::Following || self.scenario.budget.unseen == 0;
        let is_owed = |row: &Row| is_owed(row) && (row.traced || looks);
        let planned = (0..).zip(&source.rows).all(|(key, row)| !is_owed(row) || ordinals_of(ledger, key) == 1);
        let signed = self.scenario.workers == 0 || ledger.batches.iter().all(|batch| batch.signed);
        let closed = ledger.closed() == ledger.mapping.len();
        let proved = self.scenario.makers == 0 || ledger.covered() == ledger.batches.len();
        let ended = match ledger.phase {
            Phase::Following => source.visible(0).next().is_none(),
            Phase::Finishing => false,
            Phase::Complete => true,
        };
        planned && closed && signed && proved && ended
    }
}

/// Whether the job has to know a row: it is there, or an arrival says that it was. A row that no trigger has seen, and that is
/// deleted before anybody looks, leaves no trace.
fn is_owed(row: &Row) -> bool {
    row.in_time && (row.place == Place::There || row.place == Place::Gone && row.traced)
}

fn ordinals_of(ledger: &Ledger, row: u8) -> usize {
    ledger.mapping.iter().filter(|ordinal| ordinal.row == Some(row)).count()
}

fn outcomes(ledger: &Ledger) -> bool {
    let count = |place: usize| ledger.mapping[place].signatures + ledger.mapping[place].rejects;
    (0..ledger.mapping.len()).all(|place| count(place) <= 1)
        && (0..ledger.batches.len())
            .all(|batch| ledger.range(batch).all(|place| count(place) == u8::from(ledger.batches[batch].signed)))
}

fn is_chain(ledger: &Ledger) -> bool {
    let mut before = None;
    ledger.checkpoints.iter().all(|checkpoint| {
        let previous = before.replace(checkpoint);
        let grows = previous.map_or(0, |previous| previous.covers) < checkpoint.covers || checkpoint.last;
        checkpoint.previous == previous.map(|previous| previous.digest)
            && grows
            && previous.is_none_or(|previous| !previous.last && previous.covers <= checkpoint.covers)
            && checkpoint.covers <= ledger.run()
    })
}
