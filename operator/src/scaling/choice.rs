//! Which of the ways of scaling a job gets. Pure.

use vaultstream_api::ScalingMode;

/// Whose the external metrics API of the cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Owner {
    /// It was not looked at yet, or must not be read: this operator looks after some namespaces only.
    #[default]
    Unknown,
    /// Nobody registered it.
    Nobody,
    /// This operator's Service.
    Us,
    /// KEDA's.
    Keda,
    /// Somebody else's Service.
    Other(String),
}

/// What this cluster offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// The cluster was looked at.
    pub(crate) known: bool,
    pub(crate) owner: Owner,
    /// The API server reaches our metrics API.
    pub(crate) available: bool,
    /// The owner has been the same for long enough that jobs under way may change over.
    pub(crate) settled: bool,
    /// ScaledObjects can be made, and KEDA can ask us.
    pub(crate) keda: bool,
}

/// Who scales.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaler {
    Hpa,
    Keda,
    Direct,
}

impl Scaler {
    pub(crate) fn mode(self) -> ScalingMode {
        match self {
            Self::Hpa => ScalingMode::Hpa,
            Self::Keda => ScalingMode::Keda,
            Self::Direct => ScalingMode::Direct,
        }
    }
}

/// Who scales, and why not the one that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) scaler: Scaler,
    /// Why the operator scales although another was wanted.
    pub(crate) instead: Option<String>,
}

/// Chooses for a job that wants `wanted` and was scaled by `before` in this run.
pub(crate) fn choose(wanted: ScalingMode, before: Option<ScalingMode>, offers: &Offers) -> Choice {
    let chosen = |scaler| Choice { scaler, instead: None };
    // An autoscaler that cannot read its metric keeps the number of workers: no reason to take it away at once.
    let hpa = offers.owner == Owner::Us && (offers.available || before == Some(ScalingMode::Hpa));
    // KEDA's own autoscalers read the external metrics, too: beside another owner KEDA never gets past one worker.
    let keda = offers.keda && matches!(offers.owner, Owner::Keda | Owner::Unknown);
    match wanted {
        ScalingMode::Direct => chosen(Scaler::Direct),
        ScalingMode::Hpa if hpa => chosen(Scaler::Hpa),
        ScalingMode::Keda if keda => chosen(Scaler::Keda),
        ScalingMode::Hpa => Choice { scaler: Scaler::Direct, instead: Some(why_no_hpa(offers)) },
        ScalingMode::Keda => Choice { scaler: Scaler::Direct, instead: Some(why_no_keda(offers)) },
        ScalingMode::Auto => match before {
            Some(ScalingMode::Hpa) if !offers.settled => chosen(Scaler::Hpa),
            Some(ScalingMode::Keda) if !offers.settled => chosen(Scaler::Keda),
            Some(ScalingMode::Direct) if !offers.settled => chosen(Scaler::Direct),
            _ if hpa => chosen(Scaler::Hpa),
            _ if offers.owner == Owner::Keda && offers.keda => chosen(Scaler::Keda),
            _ => chosen(Scaler::Direct),
        },
    }
}

fn why_no_keda(offers: &Offers) -> String {
    match offers.keda {
        true => "KEDA does not serve the external metrics API of this cluster".to_owned(),
        false => {
            "KEDA is not installed, or the operator does not know the address at which KEDA can reach it".to_owned()
        }
    }
}

fn why_no_hpa(offers: &Offers) -> String {
    match &offers.owner {
        Owner::Unknown => "this operator has no permission to see who serves the external metrics API".to_owned(),
        Owner::Nobody => "nothing serves the external metrics API".to_owned(),
        Owner::Us => "the API server does not reach the operator's metrics API".to_owned(),
        Owner::Keda => "KEDA serves the external metrics API of this cluster".to_owned(),
        Owner::Other(service) => format!("{service} serves the external metrics API of this cluster"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Option<ScalingMode>; 4] =
        [None, Some(ScalingMode::Hpa), Some(ScalingMode::Keda), Some(ScalingMode::Direct)];

    fn ours() -> Offers {
        Offers { known: true, owner: Owner::Us, available: true, settled: true, keda: true }
    }

    #[test]
    fn auto_takes_whoever_owns_the_metrics_api() {
        let chosen = |offers: &Offers| choose(ScalingMode::Auto, None, offers).scaler;
        assert_eq!(chosen(&ours()), Scaler::Hpa);
        assert_eq!(chosen(&Offers { available: false, ..ours() }), Scaler::Direct);
        assert_eq!(chosen(&Offers { owner: Owner::Keda, ..ours() }), Scaler::Keda);
        assert_eq!(chosen(&Offers { owner: Owner::Keda, keda: false, ..ours() }), Scaler::Direct);
        assert_eq!(chosen(&Offers { owner: Owner::Other("a/b".to_owned()), ..ours() }), Scaler::Direct);
        assert_eq!(chosen(&Offers::default()), Scaler::Direct);
    }

    #[test]
    fn a_run_keeps_its_scaler_until_the_owner_has_settled() {
        let taken = Offers { owner: Owner::Other("a/b".to_owned()), settled: false, ..ours() };
        assert_eq!(choose(ScalingMode::Auto, Some(ScalingMode::Hpa), &taken).scaler, Scaler::Hpa);
        let settled = Offers { settled: true, ..taken };
        assert_eq!(choose(ScalingMode::Auto, Some(ScalingMode::Hpa), &settled).scaler, Scaler::Direct);
        let away = Offers { available: false, ..ours() };
        assert_eq!(choose(ScalingMode::Auto, Some(ScalingMode::Hpa), &away).scaler, Scaler::Hpa, "only away");
    }

    #[test]
    fn what_was_asked_for_and_is_not_there_is_said() {
        for before in ALL {
            assert_eq!(choose(ScalingMode::Direct, before, &ours()).scaler, Scaler::Direct);
            assert_eq!(choose(ScalingMode::Hpa, before, &ours()).scaler, Scaler::Hpa);
            let kedas = Offers { owner: Owner::Keda, ..ours() };
            assert_eq!(choose(ScalingMode::Keda, before, &kedas).scaler, Scaler::Keda);
            assert_eq!(choose(ScalingMode::Keda, before, &ours()).scaler, Scaler::Direct, "it could not read a metric");
            for wanted in [ScalingMode::Hpa, ScalingMode::Keda] {
                let choice = choose(wanted, before, &Offers::default());
                assert!(choice.scaler == Scaler::Direct && choice.instead.is_some(), "{wanted} after {before:?}");
            }
        }
    }
}
