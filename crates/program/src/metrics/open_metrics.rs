//! The text format of OpenMetrics 1.0: that of Prometheus with exemplars, stricter about names and numbers.

use std::{collections::HashMap, time::UNIX_EPOCH};

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use super::traced_histogram::{Exemplar, Exemplars};

/// Every family, with the exemplars of histograms by their names.
pub(super) fn encode(families: &[MetricFamily], exemplars: &HashMap<String, Exemplars>) -> String {
    let mut text = String::new();
    for family in families {
        let name = family.name();
        match family.get_field_type() {
            MetricType::COUNTER => counters(&mut text, family),
            MetricType::GAUGE => {
                head(&mut text, name, "gauge", family.help());
                for metric in family.get_metric() {
                    sample(&mut text, name, &labels(metric.get_label(), None), &number(metric.get_gauge().get_value()));
                }
            }
            MetricType::HISTOGRAM => {
                head(&mut text, name, "histogram", family.help());
                for metric in family.get_metric() {
                    histogram(&mut text, name, metric, exemplars.get(name));
                }
            }
            // Nothing makes them.
            MetricType::SUMMARY | MetricType::UNTYPED => {}
        }
    }
    text + "# EOF\n"
}

/// The family of a counter lacks the suffix that its samples have.
fn counters(text: &mut String, family: &MetricFamily) {
    let name = family.name();
    match name.strip_suffix("_total") {
        Some(stem) => head(text, stem, "counter", family.help()),
        None => head(text, name, "unknown", family.help()),
    }
    for metric in family.get_metric() {
        sample(text, name, &labels(metric.get_label(), None), &number(metric.get_counter().get_value()));
    }
}

fn histogram(text: &mut String, name: &str, metric: &Metric, exemplars: Option<&Exemplars>) {
    let mut series: Vec<_> =
        metric.get_label().iter().map(|pair| (pair.name().to_owned(), pair.value().to_owned())).collect();
    series.sort_unstable();
    let exemplars = exemplars.and_then(|exemplars| exemplars.get(&series));
    let histogram = metric.get_histogram();
    let bounded = histogram.get_bucket().iter().map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    let bounded = bounded.filter(|(bound, _)| bound.is_finite());
    let buckets = bounded.chain([(f64::INFINITY, histogram.get_sample_count())]);
    for (at, (bound, count)) in buckets.enumerate() {
        let exemplar = exemplars.and_then(|exemplars| exemplars.get(at).copied().flatten());
        let value = count.to_string() + &exemplar.map(shown).unwrap_or_default();
        sample(text, &format!("{name}_bucket"), &labels(metric.get_label(), Some(bound)), &value);
    }
    let labels = labels(metric.get_label(), None);
    sample(text, &format!("{name}_sum"), &labels, &number(histogram.get_sample_sum()));
    sample(text, &format!("{name}_count"), &labels, &histogram.get_sample_count().to_string());
}

fn shown(Exemplar { trace, value, at }: Exemplar) -> String {
    let at = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    format!(" # {{trace_id=\"{trace}\"}} {} {at:.3}", number(value))
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    text.push_str(&format!("# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(help)));
}

fn sample(text: &mut String, name: &str, labels: &str, value: &str) {
    text.push_str(&format!("{name}{labels} {value}\n"));
}

/// In braces; nothing where there are none.
fn labels(pairs: &[LabelPair], bound: Option<f64>) -> String {
    let pairs = pairs.iter().map(|pair| (pair.name(), escaped(pair.value())));
    let pairs = pairs.chain(bound.map(|bound| ("le", number(bound))));
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

/// With a decimal point, as the format wants the bounds of buckets.
fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{Gauge, HistogramOpts, IntCounter, IntCounterVec, Opts, Registry};
    use vaultstream_trace::TraceId;

    use super::super::{Exposition, Format, TracedHistogram};

    #[test]
    fn families_have_the_types_and_samples_of_prometheus_and_buckets_their_last_exemplars() {
        let registry = Registry::new_custom(Some("p".to_owned()), None).unwrap();
        let counter = IntCounter::new("done_total", "Done.").unwrap();
        counter.inc_by(3);
        let odd = IntCounterVec::new(Opts::new("odd", "A \"line\"\nand \\."), &["kind"]).unwrap();
        odd.with_label_values(&["a\"b"]).inc();
        let gauge = Gauge::new("age", "Age.").unwrap();
        gauge.set(f64::INFINITY);
        let options = HistogramOpts::new("seconds", "Time.").buckets(vec![0.5, 1.0]);
        let histogram = TracedHistogram::new(options, &["stage"]).unwrap();
        for (value, trace) in [(0.5, Some(1)), (0.25, Some(0xabc)), (0.75, None), (7.0, Some(3))] {
            histogram.observe(&["sign"], value, trace.map(TraceId));
        }
        histogram.observe(&["read"], 1.0, None);
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(odd)).unwrap();
        registry.register(Box::new(gauge)).unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();

        let text = Exposition::of(&registry, &[("p_seconds", &histogram)]).text(Format::OpenMetrics).unwrap();
        // When it was observed is not known here.
        let text: Vec<&str> = text.lines().map(|line| line.rsplit_once(" 17").map_or(line, |(line, _)| line)).collect();
        assert_eq!(text, EXPECTED.lines().collect::<Vec<_>>());
    }

    const EXPECTED: &str = r#"# HELP p_age Age.
# TYPE p_age gauge
p_age +Inf
# HELP p_done Done.
# TYPE p_done counter
p_done_total 3.0
# HELP p_odd A \"line\"\nand \\.
# TYPE p_odd unknown
p_odd{kind="a\"b"} 1.0
# HELP p_seconds Time.
# TYPE p_seconds histogram
p_seconds_bucket{stage="read",le="0.5"} 0
p_seconds_bucket{stage="read",le="1.0"} 1
p_seconds_bucket{stage="read",le="+Inf"} 1
p_seconds_sum{stage="read"} 1.0
p_seconds_count{stage="read"} 1
p_seconds_bucket{stage="sign",le="0.5"} 2 # {trace_id="00000000000000000000000000000abc"} 0.25
p_seconds_bucket{stage="sign",le="1.0"} 3
p_seconds_bucket{stage="sign",le="+Inf"} 4 # {trace_id="00000000000000000000000000000003"} 7.0
p_seconds_sum{stage="sign"} 8.5
p_seconds_count{stage="sign"} 4
# EOF"#;
}
