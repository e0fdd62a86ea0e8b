-- What workers found wrong with signing itself. A fault ends the job; a withdrawn backend is one that a worker uses no more.
ALTER TABLE vaultstream.jobs
    ADD COLUMN fault_reason text,                     -- one of the fixed reasons of a condition
    ADD COLUMN fault        text,
    ADD COLUMN withdrawn    text[] NOT NULL DEFAULT '{}',  -- one element a backend: 'backend: why'
    ADD CHECK ((fault_reason IS NULL) = (fault IS NULL));

-- The job of a key, for a worker that holds this lease of it, or has committed a batch under it. NULL for everybody else.
CREATE FUNCTION vaultstream.job_of_lease(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.job_id FROM vaultstream.keys k
     WHERE k.id = p_key AND k.epoch >= p_epoch
       AND (k.holder = p_lease
            OR EXISTS (SELECT 1 FROM vaultstream.batches b WHERE b.job_id = k.job_id AND b.lease = p_lease))
$$;

-- The owner's right: workers write no row of jobs. They write no state here either: only the holder of the job's lock does, which
-- reads the fault. The first fault is kept. False when the lease is not known any more.
CREATE FUNCTION vaultstream.report_fault(p_key bigint, p_epoch bigint, p_lease uuid, p_reason text, p_why text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    job bigint := vaultstream.job_of_lease(p_key, p_epoch, p_lease);
BEGIN
    UPDATE vaultstream.jobs SET fault_reason = left(p_reason, 50), fault = left(p_why, 500)
     WHERE id = job AND fault IS NULL AND state IN ('Signing', 'Finishing');
    RETURN job IS NOT NULL;
END $$;

-- The same for a backend. The first report of each is kept.
CREATE FUNCTION vaultstream.report_withdrawal(p_key bigint, p_epoch bigint, p_lease uuid, p_backend text, p_why text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    job bigint := vaultstream.job_of_lease(p_key, p_epoch, p_lease);
BEGIN
    UPDATE vaultstream.jobs SET withdrawn = array_append(withdrawn, left(p_backend, 20) || ': ' || left(p_why, 300))
     WHERE id = job AND state IN ('Signing', 'Finishing') AND cardinality(withdrawn) < 10
       AND NOT EXISTS (SELECT 1 FROM unnest(withdrawn) AS w WHERE starts_with(w, left(p_backend, 20) || ': '));
    RETURN job IS NOT NULL;
END $$;
