-- The commit of a unit: fence, COPY, final statement, in one transaction and everywhere in the same lock order:
-- batches ascending, then the key.
--
-- A fence raises, so that nothing pipelined behind it can commit:
--   VS001 batches already signed (DETAIL: their numbers)      VS002 the lease is not ours any more
--   VS003 the key has too few signatures left (DETAIL: left)  VS004 the job is gone, or does not sign
--   VS005 ranges changed (DETAIL: batch,first,last,rows;…)    VS006 this very unit is committed already

-- p_batches ascends, and the rows are locked one by one in that order. One by one also because no statistics and no
-- cached plan can turn that into a scan of the job's batches, which would cost more than everything else here.
CREATE FUNCTION vaultstream.fence_unit(
    p_job bigint, p_batches bigint[], p_firsts bigint[], p_lasts bigint[],
    p_key bigint, p_epoch bigint, p_lease uuid, p_signs bigint)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    open record;
    done record;
    k    record;
    j    record;
BEGIN
    SELECT array_agg(batch) AS batches, array_agg(first_id) AS firsts, array_agg(last_id) AS lasts, count(*) AS number
      INTO open
      FROM unnest(p_batches) AS u (wanted)
     CROSS JOIN LATERAL (
            SELECT batch, first_id, last_id FROM vaultstream.batches
             WHERE job_id = p_job AND batch = u.wanted AND state <> 'signed' FOR NO KEY UPDATE OFFSET 0) b;

    IF open.batches IS DISTINCT FROM p_batches THEN
        SELECT count(*) AS number, string_agg(batch::text, ',' ORDER BY batch) AS batches,
               bool_and(lease IS NOT DISTINCT FROM p_lease) AS ours
          INTO done
          FROM vaultstream.batches WHERE job_id = p_job AND batch = ANY (p_batches) AND state = 'signed';
        IF open.number + done.number <> cardinality(p_batches) THEN
            RAISE EXCEPTION 'batches of job % are gone', p_job USING ERRCODE = 'VS004';
        ELSIF open.number = 0 AND done.ours THEN
            RAISE EXCEPTION 'this unit is already committed' USING ERRCODE = 'VS006';
        END IF;
        RAISE EXCEPTION 'batches are already signed' USING ERRCODE = 'VS001', DETAIL = done.batches;
    END IF;

    SELECT state, (spec #>> '{keys,maxSignatures}')::bigint AS max_signatures INTO j
      FROM vaultstream.jobs WHERE id = p_job;
    IF NOT FOUND OR j.state <> 'Signing' THEN
        RAISE EXCEPTION 'job % does not sign', p_job USING ERRCODE = 'VS004';
    END IF;
    IF open.firsts IS DISTINCT FROM p_firsts OR open.lasts IS DISTINCT FROM p_lasts THEN
        RAISE EXCEPTION 'the ranges of batches have changed' USING ERRCODE = 'VS005', DETAIL = (
            SELECT string_agg(format('%s,%s,%s,%s', b.batch, b.first_id, b.last_id, b.rows_planned), ';')
              FROM unnest(p_batches, p_firsts, p_lasts) AS u (batch, first_id, last_id)
              JOIN vaultstream.batches b ON b.job_id = p_job AND b.batch = u.batch
             WHERE (b.first_id, b.last_id) IS DISTINCT FROM (u.first_id, u.last_id));
    END IF;

    SELECT job_id, ordinal, state, epoch, holder, lease_until, signed, public_key IS NOT NULL AS made INTO k
      FROM vaultstream.keys WHERE id = p_key FOR NO KEY UPDATE;
    IF NOT FOUND OR k.job_id <> p_job OR k.ordinal = 0 OR k.state <> 'active' OR NOT k.made OR k.epoch <> p_epoch
            OR k.holder IS DISTINCT FROM p_lease OR k.lease_until <= clock_timestamp() THEN
        RAISE EXCEPTION 'the lease of key % is not ours any more', p_key USING ERRCODE = 'VS002';
    END IF;
    IF k.signed + p_signs > j.max_signatures THEN
        RAISE EXCEPTION 'key % has too few signatures left', p_key
            USING ERRCODE = 'VS003', DETAIL = greatest(j.max_signatures - k.signed, 0)::text;
    END IF;
END $$;

-- The last statement before COMMIT. Runs only behind its fence, in the same transaction.
CREATE FUNCTION vaultstream.finish_unit(
    p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[],
    p_reject_ids bigint[], p_reject_reasons text[], p_reject_details text[], p_reject_attempts integer[],
    p_key bigint, p_lease uuid, p_release boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    sums record;
BEGIN
    IF cardinality(p_reject_ids) > 0 THEN
        INSERT INTO vaultstream.rejects (job_id, record_id, reason, detail, attempts)
        SELECT p_job, r.* FROM unnest(p_reject_ids, p_reject_reasons, p_reject_details, p_reject_attempts) AS r;
    END IF;

    WITH done AS (
        UPDATE vaultstream.batches b
           SET state = 'signed', rows = u.rows, signed = u.signed, rejected = u.rejected, merkle_root = u.root,
               key_id = CASE WHEN u.signed > 0 THEN p_key END, lease = p_lease, signed_at = clock_timestamp()
          FROM (SELECT w.*, f.ctid AS place
                  FROM unnest(p_batches, p_rows, p_signed, p_rejected, p_roots) AS w (batch, rows, signed, rejected, root)
                 CROSS JOIN LATERAL (SELECT ctid FROM vaultstream.batches
                                      WHERE job_id = p_job AND batch = w.batch AND state <> 'signed' OFFSET 0) f) u
         WHERE b.ctid = u.place
        RETURNING b.rows, b.signed, b.rejected, b.rows_planned)
    SELECT count(*) AS batches, coalesce(sum(signed), 0) AS signed, coalesce(sum(rejected), 0) AS rejected,
           coalesce(sum(rows_planned), 0) AS planned, coalesce(sum(abs(rows - rows_planned)), 0) AS changed
      INTO sums FROM done;
    IF sums.batches <> cardinality(p_batches) THEN
        RAISE EXCEPTION 'batches were signed behind their fence' USING ERRCODE = 'VS001', DETAIL = '';
    END IF;

    UPDATE vaultstream.keys
       SET signed = signed + sums.signed, rejected = rejected + sums.rejected, planned = planned + sums.planned,
           changed = changed + sums.changed, batches = batches + sums.batches,
           last_used = nextval('vaultstream.key_use'),
           holder = CASE WHEN p_release THEN NULL ELSE holder END,
           lease_until = CASE WHEN p_release THEN NULL ELSE lease_until END
     WHERE id = p_key AND holder = p_lease;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease of key % is not ours any more', p_key USING ERRCODE = 'VS002';
    END IF;
END $$;

-- Moves the tail of a batch's range, from p_at on, into a new batch, so that a range that has outgrown its plan can be
-- signed in bounded memory. Returns the new batch's number, or null when the range ends before p_at already.
-- The new number is the next one of the job: the cursor of publishing reaches it like any other.
-- p_head_rows is what was seen before p_at: the plan is divided accordingly.
CREATE FUNCTION vaultstream.split_batch(p_job bigint, p_batch bigint, p_at bigint, p_head_rows bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b   vaultstream.batches;
    new bigint;
BEGIN
    SELECT * INTO b FROM vaultstream.batches WHERE job_id = p_job AND batch = p_batch FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'batch % of job % is gone', p_batch, p_job USING ERRCODE = 'VS004';
    ELSIF b.state = 'signed' THEN
        RAISE EXCEPTION 'batch % is already signed', p_batch USING ERRCODE = 'VS001', DETAIL = p_batch::text;
    ELSIF p_at > b.last_id THEN
        RETURN NULL;
    ELSIF p_at <= b.first_id THEN
        RAISE EXCEPTION 'batch % begins at %, it cannot be split at %', p_batch, b.first_id, p_at
            USING ERRCODE = '22023';
    END IF;
    UPDATE vaultstream.jobs SET batches = batches + 1 WHERE id = p_job AND state = 'Signing'
        RETURNING batches - 1 INTO new;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'job % does not sign', p_job USING ERRCODE = 'VS004';
    END IF;
    INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned, attempts)
    VALUES (p_job, new, p_at, b.last_id, b.rows_planned - least(b.rows_planned, p_head_rows), b.attempts);
    UPDATE vaultstream.batches SET last_id = p_at - 1, rows_planned = least(rows_planned, p_head_rows)
     WHERE job_id = p_job AND batch = p_batch;
    RETURN new;
END $$;

-- Stores the receipt that the holder of the receipt key's lease signed. The owner's right: workers write no row of jobs.
-- False when the lease is not the caller's any more or the job is not Finishing.
CREATE FUNCTION vaultstream.store_receipt(
    p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_receipt text, p_root bytea, p_backend text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM vaultstream.keys
      WHERE id = p_key AND job_id = p_job AND ordinal = 0 AND epoch = p_epoch AND holder = p_lease
        AND lease_until > clock_timestamp() AND public_key IS NOT NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE vaultstream.jobs SET receipt = p_receipt, merkle_root = p_root, backend = p_backend
     WHERE id = p_job AND state = 'Finishing' AND receipt IS NULL;
    IF NOT FOUND THEN  -- a repeat: the first receipt stays
        RETURN EXISTS (SELECT 1 FROM vaultstream.jobs WHERE id = p_job AND receipt IS NOT NULL);
    END IF;
    UPDATE vaultstream.keys
       SET signed = signed + 1, last_used = nextval('vaultstream.key_use'), holder = NULL, lease_until = NULL
     WHERE id = p_key;
    RETURN true;
END $$;
