//! Which scaler a job gets. Pure.

use vaultstream_api::ScalingMode;

/// Which Service the external metrics API of the cluster belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum MetricsApiOwner {
    /// It was not read yet, or may not be read: this operator serves some namespaces only.
    #[default]
    Unknown,
    /// It is not registered.
    Unregistered,
    /// This operator's Service.
    Operator,
    /// KEDA's.
    Keda,
    /// Another Service.
    Other(String),
}

impl MetricsApiOwner {
    /// Every name of an owner, as a metric has it.
    pub(crate) const ALL_NAMES: [&str; 5] = ["unknown", "none", "operator", "keda", "other"];

    /// The name, as a metric has it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unregistered => "none",
            Self::Operator => "operator",
            Self::Keda => "keda",
            Self::Other(_) => "other",
        }
    }
}

/// What this cluster has for scaling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClusterCapabilities {
    /// They were read.
    pub(crate) known: bool,
    pub(crate) owner: MetricsApiOwner,
    /// The API server reaches our metrics API.
    pub(crate) available: bool,
    /// The owner has been the same long enough that running jobs may change their scaler.
    pub(crate) settled: bool,
    /// ScaledObjects can be created, and KEDA can reach the operator.
    pub(crate) keda: bool,
}

/// What scales a job's workers.
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

/// The selected scaler, and why it is not the one that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScalerSelection {
    pub(crate) scaler: Scaler,
    /// Why the operator scales although another scaler was wanted; `None` when it was not.
    pub(crate) instead: Option<String>,
}

/// Selects the scaler of a job that wants `wanted` and was scaled by `before` so far.
pub(crate) fn select_scaler(
    wanted: ScalingMode,
    before: Option<ScalingMode>,
    capabilities: &ClusterCapabilities,
) -> ScalerSelection {
    let selected = |scaler| ScalerSelection { scaler, instead: None };
    // An autoscaler that cannot read its metric keeps the number of workers, so it need not be removed at once.
    let hpa =
        capabilities.owner == MetricsApiOwner::Operator && (capabilities.available || before == Some(ScalingMode::Hpa));
    // KEDA's own autoscalers read the external metrics, too. When those belong to another owner, KEDA never gets past one
    // worker.
    let keda = capabilities.keda && matches!(capabilities.owner, MetricsApiOwner::Keda | MetricsApiOwner::Unknown);
    match wanted {
        ScalingMode::Direct => selected(Scaler::Direct),
        ScalingMode::Hpa if hpa => selected(Scaler::Hpa),
        ScalingMode::Keda if keda => selected(Scaler::Keda),
        ScalingMode::Hpa => ScalerSelection { scaler: Scaler::Direct, instead: Some(why_no_hpa(capabilities)) },
        ScalingMode::Keda => ScalerSelection { scaler: Scaler::Direct, instead: Some(why_no_keda(capabilities)) },
        ScalingMode::Auto => match before {
            Some(ScalingMode::Hpa) if !capabilities.settled => selected(Scaler::Hpa),
            Some(ScalingMode::Keda) if !capabilities.settled => selected(Scaler::Keda),
            Some(ScalingMode::Direct) if !capabilities.settled => selected(Scaler::Direct),
            _ if hpa => selected(Scaler::Hpa),
            _ if capabilities.owner == MetricsApiOwner::Keda && capabilities.keda => selected(Scaler::Keda),
            _ => selected(Scaler::Direct),
        },
    }
}

fn why_no_keda(capabilities: &ClusterCapabilities) -> String {
    if capabilities.keda {
        "KEDA does not serve the external metrics API of this cluster".to_owned()
    } else {
        "KEDA is not installed, or the operator does not know the address at which KEDA can reach it".to_owned()
    }
}

fn why_no_hpa(capabilities: &ClusterCapabilities) -> String {
    match &capabilities.owner {
        MetricsApiOwner::Unknown => {
            "this operator has no permission to see who serves the external metrics API".to_owned()
        }
        MetricsApiOwner::Unregistered => "nothing serves the external metrics API".to_owned(),
        MetricsApiOwner::Operator => "the API server does not reach the operator's metrics API".to_owned(),
        MetricsApiOwner::Keda => "KEDA serves the external metrics API of this cluster".to_owned(),
        MetricsApiOwner::Other(service) => format!("{service} serves the external metrics API of this cluster"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Option<ScalingMode>; 4] =
        [None, Some(ScalingMode::Hpa), Some(ScalingMode::Keda), Some(ScalingMode::Direct)];

    fn operators() -> ClusterCapabilities {
        ClusterCapabilities {
            known: true,
            owner: MetricsApiOwner::Operator,
            available: true,
            settled: true,
            keda: true,
        }
    }

    #[test]
    fn auto_selects_the_owner_of_the_metrics_api() {
        let chosen = |capabilities: &ClusterCapabilities| select_scaler(ScalingMode::Auto, None, capabilities).scaler;
        assert_eq!(chosen(&operators()), Scaler::Hpa);
        assert_eq!(chosen(&ClusterCapabilities { available: false, ..operators() }), Scaler::Direct);
        assert_eq!(chosen(&ClusterCapabilities { owner: MetricsApiOwner::Keda, ..operators() }), Scaler::Keda);
        assert_eq!(
            chosen(&ClusterCapabilities { owner: MetricsApiOwner::Keda, keda: false, ..operators() }),
            Scaler::Direct
        );
        assert_eq!(
            chosen(&ClusterCapabilities { owner: MetricsApiOwner::Other("a/b".to_owned()), ..operators() }),
            Scaler::Direct
        );
        assert_eq!(chosen(&ClusterCapabilities::default()), Scaler::Direct);
    }

    #[test]
    fn a_running_job_keeps_its_scaler_until_the_owner_has_settled() {
        let taken =
            ClusterCapabilities { owner: MetricsApiOwner::Other("a/b".to_owned()), settled: false, ..operators() };
        assert_eq!(select_scaler(ScalingMode::Auto, Some(ScalingMode::Hpa), &taken).scaler, Scaler::Hpa);
        let settled = ClusterCapabilities { settled: true, ..taken };
        assert_eq!(select_scaler(ScalingMode::Auto, Some(ScalingMode::Hpa), &settled).scaler, Scaler::Direct);
        let away = ClusterCapabilities { available: false, ..operators() };
        assert_eq!(select_scaler(ScalingMode::Auto, Some(ScalingMode::Hpa), &away).scaler, Scaler::Hpa, "only away");
    }

    #[test]
    fn a_scaler_that_was_wanted_and_is_not_available_is_reported() {
        for before in ALL {
            assert_eq!(select_scaler(ScalingMode::Direct, before, &operators()).scaler, Scaler::Direct);
            assert_eq!(select_scaler(ScalingMode::Hpa, before, &operators()).scaler, Scaler::Hpa);
            let kedas = ClusterCapabilities { owner: MetricsApiOwner::Keda, ..operators() };
            assert_eq!(select_scaler(ScalingMode::Keda, before, &kedas).scaler, Scaler::Keda);
            assert_eq!(
                select_scaler(ScalingMode::Keda, before, &operators()).scaler,
                Scaler::Direct,
                "it could not read a metric"
            );
            for wanted in [ScalingMode::Hpa, ScalingMode::Keda] {
                let selection = select_scaler(wanted, before, &ClusterCapabilities::default());
                assert!(selection.scaler == Scaler::Direct && selection.instead.is_some(), "{wanted} after {before:?}");
            }
        }
    }

    #[test]
    fn the_reason_names_what_serves_the_metrics_api_instead() {
        let of = |owner| ClusterCapabilities { owner, available: false, keda: false, ..operators() };
        let why =
            |wanted, capabilities: &ClusterCapabilities| select_scaler(wanted, None, capabilities).instead.unwrap();
        let hpa = [
            (MetricsApiOwner::Unknown, "has no permission"),
            (MetricsApiOwner::Unregistered, "nothing serves"),
            (MetricsApiOwner::Operator, "does not reach"),
            (MetricsApiOwner::Keda, "KEDA serves"),
            (MetricsApiOwner::Other("ns/adapter".to_owned()), "ns/adapter serves"),
        ];
        for (owner, expected) in hpa {
            let why = why(ScalingMode::Hpa, &of(owner));
            assert!(why.contains(expected), "{why}");
        }
        let without_keda = why(ScalingMode::Keda, &of(MetricsApiOwner::Keda));
        assert!(without_keda.contains("not installed"), "{without_keda}");
        let beside = why(ScalingMode::Keda, &operators());
        assert!(beside.contains("does not serve"), "{beside}");
    }

    #[test]
    fn keda_may_be_wanted_while_the_owner_is_unknown_but_auto_does_not_guess() {
        let unknown = ClusterCapabilities { owner: MetricsApiOwner::Unknown, available: false, ..operators() };
        assert_eq!(select_scaler(ScalingMode::Keda, None, &unknown).scaler, Scaler::Keda);
        assert_eq!(select_scaler(ScalingMode::Auto, None, &unknown).scaler, Scaler::Direct);
    }

    #[test]
    fn auto_keeps_every_scaler_until_the_owner_has_settled() {
        for before in [Scaler::Hpa, Scaler::Keda, Scaler::Direct] {
            for owner in [MetricsApiOwner::Operator, MetricsApiOwner::Keda, MetricsApiOwner::Unregistered] {
                let capabilities = ClusterCapabilities { owner, settled: false, ..operators() };
                let selection = select_scaler(ScalingMode::Auto, Some(before.mode()), &capabilities);
                assert_eq!(selection, ScalerSelection { scaler: before, instead: None }, "{capabilities:?}");
            }
        }
    }
}
