//! The bounds of a SigningJob. The schema is generated from these, and other crates size themselves by them.

/// Longest `metadata.name`: the longest name made from it (`vs-<name>-<hash>-<suffix>`, a pod's) still is a DNS label.
pub const MAX_NAME: usize = 40;

/// Most timestamping authorities of one job.
pub const MAX_ANCHORS: u32 = 5;

/// Most batches of one job; it bounds planning, repair and the ledger's `batches` table.
pub const MAX_BATCHES: u64 = 5_000_000;
/// Most records of one batch.
pub const MAX_BATCH_SIZE: u32 = 100_000;
/// Most generated records of one job: [`MAX_BATCHES`] of [`MAX_BATCH_SIZE`].
pub const MAX_RECORDS: u64 = MAX_BATCHES * MAX_BATCH_SIZE as u64;

/// Most bytes of a generated payload.
pub const MAX_GENERATED_PAYLOAD: u32 = 1 << 20;
/// Highest `maxPayloadBytes`: a row of this size has to fit in memory once per signing lane.
pub const MAX_PAYLOAD: u32 = 16 << 20;

/// Highest `maxPayloadBytes` of canonical JSON: to put a value in order takes up to fourteen times its size in memory.
pub const MAX_CANONICAL_PAYLOAD: u32 = 2 << 20;
/// Most columns of a key; an index of Postgres has at most 32.
pub const MAX_KEY_COLUMNS: u32 = 16;
/// Most columns of a row that is signed.
pub const MAX_SIGNED_COLUMNS: u32 = 100;

/// Most signing keys of one job.
pub const MAX_KEYS: u32 = 10_000;
/// Most records of one key lease.
pub const MAX_LEASE_RECORDS: u32 = 1_000_000;
/// Highest `maxSignatures` of one key version.
pub const MAX_SIGNATURES: u64 = 1_000_000_000_000;

/// Most units read ahead by one worker.
pub const MAX_CONCURRENT_RECORDS: u32 = 1_000;
/// Most signing lanes of one worker.
pub const MAX_SIGNERS: u32 = 256;
/// Most key pairs generated at once by one worker.
pub const MAX_CONCURRENT_KEYS: u32 = 64;

/// Most attempts at a batch that names itself in a failure.
pub const MAX_ATTEMPTS: u32 = 100;

/// Most workers of one job.
pub const MAX_REPLICAS: u32 = 1_000;
/// Highest rate limit of one worker, in records a second.
pub const MAX_RATE: u32 = 10_000_000;
/// Highest `targetBacklog`, in records a worker.
pub const MAX_TARGET_BACKLOG: u64 = 1_000_000_000;
