-- Closing partitions of signatures. A job that follows its table may never end, so its signatures are partitioned by id, and the last partition is
-- open. It is closed after a number of rows or a time (part_limits). So indexes stay small, and a closed partition can be frozen, moved or backed up
-- once.
--
-- Proving the bounds means to scan the partition, which takes long. Meanwhile workers sign into it, and the planner goes on up to its future end.
--
--     open ─mark─▶ part_end is set ─fence─▶ CHECK (its bounds) NOT VALID ─validate─▶ valid ─switch─▶ bounds, next partition ─note─▶ open
--
-- Each step is a transaction, and which one is next is read from what is there, so that any worker may begin or go on after a crash. No step
-- waits for a table while it holds the job's row, or the other way round: commits of units have both. Others queue behind a lock that waits, so
-- none waits long.

-- The open partition is to be closed when it has had this many rows, or is this old.
CREATE FUNCTION vaultstream.part_limits(OUT rows bigint, OUT age interval) LANGUAGE sql IMMUTABLE AS $$
    SELECT 100000000::bigint, interval '1 month'
$$;
CREATE FUNCTION vaultstream.part_is_due(j vaultstream.jobs) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT j.part_end IS NOT NULL OR j.seeded >= j.part_first AND
           (j.seeded - j.part_first + 1 >= l.rows OR j.part_opened_at <= clock_timestamp() - l.age)
      FROM vaultstream.part_limits() l
$$;

-- Takes the next step: which one; 'open' when none is due, and 'lost' when the job goes on no more.
CREATE FUNCTION vaultstream.close_part(p_job bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    j      vaultstream.jobs;
    whole  constant text := 'vaultstream.signatures_' || p_job;
    part   text;
    is_valid boolean;
BEGIN
    IF NOT vaultstream.works_on(p_job) THEN RETURN 'lost'; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job;
    IF NOT FOUND OR j.state <> 'Signing' OR j.part IS NULL THEN RETURN 'lost'; END IF;
    IF NOT vaultstream.part_is_due(j) THEN RETURN 'open'; END IF;
    part := format('%s_%s', whole, j.part);

    IF j.part_end IS NULL THEN
        SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
        IF j.state = 'Signing' AND j.part_end IS NULL AND vaultstream.part_is_due(j) THEN
            -- A twentieth more: looking through it is that much faster than planning.
            UPDATE vaultstream.jobs
               SET part_end = j.seeded + 1 + greatest((j.seeded - j.part_first) / 20, (j.spec ->> 'batchSize')::bigint) WHERE id = p_job;
        END IF;
        RETURN 'marked';
    ELSIF to_regclass(format('%s_%s', whole, j.part + 1)) IS NOT NULL THEN
        UPDATE vaultstream.jobs u
           SET part = j.part + 1, part_first = j.part_end, part_opened_at = clock_timestamp(), part_end = NULL
         WHERE u.id = p_job AND (u.part, u.part_end) = (j.part, j.part_end);
        RETURN 'noted';
    END IF;

    is_valid := (SELECT convalidated FROM pg_constraint WHERE conrelid = part::regclass AND conname = 'closed');
    IF is_valid IS NULL THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', part);
        IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = part::regclass AND conname = 'closed') THEN
            -- All that the partition's bounds say, with those of the job's: what is proved is not looked at again.
            EXECUTE format('ALTER TABLE %s ADD CONSTRAINT closed CHECK (job_id = %s AND record_id >= %s AND record_id < %s) NOT VALID',
                           part, p_job, j.part_first, j.part_end);
        END IF;
        RETURN 'fenced';
    ELSIF NOT is_valid THEN
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT closed', part);
        RETURN 'validated';
    END IF;
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', whole);
    IF to_regclass(format('%s_%s', whole, j.part + 1)) IS NULL THEN
        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', whole, part);
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)', whole, part, j.part_first, j.part_end);
        EXECUTE format('CREATE TABLE %s_%s PARTITION OF %1$s FOR VALUES FROM (%3$s) TO (MAXVALUE)', whole, j.part + 1, j.part_end);
    END IF;
    RETURN 'switched';
END $$;

-- As before (V16), with tables that have partitions.
CREATE OR REPLACE FUNCTION vaultstream.add_tenant(p_role name, p_cluster text, p_namespace text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
BEGIN
    INSERT INTO vaultstream.tenants (role, cluster, namespace) VALUES (p_role, p_cluster, p_namespace);
    FOR part IN
        SELECT c.oid::regclass AS name, c.relname LIKE 'records%' AS is_records
          FROM pg_class c JOIN vaultstream.jobs j ON j.id = vaultstream.job_of_partition(c.relname)
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND c.relkind IN ('r', 'p')
           AND (j.cluster, j.namespace) = (p_cluster, p_namespace)
    LOOP
        PERFORM vaultstream.grant_partition(part.name, part.is_records);
    END LOOP;
END $$;
