-- Following: a job signs the rows of its table, and then each row that arrives. The source's trigger writes arrivals; one worker, the planner,
-- moves their keys into rows_<job> and closes batches of them. tests/model explores what is kept here, and what otherwise happens.
ALTER TABLE vaultstream.jobs
    -- NULL: never. 'ending': `follow` was removed, and what came before has still to be read; 'ended': it was.
    ADD COLUMN follow_state      text CHECK (follow_state IN ('following', 'ending', 'ended')),
    ADD COLUMN follow_arrivals   oid,          -- the arrivals table that was read last
    ADD COLUMN follow_scans      boolean NOT NULL DEFAULT false,  -- the table is being looked through for rows that no trigger saw
    ADD COLUMN follow_scan_after text[],       -- it was, up to the row with this key, as texts; NULL: from its beginning
    ADD COLUMN follow_scanned_at timestamptz,  -- when it last was, to its end
    ADD COLUMN follow_found      bigint NOT NULL DEFAULT 0,       -- rows that were found by that
    ADD COLUMN follow_drained    boolean NOT NULL DEFAULT false,  -- after the removal, a reading that saw all arrivals was planned
    ADD COLUMN follow_oldest     timestamptz,  -- when the oldest row of the open batch arrived, by the ledger's clock
    ADD COLUMN follow_read_at    timestamptz,  -- when arrivals were last read
    ADD COLUMN follow_waiting    bigint,       -- those that were left then, at least
    ADD COLUMN follow_waiting_since timestamptz,  -- when the oldest of them arrived
    -- Signatures of a job that follows are in partitions signatures_<job>_<part>, by their ids (V25). NULL of other jobs.
    ADD COLUMN part           integer,         -- the open one, into which rows to come are signed
    ADD COLUMN part_first     bigint,          -- the first id that it may have
    ADD COLUMN part_opened_at timestamptz,
    ADD COLUMN part_end       bigint;          -- it is being closed: the first id of the next one

-- When the oldest row of a batch arrived, by the ledger's clock.
ALTER TABLE vaultstream.batches ADD COLUMN oldest_arrival timestamptz;

-- The removal of `follow` is one with the change of the spec: what a planner read before does not count afterwards, and the table is looked
-- through once more. It is not added to a job that has begun without it.
CREATE FUNCTION vaultstream.follow_spec() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.spec -> 'follow' IS NULL AND OLD.follow_state = 'following' THEN
        NEW.follow_state := 'ending';
        NEW.plan_epoch := OLD.plan_epoch + 1;
        NEW.plan_lease_until := NULL;
        NEW.follow_scans := true;
        NEW.follow_scan_after := NULL;
        NEW.follow_drained := false;
    ELSIF NEW.spec -> 'follow' IS NOT NULL AND OLD.spec -> 'follow' IS NULL THEN
        RAISE EXCEPTION 'job % does not follow its table, and cannot begin to', NEW.id USING ERRCODE = 'VS011';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER follow_spec BEFORE UPDATE OF spec ON vaultstream.jobs FOR EACH ROW EXECUTE FUNCTION vaultstream.follow_spec();

-- As before (V22). Signatures of a job that follows have their index from the beginning, and partitions: it may have no end.
CREATE OR REPLACE FUNCTION vaultstream.provision(p_job bigint, p_keys integer, p_with_records boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    signatures constant text := 'vaultstream.signatures_' || p_job;
    records    constant text := 'vaultstream.records_' || p_job;
    follows    constant boolean := (SELECT spec -> 'follow' IS NOT NULL FROM vaultstream.jobs WHERE id = p_job);
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('CREATE TABLE %s (job_id bigint NOT NULL DEFAULT %s, record_id bigint NOT NULL, '
                   'key_id bigint NOT NULL, signature bytea NOT NULL, digest bytea)%s', signatures, p_job,
                   CASE WHEN follows THEN ' PARTITION BY RANGE (record_id)' END);
    IF follows THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (record_id)', signatures);
        EXECUTE format('CREATE TABLE %1$s_1 PARTITION OF %1$s FOR VALUES FROM (1) TO (MAXVALUE)', signatures);
    END IF;
    PERFORM vaultstream.make_signed_view(p_job);
    PERFORM vaultstream.grant_partition(signatures::regclass, false);
    EXECUTE format('ALTER TABLE vaultstream.signatures ATTACH PARTITION %s FOR VALUES IN (%s)', signatures, p_job);
    IF p_with_records THEN
        EXECUTE format('CREATE TABLE %s (job_id bigint NOT NULL DEFAULT %s CHECK (job_id = %s), id bigint NOT NULL, '
                       'payload bytea NOT NULL)', records, p_job, p_job);
        PERFORM vaultstream.grant_partition(records::regclass, true);
    END IF;
    INSERT INTO vaultstream.keys (job_id, ordinal) SELECT p_job, generate_series(0, p_keys) ON CONFLICT DO NOTHING;
    -- Workers of earlier versions do not know data keys. They serve jobs that were provisioned without this row.
    INSERT INTO vaultstream.data_keys (job_id) VALUES (p_job) ON CONFLICT DO NOTHING;
    UPDATE vaultstream.jobs SET state = 'Seeding' WHERE id = p_job;
    IF follows THEN
        UPDATE vaultstream.jobs
           SET follow_state = 'following', part = 1, part_first = 1, part_opened_at = clock_timestamp() WHERE id = p_job;
    END IF;
END $$;

-- As before (V23). Of a job that follows, both indexes are there.
CREATE OR REPLACE FUNCTION vaultstream.complete_signatures(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' SET lock_timeout = '2s' AS $$
DECLARE
    j constant vaultstream.jobs := (SELECT t FROM vaultstream.jobs t WHERE t.id = p_job);
BEGIN
    PERFORM vaultstream.check_driver();
    IF j.follow_state IN ('following', 'ending') THEN
        RAISE EXCEPTION 'job % follows its table', p_job USING ERRCODE = 'VS011';
    ELSIF j.follow_state IS NULL THEN
        EXECUTE format('ALTER TABLE vaultstream.signatures_%s ADD PRIMARY KEY (record_id)', p_job);
        IF j.has_ordinals THEN
            PERFORM vaultstream.index_row_keys(p_job);
        END IF;
    END IF;
    PERFORM vaultstream.close_partitions(p_job);
END $$;

-- Begins or continues to follow: outcome is 'begun', 'held' while another planner has stored something within the last 15 seconds, or 'over'.
-- Every planner that begins raises the epoch.
CREATE FUNCTION vaultstream.begin_follow(p_job bigint, p_lease uuid, OUT outcome text, OUT epoch bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j vaultstream.jobs;
BEGIN
    outcome := 'over';
    IF NOT vaultstream.works_on(p_job) THEN RETURN; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    IF NOT FOUND OR j.state <> 'Signing' OR j.suspended OR coalesce(j.follow_state NOT IN ('following', 'ending'), true) THEN
        RETURN;
    ELSIF j.plan_lease_until > clock_timestamp() AND j.plan_lease IS DISTINCT FROM p_lease THEN
        outcome := 'held';
        RETURN;
    END IF;
    UPDATE vaultstream.jobs u
       SET plan_epoch = u.plan_epoch + 1, plan_lease = p_lease, plan_lease_until = clock_timestamp() + interval '15 s'
     WHERE u.id = p_job RETURNING u.plan_epoch INTO epoch;
    outcome := 'begun';
END $$;

-- Notes which arrivals table there was before the first row of a job was planned: one that is made anew later may have lost arrivals.
CREATE FUNCTION vaultstream.note_arrivals(p_job bigint, p_epoch bigint, p_lease uuid, p_arrivals oid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE vaultstream.jobs j SET follow_arrivals = p_arrivals
     WHERE j.id = p_job AND j.plan_epoch = p_epoch AND j.plan_lease = p_lease AND j.state = 'Seeding' AND j.follow_state IS NOT NULL
       AND j.follow_arrivals IS NULL AND j.seeded = 0 AND vaultstream.works_on(p_job)
$$;

-- Gives rows that have none the next ordinals, and closes each batch that is full, and the open one, too, when its oldest row arrived
-- p_close_after ago or earlier.
-- p_rows: the rows, each as a value of the type of rows_<job> without its ordinal, in the order in which they get them. p_age: how long ago the
-- oldest of them arrived. p_arrivals: the arrivals table; NULL for rows that the table was looked through for. p_all: there were no more.
-- p_waiting, p_waiting_age: arrivals that were left, and how long ago the oldest of these came. p_scan: 'begin' to look through the table,
-- 'next' when it was, up to the key p_scan_after, and 'end'; NULL for arrivals.
-- 'planned'; 'ended' when there is nothing to follow any more; 'wait' when that would be more than was allowed so far, which is noted; 'lost' when
-- the plan is not this planner's any more. Only after 'planned' and 'ended' may arrivals be deleted, and only those that were in p_rows.
CREATE FUNCTION vaultstream.plan_arrivals(
    p_job bigint, p_epoch bigint, p_lease uuid, p_rows text[], p_age interval, p_close_after interval, p_arrivals oid, p_all boolean,
    p_waiting bigint, p_waiting_age interval, p_scan text, p_scan_after text[], OUT outcome text, OUT planned bigint, OUT unbatched bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j       vaultstream.jobs;
    size    bigint;
    closed  bigint;
    full_to bigint;
    number  bigint;
    keys    text;
    now     constant timestamptz := clock_timestamp();
BEGIN
    outcome := 'lost';
    planned := 0;
    IF NOT vaultstream.works_on(p_job) THEN RETURN; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    IF NOT FOUND OR j.state <> 'Signing' OR j.suspended OR coalesce(j.follow_state NOT IN ('following', 'ending'), true)
            OR j.plan_epoch <> p_epoch OR j.plan_lease IS DISTINCT FROM p_lease THEN
        RETURN;
    END IF;
    size := (j.spec ->> 'batchSize')::bigint;
    IF p_rows IS NULL OR cardinality(p_rows) > 1000000 OR p_all IS NULL OR p_age < interval '0'
            OR (p_arrivals IS NULL) <> (p_scan IS NOT NULL) OR coalesce(p_scan NOT IN ('begin', 'next', 'end'), false)
            OR p_scan IN ('next', 'end') AND NOT j.follow_scans
            OR p_scan_after IS NOT NULL AND cardinality(p_scan_after) <> cardinality(j.key_columns) THEN
        RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
    ELSIF j.seeded + cardinality(p_rows) > coalesce(j.plan_rows_allowed, -1)
            OR j.batches + (cardinality(p_rows) + size - 1) / size + 1 > coalesce(j.plan_batches_allowed, -1) THEN
        UPDATE vaultstream.jobs
           SET plan_rows_wanted = j.seeded + cardinality(p_rows), plan_lease_until = now + interval '15 s',
               plan_batches_wanted = j.batches + (cardinality(p_rows) + size - 1) / size + 1
         WHERE id = p_job;
        outcome := 'wait';
        RETURN;
    ELSIF j.seeded + cardinality(p_rows) >= j.part_end THEN
        -- The next partition is not there yet.
        UPDATE vaultstream.jobs SET plan_lease_until = now + interval '15 s' WHERE id = p_job;
        outcome := 'wait';
        RETURN;
    END IF;

    IF cardinality(p_rows) > 0 THEN
        keys := (SELECT string_agg('k' || g, ', ' ORDER BY g) FROM generate_series(1, cardinality(j.key_columns)) AS g);
        -- OFFSET 0: each row is read once. Whatever ordinal it names does not count.
        EXECUTE format($plan$
            WITH given AS (
                SELECT DISTINCT ON (%2$s) %2$s, g.n
                  FROM (SELECT (w.r).*, w.n
                          FROM (SELECT t::vaultstream.rows_%1$s AS r, n FROM unnest($1) WITH ORDINALITY AS u (t, n) OFFSET 0) w) g
                 ORDER BY %2$s, g.n)
            INSERT INTO vaultstream.rows_%1$s (ordinal, %2$s)
            SELECT $2 + row_number() OVER (ORDER BY n), %2$s FROM given
             WHERE NOT EXISTS (SELECT FROM vaultstream.rows_%1$s r WHERE (%3$s) = (%4$s))$plan$,
            p_job, keys, replace('r.' || keys, ', ', ', r.'), replace('given.' || keys, ', ', ', given.')) USING p_rows, j.seeded;
        GET DIAGNOSTICS planned = ROW_COUNT;
    END IF;
    -- Rows that were found by a look through the table count from now on.
    j.follow_oldest := least(j.follow_oldest, CASE WHEN planned > 0 THEN now - coalesce(p_age, interval '0') END);
    j.seeded := j.seeded + planned;
    closed := coalesce(j.plan_cursor, 0);
    full_to := closed + (j.seeded - closed) / size * size;
    IF j.follow_oldest <= now - p_close_after THEN
        full_to := j.seeded;
    END IF;
    number := (full_to - closed + size - 1) / size;
    INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned, oldest_arrival)
    SELECT p_job, j.batches + g, closed + g * size + 1, least(closed + (g + 1) * size, full_to),
           least(size, full_to - closed - g * size), j.follow_oldest
      FROM generate_series(0, number - 1) AS g;
    IF number > 0 THEN
        -- Those that are left are among p_rows.
        j.follow_oldest := CASE WHEN full_to < j.seeded THEN now - coalesce(p_age, interval '0') END;
    END IF;
    unbatched := j.seeded - full_to;

    IF p_scan = 'begin' OR p_scan IS NULL AND p_arrivals IS DISTINCT FROM j.follow_arrivals THEN
        j.follow_scans := true;
        j.follow_scan_after := NULL;
    ELSIF p_scan = 'next' THEN
        j.follow_scan_after := p_scan_after;
    ELSIF p_scan = 'end' THEN
        j.follow_scans := false;
        j.follow_scan_after := NULL;
        j.follow_scanned_at := now;
    END IF;
    IF p_scan IS NULL THEN
        j.follow_arrivals := p_arrivals;
        j.follow_drained := j.follow_drained OR p_all AND j.follow_state = 'ending';
        j.follow_read_at := now;
        j.follow_waiting := p_waiting;
        j.follow_waiting_since := now - p_waiting_age;
    ELSE
        j.follow_found := j.follow_found + planned;
    END IF;
    outcome := 'planned';
    IF j.follow_state = 'ending' AND j.follow_drained AND NOT j.follow_scans AND unbatched = 0 THEN
        j.follow_state := 'ended';
        outcome := 'ended';
    END IF;
    UPDATE vaultstream.jobs
       SET seeded = j.seeded, total = j.seeded, batches = j.batches + number, plan_cursor = full_to, plan_lease_until = now + interval '15 s',
           follow_state = j.follow_state, follow_arrivals = j.follow_arrivals, follow_scans = j.follow_scans,
           follow_scan_after = j.follow_scan_after, follow_scanned_at = j.follow_scanned_at, follow_found = j.follow_found,
           follow_drained = j.follow_drained, follow_oldest = j.follow_oldest, follow_read_at = j.follow_read_at,
           follow_waiting = j.follow_waiting, follow_waiting_since = j.follow_waiting_since
     WHERE id = p_job;
END $$;

-- Checkpoints: receipts over the batches so far, each with the digest of the one before, signed with the receipt key.
CREATE TABLE vaultstream.checkpoints (
    job_id      bigint NOT NULL REFERENCES vaultstream.jobs (id) ON DELETE CASCADE,
    number      bigint NOT NULL CHECK (number > 0),
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),  -- SHA-256 of it
    checkpoint  text NOT NULL,
    batches     bigint NOT NULL,  -- it covers the first ones
    records     bigint NOT NULL,  -- records in them
    merkle_root bytea NOT NULL CHECK (octet_length(merkle_root) = 32),
    spec        text,             -- the job's, of which it has the hash, as canonical JSON; only of the last one
    state       bytea,            -- what the maker of the next one begins with; only of the last one
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, number)
);

-- Stores a checkpoint under the lease of the receipt key, and returns that lease. False, and nothing is changed, when the lease is not the
-- caller's any more, another checkpoint came first, or not all that it covers is signed.
CREATE FUNCTION vaultstream.store_checkpoint(
    p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_previous bytea, p_checkpoint text, p_batches bigint, p_records bigint,
    p_root bytea, p_spec text, p_state bytea, p_backend text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    j    vaultstream.jobs;
    last vaultstream.checkpoints;
BEGIN
    IF NOT vaultstream.works_on(p_job) THEN RETURN false; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    IF NOT FOUND OR j.state <> 'Signing' OR coalesce(j.follow_state NOT IN ('following', 'ending'), true) THEN RETURN false; END IF;
    PERFORM 1 FROM vaultstream.keys
      WHERE id = p_key AND job_id = p_job AND ordinal = 0 AND epoch = p_epoch AND holder = p_lease
        AND lease_until > clock_timestamp() AND public_key IS NOT NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    SELECT * INTO last FROM vaultstream.checkpoints WHERE job_id = p_job ORDER BY number DESC LIMIT 1;
    IF last.digest IS DISTINCT FROM p_previous OR p_batches <= coalesce(last.batches, 0) OR p_batches > j.batches
            OR octet_length(p_state) > 16777216 OR octet_length(p_checkpoint) > 1048576 OR octet_length(p_spec) > 1048576
            OR EXISTS (SELECT FROM vaultstream.batches WHERE job_id = p_job AND batch >= coalesce(last.batches, 0) AND batch < p_batches
                          AND state <> 'signed') THEN
        RETURN false;
    END IF;
    INSERT INTO vaultstream.checkpoints (job_id, number, digest, checkpoint, batches, records, merkle_root, spec, state)
    VALUES (p_job, coalesce(last.number, 0) + 1, sha256(convert_to(p_checkpoint, 'UTF8')), p_checkpoint, p_batches, p_records, p_root, p_spec,
            p_state);
    UPDATE vaultstream.checkpoints SET state = NULL, spec = NULL WHERE job_id = p_job AND number = last.number;
    UPDATE vaultstream.keys
       SET signed = signed + 1, last_used = nextval('vaultstream.key_use'), holder = NULL, lease_until = NULL
     WHERE id = p_key;
    UPDATE vaultstream.jobs SET backend = p_backend WHERE id = p_job AND backend IS DISTINCT FROM p_backend;
    RETURN true;
END $$;

-- As before (V18), and for the maker of a checkpoint.
CREATE OR REPLACE FUNCTION vaultstream.pairs_for_receipt(p_job bigint, p_keys bigint[])
RETURNS TABLE (id bigint, version integer, public_key bytea, wrapped_key bytea, kek_id text, origin bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.id, k.version, k.public_key, k.wrapped_key, k.kek_id, k.origin
      FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id
     WHERE k.job_id = p_job AND k.id = ANY (p_keys) AND k.ordinal > 0 AND k.public_key IS NOT NULL
       AND (j.state = 'Finishing' OR j.state = 'Signing' AND j.follow_state IS NOT NULL) AND vaultstream.works_on(p_job)
$$;

-- As before (V5), with how far following is: arrivals that wait, and for how many seconds the oldest row is not signed.
CREATE OR REPLACE VIEW vaultstream.job_progress AS
SELECT j.id AS job_id, j.uid, j.cluster, j.namespace, j.name, j.live, j.state, j.suspended, j.generation,
       k.signed + k.rejected + greatest(coalesce(j.total, 0) - k.planned, 0) AS total,
       k.signed, k.rejected, k.changed,
       greatest(coalesce(j.total, 0) - k.planned, 0) AS backlog,
       j.seeded, j.batches, j.published, k.batches AS batches_signed,
       k.keys_active, k.keys_retired, k.keys_leased,
       j.created_at, j.seeded_at, j.published_at, j.signed_at, j.finished_at,
       j.follow_waiting AS waiting,
       CASE WHEN j.follow_state IS NOT NULL THEN
            greatest(extract(epoch FROM clock_timestamp() - least(j.follow_oldest, j.follow_waiting_since, (
                -- Nobody knows what has arrived since a reading that should have been followed by another one.
                SELECT r.at FROM (SELECT coalesce(j.follow_read_at, j.seeded_at) AS at) r
                 WHERE j.follow_state <> 'ended' AND r.at < clock_timestamp() - interval '15 s'),
                (SELECT coalesce(b.oldest_arrival, j.seeded_at) FROM vaultstream.batches b
                  WHERE b.job_id = j.id AND b.state <> 'signed'
                    AND b.batch >= coalesce((SELECT c.batches FROM vaultstream.checkpoints c WHERE c.job_id = j.id
                                              ORDER BY c.number DESC LIMIT 1), 0)
                  ORDER BY b.batch LIMIT 1))), 0)::double precision END AS lag
  FROM vaultstream.jobs j
 CROSS JOIN LATERAL (
    SELECT coalesce(sum(signed), 0)::bigint AS signed, coalesce(sum(rejected), 0)::bigint AS rejected,
           coalesce(sum(planned), 0)::bigint AS planned, coalesce(sum(changed), 0)::bigint AS changed,
           coalesce(sum(batches), 0)::bigint AS batches,
           count(*) FILTER (WHERE state = 'active') AS keys_active,
           count(*) FILTER (WHERE state = 'retired') AS keys_retired,
           count(*) FILTER (WHERE lease_until > clock_timestamp()) AS keys_leased
      FROM vaultstream.keys WHERE job_id = j.id AND ordinal > 0) k;

-- As before (V16). What a checkpoint covers is final.
CREATE OR REPLACE FUNCTION vaultstream.retry_rejects(p_job bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b       vaultstream.batches;
    retried bigint := 0;
    covered bigint;
BEGIN
    PERFORM vaultstream.check_driver();
    PERFORM 1 FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    covered := coalesce((SELECT batches FROM vaultstream.checkpoints WHERE job_id = p_job ORDER BY number DESC LIMIT 1), 0);
    FOR b IN SELECT * FROM vaultstream.batches
              WHERE job_id = p_job AND state = 'signed' AND signed = 0 AND rejected > 0 AND batch >= covered ORDER BY batch FOR NO KEY UPDATE
    LOOP
        UPDATE vaultstream.keys
           SET rejected = rejected - b.rejected, planned = planned - b.rows_planned, batches = batches - 1,
               changed = changed - abs(b.rows - b.rows_planned)
         WHERE id = (SELECT id FROM vaultstream.keys WHERE job_id = p_job AND ordinal > 0
                      ORDER BY rejected >= b.rejected DESC, rejected LIMIT 1);
        DELETE FROM vaultstream.rejects WHERE job_id = p_job AND record_id BETWEEN b.first_id AND b.last_id;
        UPDATE vaultstream.batches
           SET state = 'planned', rows = NULL, signed = NULL, rejected = NULL, attempts = 0, last_error = NULL,
               lease = NULL, merkle_root = NULL, signed_at = NULL
         WHERE job_id = p_job AND batch = b.batch;
        retried := retried + b.rejected;
    END LOOP;
    RETURN retried;
END $$;
