-- Which generation of the SigningJob's spec a row has: a leader that was stopped and wakes up cannot put an older one back.
ALTER TABLE vaultstream.jobs ADD COLUMN spec_generation bigint NOT NULL DEFAULT 0;
-- Why a job failed, as one of the fixed reasons; NULL for jobs that failed before this column was there.
ALTER TABLE vaultstream.jobs ADD COLUMN failure_reason text;
