"""Reads metrics with the parsers of prometheus_client, which are not ours: the same ones in Prometheus' text and in OpenMetrics'.

Prints the exemplars as JSON: their series, the value and the trace. Fails when the formats differ in a name, a type or a label.

    read_metrics.py PROMETHEUS OPENMETRICS
"""

import json
import sys

from prometheus_client import parser
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics


def labels(sample):
    return {name: str(float(value)) if name == "le" else value for name, value in sample.labels.items()}


def series(families):
    return {
        (family.name, family.type, sample.name, tuple(sorted(labels(sample).items())))
        for family in families
        for sample in family.samples
    }


def main():
    prometheus_file, open_file = sys.argv[1:]
    with open(prometheus_file, encoding="utf-8") as file:
        prometheus = list(parser.text_string_to_metric_families(file.read()))
    with open(open_file, encoding="utf-8") as file:
        strict = list(open_metrics(file.read()))
    differing = series(prometheus) ^ series(strict)
    if differing:
        sys.exit(f"only one of the formats has {sorted(differing)}")
    exemplars = [
        {"name": sample.name, "labels": sample.labels, "value": sample.exemplar.value, **sample.exemplar.labels}
        for family in strict
        for sample in family.samples
        if sample.exemplar
    ]
    print(json.dumps(exemplars))


main()
