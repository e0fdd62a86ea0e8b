-- Tenants: one login for each namespace of a cluster, which reaches the jobs of that namespace and nothing else.
--
-- A tenant's login reads through the views tenant_*, which show its own rows only, and writes through the functions below, which run
-- with the owner's rights and check whose job it is. To a tenant, a job of another one does not exist.

CREATE TABLE vaultstream.tenants (
    role       name PRIMARY KEY,                -- a login
    cluster    text NOT NULL,
    namespace  text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (cluster, namespace)
);

-- True while members of vaultstream_worker keep what that role could do before there were tenants: read and write the jobs of all
-- namespaces. A ledger that is made now never has it; vaultstream.end_shared_role ends it.
ALTER TABLE vaultstream.meta ADD COLUMN shared_role boolean NOT NULL DEFAULT false;
UPDATE vaultstream.meta SET shared_role = EXISTS (
    SELECT FROM pg_roles WHERE rolname = 'vaultstream_worker'
       AND has_table_privilege(oid, 'vaultstream.jobs', 'SELECT'));

-- Which login registered it, so that none can fill the table.
ALTER TABLE vaultstream.keks ADD COLUMN registered_by name;

-- The next three are asked in every statement of a worker. PL/pgSQL keeps their plans; SQL would plan them each time, which takes longer
-- than all else of them.

-- Whether the session's login may work on the jobs of every tenant: the owner and its members, and, while there are any, members of
-- the shared role that are no tenant's.
CREATE FUNCTION vaultstream.works_on_all() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
       AND (pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'vaultstream.jobs'::regclass), 'MEMBER')
            OR (SELECT shared_role FROM vaultstream.meta)
               AND EXISTS (SELECT FROM pg_roles
                            WHERE rolname = 'vaultstream_worker' AND pg_has_role(session_user, oid, 'MEMBER')));
END $$;

-- Whether it may see them: auditors, too.
CREATE FUNCTION vaultstream.sees_all() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN vaultstream.works_on_all()
        OR NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
           AND EXISTS (SELECT FROM pg_roles
                        WHERE rolname = 'vaultstream_auditor' AND pg_has_role(session_user, oid, 'MEMBER'));
END $$;

-- Whether the session's login may work on this job.
CREATE FUNCTION vaultstream.works_on(p_job bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN coalesce((SELECT t.role IS NOT NULL OR vaultstream.works_on_all()
                       FROM vaultstream.jobs j
                       LEFT JOIN vaultstream.tenants t
                         ON t.role = session_user AND (t.cluster, t.namespace) = (j.cluster, j.namespace)
                      WHERE j.id = p_job), false);
END $$;

-- As before (V11), but with the owner's rights, and only for the login's own jobs.
CREATE OR REPLACE FUNCTION vaultstream.take_lease(
    p_job bigint, p_key bigint, p_lease uuid, p_duration interval,
    OUT outcome text, OUT held_for interval, OUT blocked boolean,
    OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint,
    OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    k vaultstream.keys;
BEGIN
    -- A lease forgotten in a crash costs nothing: its uuid never comes again.
    PERFORM set_config('synchronous_commit', 'off', true);
    blocked := false;
    IF NOT vaultstream.works_on(p_job) THEN
        outcome := 'gone';
        RETURN;
    END IF;
    SELECT * INTO k FROM vaultstream.keys WHERE id = p_key AND job_id = p_job FOR NO KEY UPDATE SKIP LOCKED;
    IF FOUND AND k.state = 'active' AND (k.holder IS NULL OR k.lease_until < clock_timestamp()) THEN
        UPDATE vaultstream.keys AS u
           SET epoch = u.epoch + 1, holder = p_lease, lease_until = clock_timestamp() + p_duration
         WHERE u.id = p_key RETURNING * INTO k;
        outcome := 'taken';
        held_for := k.lease_until - clock_timestamp();
        ordinal := k.ordinal; version := k.version; epoch := k.epoch; signed := k.signed;
        public_key := k.public_key; wrapped_key := k.wrapped_key; kek_id := k.kek_id;
        RETURN;
    END IF;
    IF NOT FOUND THEN
        SELECT * INTO k FROM vaultstream.keys WHERE id = p_key AND job_id = p_job;
        IF NOT FOUND THEN outcome := 'gone'; RETURN; END IF;
        blocked := k.lease_until < clock_timestamp();
    END IF;
    outcome := CASE WHEN k.state IN ('retired', 'damaged') THEN 'retired' ELSE 'held' END;
    held_for := greatest(coalesce(k.lease_until - clock_timestamp(), interval '0'), interval '0');
END $$;

-- Returns a lease. False when it is over already.
CREATE FUNCTION vaultstream.release_lease(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL
     WHERE id = p_key AND epoch = p_epoch AND holder = p_lease AND vaultstream.works_on(job_id);
    RETURN FOUND;
END $$;

-- Retires a worn-out key and returns its lease. False when the lease is over already.
CREATE FUNCTION vaultstream.retire_key(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE vaultstream.keys SET state = 'retired', holder = NULL, lease_until = NULL
     WHERE id = p_key AND epoch = p_epoch AND holder = p_lease AND state = 'active' AND lease_until > clock_timestamp()
       AND vaultstream.works_on(job_id);
    RETURN FOUND;
END $$;

-- As before (V2), but only for the login's own jobs. A repeat after a lost answer is found by its public key.
CREATE OR REPLACE FUNCTION vaultstream.store_material(
    p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea, p_kek text, p_limit bigint)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant bigint := 2147483648;  -- as many as one key-encryption key may wrap, whatever the caller says
    k vaultstream.keys;
    wraps_before bigint;
BEGIN
    -- The first signature under this key is committed later and durably, and so flushes this, too.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO k FROM vaultstream.keys WHERE id = p_key FOR NO KEY UPDATE;
    IF NOT FOUND OR k.state <> 'active' OR k.epoch <> p_epoch OR k.holder IS DISTINCT FROM p_lease
            OR k.lease_until <= clock_timestamp() OR NOT vaultstream.works_on(k.job_id) THEN
        RETURN 'lost';
    END IF;
    IF k.public_key IS NOT NULL THEN
        RETURN CASE WHEN k.public_key = p_public THEN 'stored' ELSE 'lost' END;
    END IF;
    UPDATE vaultstream.keks SET wraps = wraps + 1 WHERE kek_id = p_kek RETURNING wraps - 1 INTO wraps_before;
    IF NOT FOUND THEN RETURN 'unregistered'; END IF;
    IF wraps_before >= least(p_limit, most) THEN
        UPDATE vaultstream.keks SET wraps = wraps - 1 WHERE kek_id = p_kek;
        RETURN 'limit';
    END IF;
    UPDATE vaultstream.keys SET public_key = p_public, wrapped_key = p_wrapped, kek_id = p_kek WHERE id = p_key;
    RETURN 'stored';
END $$;

-- As before (V2), but with the owner's rights: a login may end sessions of other logins only as a member of theirs, which the owner
-- is made of every tenant's.
CREATE OR REPLACE FUNCTION vaultstream.end_expired(p_job bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
      FROM pg_stat_activity a
      JOIN vaultstream.keys k ON a.application_name = 'vs:' || k.holder::text
     WHERE k.job_id = p_job AND k.lease_until < clock_timestamp() AND a.datname = current_database()
       AND a.pid <> pg_backend_pid() AND vaultstream.works_on(p_job)
$$;

-- As before (V3), but with the owner's rights, and only for the login's own jobs.
CREATE OR REPLACE FUNCTION vaultstream.fence_unit(
    p_job bigint, p_batches bigint[], p_firsts bigint[], p_lasts bigint[],
    p_key bigint, p_epoch bigint, p_lease uuid, p_signs bigint)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    open record;
    done record;
    k    record;
    j    record;
BEGIN
    IF NOT vaultstream.works_on(p_job) THEN
        RAISE EXCEPTION 'batches of job % are gone', p_job USING ERRCODE = 'VS004';
    END IF;
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

-- As before (V3), but with the owner's rights. It does not trust that its fence ran: the job has to be the login's own and sign, and
-- the key has to be one of its keys, and its lease has to be this one.
CREATE OR REPLACE FUNCTION vaultstream.finish_unit(
    p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[],
    p_reject_ids bigint[], p_reject_reasons text[], p_reject_details text[], p_reject_attempts integer[],
    p_key bigint, p_lease uuid, p_release boolean)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    sums record;
BEGIN
    IF NOT vaultstream.works_on(p_job)
            OR NOT EXISTS (SELECT FROM vaultstream.jobs WHERE id = p_job AND state = 'Signing') THEN
        RAISE EXCEPTION 'job % does not sign', p_job USING ERRCODE = 'VS004';
    END IF;
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
     WHERE id = p_key AND job_id = p_job AND ordinal > 0 AND state = 'active' AND holder = p_lease;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the lease of key % is not ours any more', p_key USING ERRCODE = 'VS002';
    END IF;
END $$;

-- As before (V3), but only for the login's own jobs.
CREATE OR REPLACE FUNCTION vaultstream.split_batch(p_job bigint, p_batch bigint, p_at bigint, p_head_rows bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b   vaultstream.batches;
    new bigint;
BEGIN
    IF vaultstream.works_on(p_job) THEN
        SELECT * INTO b FROM vaultstream.batches WHERE job_id = p_job AND batch = p_batch FOR NO KEY UPDATE;
    END IF;
    IF b.batch IS NULL THEN
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

-- Counts a failed attempt of the job's batches that are not signed. They are locked in batch order, as everywhere.
CREATE FUNCTION vaultstream.count_attempt(p_job bigint, p_batches bigint[], p_why text)
RETURNS TABLE (batch bigint, attempts integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH open AS (
        SELECT o.batch FROM vaultstream.batches o
         WHERE o.job_id = p_job AND o.batch = ANY (p_batches) AND o.state <> 'signed' AND vaultstream.works_on(p_job)
         ORDER BY o.batch FOR NO KEY UPDATE)
    UPDATE vaultstream.batches b SET attempts = b.attempts + 1, last_error = left(p_why, 500)
      FROM open WHERE b.job_id = p_job AND b.batch = open.batch RETURNING b.batch, b.attempts
$$;

-- As before (V3), but only for the login's own jobs.
CREATE OR REPLACE FUNCTION vaultstream.store_receipt(
    p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_receipt text, p_root bytea, p_backend text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM vaultstream.keys
      WHERE id = p_key AND job_id = p_job AND ordinal = 0 AND epoch = p_epoch AND holder = p_lease
        AND lease_until > clock_timestamp() AND public_key IS NOT NULL AND vaultstream.works_on(p_job) FOR NO KEY UPDATE;
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

-- As before (V11), but only for the login's own jobs.
CREATE OR REPLACE FUNCTION vaultstream.set_key_aside(p_key bigint, p_epoch bigint, p_lease uuid, p_why text)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    k vaultstream.keys;
BEGIN
    UPDATE vaultstream.keys SET state = 'damaged', damage = left(p_why, 500), holder = NULL, lease_until = NULL
     WHERE id = p_key AND epoch = p_epoch AND holder = p_lease AND state = 'active' AND vaultstream.works_on(job_id)
    RETURNING * INTO k;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF k.ordinal = 0 THEN
        INSERT INTO vaultstream.keys (job_id, ordinal, version)
        SELECT k.job_id, 0, max(version) + 1 FROM vaultstream.keys WHERE job_id = k.job_id AND ordinal = 0;
    END IF;
    RETURN true;
END $$;

-- As before (V8), but only for the login's own jobs.
CREATE OR REPLACE FUNCTION vaultstream.signs_with(p_job bigint, p_backend text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE vaultstream.jobs SET backends = array_append(backends, left(p_backend, 20))
     WHERE id = p_job AND left(p_backend, 20) <> ALL (backends) AND state = 'Signing' AND cardinality(backends) < 10
       AND vaultstream.works_on(p_job);
$$;

-- As before (V13), but only for the login's own jobs: what it reports goes to no other.
CREATE OR REPLACE FUNCTION vaultstream.job_of_lease(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS bigint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.job_id FROM vaultstream.keys k
     WHERE k.id = p_key AND k.epoch >= p_epoch
       AND (k.holder = p_lease
            OR EXISTS (SELECT 1 FROM vaultstream.batches b WHERE b.job_id = k.job_id AND b.lease = p_lease))
       AND vaultstream.works_on(k.job_id)
$$;

-- The canary of a key-encryption key, whose id is known only to those who have the key; NULL when it was never used here.
CREATE FUNCTION vaultstream.kek_canary(p_kek text) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT canary FROM vaultstream.keks WHERE kek_id = p_kek
$$;

-- Registers a key-encryption key before its first use, and returns the canary that is stored under its id, which may be another's.
CREATE FUNCTION vaultstream.register_kek(p_kek text, p_canary bytea) RETURNS bytea
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant integer := 100;
BEGIN
    IF NOT EXISTS (SELECT FROM vaultstream.keks WHERE kek_id = p_kek) THEN
        IF octet_length(p_kek) > 64 OR octet_length(p_canary) > 256 THEN
            RAISE EXCEPTION 'this is no id and no canary of a key-encryption key' USING ERRCODE = '22023';
        ELSIF NOT vaultstream.works_on_all()
                AND (SELECT count(*) FROM vaultstream.keks WHERE registered_by = session_user) >= most THEN
            RAISE EXCEPTION 'the login % has registered % key-encryption keys, which is the limit', session_user, most
                USING ERRCODE = '54000';
        END IF;
        INSERT INTO vaultstream.keks (kek_id, canary, registered_by) VALUES (p_kek, p_canary, session_user)
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN vaultstream.kek_canary(p_kek);
END $$;

-- The job whose records or signatures a table of the schema holds, by its name; NULL for other tables.
CREATE FUNCTION vaultstream.job_of_partition(p_table name) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_table ~ '^(records|signatures)_[0-9]{1,18}$' THEN substring(p_table FROM '[0-9]+$')::bigint END
$$;

-- Ends the right of workers to insert signatures of the job and to read its records. Only the owner may call it.
CREATE FUNCTION vaultstream.close_partitions(p_job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part    regclass;
    grantee text;
BEGIN
    FOR part, grantee IN
        SELECT DISTINCT c.oid::regclass, quote_ident(r.rolname)
          FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
         WHERE c.relnamespace = 'vaultstream'::regnamespace
           AND c.relname IN ('records_' || p_job, 'signatures_' || p_job)
           AND a.grantee <> c.relowner AND r.rolname <> 'vaultstream_auditor'
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', part, grantee);
    END LOOP;
END $$;

-- Adds a tenant: its login exists. The login gets the partitions of the namespace's jobs that are not over.
CREATE FUNCTION vaultstream.add_tenant(p_role name, p_cluster text, p_namespace text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part record;
BEGIN
    INSERT INTO vaultstream.tenants (role, cluster, namespace) VALUES (p_role, p_cluster, p_namespace);
    FOR part IN
        SELECT c.oid::regclass AS name, c.relname LIKE 'records%' AS is_records
          FROM pg_class c JOIN vaultstream.jobs j ON j.id = vaultstream.job_of_partition(c.relname)
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND c.relkind = 'r'
           AND (j.cluster, j.namespace) = (p_cluster, p_namespace) AND j.state IN ('Pending', 'Provisioning', 'Seeding', 'Signing')
    LOOP
        PERFORM vaultstream.grant_partition(part.name, part.is_records);
    END LOOP;
END $$;

-- Removes a tenant and every right of its login in this ledger; the login itself stays. False when the namespace has none.
CREATE FUNCTION vaultstream.remove_tenant(p_cluster text, p_namespace text) RETURNS name
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    login name;
    part  regclass;
BEGIN
    DELETE FROM vaultstream.tenants WHERE (cluster, namespace) = (p_cluster, p_namespace) RETURNING role INTO login;
    FOR part IN
        SELECT c.oid::regclass FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND r.rolname = login
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I', part, login);
    END LOOP;
    RETURN login;
END $$;

-- One row a job: who has locked it drives the job. An advisory lock could be taken by any login of the database; these rows can be
-- locked by the owner alone.
CREATE TABLE vaultstream.job_locks (
    job_id bigint PRIMARY KEY REFERENCES vaultstream.jobs (id) ON DELETE CASCADE
);
INSERT INTO vaultstream.job_locks (job_id) SELECT id FROM vaultstream.jobs;

CREATE FUNCTION vaultstream.make_job_lock() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO vaultstream.job_locks (job_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER make_job_lock AFTER INSERT ON vaultstream.jobs
    FOR EACH ROW EXECUTE FUNCTION vaultstream.make_job_lock();

-- Whether a login that may drive jobs holds this advisory lock, which is all that programs before V14 take.
CREATE FUNCTION vaultstream.driver_holds(p_lock bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (l.classid::bigint << 32 | l.objid::bigint) = p_lock AND l.pid <> pg_backend_pid()
           AND pg_has_role(a.usesysid, (SELECT relowner FROM pg_class WHERE oid = 'vaultstream.jobs'::regclass), 'MEMBER'))
$$;

-- Whose login this is; no row for a login that is no tenant's.
CREATE FUNCTION vaultstream.tenant_of_login(OUT cluster text, OUT namespace text) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.cluster, t.namespace FROM vaultstream.tenants t WHERE t.role = session_user
$$;
