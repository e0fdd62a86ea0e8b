-- Tables are planned by the workers of the job's tenant, with a login of their own: the owner's login reads no table. A planner has a lease, and
-- each lease an epoch: what is sent under an earlier one changes nothing. The holder of the job's lock sets the state, as before.
ALTER TABLE vaultstream.jobs
    ADD COLUMN plan_epoch           bigint NOT NULL DEFAULT 0,
    ADD COLUMN plan_lease           uuid,
    ADD COLUMN plan_lease_until     timestamptz,
    ADD COLUMN plan_is_complete     boolean NOT NULL DEFAULT false,
    ADD COLUMN plan_rows_wanted     bigint,  -- what the planner has to add next makes it that many rows and batches
    ADD COLUMN plan_batches_wanted  bigint,
    ADD COLUMN plan_rows_allowed    bigint,  -- what it may have; NULL before that was decided
    ADD COLUMN plan_batches_allowed bigint,
    ADD COLUMN source_fault_reason  text,    -- what keeps workers from reading the table: one of the fixed reasons of a condition
    ADD COLUMN source_fault         text,
    ADD COLUMN source_fault_passes  boolean, -- by itself
    ADD CHECK ((source_fault_reason IS NULL) = (source_fault IS NULL) AND (source_fault_passes IS NULL) = (source_fault IS NULL));

-- Begins or continues the plan of a table. outcome: 'begun'; 'held' while another planner has stored something within the last 30 seconds;
-- 'over' when there is nothing to plan. To a login, jobs of other tenants do not exist; so everywhere below.
CREATE FUNCTION vaultstream.begin_plan(
    p_job bigint, p_lease uuid,
    OUT outcome text, OUT epoch bigint, OUT planned_up_to bigint, OUT high bigint, OUT batches bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j vaultstream.jobs;
BEGIN
    outcome := 'over';
    IF NOT vaultstream.works_on(p_job) THEN RETURN; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    IF NOT FOUND OR j.state <> 'Seeding' OR j.suspended OR j.plan_is_complete OR j.spec #> '{source,table}' IS NULL THEN
        RETURN;
    ELSIF j.plan_lease_until > clock_timestamp() AND j.plan_lease IS DISTINCT FROM p_lease THEN
        outcome := 'held';
        RETURN;
    END IF;
    UPDATE vaultstream.jobs u
       SET plan_epoch = u.plan_epoch + 1, plan_lease = p_lease, plan_lease_until = clock_timestamp() + interval '30 s'
     WHERE u.id = p_job RETURNING u.plan_epoch INTO epoch;
    outcome := 'begun';
    planned_up_to := j.plan_cursor;
    high := j.plan_high;
    batches := coalesce(j.batches, 0);
END $$;

-- Adds batches behind the last one: each ends at one of p_lasts and has as many rows as p_counts says. 'more', or 'complete' after the last
-- ones; 'wait' when that is more than was allowed so far, which is noted; 'lost' when the plan is not this planner's any more.
CREATE FUNCTION vaultstream.plan_batches(
    p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_lasts bigint[], p_counts bigint[], p_high bigint,
    p_is_last boolean, p_payload_type text, p_database oid, p_table oid, p_partitioned boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant bigint := 5000000;  -- batches of a job
    j     vaultstream.jobs;
    added bigint := cardinality(p_lasts);
    sums  record;
BEGIN
    IF NOT vaultstream.works_on(p_job) THEN RETURN 'lost'; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    IF NOT FOUND OR j.state <> 'Seeding' OR j.suspended OR j.plan_is_complete OR j.plan_epoch <> p_epoch
            OR j.plan_lease IS DISTINCT FROM p_lease OR j.plan_cursor IS DISTINCT FROM p_after THEN
        RETURN 'lost';
    END IF;

    SELECT j.seeded + coalesce(sum(u.count), 0) AS rows, coalesce(j.batches, 0) + added AS batches,
           bool_and(u.count BETWEEN 1 AND (j.spec ->> 'batchSize')::bigint AND u.last <= p_high
                    AND (u.last > u.before OR u.place = 1 AND p_after IS NULL)) AS fits
      INTO sums
      FROM (SELECT w.last, w.count, w.place, lag(w.last, 1, p_after) OVER (ORDER BY w.place) AS before
              FROM unnest(p_lasts, p_counts) WITH ORDINALITY AS w (last, count, place)) u;
    IF sums.fits IS FALSE OR cardinality(p_counts) <> added OR p_high IS NULL OR p_is_last IS NULL
            OR sums.batches > most OR j.plan_high IS NOT NULL AND j.plan_high <> p_high
            OR coalesce(p_payload_type NOT IN ('bytea', 'text', 'varchar', 'json', 'jsonb', 'uuid'), true)
            OR p_database IS NULL OR p_table IS NULL OR p_partitioned IS NULL THEN
        RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
    ELSIF sums.rows > coalesce(j.plan_rows_allowed, -1) OR sums.batches > coalesce(j.plan_batches_allowed, -1) THEN
        UPDATE vaultstream.jobs
           SET plan_rows_wanted = sums.rows, plan_batches_wanted = sums.batches,
               plan_lease_until = clock_timestamp() + interval '30 s'
         WHERE id = p_job;
        RETURN 'wait';
    END IF;

    INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned)
    SELECT p_job, coalesce(j.batches, 0) + w.place - 1,
           coalesce(lag(w.last, 1, p_after) OVER (ORDER BY w.place) + 1, '-9223372036854775808'::bigint), w.last, w.count
      FROM unnest(p_lasts, p_counts) WITH ORDINALITY AS w (last, count, place);
    IF p_is_last AND added = 0 THEN  -- the rows behind the last batch went away meanwhile: it covers the rest of the keys
        UPDATE vaultstream.batches SET last_id = greatest(last_id, p_high)
         WHERE job_id = p_job AND batch = sums.batches - 1;
    END IF;
    UPDATE vaultstream.jobs
       SET plan_cursor = coalesce(p_lasts[added], plan_cursor), plan_high = p_high, batches = sums.batches, seeded = sums.rows,
           payload_type = p_payload_type, source_database = p_database, source_table = p_table,
           source_partitioned = p_partitioned, plan_is_complete = p_is_last,
           plan_lease_until = clock_timestamp() + interval '30 s'
     WHERE id = p_job;
    RETURN CASE WHEN p_is_last THEN 'complete' ELSE 'more' END;
END $$;

-- Lets another planner begin at once.
CREATE FUNCTION vaultstream.release_plan(p_job bigint, p_epoch bigint, p_lease uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE vaultstream.jobs SET plan_lease_until = NULL
     WHERE id = p_job AND plan_epoch = p_epoch AND plan_lease = p_lease AND vaultstream.works_on(id);
    RETURN FOUND;
END $$;

-- Says what keeps a worker from reading the job's table, or that nothing does any more. False when the job reads none at present.
CREATE FUNCTION vaultstream.report_source(p_job bigint, p_reason text, p_fault text, p_passes boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE vaultstream.jobs
       SET source_fault_reason = left(p_reason, 50), source_fault = left(p_fault, 2000), source_fault_passes = p_passes
     WHERE id = p_job AND state IN ('Seeding', 'Signing') AND spec #> '{source,table}' IS NOT NULL AND vaultstream.works_on(id);
    RETURN FOUND;
END $$;
