//! Against a real nats-server, started by each test for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod connecting;
mod encryption;
mod generations;
mod hostile;
mod permissions;
mod plain;
mod publishing;
mod pulling;
mod refusals;
mod repair;
mod server;
mod settling;
mod three;
mod tokens;
mod topology;
