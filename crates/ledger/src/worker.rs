//! What workers ask of the ledger, in the order in which they do.

pub mod batches;
pub mod commit;
pub mod damaged_keys;
pub mod faults;
pub mod following;
pub mod leases;
pub mod payloads;
pub mod planning;
pub mod receipt_pairs;
