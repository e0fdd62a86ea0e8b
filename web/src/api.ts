// What the server tells. Times are RFC 3339, ids are text, and what is unknown is null.

export type Time = string;

export type Phase =
  "Pending" | "Queued" | "Provisioning" | "Seeding" | "Signing" | "Finishing" | "Complete" | "Failed" | "Suspended" | "Deleting";

export interface About {
  version: string;
  place: "cluster" | "laptop";
  auth: "token" | "none";
  ledger: string;
}

/** A job in the list, and at the top of its own page. */
export interface Row {
  uid: string;
  namespace: string;
  name: string;
  phase: Phase;
  suspended: boolean;
  following: boolean;
  total: number | null;
  signed: number;
  rejected: number;
  backlog: number;
  rate: number | null;
  eta: number | null;
  lag: number | null;
  queue: number | null;
  fault: string | null;
  createdAt: Time;
  finishedAt: Time | null;
}

export interface Jobs { at: Time; jobs: Row[] }
export interface Changes { at: Time; jobs: Row[]; gone: string[] }
export interface Problem { error: string }

export interface Stage {
  name: "Seed" | "Plan" | "Sign" | "Finish";
  startedAt: Time | null;
  finishedAt: Time | null;
  done: number;
  of: number | null;
}

export interface Spec {
  source: string;
  records: number | null;
  keys: number;
  batchSize: number;
  message: string;
  verify: string;
}

export interface Job { at: Time; row: Row; spec: Spec; stages: Stage[]; view: string | null }

/** Counts of each step of time, of the last one as far as it is over; the backlog is the one at the step's end. */
export interface Curve { start: number; step: number; last: number; signed: number[]; rejected: number[]; backlog: number[] }

/** Batches by state, perCell of them in each cell. */
export interface Batches {
  /** When they were read: on a busy ledger less often than the job's figures. */
  at: Time;
  count: number;
  perCell: number;
  planned: number[];
  inFlight: number[];
  signed: number[];
  /** Signed ones that have rejects. */
  rejected: number[];
  /** Ones not signed yet that failed at least once. */
  failing: number[];
}

export interface Key {
  ordinal: number;
  version: number;
  id: string | null;
  state: "active" | "retired" | "damaged" | "erased" | "revoked";
  signed: number;
  batches: number;
  holder: string | null;
  leasedUntil: Time | null;
  /** The greatest was used last. */
  used: number | null;
}
export interface Keys { keys: Key[]; more: number }

export interface Reject { id: string | null; key: string | null; reason: string; detail: string; attempts: number; at: Time }
export interface Rejects { total: number; reasons: { reason: string; count: number }[]; rows: Reject[] }

export interface Checkpoint { number: number; batches: number; signed: number; madeAt: Time; digest: string }
export interface Checkpoints { count: number; last: Checkpoint[] }

export interface Receipt { digest: string; merkleRoot: string; keyId: string; signed: number; rejected: number; completedAt: Time }

/** What somebody says who verified: nobody has checked that. */
export interface Verification { verified: boolean; at: Time; by: string; mode: "full" | "sample" | "sql"; signatures: number; problems: string[]; version: string }

export interface Workers { wanted: number | null; there: number | null; lanes: number }

export interface ClusterEvent { at: Time; type: "Normal" | "Warning"; reason: string; message: string; count: number }
export interface Events { events: ClusterEvent[] | null }

export interface Commands { commands: { title: string; command: string }[] }

/** The sections of a job's page, by the name of the event that replaces each. */
export interface Sections {
  job: Job;
  curve: Curve;
  batches: Batches;
  keys: Keys;
  rejects: Rejects;
  checkpoints: Checkpoints;
  receipt: Receipt | null;
  verification: Verification | null;
  workers: Workers;
  events: Events | null;
  commands: Commands;
}
