//go:build tools

// Package helm pins the installer of charts.
package helm

import _ "helm.sh/helm/v4/cmd/helm"
