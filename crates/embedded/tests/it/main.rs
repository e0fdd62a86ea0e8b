//! Real Postgres and real nats-server: started, stopped, killed, restarted, found again.

mod accounts;
mod background;
mod directory;
mod faults;
mod parent;
// Marked, so that the lints know it for test code.
#[cfg(test)]
mod probe;
mod running;
