-- Which table was planned: what has its name later may be another one. Of jobs that were planned before, it is not known.
ALTER TABLE vaultstream.jobs
    ADD COLUMN source_database    oid,
    ADD COLUMN source_table       oid,
    ADD COLUMN source_partitioned boolean;
