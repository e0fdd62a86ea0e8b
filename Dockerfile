# syntax=docker/dockerfile:1
# The images of VaultStream, FROM scratch: one program each, with nothing else in them.
#
#   docker build --build-arg PROGRAM=vaultstream-operator -t vaultstream-operator .      builds the program here
#   make dist && docker build --target prebuilt --build-arg PROGRAM=… -t … .             takes it from dist/
#   docker buildx build --platform linux/amd64,linux/arm64 --build-arg PROGRAM=… .       for both architectures
#
# PROGRAM is vaultstream-operator, vaultstream-worker or vaultstream. Podman and buildah take the same file. Certificates and names
# come from the cluster: mounted Secrets, /etc/resolv.conf. Whoever runs a program gives it an unprivileged user, as the chart does;
# 65532 is the default.
ARG PROGRAM=vaultstream-operator

# `make dist` in a pinned Rust image, for people who have only Docker.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target make dist

# All but the program.
FROM scratch AS base
ARG PROGRAM
USER 65532:65532
ENTRYPOINT ["/vaultstream"]
LABEL org.opencontainers.image.title="${PROGRAM}" \
      org.opencontainers.image.description="Signs every record of a set exactly once with ECDSA P-256, and proves it" \
      org.opencontainers.image.licenses="Apache-2.0"

# Programs that `make dist` has put into dist/ beforehand.
FROM base AS prebuilt
ARG PROGRAM
COPY --chmod=0755 dist/${PROGRAM} /vaultstream

# The last stage is the default.
FROM base
ARG PROGRAM
COPY --from=build --chmod=0755 /src/dist/${PROGRAM} /vaultstream
