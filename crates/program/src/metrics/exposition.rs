//! All metrics at one moment, and the format in which a caller reads them.

use std::collections::HashMap;

use prometheus::{Registry, TextEncoder, proto::MetricFamily};

use super::{
    open_metrics,
    traced_histogram::{Exemplars, TracedHistogram},
};

/// All metrics of a program, at one moment.
#[derive(Debug)]
pub struct Exposition {
    families: Vec<MetricFamily>,
    /// By the name of the family.
    exemplars: HashMap<String, Exemplars>,
}

/// A text format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own, the default.
    Prometheus,
    /// OpenMetrics 1.0, which has exemplars.
    OpenMetrics,
}

impl Exposition {
    /// What a registry has gathered, with the exemplars of histograms by the names that they have there.
    pub fn of(registry: &Registry, traced: &[(&str, &TracedHistogram)]) -> Self {
        // Exemplars first: what they show is counted by then.
        let exemplars = traced.iter().map(|(name, histogram)| ((*name).to_owned(), histogram.exemplars())).collect();
        Self { families: registry.gather(), exemplars }
    }

    /// The text in this format.
    ///
    /// # Errors
    /// When a metric cannot be encoded.
    pub fn text(&self, format: Format) -> Result<String, prometheus::Error> {
        match format {
            Format::Prometheus => TextEncoder::new().encode_to_string(&self.families),
            Format::OpenMetrics => Ok(open_metrics::encode(&self.families, &self.exemplars)),
        }
    }
}

impl Format {
    /// The media type of a response.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus::TEXT_FORMAT,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that the header `Accept` of a request prefers. OpenMetrics has to be named.
    pub fn accepted_by(header: &str) -> Self {
        let (mut open_metrics, mut prometheus) = (0.0, 0.0);
        for range in header.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let (mut quality, mut version) = (1.0, "1.0.0");
            for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => quality = value.trim().parse().unwrap_or(0.0),
                    "version" => version = value.trim().trim_matches('"'),
                    _ => {}
                }
            }
            if !media.eq_ignore_ascii_case("application/openmetrics-text") {
                prometheus = f64::max(prometheus, quality);
            } else if version == "1.0.0" {
                open_metrics = f64::max(open_metrics, quality);
            }
        }
        if open_metrics > 0.0 && open_metrics >= prometheus { Self::OpenMetrics } else { Self::Prometheus }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_has_to_be_named_and_at_least_as_welcome_as_any_other_format() {
        for (header, format) in [
            ("", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("text/plain; version=0.0.4", Format::Prometheus),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8, text/plain", Format::OpenMetrics),
            ("application/openmetrics-text;version=0.0.1", Format::Prometheus),
            ("application/openmetrics-text;q=0", Format::Prometheus),
            ("application/openmetrics-text;q=0.4,text/plain;q=0.5", Format::Prometheus),
            // Of Prometheus 3.
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                 application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                Format::OpenMetrics,
            ),
        ] {
            assert_eq!(Format::accepted_by(header), format, "{header}");
        }
    }
}
