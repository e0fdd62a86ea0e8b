//go:build tools

// Package keda pins the autoscaler that a test cluster can be given.
package keda

import (
	_ "github.com/kedacore/keda/v2/cmd/adapter"
	_ "github.com/kedacore/keda/v2/cmd/operator"
)
