//! Prints the catalogue of phases, conditions, reasons and Events that is kept in `docs/reference/`.

use vaultstream_api::{ConditionType, Phase, Reason};

fn main() {
    println!("# Phases, conditions and Events\n");
    println!(
        "Written from the code by `make generate`. Programs should rely on types and reasons of conditions, never on messages.\n"
    );
    println!("## Phases\n\n| phase | meaning |\n| --- | --- |");
    for phase in Phase::ALL {
        println!("| {phase} | {} |", phase.meaning());
    }
    println!("\n## Conditions\n\n| type | True means | reasons |\n| --- | --- | --- |");
    for condition in ConditionType::ALL {
        let reasons: Vec<_> =
            Reason::ALL.iter().filter(|reason| reason.conditions().contains(&condition)).map(|r| r.as_str()).collect();
        println!("| {condition} | {} | {} |", condition.meaning(), reasons.join(", "));
    }
    println!("\n## Reasons\n\n| reason | meaning |\n| --- | --- |");
    for reason in Reason::ALL {
        println!("| {reason} | {} |", reason.meaning());
    }
    println!("\n## Events\n\n| reason | type | when |\n| --- | --- | --- |");
    for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Pending) {
        let kind = if phase == Phase::Failed { "Warning" } else { "Normal" };
        println!("| {phase} | {kind} | the phase begins |");
    }
    for reason in Reason::ALL.iter().filter(|reason| reason.is_fault() && **reason != Reason::TooManyRejects) {
        println!("| {reason} | Warning | the reason appears in a condition: {} |", reason.meaning());
    }
    println!("| RejectsRetried | Normal | the annotation vaultstream.dev/retry-rejects was followed |");
    println!("| RetryRefused | Warning | the annotation vaultstream.dev/retry-rejects came after the end of the job |");
    println!(
        "| LeftBehind | Warning | the deadline of a deletion is over and something could not be removed; also in the operator's namespace |"
    );
}
