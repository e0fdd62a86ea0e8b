//! Real Postgres and real nats-server: started, stopped, killed, restarted, found again.

mod accounts;
mod background;
mod directory;
mod faults;
mod parent;
mod probe;
mod running;
