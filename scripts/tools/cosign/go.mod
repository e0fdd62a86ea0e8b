module vaultstream.dev/tools/cosign

go 1.26.0
