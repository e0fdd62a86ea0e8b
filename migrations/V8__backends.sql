-- Which implementations have signed records of a job: workers on different processors may use different ones, and whoever
-- verifies must use another than all of them. A worker says so before its first unit.
ALTER TABLE vaultstream.jobs ADD COLUMN backends text[] NOT NULL DEFAULT '{}';
-- What workers of an earlier version may have used.
UPDATE vaultstream.jobs SET backends = CASE WHEN backend IS NULL THEN '{native,reference}' ELSE ARRAY[backend] END
 WHERE published > 0;

-- The owner's right: workers write no row of jobs.
CREATE FUNCTION vaultstream.signs_with(p_job bigint, p_backend text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE vaultstream.jobs SET backends = array_append(backends, p_backend)
     WHERE id = p_job AND p_backend <> ALL (backends) AND state = 'Signing';
$$;
REVOKE EXECUTE ON FUNCTION vaultstream.signs_with FROM PUBLIC;

ALTER FUNCTION vaultstream.grant_worker RENAME TO grant_worker_before_v8;
CREATE FUNCTION vaultstream.grant_worker() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM vaultstream.grant_worker_before_v8();
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'vaultstream_worker') THEN
        GRANT EXECUTE ON FUNCTION vaultstream.signs_with TO vaultstream_worker;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION vaultstream.grant_worker FROM PUBLIC;
