//! Against a real nats-server, started by each test for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod connecting;
mod generations;
mod publishing;
mod pulling;
mod repair;
mod server;
mod settling;
mod tokens;
mod topology;
