-- Several columns of a row can be signed: jobs.payload_type has their types, with commas between them. Else as in V17__planning.sql.
CREATE OR REPLACE FUNCTION vaultstream.plan_batches(
    p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_lasts bigint[], p_counts bigint[], p_high bigint,
    p_is_last boolean, p_payload_type text, p_database oid, p_table oid, p_partitioned boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant bigint := 5000000;  -- batches of a job
    of_payload constant text[] := '{bytea,text,varchar,json,jsonb,uuid}';
    of_row constant text[] := of_payload || '{bool,int2,int4,int8,float4,float8,numeric,bpchar,date,time,timetz,timestamp,timestamptz,interval,bit,varbit,cidr,inet,macaddr,macaddr8}'::text[];
    j     vaultstream.jobs;
    added bigint := cardinality(p_lasts);
    types text[] := string_to_array(p_payload_type, ',');
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
            OR coalesce(NOT types <@ CASE WHEN j.spec #> '{source,table,columns}' IS NULL THEN of_payload ELSE of_row END, true)
            OR cardinality(types) <> coalesce(jsonb_array_length(j.spec #> '{source,table,columns}'), 1)
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
