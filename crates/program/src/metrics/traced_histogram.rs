//! A histogram that remembers in which traces its values were observed. The crate `prometheus` has none.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use parking_lot::Mutex;
use prometheus::{
    HistogramOpts, HistogramVec,
    core::{Collector, Desc},
    proto::MetricFamily,
};
use vaultstream_trace::TraceId;

/// A value that was observed in a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exemplar {
    pub(super) trace: TraceId,
    pub(super) value: f64,
    pub(super) at: SystemTime,
}

/// The last exemplar of each bucket, by the labels of the series: pairs of name and value, sorted. The bucket without a bound is
/// the last one.
pub(super) type Exemplars = HashMap<Vec<(String, String)>, Vec<Option<Exemplar>>>;

/// A histogram whose buckets each have an exemplar: the last trace in which a value was observed.
#[derive(Clone)]
pub struct TracedHistogram {
    histograms: HistogramVec,
    labels: Arc<[String]>,
    /// The upper bounds of its buckets, ascending.
    bounds: Arc<[f64]>,
    exemplars: Arc<Mutex<Exemplars>>,
}

impl TracedHistogram {
    /// A histogram with these labels.
    ///
    /// # Errors
    /// When a name is not valid.
    pub fn new(options: HistogramOpts, labels: &[&str]) -> Result<Self, prometheus::Error> {
        let bounds = options.buckets.iter().copied().filter(|bound| bound.is_finite()).collect();
        let histograms = HistogramVec::new(options, labels)?;
        if labels.is_empty() {
            // There from the start, as a histogram without labels is.
            drop(histograms.with_label_values::<&str>(&[]));
        }
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Ok(Self { histograms, labels, bounds, exemplars: Arc::default() })
    }

    /// Observes a value in the series with these values of the labels, in a trace where it is recorded.
    pub fn observe(&self, labels: &[&str], value: f64, trace: Option<TraceId>) {
        // The value first, so that a bucket with an exemplar is never empty.
        self.histograms.with_label_values(labels).observe(value);
        let Some(trace) = trace else { return };
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let mut series: Vec<_> =
            self.labels.iter().zip(labels).map(|(label, value)| (label.clone(), (*value).to_owned())).collect();
        series.sort_unstable();
        let mut exemplars = self.exemplars.lock();
        let buckets = exemplars.entry(series).or_insert_with(|| vec![None; self.bounds.len() + 1]);
        buckets[bucket] = Some(Exemplar { trace, value, at: SystemTime::now() });
    }

    /// The sum of all values of a series.
    pub fn sum(&self, labels: &[&str]) -> f64 {
        self.histograms.with_label_values(labels).get_sample_sum()
    }

    pub(super) fn exemplars(&self) -> Exemplars {
        self.exemplars.lock().clone()
    }
}

impl Collector for TracedHistogram {
    fn desc(&self) -> Vec<&Desc> {
        self.histograms.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.histograms.collect()
    }
}
