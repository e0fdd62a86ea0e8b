SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA vaultstream;
CREATE FUNCTION vaultstream.end_expired(p_job bigint) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
      FROM pg_stat_activity a
      JOIN vaultstream.keys k ON a.application_name = 'vs:' || k.holder::text
     WHERE k.job_id = p_job AND k.lease_until < clock_timestamp() AND a.datname = current_database()
       AND a.pid <> pg_backend_pid()
$$;
CREATE FUNCTION vaultstream.fence_unit(p_job bigint, p_batches bigint[], p_firsts bigint[], p_lasts bigint[], p_key bigint, p_epoch bigint, p_lease uuid, p_signs bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    AS $$
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
CREATE FUNCTION vaultstream.finish_unit(p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[], p_reject_ids bigint[], p_reject_reasons text[], p_reject_details text[], p_reject_attempts integer[], p_key bigint, p_lease uuid, p_release boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_seqscan TO 'off'
    SET enable_bitmapscan TO 'off'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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
CREATE FUNCTION vaultstream.grant_partition(p_partition regclass, p_is_records boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'vaultstream_worker') THEN
        EXECUTE format('GRANT %s ON %s TO vaultstream_worker',
                       CASE WHEN p_is_records THEN 'SELECT' ELSE 'INSERT' END, p_partition);
    END IF;
END $$;
CREATE FUNCTION vaultstream.grant_worker() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    part record;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'vaultstream_worker') THEN
        RETURN;
    END IF;
    GRANT USAGE ON SCHEMA vaultstream TO vaultstream_worker;
    GRANT SELECT ON vaultstream.schema_history, vaultstream.meta, vaultstream.jobs, vaultstream.keks, vaultstream.keys,
        vaultstream.batches, vaultstream.rejects, vaultstream.job_progress, vaultstream.key_usage TO vaultstream_worker;
    GRANT INSERT (kek_id, canary) ON vaultstream.keks TO vaultstream_worker;
    GRANT INSERT ON vaultstream.rejects TO vaultstream_worker;
    GRANT UPDATE (state, epoch, holder, lease_until, signed, rejected, planned, changed, batches, last_used)
        ON vaultstream.keys TO vaultstream_worker;
    GRANT UPDATE (state, attempts, last_error, rows, signed, rejected, key_id, lease, merkle_root, signed_at)
        ON vaultstream.batches TO vaultstream_worker;
    GRANT USAGE ON SEQUENCE vaultstream.key_use TO vaultstream_worker;
    GRANT EXECUTE ON FUNCTION vaultstream.store_material, vaultstream.split_batch, vaultstream.store_receipt
        TO vaultstream_worker;
    FOR part IN
        SELECT c.oid::regclass AS name, i.inhparent = 'vaultstream.records'::regclass AS is_records
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent IN ('vaultstream.records'::regclass, 'vaultstream.signatures'::regclass)
    LOOP
        PERFORM vaultstream.grant_partition(part.name, part.is_records);
    END LOOP;
END $$;
CREATE FUNCTION vaultstream.key_material_is_final() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF OLD.public_key IS NOT NULL AND (NEW.public_key IS DISTINCT FROM OLD.public_key
            OR (NEW.wrapped_key IS DISTINCT FROM OLD.wrapped_key) <> (NEW.kek_id IS DISTINCT FROM OLD.kek_id)) THEN
        RAISE EXCEPTION 'the material of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    IF (NEW.job_id, NEW.ordinal, NEW.version) IS DISTINCT FROM (OLD.job_id, OLD.ordinal, OLD.version) THEN
        RAISE EXCEPTION 'the name of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION vaultstream.make_roles() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY['CREATE ROLE vaultstream_worker NOLOGIN', 'CREATE ROLE vaultstream_source NOLOGIN']
    LOOP
        BEGIN
            CONTINUE WHEN EXISTS (SELECT 1 FROM pg_roles WHERE statement LIKE '% ' || rolname || ' %'
                                   AND rolname IN ('vaultstream_worker', 'vaultstream_source'));
            EXECUTE statement;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;  -- another database was faster
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'no permission for %: workers need the role; have an administrator run this', statement;
        END;
    END LOOP;
    -- Workers read source tables as vaultstream_source; so does the owner when it plans. Since 16 the maker of a role is
    -- its administrator without being allowed to become it, hence the second grant; superusers need none.
    FOREACH statement IN ARRAY ARRAY['GRANT vaultstream_source TO vaultstream_worker',
                                     format('GRANT vaultstream_source TO %I', current_user)]
    LOOP
        BEGIN
            CONTINUE WHEN statement LIKE '% TO vaultstream_worker'
                      AND pg_has_role('vaultstream_worker', 'vaultstream_source', 'MEMBER');
            CONTINUE WHEN statement NOT LIKE '% TO vaultstream_worker'
                      AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
            EXECUTE statement;
        EXCEPTION
            WHEN undefined_object OR insufficient_privilege THEN
                RAISE NOTICE 'no permission for %: an administrator may run this', statement;
            WHEN internal_error OR unique_violation OR invalid_grant_operation THEN
                NULL;  -- "tuple concurrently updated": another database was faster
        END;
    END LOOP;
END $$;
CREATE FUNCTION vaultstream.retry_rejects(p_job bigint) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    b       vaultstream.batches;
    retried bigint := 0;
BEGIN
    FOR b IN SELECT * FROM vaultstream.batches
              WHERE job_id = p_job AND state = 'signed' AND signed = 0 AND rejected > 0 ORDER BY batch FOR NO KEY UPDATE
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
CREATE FUNCTION vaultstream.signed_is_final() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'batch % of job % is signed, which is final', OLD.batch, OLD.job_id USING ERRCODE = 'VS009';
END $$;
CREATE FUNCTION vaultstream.split_batch(p_job bigint, p_batch bigint, p_at bigint, p_head_rows bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.store_material(p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea, p_kek text, p_limit bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    k vaultstream.keys;
    wraps_before bigint;
BEGIN
    -- The first signature under this key is committed later and durably, and so flushes this, too.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO k FROM vaultstream.keys WHERE id = p_key FOR NO KEY UPDATE;
    IF NOT FOUND OR k.state <> 'active' OR k.epoch <> p_epoch OR k.holder IS DISTINCT FROM p_lease
            OR k.lease_until <= clock_timestamp() THEN
        RETURN 'lost';
    END IF;
    IF k.public_key IS NOT NULL THEN  -- a repeat after a lost answer
        RETURN CASE WHEN k.public_key = p_public THEN 'stored' ELSE 'lost' END;
    END IF;
    UPDATE vaultstream.keks SET wraps = wraps + 1 WHERE kek_id = p_kek RETURNING wraps - 1 INTO wraps_before;
    IF NOT FOUND THEN RETURN 'unregistered'; END IF;
    IF wraps_before >= p_limit THEN
        UPDATE vaultstream.keks SET wraps = wraps - 1 WHERE kek_id = p_kek;
        RETURN 'limit';
    END IF;
    UPDATE vaultstream.keys SET public_key = p_public, wrapped_key = p_wrapped, kek_id = p_kek WHERE id = p_key;
    RETURN 'stored';
END $$;
CREATE FUNCTION vaultstream.store_receipt(p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_receipt text, p_root bytea, p_backend text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.take_lease(p_job bigint, p_key bigint, p_lease uuid, p_duration interval, OUT outcome text, OUT held_for interval, OUT blocked boolean, OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint, OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text) RETURNS record
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    k vaultstream.keys;
BEGIN
    -- A lease forgotten in a crash costs nothing: its uuid never comes again.
    PERFORM set_config('synchronous_commit', 'off', true);
    blocked := false;
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
    outcome := CASE WHEN k.state = 'retired' THEN 'retired' ELSE 'held' END;
    held_for := greatest(coalesce(k.lease_until - clock_timestamp(), interval '0'), interval '0');
END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE vaultstream.batches (
    job_id bigint NOT NULL,
    batch bigint NOT NULL,
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    rows_planned bigint NOT NULL,
    rows bigint,
    signed bigint,
    rejected bigint,
    state text DEFAULT 'planned'::text NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    key_id bigint,
    lease uuid,
    merkle_root bytea,
    signed_at timestamp with time zone,
    CONSTRAINT batches_check CHECK ((first_id <= last_id)),
    CONSTRAINT batches_check1 CHECK (((state = 'signed'::text) = (merkle_root IS NOT NULL))),
    CONSTRAINT batches_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'signed'::text])))
)
WITH (fillfactor='70');
CREATE TABLE vaultstream.jobs (
    id bigint NOT NULL,
    uid uuid NOT NULL,
    cluster text NOT NULL,
    namespace text NOT NULL,
    name text NOT NULL,
    live boolean DEFAULT true NOT NULL,
    spec jsonb NOT NULL,
    deletion_policy jsonb GENERATED ALWAYS AS ((spec -> 'deletionPolicy'::text)) STORED,
    state text DEFAULT 'Pending'::text NOT NULL,
    suspended boolean DEFAULT false NOT NULL,
    generation bigint DEFAULT 0 NOT NULL,
    total bigint,
    batches bigint,
    seeded bigint DEFAULT 0 NOT NULL,
    published bigint DEFAULT 0 NOT NULL,
    plan_cursor bigint,
    plan_high bigint,
    payload_type text,
    backend text,
    receipt text,
    merkle_root bytea,
    failure text,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    seeded_at timestamp with time zone,
    published_at timestamp with time zone,
    signed_at timestamp with time zone,
    finished_at timestamp with time zone,
    CONSTRAINT jobs_merkle_root_check CHECK ((octet_length(merkle_root) = 32)),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['Pending'::text, 'Provisioning'::text, 'Seeding'::text, 'Signing'::text, 'Finishing'::text, 'Complete'::text, 'Failed'::text, 'Deleting'::text])))
);
CREATE TABLE vaultstream.keys (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    ordinal integer NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    public_key bytea,
    wrapped_key bytea,
    kek_id text,
    state text DEFAULT 'active'::text NOT NULL,
    epoch bigint DEFAULT 0 NOT NULL,
    holder uuid,
    lease_until timestamp with time zone,
    signed bigint DEFAULT 0 NOT NULL,
    rejected bigint DEFAULT 0 NOT NULL,
    planned bigint DEFAULT 0 NOT NULL,
    changed bigint DEFAULT 0 NOT NULL,
    batches bigint DEFAULT 0 NOT NULL,
    last_used bigint,
    CONSTRAINT keys_check CHECK (((holder IS NULL) = (lease_until IS NULL))),
    CONSTRAINT keys_check1 CHECK ((((public_key IS NULL) = (wrapped_key IS NULL)) AND ((public_key IS NULL) = (kek_id IS NULL)))),
    CONSTRAINT keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'retired'::text])))
)
WITH (fillfactor='50');
CREATE VIEW vaultstream.job_progress AS
 SELECT j.id AS job_id,
    j.uid,
    j.cluster,
    j.namespace,
    j.name,
    j.live,
    j.state,
    j.suspended,
    j.generation,
    ((k.signed + k.rejected) + GREATEST((COALESCE(j.total, (0)::bigint) - k.planned), (0)::bigint)) AS total,
    k.signed,
    k.rejected,
    k.changed,
    GREATEST((COALESCE(j.total, (0)::bigint) - k.planned), (0)::bigint) AS backlog,
    j.seeded,
    j.batches,
    j.published,
    k.batches AS batches_signed,
    k.keys_active,
    k.keys_retired,
    k.keys_leased,
    j.created_at,
    j.seeded_at,
    j.published_at,
    j.signed_at,
    j.finished_at
   FROM (vaultstream.jobs j
     CROSS JOIN LATERAL ( SELECT (COALESCE(sum(keys.signed), (0)::numeric))::bigint AS signed,
            (COALESCE(sum(keys.rejected), (0)::numeric))::bigint AS rejected,
            (COALESCE(sum(keys.planned), (0)::numeric))::bigint AS planned,
            (COALESCE(sum(keys.changed), (0)::numeric))::bigint AS changed,
            (COALESCE(sum(keys.batches), (0)::numeric))::bigint AS batches,
            count(*) FILTER (WHERE (keys.state = 'active'::text)) AS keys_active,
            count(*) FILTER (WHERE (keys.state = 'retired'::text)) AS keys_retired,
            count(*) FILTER (WHERE (keys.lease_until > clock_timestamp())) AS keys_leased
           FROM vaultstream.keys
          WHERE ((keys.job_id = j.id) AND (keys.ordinal > 0))) k);
ALTER TABLE vaultstream.jobs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vaultstream.jobs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE vaultstream.keks (
    kek_id text NOT NULL,
    canary bytea NOT NULL,
    wraps bigint DEFAULT 0 NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE VIEW vaultstream.key_usage AS
 SELECT k.job_id,
    j.namespace,
    j.name,
    k.id AS key_id,
    k.ordinal,
    k.version,
    k.state,
    k.kek_id,
    k.signed,
    k.rejected,
    k.batches,
    k.epoch,
    k.last_used,
    (k.lease_until > clock_timestamp()) AS leased,
    k.lease_until
   FROM (vaultstream.keys k
     JOIN vaultstream.jobs j ON ((j.id = k.job_id)));
CREATE SEQUENCE vaultstream.key_use
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE vaultstream.keys ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME vaultstream.keys_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE vaultstream.meta (
    only_row boolean DEFAULT true NOT NULL,
    least_program integer NOT NULL,
    CONSTRAINT meta_only_row_check CHECK (only_row)
);
CREATE TABLE vaultstream.records (
    job_id bigint NOT NULL,
    id bigint NOT NULL,
    payload bytea NOT NULL
)
PARTITION BY LIST (job_id);
CREATE TABLE vaultstream.records_1 (
    job_id bigint DEFAULT 1 NOT NULL,
    id bigint NOT NULL,
    payload bytea NOT NULL,
    CONSTRAINT records_1_job_id_check CHECK ((job_id = 1))
);
CREATE TABLE vaultstream.rejects (
    job_id bigint NOT NULL,
    record_id bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    attempts integer NOT NULL,
    rejected_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE vaultstream.schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);
CREATE TABLE vaultstream.signatures (
    job_id bigint NOT NULL,
    record_id bigint NOT NULL,
    key_id bigint NOT NULL,
    signature bytea NOT NULL,
    digest bytea
)
PARTITION BY LIST (job_id);
CREATE TABLE vaultstream.signatures_1 (
    job_id bigint DEFAULT 1 NOT NULL,
    record_id bigint NOT NULL,
    key_id bigint NOT NULL,
    signature bytea NOT NULL,
    digest bytea
);
ALTER TABLE ONLY vaultstream.records ATTACH PARTITION vaultstream.records_1 FOR VALUES IN ('1');
ALTER TABLE ONLY vaultstream.signatures ATTACH PARTITION vaultstream.signatures_1 FOR VALUES IN ('1');
INSERT INTO vaultstream.batches VALUES
	(1, 4, 81, 100, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 5, 101, 120, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 6, 121, 140, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 7, 141, 160, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 8, 161, 180, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 9, 181, 200, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 10, 201, 220, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 11, 221, 240, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 12, 241, 260, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 13, 261, 280, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 14, 281, 300, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL),
	(1, 0, 1, 20, 20, 20, 20, 0, 'signed', 0, NULL, 2, '85959336-f49e-40b4-81da-dc6552105047', '\x193ed6168fd18937a78f7a63696d4e7b5059c544698d1fc73ca6f76c6bdc532a', '2026-11-22 10:56:44.364182+00'),
	(1, 1, 21, 40, 20, 20, 20, 0, 'signed', 0, NULL, 2, '85959336-f49e-40b4-81da-dc6552105047', '\xf384911bffd0fbd4bd1eb42413524b4397d8f90aa64f7c789fdf7a91e6f89db8', '2026-11-22 10:56:44.364262+00'),
	(1, 2, 41, 60, 20, 20, 20, 0, 'signed', 0, NULL, 3, 'd060c753-67c0-4bbc-afd6-51d5993396fb', '\x3f16321289f6acd973d0f00848d9a047baa0250bbe2b5c9b97cda6b8f3c63b63', '2026-11-22 10:56:44.762405+00'),
	(1, 3, 61, 80, 20, 20, 20, 0, 'signed', 0, NULL, 3, 'd060c753-67c0-4bbc-afd6-51d5993396fb', '\x8c3c4499ab039cf203a9905f80ae515949f721b5e435e416903681e84c72970d', '2026-11-22 10:56:44.762483+00');
INSERT INTO vaultstream.jobs OVERRIDING SYSTEM VALUE VALUES
	(1, 'fa5f99fc-7677-40a0-b070-aee623b55356', 'local', 'default', 'earlier', true, '{"keys": {"count": 3, "lease": {"records": 40, "duration": "1m"}}, "retry": {"maxBackoff": "30s", "maxAttempts": 5, "initialBackoff": "200ms"}, "source": {"generate": {"records": 300, "payloadBytes": 16}}, "signing": {"nonce": "Hedged", "verify": "Sample", "message": "Payload"}, "suspend": false, "workers": {"maxReplicas": 10, "minReplicas": 0, "maxRecordsPerSecond": 100}, "batchSize": 20, "autoscaling": {"mode": "Auto", "targetBacklog": 50000}, "concurrency": {"keys": 5, "records": 10, "signers": 8}, "maxRejected": 0, "deletionPolicy": {"records": "Retain", "signatures": "Retain"}, "maxPayloadBytes": 1048576, "connectionSecret": "vaultstream-connection"}', DEFAULT, 'Signing', false, 1, 300, 15, 300, 15, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-22 10:56:44.23615+00', '2026-11-22 10:56:44.300109+00', '2026-11-22 10:56:44.307457+00', NULL, NULL);
INSERT INTO vaultstream.keks VALUES
	('k7bfc11a4469ac5da', '\x92f3673e34917a6f238501f66877b28feb3ce2e10e0cc689a277266e78239c22f7d621413c3af73093deb742e5b27da8a181', 2, '2026-11-22 10:56:44.338259+00');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES
	(1, 1, 0, 1, NULL, NULL, NULL, 'active', 0, NULL, NULL, 0, 0, 0, 0, 0, NULL),
	(4, 1, 3, 1, NULL, NULL, NULL, 'active', 0, NULL, NULL, 0, 0, 0, 0, 0, NULL),
	(2, 1, 1, 1, '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004cea7cdbc442c44d34fc1b8cd9c116ee05206a2f31c589821c2cdeb6d01d82666c78c11b9e0b7302bb91a396f2b40dffced4ae71b4e982f2814a1edb137261a7c', '\x84921dec518a733b54e922538b7753ef0fddb34d9c44d47f7a5dc3586012c06afcf3e057e4da17571b364b912cb1869c2ad13d91d50f0ffe3a73d866', 'k7bfc11a4469ac5da', 'active', 1, NULL, NULL, 40, 0, 40, 0, 2, 1),
	(3, 1, 2, 1, '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004b383d3878643683c0742d9eccfa7bd8c5162eafb2193345a3c6e8e1f6a886786d4db9f076fc309bf62f66458669c83eb2ae78d432067955207b8f17c5c5fb138', '\x79c14412653695b225356a47b47958c2f4fc8883fb972c64ed27aac3bfedbf19113ee7347b05886225719626ba83fe2d1229d59332202cb6f20bfc3b', 'k7bfc11a4469ac5da', 'active', 1, NULL, NULL, 40, 0, 40, 0, 2, 2);
INSERT INTO vaultstream.meta VALUES
	(true, 1);
INSERT INTO vaultstream.records_1 VALUES
	(1, 1, '\xcef969889e305747cc7110e363c80603'),
	(1, 2, '\xb8fae79ed18043a231c588bd254c8cfd'),
	(1, 3, '\xf5bb7f20a45f8ccb3136dbb66ebb6641'),
	(1, 4, '\x0f43cbf87f7c7c32b5cd3b577fd93cb7'),
	(1, 5, '\x2ebce379bbfb0e7c2546b8c0068b384c'),
	(1, 6, '\x9db489c09c555a574088dfd0dc1b6ed1'),
	(1, 7, '\xb9b8a0afa79f7937119e2ff923e38d6c'),
	(1, 8, '\xa5c43156c61716e2f84d12d44cb8b543'),
	(1, 9, '\x9af186c086464f4345cf09fb3ac58fe1'),
	(1, 10, '\xc6784f79660557a9dca3b397d4d18de7'),
	(1, 11, '\x875a910c14a808d9b2268c717beb4caa'),
	(1, 12, '\xdd535cecc518ea99681e50c056e69de6'),
	(1, 13, '\x8bf4fbc8def2e66e675408491d7cd33a'),
	(1, 14, '\xf0c928840e213fc2b05a83ce31343eac'),
	(1, 15, '\xbf70afa7ef46f63130cdca53409164cc'),
	(1, 16, '\x581b1979299d49f13aed8015f7376a78'),
	(1, 17, '\x09da6e5780d9805cf14ef7728c99ccc0'),
	(1, 18, '\x72b96956418fbecb7216eb23122da6c0'),
	(1, 19, '\x04ac943bfb5c188152e61dec7d96d67b'),
	(1, 20, '\x6fd5b71b7691786e61c1e16f9b012c7c'),
	(1, 21, '\x8c074a11708800b2813abbf7067b5841'),
	(1, 22, '\x4313e8236a6119654adf78bf0e8e339a'),
	(1, 23, '\x971849fceecb7d61a2456e5d5657f45b'),
	(1, 24, '\x21eaa36f5309733edf55c1493bfbeeac'),
	(1, 25, '\xcb3d5ced75713a6dd80c14a045708940'),
	(1, 26, '\x208b9ba23e907d1e66b23fe05f1eecc5'),
	(1, 27, '\xf3b4ec341ba4d12592c2afee7767502a'),
	(1, 28, '\x93fa28951c7c0654bb9ab1eda1787657'),
	(1, 29, '\xdee50f506d74584bf32acc3acde85b9b'),
	(1, 30, '\x3003677a6a6a54c715d5713b4f3bb99d'),
	(1, 31, '\x3d5eaeecd42997c34a7e879bbb4d955d'),
	(1, 32, '\x0f9b48512a3155a3fc8893937e206875'),
	(1, 33, '\xb46a0a9b65e0d73e1ea5fe06b9b9d580'),
	(1, 34, '\x7db414fefc429a2132c856e3ea510ec8'),
	(1, 35, '\x897c2b3b84a41f4322bd2b1a182b48d5'),
	(1, 36, '\xb1193f34e199443e74646544015584bf'),
	(1, 37, '\x5a89d2fdd6944f0084005add101f9209'),
	(1, 38, '\xff055c9c0ad4eb3c6c8b1ce96042fc00'),
	(1, 39, '\x3f5997d6eb117d60f3e407ce80cd4e5f'),
	(1, 40, '\x195a07fb12836d2250cc5c4da73369e1'),
	(1, 41, '\xe7b25581bdc55c788cbf40819e62580c'),
	(1, 42, '\x19fae5d9709da4ecea97fbcc8abfc319'),
	(1, 43, '\xc762ddf07ea0a4ad6921c6f1f6893ffa'),
	(1, 44, '\xcfc4006c60530d2ab9482de385a27ba4'),
	(1, 45, '\x67b5590b9581ec1eab161a2c338fc599'),
	(1, 46, '\x23d29d2678bc8d74cda11e4a3fc0558c'),
	(1, 47, '\x77673afa1e5691bb5307c44bee63793c'),
	(1, 48, '\xeb32ec5367866f3243ee626916b661d0'),
	(1, 49, '\xfc646e91d8d64ef088c5492ee9d40d1b'),
	(1, 50, '\x2486b85ba7e3ebc0bdfcafae9eb8f537');
INSERT INTO vaultstream.records_1 VALUES
	(1, 51, '\x8d892d881adc260a1d19b51d56838e60'),
	(1, 52, '\x57c0731bf86f8f2715e24970d9ad9367'),
	(1, 53, '\x49448f48b64ef973d57446b82d5fec13'),
	(1, 54, '\xf7a5a2340aafa53b775c0ccc7962d77f'),
	(1, 55, '\x0806b59d3cc359dda0c76814eda4471c'),
	(1, 56, '\x2314f1ec2eaf77eb03da0f1da28dc2a0'),
	(1, 57, '\x6f0894bbe0a5393326a556f5a711e416'),
	(1, 58, '\xebc1f2528bee72aa5a67dfb365109531'),
	(1, 59, '\x3441fd06f4570dd187fed0248b2f201e'),
	(1, 60, '\x866f354c94ba6239451d8595efdcb65b'),
	(1, 61, '\x8f75a1a0df34ce733484b94268598c34'),
	(1, 62, '\xe3f57cad88fd32166b6174c42604e0ad'),
	(1, 63, '\x5775a7f53ec1d158b0bae5e87d345637'),
	(1, 64, '\xf36ee15d94036fa9e631e0c687e700f2'),
	(1, 65, '\xca998c1c134b0b09a34ba141d0b5f6cd'),
	(1, 66, '\xdb968c8418427df58cd7d64be398a348'),
	(1, 67, '\x35cf8bb2f3d363eb592a181487215d57'),
	(1, 68, '\xcb42c9377ee7733d455ce1d6a9dd3de1'),
	(1, 69, '\x890d205a872461542bacc5a0b16c6c93'),
	(1, 70, '\x45929aa6bfe3168e706a226384c54102'),
	(1, 71, '\xd0557ec92f5a96cb3f2a84096a6c9330'),
	(1, 72, '\x008012792672cda5c942a5b66bfa6f1d'),
	(1, 73, '\xa3c5a978df824375dea6cb6c9487e8bc'),
	(1, 74, '\x081d7ea3930d2a6088e9235c385ec3fb'),
	(1, 75, '\x1ed7753642580f83ec0f7d7f1176a7c0'),
	(1, 76, '\x1cf03b561ac94b435a2712c823d6b47a'),
	(1, 77, '\x6089cfcb083532b7fdbfd6fd48efada2'),
	(1, 78, '\xe6e6c4869d70cbf92e7c06ee057e3d0e'),
	(1, 79, '\x8833e6150a87e19b3f8e0a5dda54a0d0'),
	(1, 80, '\x414b9dd41a44aeb3d503153b6859d241'),
	(1, 81, '\x01929ac4f4138db214e2b7fc25d6ee92'),
	(1, 82, '\xf36bfa54d2b5d4bc9be6d17a351c2a24'),
	(1, 83, '\xb0ed5676bdd3cf1f7eea46ae4063af28'),
	(1, 84, '\xcc867daa67750b03e5527234b0e3635f'),
	(1, 85, '\xc4e1cfc82d2971bb91fdca7b1df73ec1'),
	(1, 86, '\x63a1d173aae66f1fefa0ad8b7bd71c2e'),
	(1, 87, '\x81cbf6118dee04c33f0122ddfda75800'),
	(1, 88, '\x55e530eb535f1907ac5a8dd3e5318a5f'),
	(1, 89, '\xbbc4c12eb16751858b91431101200668'),
	(1, 90, '\xf4c593bd461e45f8e98ff5169f7d3071'),
	(1, 91, '\xaef7d40c5693c97a9380fa8996450ec4'),
	(1, 92, '\x52234c795b33c1999d0dd2c2116224b0'),
	(1, 93, '\xb94eaacc67b924fcf29903ac4fe1221d'),
	(1, 94, '\xfee800bba90893ec7ca43122d6784af8'),
	(1, 95, '\x0d4a2b5b67255bd181ce681acd3ea17a'),
	(1, 96, '\x4fdf8c1b2a78cf33a727cb0a8032916c'),
	(1, 97, '\xa200b3c807873bee7be160b5ec35e447'),
	(1, 98, '\x5c77eb8f892caf4b409ec25659f46605'),
	(1, 99, '\xa7a637564e300e3efa92b7ea4075479c'),
	(1, 100, '\xdf4142a0f824457ea5f5c56032fddcde');
INSERT INTO vaultstream.records_1 VALUES
	(1, 101, '\x854e09d1b74f4579056824db0f45c7e9'),
	(1, 102, '\xaffb4ed4152b4c82283d6c7c81a43203'),
	(1, 103, '\x6da8318bb328a6bb81ec7ac4778cee6d'),
	(1, 104, '\x41b5d6956413f64600680ee4717654b0'),
	(1, 105, '\xe116aeb010c6a112468effa93bd71525'),
	(1, 106, '\xa8d5e4ca81ed1fafba3dd26e41f8888c'),
	(1, 107, '\x9b59f003d836fc3ba0dded14de70cb5e'),
	(1, 108, '\xbe5a88f3c0220b507cbaed23c5dd477a'),
	(1, 109, '\x9db09f64e42471490e3f4f7052d08204'),
	(1, 110, '\xa2ec1fb084cdc97f00d07bf826292736'),
	(1, 111, '\xf2a201cb8beee6eafed6358a066950ef'),
	(1, 112, '\xca53289287bf7ca544f00252fce87503'),
	(1, 113, '\x411ab3a709778969789f17e17a8c95a7'),
	(1, 114, '\xa152bf4822e12866070556da58262d3e'),
	(1, 115, '\xd8cd9d572b553323946648cdc93422d2'),
	(1, 116, '\x4014467b0dfc315c73576af38e664428'),
	(1, 117, '\x1bdbaa58c5667aa83766e8c34fed5c00'),
	(1, 118, '\x13139f707f6b302fa0a107f0456070ab'),
	(1, 119, '\x05174fc0855cd8e3d25a5ff6b06a8fe1'),
	(1, 120, '\x2951b34228dd2b2c611697c6beb19936'),
	(1, 121, '\x03e844db117eefbfcea77da3b770dbed'),
	(1, 122, '\x8b1b7c1dff13de1e8c27129ceae65f92'),
	(1, 123, '\x32c830c67b503f7fd5ef4b77d4702ef7'),
	(1, 124, '\x4d253c4d09e55cf19353f6f9829af223'),
	(1, 125, '\x20631a02646185fb9db5e67517fa6cfc'),
	(1, 126, '\x383c405f5a202188c322c6a116f9334e'),
	(1, 127, '\x7e2a1f59d88bf0e9b144c00f2d9c6972'),
	(1, 128, '\x4dae2fb2d1af890b19369081ca86ddd2'),
	(1, 129, '\x008d82e42be0c6541a27451a0fcb1139'),
	(1, 130, '\x96896d95dc8d91896982f32a25c4cffa'),
	(1, 131, '\x02ce7043c1edc416096e5c5e95391539'),
	(1, 132, '\x55df74895e5eff6cd0d3c999e524d46d'),
	(1, 133, '\xd6c3a20e71e4322d1699ee114d79644b'),
	(1, 134, '\xdad917d830097fd7bee7f95cba399b02'),
	(1, 135, '\x38f35d4c0c26e572e1da2bda11e4c187'),
	(1, 136, '\xff4dc3ec3e291b419185a3a897931139'),
	(1, 137, '\xe6bc5a4eb14b49280b76bc9014b65989'),
	(1, 138, '\x6913c6620995dfc579a5793a36acd294'),
	(1, 139, '\x434419564397c4cf183e1ff2f86c446a'),
	(1, 140, '\xa8b7d4c4a6ec414b3eb9da1c8b4c7b5d'),
	(1, 141, '\xa95980c16ea3a2aa4602aefd16fa35a6'),
	(1, 142, '\x6dac019bff7df4443e9b879ae30e3a4c'),
	(1, 143, '\x1b7ee211e734e15c02d59f1d0ea3d46f'),
	(1, 144, '\x80c193b50e2d7f5cbfc50ea6cb7c3ba4'),
	(1, 145, '\x3c41389c0eb9729e1e53e39dbaf7b693'),
	(1, 146, '\xe04f8cbacf00f1b3cce84af5014639f6'),
	(1, 147, '\x8b06ca7c1ca2ceb43089866337a86789'),
	(1, 148, '\xd06dd28461a8ceea4ad600d158224f13'),
	(1, 149, '\xa01551a7612168569e033f7a7a8c9fff'),
	(1, 150, '\x07a7810be877e48b375d38c2f869dadf');
INSERT INTO vaultstream.records_1 VALUES
	(1, 151, '\x404449da5cf9e6db944acd3ecbdc7081'),
	(1, 152, '\x488f83c23adc4014ed2cf5d52def1cfa'),
	(1, 153, '\x7422b3489d84a1e0f8d04d5f311b36fc'),
	(1, 154, '\x23814c8cf5d5d1d3af03754aa7e4013a'),
	(1, 155, '\x2b1be8ee16d78080170617a646498d2b'),
	(1, 156, '\x41bdc8bae0b5d361711d30d72be3aad1'),
	(1, 157, '\x6cb0ee573744e379b7f8dc998904a94b'),
	(1, 158, '\xd281aa358956e9cee07ef027fe52cee3'),
	(1, 159, '\xba5036dce730abf4d1aa076c4e45a08b'),
	(1, 160, '\xe5a5a3100d3985ebc33035dedbb5587e'),
	(1, 161, '\x01f3d6691e599192aabd037da9c8522c'),
	(1, 162, '\x595668592bdc540f60c1930b33cc91e5'),
	(1, 163, '\xde6fdd7f252e4f102925d31e09234fa7'),
	(1, 164, '\xadb609aeb979224b12ecc128eba9c051'),
	(1, 165, '\x70a37c2ea8d908c633cc2a8848944523'),
	(1, 166, '\xad16ace4420e0ef89593bef110584ba3'),
	(1, 167, '\xd1f56b0b6e27c386c711b4ddf5999955'),
	(1, 168, '\x4fa117520bc42b13f2d9640ce32c445d'),
	(1, 169, '\xee23fd305fc7e14522b7a5fa1b814044'),
	(1, 170, '\xa15efd31a01b34bbabadcf3082d80e56'),
	(1, 171, '\xd85f0cb9b3b182eef2fd5a7834da935a'),
	(1, 172, '\xa270ad6407a538aa8f9df792e2dc6ffe'),
	(1, 173, '\x3e9432bb8104067eb06e8048e97e13fc'),
	(1, 174, '\x0609d65e0588cb8b35f8c2be39e2661c'),
	(1, 175, '\x0b7dc637e9b76079ac476038bbcbdf3c'),
	(1, 176, '\x145981dab5561c1b8299fe454755d9a6'),
	(1, 177, '\xc44b623b57a5cff6a7aae9b81c9b3fed'),
	(1, 178, '\x5ed9d4e498d3598bcb084ca93cf23440'),
	(1, 179, '\xa15f0ee94ec4b1ebc5244b297175e803'),
	(1, 180, '\xa62fb3ad19a0293371d31625ac26a269'),
	(1, 181, '\xd03970b906c15cba276965fc8a8b0bc3'),
	(1, 182, '\x5da1ce276fb96df4ca2a1d55a2ab1b4b'),
	(1, 183, '\x64e099df27cfa0a6e5f20288dcc11e4b'),
	(1, 184, '\xd474cd8cf3ee57ef08660a1ab492af88'),
	(1, 185, '\x880cfcad2126031035e45944dbbc0329'),
	(1, 186, '\x6ac38664494f4b0da8d0d81e6efb19bf'),
	(1, 187, '\x3ae0176243d049dac14c27508dfa474f'),
	(1, 188, '\xd33b76df29782c1233096cf30da4434c'),
	(1, 189, '\x41b739b4d0faaf6234dff5d287163431'),
	(1, 190, '\xd38ec49aab3125cff98d694580c23317'),
	(1, 191, '\x7bec8c21e50c4d541a81047d4715994c'),
	(1, 192, '\xb9786f19a31c4ba7cb5fd2dff9dd2a6d'),
	(1, 193, '\xcd409b5605bc5b27ec7b07c9f6223587'),
	(1, 194, '\x25b0cf99a0f2f80e167a49ec8d57a733'),
	(1, 195, '\xd95a10efadffd21777b1a25d456b009c'),
	(1, 196, '\x1ef400eb7f67de08a30021d3761caedb'),
	(1, 197, '\x78a5423d41f8981e236c3f1decd7f745'),
	(1, 198, '\x84d0eeeaf5736906f22ee8a58c2e4fe1'),
	(1, 199, '\x88b33f26933cc02e1ce6f689dfdb99a7'),
	(1, 200, '\x9b2aca7a65d6fa573b7c928e47041ff6');
INSERT INTO vaultstream.records_1 VALUES
	(1, 201, '\xdbc4eabfcaa99e1a76e910b8e0ffd2fa'),
	(1, 202, '\x76e628792ad43f3313acef4840c5e209'),
	(1, 203, '\x0a70e50c7e476a8338719cb04d93372e'),
	(1, 204, '\x4252e7e6a7c8efbc0fb6406df69084f9'),
	(1, 205, '\x5f552b9259419596eedc10c92187805d'),
	(1, 206, '\xf1270353925517e05c16f45ceaf56994'),
	(1, 207, '\x21cf6114b102829bf33e038e4a94949d'),
	(1, 208, '\xc09a6ee8490cd1a6a7985013bf7c7b01'),
	(1, 209, '\x8287875240bec2d23ce89445ddb8bb80'),
	(1, 210, '\xcaf77d50d6c9084a269ebd5b75b5e87f'),
	(1, 211, '\xf8caeb86764581b351f18ccacd3ed6a9'),
	(1, 212, '\xf8fc44a7f19818fe1fba2b036c8ca47f'),
	(1, 213, '\x0bce3cded978fb7b493c872dcf3fc2e9'),
	(1, 214, '\x2de4ea2c040ca18e3b213b9cc302a1d9'),
	(1, 215, '\x197b39b22ab51a5085dc00ab12d13c6b'),
	(1, 216, '\xfcf65bb16f6fcb126f271b0a49cbabb1'),
	(1, 217, '\x69f054cdc118cd5c220b0f179d4fbc98'),
	(1, 218, '\x9c891a126532a758b10ec1232248f531'),
	(1, 219, '\x502018501f64a05832c3705e4b3b1863'),
	(1, 220, '\xc6a57fd9ab5e48d77abebfad57639f89'),
	(1, 221, '\xe536213c2282a8b17ae87abdf884c6e7'),
	(1, 222, '\xfd92b082d11053e9b4fca96c2145cd13'),
	(1, 223, '\xe5c2dfc37ae598c699275c4d0d0d14c2'),
	(1, 224, '\x051e01d585a1eaae9d0d27f78021bae1'),
	(1, 225, '\xa39c84bb284976f537755dff7a4e42cf'),
	(1, 226, '\xab6532c7993810ea2f46837fc2152ec6'),
	(1, 227, '\x1304c35d9ff79625414e8e08e86e5ecf'),
	(1, 228, '\xc67f3d2d3be7700e362eb9f049fa5f19'),
	(1, 229, '\xc83b4549ae35180e0c9d7d3dd61b37ca'),
	(1, 230, '\x204c51a175444284124e62ec6d6994cc'),
	(1, 231, '\x655eb30fe69e83dc2004ac1944055acb'),
	(1, 232, '\xb3897e5f75371f1ed29a87decad511cc'),
	(1, 233, '\x50066355ba132dc7676897b5f76ceda7'),
	(1, 234, '\x28bcf25ae96bd952b1f935fa34f38f97'),
	(1, 235, '\xa74faa5d6111641813b0efa1de95716a'),
	(1, 236, '\x73ce5bdebf6a5078afcb8ef4254ed71f'),
	(1, 237, '\xb4841c4a0080ef778ceb14f0354aa673'),
	(1, 238, '\xe8f7a015068f604b9c4e347346daf9b1'),
	(1, 239, '\x7a156fe24a13fec6be52530f24227558'),
	(1, 240, '\x722bab4b26a79c7f3d7a42c5e86f3df1'),
	(1, 241, '\x9f75b497b17243fd833f58743e0aa49d'),
	(1, 242, '\xedae4d95ebb034f5c6497514372be2fa'),
	(1, 243, '\xddbe3bfbae9c555012ea729ac8d20375'),
	(1, 244, '\xeea97f71690ab3c9136dac84c3be8ad1'),
	(1, 245, '\x12597adf20991699398049b504277051'),
	(1, 246, '\xa4805ff0539a74f17e5666ab36d03d3e'),
	(1, 247, '\x625c25deeeaad46bf8069ede6707a82d'),
	(1, 248, '\x1eb191083097c77cf1a8ceeba05e0e67'),
	(1, 249, '\xa9c5bb61ede84ead39b3f1fad5199bdf'),
	(1, 250, '\x0f978776f0ff17084e5d59f1baa2ef8d');
INSERT INTO vaultstream.records_1 VALUES
	(1, 251, '\xc2774a9dedf4b8441c9592732c6628c0'),
	(1, 252, '\x7673d820bdcaf6d8f84b410f4e3a95f2'),
	(1, 253, '\xc831f52736d445cf89eb98b6f2a202e7'),
	(1, 254, '\x0d16fda95eb5fac1ca62c462a83a862e'),
	(1, 255, '\x233b3772789f1a184949f98a518e197f'),
	(1, 256, '\xc6dc02c27c3f71b641169c526ad9c8ad'),
	(1, 257, '\xe273bce04a3a03fa651d299dd40f063e'),
	(1, 258, '\x78767a438ff7d87982e32841199c1f49'),
	(1, 259, '\xa0b459f558f4c630985c1af49a3b6f12'),
	(1, 260, '\x60488c2e65e53e9de84b43c47fd55567'),
	(1, 261, '\x0119220bf444af8a137db0690c2ecbb2'),
	(1, 262, '\x8606e9759036923ad1314ff5056668cd'),
	(1, 263, '\x64cc23db682c303aa48055eddb1ca05b'),
	(1, 264, '\xaef61113d4487b976b917e9af3ff6a2d'),
	(1, 265, '\xa62a6c410d928908844aa088a2ef130e'),
	(1, 266, '\x7555317bb77d43a16f75f07b735c5b4b'),
	(1, 267, '\x17bdf2ff9b84c699149b3ad00715d14d'),
	(1, 268, '\x00a8310e9ccb3f6b00665d5a54adea26'),
	(1, 269, '\x26769908107f87b6f258d2935a08a243'),
	(1, 270, '\xd575cf1769e3854b3b5106d9b46897df'),
	(1, 271, '\xade4c04dc330a8d4e740ade3dec32ea1'),
	(1, 272, '\xa24a9b8adbd626684dda7d985ab75c9f'),
	(1, 273, '\x7ff841f6760f0c3de9dbc45bf6c3417a'),
	(1, 274, '\xc139b745c57015c274946de505cc505b'),
	(1, 275, '\x6016c41179f001bcbacdc487b0053f0d'),
	(1, 276, '\x8af070cc67faa2313e48290dccde3b19'),
	(1, 277, '\xc67214909c30c2dad0b14cd868aeee22'),
	(1, 278, '\xb2ab32594cbed12ec0b5e65eba28a00b'),
	(1, 279, '\x09d05bbfb3f06788d41b45109310ddf8'),
	(1, 280, '\x8c57e17f624d84d3ee2f353200d01778'),
	(1, 281, '\xb68feceb580cf5c947bec89e2970151e'),
	(1, 282, '\x2c702426acfae53d2d66edbad7df59f8'),
	(1, 283, '\x54e0473d9be89c580039b683b3ffb292'),
	(1, 284, '\xbe675e19e21a60eac752427b51337e9e'),
	(1, 285, '\x4437841412c5d992839b01156fe9da70'),
	(1, 286, '\x07d0bd660b99fc5916b7c578ea75a230'),
	(1, 287, '\xeeb01a37ee0919b9a6c77250656f1ba4'),
	(1, 288, '\xd84d25250b7b7b2575a769ad58975e69'),
	(1, 289, '\x2fd8b1951fd8475fb200a0fa7619ef1e'),
	(1, 290, '\x2885d2a30b78bdf10505db3a2e1522c9'),
	(1, 291, '\xa445a9a4b380f646d585ca1b4f4c4558'),
	(1, 292, '\x2f76bf3d146866710bb82d6b2946bcdb'),
	(1, 293, '\xbc44df9e0a2400fa5ebba08f84dd4740'),
	(1, 294, '\x1d152bb8a40dee953a5525e64d81281c'),
	(1, 295, '\xc5bdd6720c9933b102c1de401696bb1d'),
	(1, 296, '\xa2193e43bb3aa06c1dca25ee02d944be'),
	(1, 297, '\x1cd8a694682decafb50c69ee8ce6350b'),
	(1, 298, '\x5eda58ac7680edfc9936646e754be422'),
	(1, 299, '\x030ee1a6ead27a076779b1512598763c'),
	(1, 300, '\x2f0a052ef4ee32cca6f33c9de382b155');
INSERT INTO vaultstream.schema_history VALUES
	(1, 'tables', '2026-11-22T10:56:44.122205857Z', '6922198918192931799'),
	(2, 'leases', '2026-11-22T10:56:44.181449167Z', '3012806774748937272'),
	(3, 'unit_commit', '2026-11-22T10:56:44.186251296Z', '5976725373711758961'),
	(4, 'roles', '2026-11-22T10:56:44.190449479Z', '4900440705434068756'),
	(5, 'views', '2026-11-22T10:56:44.194817754Z', '16698169167466530584'),
	(6, 'retry_rejects', '2026-11-22T10:56:44.202546652Z', '4196245594491232140'),
	(7, 'rewrap', '2026-11-22T10:56:44.206450959Z', '6453230480782072645');
INSERT INTO vaultstream.signatures_1 VALUES
	(1, 1, 2, '\xc57f19255abca0806554094c07f5bea7471779970ec502d6c5b79bd7f6d3ff16a2a37e7f096bdbaebb9b1b6ff8a522d9c585b34c422d51594e5509f7bbe0a102', NULL),
	(1, 2, 2, '\x34ca49709b4d262ff13735b834972033b34957091bae62b3b05498dea238677398b18f61715fe5363566a388622012d758c98019d45034bb14918eb925b38548', NULL),
	(1, 3, 2, '\x9e3b52c006ce1e4793e615946839569ced69c146b3e201984578a19656572b99b14bb491cde679786e7c77eda3968e261658fe215a03eb23c6337283486547f3', NULL),
	(1, 4, 2, '\x72bc57064e7de01941da60474f99ce834430e2c3c4e8defdd694b0dad4bbc8c2f3e8eb9662be2fe598442bc7fb9e6b87fa25f03568b05bc0b48c18a5a6547cc5', NULL),
	(1, 5, 2, '\x2019118f7e18c00feabc43ce2702c6fc9eb5e2bdfe118f6024b02a4f8ac16859523724fc34adf1fbd1701f1d83903f3c320eff86e6c8348046212f484b6d1695', NULL),
	(1, 6, 2, '\x1af94bed6f1dc5e7834a294a942fc0b5d9e3342c227636795e27953638837c9fcfa561d79e7d567f00084d7fab060e6d4cbd574a2d2ce342ba09696d087a9443', NULL),
	(1, 7, 2, '\xa2d9377c7d37bab76aef4decbe3ff7f1a9051f67ed1850134c097a3e4c5864ead286427704a5fb0ba93057ecefb51b48738fd1a977b103c5fab303d5635876cd', NULL),
	(1, 8, 2, '\x4688683ce30140bab834a98138ca20941fb07795927e9ccfd4785b4cc8906942b8f8af54a43fce1796b4061f1673ff8430a614477a3eefb0ae08f950c0145ff4', NULL),
	(1, 9, 2, '\x4c2cd285eee982118e140ae768e2273286e3f199dd71665eee4948ced434fb2f7f270efc9e90ff6d264b8aba7ae5aef896b57c91e5b61a56fbf55097b1cd209c', NULL),
	(1, 10, 2, '\x30f59b39baee26137db38fb3a95f18366413a964db9908598efc7e9ef58415eebd092558eed03fc50b4a581c3c64c846d8aa0078924a5c4ffa9b95ff66c66c08', NULL),
	(1, 11, 2, '\x816a2d0506a51fae2c8bb4f957ebf9a9455d4ba402f1729dd7e094058b1c84c555b4bdf52158787acd38c82dbc70f87ae10ff8ce92bca0af6f657c64939f5f7f', NULL),
	(1, 12, 2, '\x3874a468e912d0f995d10e6438c7adf525be42c0f2f5ec389627fceddec68729699a5bcd55e9290b3018f7a3c570d2b9e3743e6cfed448d4a534c9272297e853', NULL),
	(1, 13, 2, '\x2bbcbaa55a8d3df8d81dcaeba9a6bd0e5a665197c16729dddcfdaba15194a86a9808d279d88016288771a5e6000907d2548549503d8c130753f01d92dd1a75c1', NULL),
	(1, 14, 2, '\xebc63ecfcb85ed44b7aacb207506d61a8ff0f7f49ca996d9efd801329eac3201dfe18a79f816dc6e59445f3315aedf6286890cad9920d6418a64e44eeabf1915', NULL),
	(1, 15, 2, '\x5885ad7cc24e962348cd02145089e4e6b8403fbaaf23b3ccfb43283e2b2b44777c1ff149a841ec82d2201b2feff4f63b129714d1f77d65863054dd276a62e0f0', NULL),
	(1, 16, 2, '\x32650d462051ef9346530c1395c7ef84920ddfe7d836cdbf7d932fe070a12119ff164e8dd0f680da1bc60ea2949e2e97f199ee36e86a4b5c93ad8de686eec75a', NULL),
	(1, 17, 2, '\x3038bdd5973499ea6d67c79859c2a7372bc99f7208c789c643ec90bfef7756898f2c82fcd8f51a82bc7ae0d6a9af10ee5b1f8884d9fdf102fdedca678b931ed8', NULL),
	(1, 18, 2, '\x7cb4be55665fbc52e1dfbf396e7fd8e36d87d7123d7f66fc7ff3665d24331f1e6792b9e4c91b21f5511ee616ac70691678e65e6f0860ba23df2bd7f39b291919', NULL),
	(1, 19, 2, '\xf2d982369060b6fcc3748d4fd70f78440c452bae3f5fafbd33e46d2e10600a4f059a3882e1db9fcbeae8707a86180a4d4cdfacbdf617e06d39306ef70ac32ee8', NULL),
	(1, 20, 2, '\xce31184d9181833dfd50822ee17bc0aa06a1eb8d64af641aa720f1f23140fb0042b0666f21f73b1b8633d30039510b591205fa35730e67ee867beba5ed3958f1', NULL),
	(1, 21, 2, '\x15fdef212e7c563941f8c1720f86252a28b752c30983f99ba732192aeb6c0e3cb6cc22a02341cc636e5cc23f7bcbc97de5a789f164d624aa3a8f315f8f06d56b', NULL),
	(1, 22, 2, '\xee73f4ce1adf7c51dbf49121d3b9960888d483a8efd47d19e739b62d3cf45a13cd7e0d741d1d4dea8b26e13343c288217036668b2fa3903310bb51bb0cbd88a2', NULL),
	(1, 23, 2, '\xa7a2fb1138315fc8c9f3cf52a5eb27347f6b9528d65e8300a706877590fb9a1eb06afd84cca1df0fcfe6cf3e317280be8228e50df4a9b88396df156ca9f56cf5', NULL),
	(1, 24, 2, '\x8fb5b969ebdb9b444b8f1eba4b1e45dcfcebf1de21dd3561bd9d98e7024621098f73aa94ea99fd8b97a90b2a90d94e7fe5cbb4b10aea2c561107cb4184816a40', NULL),
	(1, 25, 2, '\xeade020df7a6fc882a8186107a0d5b1278539c994eda9ad4d28659a43ec7677a41b4b0dcda9f770ef9d878242f963a31b0300b1b7faa9839d91dfd43484c7f3b', NULL),
	(1, 26, 2, '\x46aa2f522b1eada17479dc4bb99d2005eefad9321252ca12772572e2e6481c0fff3faf4cb5b94ad27b676e580ee68882ec7b4f8bae2681b4d6c4dc8bcd64e5e1', NULL),
	(1, 27, 2, '\x00bb44d645b38b0de420099b67de6bd52397aa36dfec597190cb109402cc47dc50de3630c25eeeff79544cbcdf14d312e9947cc4a4c81fdac41cf71b95ad237a', NULL),
	(1, 28, 2, '\x4317e686179696dbd1c3948427ec41e47337dc22167896d7880bf73e10aeb639252f7ad51c7195c20e313970992bbaa8e40ca616b0b16bef88742de385a52d31', NULL),
	(1, 29, 2, '\xccc1934304ea608f3d7a30834edd90f079f73f79ced81d40ea3fb0c8e583f3c33dce6c79fd7303b269feb40a442297a23f31848fbbc3027c39e091d368d61ce8', NULL),
	(1, 30, 2, '\x013932dfcebb73084c2151ae45e5b03954d28b07fe74ca629d3518b5b8c0533daff91dea6fd45cb8a82be2fb35ec412aea1e39b2b5b6f0a2f8a30d40f07efa1b', NULL),
	(1, 31, 2, '\x0e2f52a440032a64ff7929e789f9fa776960354fc79d87380253bc806260acedc658e27152dbb7f4a9d6c07a44fa163dcc5f469cc403a8e0f978682bc7f4a610', NULL),
	(1, 32, 2, '\xa42c93942c13b3f43c0a64459eb46b2f7cc431ff7dbe341e9c56b369b00544b96e79e157c8a7b066d27187a94fb4b1440211b20689a79b5ecc81c9c7df60ca39', NULL),
	(1, 33, 2, '\x42cd34cd64a48df94900bf9b3d96d19d37770d6d9becabe2a5bfdec1ab799fd47c583609b37e14e1dc091a0ff54b89061345afeb51661046393ea87d0c6e8a62', NULL),
	(1, 34, 2, '\x4e1b90d4c3a581b4a3fe1afc116005d5a102ae1bb2b6dfff210ab07aa03b873eebe11afc16eb6d1bd6395152e938685d81c52756539711bdc421595268735961', NULL),
	(1, 35, 2, '\xdc4d4ea9ec0767acadc674423341ab7f1f36119ea460b31a8ec1f2d6f17bedff8158c503802c998a03f30c0c3fe442d0d21c6e547c6065bd9ee44aeadc2b97c7', NULL),
	(1, 36, 2, '\x27086753196c2180f1d507dc1583cee5a5aa2d2f4b9a3712b0265cff72366860954a2e12527277fe2f46602fb376934f34620eb49e4863b6bb2aac65bcc6719c', NULL),
	(1, 37, 2, '\x876793cfe9a740b9adb11e0697e9e1b0c652b4b6fc3a7224b8c7ff5db4ca7a243ef79a73f1fcbeddbeeeedbc5b8ad16bf5c0e4b894feee1952b1c236e8c1ba12', NULL),
	(1, 38, 2, '\xb1d4f375b4c402170a3ec95b19c53e1921d8a07f9cea8bd3e61df2d170f5eaec4e779e01d8235a1cd020771be1b6e4386d51dd6310ec54338524922370006f83', NULL),
	(1, 39, 2, '\x9052d9b756fe25e1a7fd8b06db15b6632bfce29a72807f81666ab2b899854036fc86d3379864739892fc03270e14ccd24aefe16e2bd66ac4e9cdf61171342334', NULL),
	(1, 40, 2, '\xcf2a62dd0768bb7b31700daf5308c7416e0fa0c4072af8ce4c0ef0070f8b039b4ce5eee21ca9c3c2f927ab7a4041f57247509c8e8f7be8384bc5e73105c04999', NULL),
	(1, 41, 3, '\xfc92db37cd49ae9cc5841e27a86509d7a6e44475b4d6ee3c77a4d9cc0fd7b7de004c4fc7e8cfb2f4697c7936a87a72d5927c0094a25bf434968ff43b96c043db', NULL),
	(1, 42, 3, '\xc4722c90db3f6eaae2d53b0e5261d5aa6296b2dc1d80402e39c3b45be91b4c3f846b4d653e499f703e62b066a0b502e22d13cf64b854b06dbf18fd75a366425d', NULL),
	(1, 43, 3, '\x9d38d94c1dfc36c7f7422a74c66fa7b11ab84dbbebadc4d89d3078e044871fa44b4f909fc0b275ba7c741951845c55e3e5ca81a4594ed3cc55ea18d60c208e4f', NULL),
	(1, 44, 3, '\x8436ba051e9cde99366f335faf5f44edaef9b47a5d1ff4efaaa6513489b1c5c88c15e44387cb9643778fc571b893463b3a54ce06d8619019ace4c845b5822cb6', NULL),
	(1, 45, 3, '\x7c09b0557a593701f6dbe8e555da403ed5d285eef38906f2d3017df5c170d0037db8fe84234d5fe9c46fa7c5ddebfcda373ddfce751ab78fa922b6481b6bc26b', NULL),
	(1, 46, 3, '\xf1ea087c0044eff52a550a34db9c0d8bcd376bad5af376f85c38ff3cba32786b85863bfd2046580990cec66350f20ad2e0e6fdca323cd5ffa40ea3d6f7f7c868', NULL),
	(1, 47, 3, '\x70e4c9ba55d21c8b589b43dfafa335529e022bcee32a09bb09d62b4fce4db1957b137e73dfb590e32843b43694776d5d903f688bce85fc5498d20a651725fc77', NULL),
	(1, 48, 3, '\x61db732b58f96b95a4b1f4ba3013659098e6539a660dc829fc4f9555c69883bde31de45af8d75ef9119ee411f054b7c7b1f187ffd5c91f16ac301554619cb289', NULL),
	(1, 49, 3, '\x500e93e71a9dc5de7dcbc98d41887311fe61868a64f8a1ee7e0baf490fbc48c8770061581690168d0a2b31acccdfe959e6dc7669544d0bf84727ed75cdeb5e9b', NULL),
	(1, 50, 3, '\x5ef4078e60b0c9add16873f4d852e7edcae16e2479053a5743be1145b2d2f9c1193a7245ce250830bbad5932f5e0084cc42c2a5ad872d71d45d2d2e1f223f299', NULL);
INSERT INTO vaultstream.signatures_1 VALUES
	(1, 51, 3, '\xb188582be66c3a574d5bddfeb9e7d20c85911256b4d30df54195b9779989ce3948b2fb9bf08a3be9652205b9c0d5a2c37d50cd3f2ca920e8c6f99821fdf5f1db', NULL),
	(1, 52, 3, '\xd91cb1cee08e7e56080f29b52d90935fc7c1440107eb01d0760df283d7d2d05ded8100329c7954f10d05ac61833aabb85248962964d03b595fc7f26b2242e064', NULL),
	(1, 53, 3, '\x308edc99fd66a00a7c5ecff33afda0c7ae9be61411e1281bc3cb0684079808452c3765616e2bc004c9ef27e00a832da874b016a0742b33966ff15889666ea37c', NULL),
	(1, 54, 3, '\x73da58c7e7220cce8fceb95361d49ce09c1fb535ab17ec8d6230346039ee4f94cbd49ff930ff7e452f9e5a5a6927083cd91ac3383de5946fc107607fee711139', NULL),
	(1, 55, 3, '\xdd519e4d1de7e72657bcee54ce998e25ff9fb2f03b061b91d7a8b9e88dcb3dcc66603f6dae8241e24de3b19466f9ddf5c3ba94f810fb534c96914df024b023cf', NULL),
	(1, 56, 3, '\x870c9baabd67eaa4e8c77d96ef5b72ddfe6b896cd472bbaf42b972d2a5a82f5989afbafb4ff29e074d9e599dbe45020c07691c3ca3ceaf981a7397863b4a88aa', NULL),
	(1, 57, 3, '\x8d8a2ed57c8869049f76a1b6df525422732fb36b4d3cee07b1fee8275615144b7f845c99d6cfa301d4892a499c30556fc7f2af2d46b461ea30934219e8b5ea93', NULL),
	(1, 58, 3, '\x3d3f48b6dafaa22f8e958188821edc48d91686c672c5ab06595e38c8631746bd5d1dc23cfd452f35eb2ac857b0a29839dbb144a8e8a136b98556b83f5ca96055', NULL),
	(1, 59, 3, '\x24a188fa49d485aeacd02531e16ad1b992df76c6864bd94ff99aac8bf74597c8fb5f58a6f1c459166caaf0b27125748dc826d06cdb86fc90150374ca658cea36', NULL),
	(1, 60, 3, '\xa46e3af21fc7cae845d57774f8b2d0858594a139953d06df6c1fc71f224b25aa871ea4e5f111cc79ef16c345d549df394469bcab3497028e94f2744806bd6230', NULL),
	(1, 61, 3, '\x94b810d04e9f5e813910bd3a709f5a8e3256240b7f09c48e19467d6e46dc3bf1433e1148f3a102fe3e9ea4677586e04a10e5a428a747d0c5ebe928ce965bad24', NULL),
	(1, 62, 3, '\xef0a3ba07463754970d761c64fb6227faf503d636a9dbdad821efb96a2dc513f2126d8cc0c86a806088378be0c7a7180b14d8d26bc3e8a56cc7dad41259a8d8f', NULL),
	(1, 63, 3, '\x10772ec44a6fe72a312eda515089af6578bd81fd3b2ff68f07e45237958a154606f1651e951b6d8224cbbe0c32222b6787879b7084d6874954a2c3b5d5ca16a3', NULL),
	(1, 64, 3, '\x9a3d4ff16ead6e7318885d213aa173ac65ea226002b8ae0d8800076e65766bc5eea5f1b4f52913d95229f1692fb89d150eef98199693fe000c1544f36c22040c', NULL),
	(1, 65, 3, '\x3c245891e374a82f058401d4c9fbcc1876ba1dd82fe7bc538a41361df8e1852f69f50758fdb57e363f349a756b7b5c80d57306ed033dd098b5fd7f2c0e6a8021', NULL),
	(1, 66, 3, '\x925d1d17b0a1c8eeb8190db68f56e30e8b028c75a7b468f096e7566a88c7f7d6351ab8302f74cef540a760c1f2b44eac49f7ff234751cec1f0d66757c9e47330', NULL),
	(1, 67, 3, '\x48241fac3b69328f5efb91674865d3f920ff8332ed974a62e5b71b2de58d00c4bcd253d3138b0d77228a3a077864584a7a4b5946f68c25dae90d45efdf854b8d', NULL),
	(1, 68, 3, '\x5375dd12998f0d8677d21b383c12718b4937a6f93f9f625b728ad6031e79676e3c0e4ec73085acb4fe9d81ab26567ba584cfbf4e530ec83e71b056729c3336bb', NULL),
	(1, 69, 3, '\x20a3eb1bb118c06d904347dcd5c0790ac018f17eadf12a0071082fe68c3bab292eaba6bc59b600cf321585262cffa19fd0d46b672f5d203bee94b8856a4d2af6', NULL),
	(1, 70, 3, '\x13684e61bc01dac448de9ccfc0e7adb88598bb8f9b7753abeec59b164293215a355f9adf17f706b3e9ea65f2ca248cffb20f87c30b4f8bd654bbaf8598ec0deb', NULL),
	(1, 71, 3, '\x7273978b940c887378857fd294457349a8d422c837e3b10875e41ad7a49fb6e6c750849b5170921d6fff2c81576eacac1bbe0c3f3a766d9e3f16fc90ac844fc2', NULL),
	(1, 72, 3, '\x86a989d2058b9d174ba2abb07b8ffc1b63be6e99df102c31707230c0aa1d75c3692453c8e9262a5356e9f67274acb55bdb45be3d1b9feb0b1bb1e494ead530d2', NULL),
	(1, 73, 3, '\x751a37f04a66aa4f34a01d99064f60affa7eb1a83a166a53fa581bf2a946e0dcc88f9408877f3aecdac327a6da522f64440f96cba660df432708bddff12de609', NULL),
	(1, 74, 3, '\x8d57abe1690722f05c594f8cd0d6980bf2d4b0bea11bb67f46b8f79d65e394e1878ca4b63b47cae46b9342e1d6411bec99a358af1df7ab0b4ce6db439a6661ab', NULL),
	(1, 75, 3, '\xcd0aac258adb3dc0f3dc690fff3a3d95402f858d39579c9c91d56b1f48d85a0d14c9384302777a0c060dc2e3a4249cd5a1a632bd0ee0d1c32d29fa33fdfdda68', NULL),
	(1, 76, 3, '\xd521fb125cc0a839719bb807791f4e857fa4d2052684598e07c2b6fce8363fe448222a993428a51705b7588b2700ede5a31758c894419aa435dcce5c4659bdcf', NULL),
	(1, 77, 3, '\x2884e6cf2b14de39bac4631becc76e3622bcc3acd79397a0ef04d452e720e0082c294786e79ae4cc36e9d99f17b9f265e8af112462b375c2565ff9bde36b7eb0', NULL),
	(1, 78, 3, '\xc33b1a6ae35f444f3f3af70b42b977be3e789c87a1781a089773f30215fb14c3647a6b5c05ab3550a182459319a7b81bebd2cd40dd38b70e8be829794c0e9d73', NULL),
	(1, 79, 3, '\xd92c981645b013a6adc0171a4c16181e4c8b11065db8e36c5acae305c021d2232de7960fc18a2f107bf9b327b086805e389277ebcd768817a6663b79cd9c9e9f', NULL),
	(1, 80, 3, '\xa305c23fb5c56385a8113e805f0b1817f802a87afda2c95387712eeb1ba5393f4673044fcd933a4c286a8ca14e3cf2ae849c8948eca4b1846087803dddb9a675', NULL);
SELECT pg_catalog.setval('vaultstream.jobs_id_seq', 1, true);
SELECT pg_catalog.setval('vaultstream.key_use', 2, true);
SELECT pg_catalog.setval('vaultstream.keys_id_seq', 4, true);
ALTER TABLE ONLY vaultstream.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (job_id, batch);
ALTER TABLE ONLY vaultstream.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vaultstream.jobs
    ADD CONSTRAINT jobs_uid_key UNIQUE (uid);
ALTER TABLE ONLY vaultstream.keks
    ADD CONSTRAINT keks_pkey PRIMARY KEY (kek_id);
ALTER TABLE ONLY vaultstream.keys
    ADD CONSTRAINT keys_job_id_ordinal_version_key UNIQUE (job_id, ordinal, version);
ALTER TABLE ONLY vaultstream.keys
    ADD CONSTRAINT keys_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vaultstream.meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY vaultstream.records_1
    ADD CONSTRAINT records_1_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vaultstream.rejects
    ADD CONSTRAINT rejects_pkey PRIMARY KEY (job_id, record_id);
ALTER TABLE ONLY vaultstream.schema_history
    ADD CONSTRAINT schema_history_pkey PRIMARY KEY (version);
CREATE UNIQUE INDEX jobs_one_live_per_name ON vaultstream.jobs USING btree (cluster, namespace, name) WHERE live;
CREATE TRIGGER key_material_is_final BEFORE UPDATE OF public_key, wrapped_key, kek_id, job_id, ordinal, version ON vaultstream.keys FOR EACH ROW EXECUTE FUNCTION vaultstream.key_material_is_final();
CREATE TRIGGER signed_is_final BEFORE UPDATE ON vaultstream.batches FOR EACH ROW WHEN (((old.state = 'signed'::text) AND ((old.signed > 0) OR (new.state = 'signed'::text)))) EXECUTE FUNCTION vaultstream.signed_is_final();
ALTER TABLE ONLY vaultstream.keys
    ADD CONSTRAINT keys_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id);
ALTER TABLE ONLY vaultstream.keys
    ADD CONSTRAINT keys_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES vaultstream.keks(kek_id);
