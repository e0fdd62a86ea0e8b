//go:build tools

// Package prometheus pins the Prometheus that a test cluster can be given.
package prometheus

import _ "github.com/prometheus/prometheus/cmd/prometheus"
