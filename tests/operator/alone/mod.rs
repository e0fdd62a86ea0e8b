//! Tests beside which no other runs: they time, they count, they change what all share, or they have an operator that looks
//! after all namespaces.

mod admission;
mod autoscalers;
mod cluster_wide;
mod direct;
mod failover;
mod malformed;
mod outdated;
mod registration;
mod rest;
