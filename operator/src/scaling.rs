//! Scaling: how many workers a job's backlog needs, who brings that about, and what each way of it reads.
//!
//! ```text
//! loads (one ledger query for all jobs) ─▶ workers (pure) ─▶ replicas        Direct: the operator writes /scale
//!                                                       ├──▶ metrics API     HPA: a HorizontalPodAutoscaler asks
//!                                                       └──▶ keda            KEDA: a ScaledObject asks
//! offers (what this cluster has) ─▶ choice (pure): which of the three
//! ```

pub(crate) mod choice;
pub(crate) mod keda;
pub(crate) mod loads;
pub(crate) mod offers;
pub(crate) mod replicas;
pub(crate) mod workers;
