//! Explores the model to the last state.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

use crate::bug::Bug;
use crate::choices::Action;
use crate::model::{Following, SHOWN};
use crate::scenario::Scenario;

/// All promises hold in every state that can be reached, and every history comes to an end.
pub(crate) fn holds(scenario: Scenario) {
    let begin = Instant::now();
    let model = Following { scenario, bug: None };
    let checker = model.checker().spawn_bfs().join();
    let (states, depth) = (checker.unique_state_count(), checker.max_depth() - 1);
    println!("{}: {states} states, at most {depth} steps from the beginning, {:.1?}", scenario.name, begin.elapsed());
    checker.assert_properties();
    // What is at rest at the end of every history is what happens sooner or later only if every history ends.
    assert_eq!(count_without_cycles(&model), states, "both searches reach the same states");
    println!("{}: every history ends, {:.1?}", scenario.name, begin.elapsed());
}

/// With a bug planted the promise is broken. Prints a shortest history that shows it.
pub(crate) fn finds(bug: Bug, scenario: Scenario, broken: &'static str) {
    let mut shortest: Option<Vec<Action>> = None;
    let mut most = usize::MAX;
    // The checker overwrites what it found, and notices only now and then that it may stop: so shorter ones are asked for until there is none.
    while let Some(found) = search(bug, scenario, broken, most) {
        most = found.len();
        shortest = Some(found);
    }
    let shortest = shortest.unwrap_or_else(|| panic!("{bug:?} was not found in {}", scenario.name));
    println!("{bug:?} in {}, {} steps, breaks \"{broken}\": {shortest:?}", scenario.name, shortest.len());
}

/// A history of fewer than `most` steps that ends with the promise broken.
fn search(bug: Bug, scenario: Scenario, broken: &'static str, most: usize) -> Option<Vec<Action>> {
    assert_ne!(broken, SHOWN, "this is no promise");
    let model = Following { scenario, bug: Some(bug) };
    let checker = model.checker().target_max_depth(most.saturating_add(1));
    let checker = checker.finish_when(HasDiscoveries::AllOf([broken].into())).spawn_bfs().join();
    checker.discovery(broken).map(|path| path.into_actions())
}

/// Walks through all states in depth, fails where one leads back to itself, and counts them.
fn count_without_cycles(model: &Following) -> usize {
    let keys = RandomState::new();
    let mut is_on_path = HashMap::new();
    let mut path = vec![(0, model.init_states())];
    while let Some((here, next)) = path.last_mut() {
        let Some(state) = next.pop() else {
            is_on_path.insert(*here, false);
            path.pop();
            continue;
        };
        let key = keys.hash_one(&state);
        match is_on_path.get(&key) {
            Some(true) => panic!("a history that never ends comes to this state again and again: {state:#?}"),
            Some(false) => {}
            None => {
                is_on_path.insert(key, true);
                path.push((key, model.next_states(&state)));
            }
        }
    }
    // The place where the path begins is no state.
    is_on_path.len() - 1
}
