//! What the operator may do: its RBAC, as data. The chart and the tests are made from it.
//!
//! It may read no Secret but its own one, and has no rights on exec, nodes, roles or ConfigMaps of others.

mod names;
mod objects;
mod rules;
mod users;

pub use names::{METRICS_API, METRICS_SECRET, OPERATOR};
pub use objects::{Permissions, cluster_wide, namespaced};
pub use rules::{cluster, jobs, metrics_reader, own, own_certificate, own_name};
pub use users::user_roles;
