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
COMMENT ON SCHEMA vaultstream IS 'VaultStream; rights 05b625fa94aef56799c12ba6089db5e1f80ea0026321c82661700090f13845fd';
CREATE FUNCTION public.vaultstream_note_16385() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    AS $$#variable_conflict use_column
BEGIN IF TG_LEVEL OPERATOR(pg_catalog.=) 'STATEMENT' THEN INSERT INTO public.vaultstream_arrivals_16385 (k1) SELECT "id" FROM vaultstream_new; ELSE INSERT INTO public.vaultstream_arrivals_16385 (k1) VALUES (NEW."id"); END IF; RETURN NULL; END$$;
CREATE FUNCTION vaultstream.a_receipt_is_anchored() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO vaultstream.anchors (job_id, tsa, policy)
    SELECT NEW.id, a ->> 'tsa', a ->> 'policy' FROM jsonb_array_elements(NEW.spec -> 'anchors') a ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE FUNCTION vaultstream.add_tenant(p_role name, p_cluster text, p_namespace text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.anchor_is_final() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF OLD.token IS NOT NULL OR (NEW.job_id, NEW.tsa, NEW.policy) IS DISTINCT FROM (OLD.job_id, OLD.tsa, OLD.policy) THEN
        RAISE EXCEPTION 'the anchor of job % at % is final', OLD.job_id, OLD.tsa USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION vaultstream.begin_follow(p_job bigint, p_lease uuid, OUT outcome text, OUT epoch bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.begin_plan(p_job bigint, p_lease uuid, OUT outcome text, OUT epoch bigint, OUT planned_up_to bigint, OUT high bigint, OUT batches bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.check_driver() RETURNS void
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT vaultstream.drives_jobs() THEN
        RAISE EXCEPTION 'the login % may not drive jobs', session_user
            USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT vaultstream_operator TO %I;', session_user);
    END IF;
END $$;
CREATE FUNCTION vaultstream.claim_rows(p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_rows bigint, p_columns text[], p_types text[], p_access text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    known   constant text[] := '{int2,int4,int8,bool,uuid,text,varchar,bpchar,date,time,timestamp,timestamptz,numeric,bytea,inet}';
    table_name constant text := 'vaultstream.rows_' || p_job;
    outcome text := vaultstream.may_plan_rows(p_job, p_epoch, p_lease, p_after, p_rows);
    j       vaultstream.jobs;
    named   jsonb;
BEGIN
    IF outcome <> 'more' THEN RETURN outcome; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job;
    named := coalesce(j.spec #> '{source,table,keyColumns}', jsonb_build_array(j.spec #> '{source,table,key}'));
    IF cardinality(p_columns) NOT BETWEEN 1 AND 16 OR cardinality(p_types) <> cardinality(p_columns) OR NOT p_types <@ known
            OR array_position(p_columns, NULL) IS NOT NULL OR EXISTS (SELECT FROM unnest(p_columns) AS c WHERE octet_length(c) > 63)
            OR coalesce(p_access NOT IN ('range', 'lookup', 'join'), true) OR j.spec #> '{source,table}' IS NULL
            OR named <> '[null]' AND named <> to_jsonb(p_columns)
            OR j.key_columns IS NOT NULL AND (j.key_columns, j.key_types, j.key_access, j.has_ordinals)
                                             IS DISTINCT FROM (p_columns, p_types, p_access, true)
            OR j.key_columns IS NULL AND j.seeded > 0 THEN
        RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
    ELSIF j.key_columns IS NULL THEN
        EXECUTE format('CREATE TABLE %s (ordinal bigint NOT NULL, %s)', table_name, (
            SELECT string_agg(format('k%s %s %s NOT NULL', w.place, w.type,
                                     CASE WHEN w.type IN ('text', 'varchar', 'bpchar') THEN 'COLLATE "C"' END), ', ' ORDER BY w.place)
              FROM unnest(p_types) WITH ORDINALITY AS w (type, place)));
        UPDATE vaultstream.jobs
           SET key_columns = p_columns, key_types = p_types, key_access = p_access, has_ordinals = true WHERE id = p_job;
        PERFORM vaultstream.make_signed_view(p_job);
        PERFORM vaultstream.grant_partition(('vaultstream.signatures_' || p_job)::regclass, false);
        PERFORM vaultstream.grant_partition(table_name::regclass, false);
    END IF;
    RETURN 'more';
END $$;
CREATE FUNCTION vaultstream.close_part(p_job bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '200ms'
    AS $_$
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
END $_$;
CREATE FUNCTION vaultstream.close_partitions(p_job bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    part    regclass;
    grantee text;
    rights  text;
BEGIN
    PERFORM vaultstream.check_driver();
    FOR part, grantee, rights IN
        SELECT c.oid::regclass, quote_ident(r.rolname), string_agg(DISTINCT a.privilege_type, ', ')
          FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
         WHERE c.relnamespace = 'vaultstream'::regnamespace
           AND c.relname IN ('records_' || p_job, 'signatures_' || p_job, 'rows_' || p_job)
           AND a.grantee <> c.relowner AND r.rolname <> 'vaultstream_auditor'
           AND NOT (a.privilege_type = 'SELECT' AND EXISTS (
                SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                 WHERE j.id = p_job AND t.role = r.rolname))
         GROUP BY c.oid, r.rolname
    LOOP
        EXECUTE format('REVOKE %s ON %s FROM %s', rights, part, grantee);
    END LOOP;
END $$;
CREATE FUNCTION vaultstream.complete_records(p_job bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET maintenance_work_mem TO '256MB'
    AS $$
DECLARE
    records constant text := 'vaultstream.records_' || p_job;
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (id)', records);
    EXECUTE format('ANALYZE %s', records);
    EXECUTE format('ALTER TABLE vaultstream.records ATTACH PARTITION %s FOR VALUES IN (%s)', records, p_job);
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vaultstream_operator') THEN
        EXECUTE format('REVOKE INSERT ON %s FROM vaultstream_operator', records);
    END IF;
END $$;
CREATE FUNCTION vaultstream.complete_signatures(p_job bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET maintenance_work_mem TO '256MB'
    SET lock_timeout TO '2s'
    AS $$
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
CREATE FUNCTION vaultstream.count_attempt(p_job bigint, p_batches bigint[], p_why text) RETURNS TABLE(batch bigint, attempts integer)
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    WITH open AS (
        SELECT o.batch FROM vaultstream.batches o
         WHERE o.job_id = p_job AND o.batch = ANY (p_batches) AND o.state <> 'signed' AND vaultstream.works_on(p_job)
         ORDER BY o.batch FOR NO KEY UPDATE)
    UPDATE vaultstream.batches b SET attempts = b.attempts + 1, last_error = left(p_why, 500)
      FROM open WHERE b.job_id = p_job AND b.batch = open.batch RETURNING b.batch, b.attempts
$$;
CREATE FUNCTION vaultstream.data_key_is_final() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NEW.job_id <> OLD.job_id OR OLD.erased_at IS NOT NULL
       OR NOT (CASE WHEN NEW.erased_at IS NOT NULL THEN NEW.made_at IS NOT DISTINCT FROM OLD.made_at
                    WHEN OLD.wrapped_key IS NULL THEN NEW.wrapped_key IS NOT NULL
                    ELSE NEW.made_at = OLD.made_at AND NEW.wrapped_key <> OLD.wrapped_key AND NEW.kek_id <> OLD.kek_id END) THEN
        RAISE EXCEPTION 'the data key of job % is final', OLD.job_id USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION vaultstream.data_key_of(p_job bigint, OUT state text, OUT wrapped_key bytea, OUT kek_id text) RETURNS record
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    d vaultstream.data_keys;
BEGIN
    SELECT * INTO d FROM vaultstream.data_keys WHERE job_id = p_job AND vaultstream.works_on(p_job);
    state := CASE WHEN NOT FOUND THEN 'none' WHEN d.erased_at IS NOT NULL THEN 'erased'
                  WHEN d.wrapped_key IS NULL THEN 'unmade' ELSE 'made' END;
    wrapped_key := d.wrapped_key;
    kek_id := d.kek_id;
END $$;
CREATE FUNCTION vaultstream.driver_holds(p_lock bigint) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT EXISTS (
        SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
           AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND (l.classid::bigint << 32 | l.objid::bigint) = p_lock AND l.pid <> pg_backend_pid()
           AND EXISTS (SELECT FROM pg_roles r
                        WHERE (r.rolname = 'vaultstream_operator'
                               OR r.oid = (SELECT relowner FROM pg_class WHERE oid = 'vaultstream.jobs'::regclass))
                          AND pg_has_role(a.usesysid, r.oid, 'MEMBER')))
$$;
CREATE FUNCTION vaultstream.drives_jobs() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'vaultstream.jobs'::regclass), 'MEMBER')
        OR NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
           AND EXISTS (SELECT FROM pg_roles
                        WHERE rolname = 'vaultstream_operator' AND pg_has_role(session_user, oid, 'MEMBER'));
END $$;
CREATE FUNCTION vaultstream.drop_partition(p_job bigint, p_is_records boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '100ms'
    AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    IF NOT p_is_records THEN
        PERFORM vaultstream.drop_signed_view(p_job);
        EXECUTE format('DROP TABLE IF EXISTS vaultstream.rows_%s', p_job);
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS vaultstream.%s_%s', CASE WHEN p_is_records THEN 'records' ELSE 'signatures' END, p_job);
END $$;
CREATE FUNCTION vaultstream.drop_signed_view(p_job bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    view_name constant name := (SELECT signed_view FROM vaultstream.jobs WHERE id = p_job);
BEGIN
    IF view_name IS NOT NULL THEN
        EXECUTE format('DROP VIEW IF EXISTS vaultstream.%I', view_name);
        UPDATE vaultstream.jobs SET signed_view = NULL WHERE id = p_job;
    END IF;
END $$;
CREATE FUNCTION vaultstream.end_expired(p_job bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT vaultstream.works_on(p_job) AND NOT vaultstream.drives_jobs() THEN
        RETURN 0;
    END IF;
    RETURN (SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
              FROM pg_stat_activity a
              JOIN vaultstream.keys k ON a.application_name = 'vs:' || k.holder::text
             WHERE k.job_id = p_job AND k.lease_until < clock_timestamp() AND a.datname = current_database()
               AND a.pid <> pg_backend_pid());
END $$;
CREATE FUNCTION vaultstream.end_shared_role() RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    relation regclass;
BEGIN
    IF NOT (SELECT shared_role FROM vaultstream.meta) THEN
        RETURN true;
    ELSIF EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
                   WHERE r.rolname = 'vaultstream_worker' AND l.rolcanlogin
                     -- Since 16 the maker of a role is its member, without its rights.
                     AND pg_has_role(l.oid, r.oid, 'USAGE') AND NOT l.rolsuper) THEN
        RETURN false;
    END IF;
    UPDATE vaultstream.meta SET shared_role = false;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'vaultstream_worker') THEN
        REVOKE ALL ON SCHEMA vaultstream FROM vaultstream_worker;
        REVOKE ALL ON ALL TABLES IN SCHEMA vaultstream FROM vaultstream_worker;
        REVOKE ALL ON ALL SEQUENCES IN SCHEMA vaultstream FROM vaultstream_worker;
        REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vaultstream FROM vaultstream_worker;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION vaultstream.erase_keys(p_job bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE vaultstream.data_keys SET wrapped_key = NULL, kek_id = NULL, erased_at = clock_timestamp()
     WHERE job_id = p_job AND erased_at IS NULL;
    UPDATE vaultstream.keys
       SET wrapped_key = NULL, kek_id = NULL, erased_at = CASE WHEN wrapped_key IS NULL THEN erased_at ELSE clock_timestamp() END,
           state = CASE state WHEN 'active' THEN 'erased' ELSE state END, holder = NULL, lease_until = NULL
     WHERE job_id = p_job AND (wrapped_key IS NOT NULL OR state = 'active');
$$;
CREATE FUNCTION vaultstream.fence_unit(p_job bigint, p_batches bigint[], p_firsts bigint[], p_lasts bigint[], p_key bigint, p_epoch bigint, p_lease uuid, p_signs bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
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
CREATE FUNCTION vaultstream.finish_sealed_unit(p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[], p_trees bytea[], p_seals bytea[], p_reject_ids bigint[], p_reject_reasons text[], p_reject_details text[], p_reject_attempts integer[], p_key bigint, p_lease uuid, p_release boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
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
               tree_root = u.tree, seal = u.seal,
               key_id = CASE WHEN u.signed > 0 OR u.seal IS NOT NULL THEN p_key END,
               lease = p_lease, signed_at = clock_timestamp()
          FROM (SELECT w.*, f.ctid AS place
                  FROM unnest(p_batches, p_rows, p_signed, p_rejected, p_roots, p_trees, p_seals)
                       AS w (batch, rows, signed, rejected, root, tree, seal)
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
CREATE FUNCTION vaultstream.finish_unit(p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[], p_reject_ids bigint[], p_reject_reasons text[], p_reject_details text[], p_reject_attempts integer[], p_key bigint, p_lease uuid, p_release boolean) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT vaultstream.finish_sealed_unit(
        p_job, p_batches, p_rows, p_signed, p_rejected, p_roots, NULL, NULL,
        p_reject_ids, p_reject_reasons, p_reject_details, p_reject_attempts, p_key, p_lease, p_release)
$$;
CREATE FUNCTION vaultstream.follow_spec() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.grant_partition(p_partition regclass, p_is_records boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    job     constant bigint := (SELECT vaultstream.job_of_partition(relname) FROM pg_class WHERE oid = p_partition);
    phase   constant text := coalesce((SELECT state FROM vaultstream.jobs WHERE id = job), 'Pending');
    seeds   constant boolean := phase IN ('Pending', 'Provisioning', 'Seeding');
    signs   constant boolean := seeds OR phase = 'Signing';
    grows   constant boolean := CASE WHEN (SELECT relname LIKE 'rows%' FROM pg_class WHERE oid = p_partition)
        THEN seeds AND NOT (SELECT plan_is_complete FROM vaultstream.jobs WHERE id = job) ELSE NOT p_is_records AND signs END;
    people  constant name := (SELECT signed_view FROM vaultstream.jobs WHERE id = job AND NOT p_is_records);
    readers text;
    viewers text;
    writers text;
BEGIN
    SELECT string_agg(quote_ident(g.role), ', ') FILTER (WHERE g.reads), string_agg(quote_ident(g.role), ', ') FILTER (WHERE g.views),
           string_agg(quote_ident(g.role), ', ') FILTER (WHERE g.writes)
      INTO readers, viewers, writers
      FROM (SELECT 'vaultstream_auditor'::name AS role, true AS reads, true AS views, false AS writes
             UNION ALL SELECT 'vaultstream_operator', false, false, p_is_records AND seeds
             UNION ALL SELECT 'vaultstream_worker', signs OR phase = 'Finishing', false, grows
                         FROM vaultstream.meta WHERE shared_role
             UNION ALL SELECT t.role, true, true, grows
                         FROM vaultstream.tenants t JOIN vaultstream.jobs j ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                        WHERE j.id = job) g
      JOIN pg_roles r ON r.rolname = g.role;
    IF readers IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON %s TO %s', p_partition, readers);
    END IF;
    IF viewers IS NOT NULL AND people IS NOT NULL THEN
        EXECUTE format('GRANT SELECT ON vaultstream.%I TO %s', people, viewers);
    END IF;
    IF writers IS NOT NULL THEN
        EXECUTE format('GRANT INSERT ON %s TO %s', p_partition, writers);
    END IF;
END $$;
CREATE FUNCTION vaultstream.index_row_keys(p_job bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX rows_%1$s_keys ON vaultstream.rows_%1$s (%2$s)', p_job,
                   (SELECT string_agg('k' || g, ', ' ORDER BY g)
                      FROM vaultstream.jobs, generate_series(1, cardinality(key_columns)) AS g WHERE id = p_job));
END $_$;
CREATE FUNCTION vaultstream.job_of_lease(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS bigint
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT k.job_id FROM vaultstream.keys k
     WHERE k.id = p_key AND k.epoch >= p_epoch
       AND (k.holder = p_lease
            OR EXISTS (SELECT 1 FROM vaultstream.batches b WHERE b.job_id = k.job_id AND b.lease = p_lease))
       AND vaultstream.works_on(k.job_id)
$$;
CREATE FUNCTION vaultstream.job_of_partition(p_table name) RETURNS bigint
    LANGUAGE sql IMMUTABLE
    AS $_$
    SELECT CASE WHEN p_table ~ '^(records|signatures|rows)_[0-9]{1,18}$' THEN substring(p_table FROM '[0-9]+$')::bigint END
$_$;
CREATE FUNCTION vaultstream.kek_canary(p_kek text) RETURNS bytea
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT canary FROM vaultstream.keks WHERE kek_id = p_kek
$$;
CREATE FUNCTION vaultstream.key_material_is_final() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF OLD.public_key IS NOT NULL AND (NEW.public_key, NEW.wrapped_key, NEW.kek_id, NEW.erased_at)
            IS DISTINCT FROM (OLD.public_key, OLD.wrapped_key, OLD.kek_id, OLD.erased_at) THEN
        IF NEW.public_key IS DISTINCT FROM OLD.public_key OR OLD.erased_at IS NOT NULL
                OR (NEW.erased_at IS NULL AND (OLD.kek_id IS NULL OR NEW.kek_id IS NULL
                    OR NEW.kek_id = OLD.kek_id OR NEW.wrapped_key = OLD.wrapped_key)) THEN
            RAISE EXCEPTION 'the material of key % is final', OLD.id USING ERRCODE = 'VS008';
        END IF;
    END IF;
    IF (NEW.job_id, NEW.ordinal, NEW.version) IS DISTINCT FROM (OLD.job_id, OLD.ordinal, OLD.version) THEN
        RAISE EXCEPTION 'the name of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    IF OLD.revoked_at IS NOT NULL AND (NEW.revoked_at, NEW.state) IS DISTINCT FROM (OLD.revoked_at, OLD.state) THEN
        RAISE EXCEPTION 'the revocation of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION vaultstream.lease_key(p_job bigint, p_key bigint, p_lease uuid, p_duration interval, OUT outcome text, OUT held_for interval, OUT blocked boolean, OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint, OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    SELECT t.* INTO outcome, held_for, blocked, ordinal, version, epoch, signed, public_key, wrapped_key, kek_id
      FROM vaultstream.take_lease_before_v15(p_job, p_key, p_lease, p_duration) t;
    IF outcome = 'held' AND EXISTS (SELECT 1 FROM vaultstream.keys k
                                     WHERE k.id = p_key AND k.job_id = p_job AND k.state IN ('revoked', 'erased')) THEN
        outcome := 'retired';
    END IF;
END $$;
CREATE FUNCTION vaultstream.lock_keys(p_job bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    PERFORM 1 FROM vaultstream.keys WHERE job_id = p_job ORDER BY id FOR NO KEY UPDATE;
END $$;
CREATE FUNCTION vaultstream.make_job_lock() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    INSERT INTO vaultstream.job_locks (job_id) VALUES (NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION vaultstream.make_signed_view(p_job bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET lock_timeout TO '1s'
    AS $_$
DECLARE
    j         constant vaultstream.jobs := (SELECT t FROM vaultstream.jobs t WHERE t.id = p_job);
    wanted    text := 'signed_' || j.namespace || '_' || j.name;
    others    constant text[] := '{signature,key_id,batch,signed_at,digest,record_id}';
    key       text := coalesce(j.key_columns[1], j.spec #>> '{source,table,key}', 'id');
    keys      text;
    named     text := '';
    rows      text := '';
    holder    bigint;
BEGIN
    PERFORM vaultstream.drop_signed_view(p_job);
    IF key IN ('signature', 'key_id', 'batch', 'signed_at', 'digest') THEN
        key := 'record_id';
    END IF;
    keys := format('s.record_id AS %I', key);
    IF j.has_ordinals THEN
        SELECT string_agg(format('r.k%s AS %I', w.place, CASE WHEN w.name = ANY (others) THEN left('key_' || w.name, 63) ELSE w.name END),
                          ', ' ORDER BY w.place)
          INTO keys FROM unnest(j.key_columns) WITH ORDINALITY AS w (name, place);
        named := ', s.record_id';
        rows := format('JOIN vaultstream.rows_%s r ON r.ordinal = s.record_id', p_job);
    END IF;
    SELECT t.id INTO holder FROM vaultstream.jobs t WHERE t.signed_view = wanted::name;
    BEGIN
        IF octet_length(wanted) > 63 OR holder IN (SELECT t.id FROM vaultstream.jobs t WHERE t.live OR t.cluster <> j.cluster)
                OR holder IS NULL AND to_regclass(format('vaultstream.%I', wanted)) IS NOT NULL THEN
            RAISE EXCEPTION USING ERRCODE = 'lock_not_available';
        ELSIF holder IS NOT NULL THEN
            PERFORM vaultstream.drop_signed_view(holder);
        END IF;
    EXCEPTION WHEN lock_not_available THEN
        wanted := left(wanted, 62 - length(p_job::text)) || '_' || p_job;
    END;
    EXECUTE format($view$
        CREATE VIEW vaultstream.%I AS
        SELECT %s, s.signature, k.thumbprint AS key_id, b.batch, b.signed_at, s.digest%s
          FROM vaultstream.signatures_%s s %s
          -- OFFSET 0: once for each key.
          JOIN (SELECT id, rtrim(translate(encode(sha256(convert_to(format('{"crv":"P-256","kty":"EC","x":"%%s","y":"%%s"}',
                                   rtrim(translate(encode(substr(public_key, 28, 32), 'base64'), '+/', '-_'), '='),
                                   rtrim(translate(encode(substr(public_key, 60, 32), 'base64'), '+/', '-_'), '=')), 'UTF8')), 'base64'),
                                 '+/', '-_'), '=') AS thumbprint
                  FROM vaultstream.keys WHERE job_id = %s OFFSET 0) k ON k.id = s.key_id
         CROSS JOIN LATERAL (SELECT batch, signed_at FROM vaultstream.batches
                              WHERE job_id = %s AND first_id <= s.record_id ORDER BY first_id DESC LIMIT 1) b$view$,
        wanted, keys, named, p_job, rows, p_job, p_job);
    UPDATE vaultstream.jobs SET signed_view = wanted WHERE id = p_job;
END $_$;
CREATE FUNCTION vaultstream.may_plan_rows(p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_rows bigint) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    most    constant bigint := 5000000;  -- batches of a job
    j       vaultstream.jobs;
    want_rows    bigint;
    want_batches bigint;
BEGIN
    IF NOT vaultstream.works_on(p_job) THEN RETURN 'lost'; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job FOR NO KEY UPDATE;
    IF NOT FOUND OR j.state <> 'Seeding' OR j.suspended OR j.plan_is_complete OR j.plan_epoch <> p_epoch
            OR j.plan_lease IS DISTINCT FROM p_lease OR j.seeded IS DISTINCT FROM p_after THEN
        RETURN 'lost';
    END IF;
    IF p_rows IS NULL OR p_rows NOT BETWEEN 0 AND 1000000 THEN
        RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
    END IF;
    want_rows := j.seeded + p_rows;
    want_batches := coalesce(j.batches, 0) + (p_rows + (j.spec ->> 'batchSize')::bigint - 1) / (j.spec ->> 'batchSize')::bigint;
    IF want_batches > most THEN
        RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
    ELSIF want_rows > coalesce(j.plan_rows_allowed, -1) OR want_batches > coalesce(j.plan_batches_allowed, -1) THEN
        UPDATE vaultstream.jobs
           SET plan_rows_wanted = want_rows, plan_batches_wanted = want_batches, plan_lease_until = clock_timestamp() + interval '30 s'
         WHERE id = p_job;
        RETURN 'wait';
    END IF;
    RETURN 'more';
END $$;
CREATE FUNCTION vaultstream.note_arrivals(p_job bigint, p_epoch bigint, p_lease uuid, p_arrivals oid) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE vaultstream.jobs j SET follow_arrivals = p_arrivals
     WHERE j.id = p_job AND j.plan_epoch = p_epoch AND j.plan_lease = p_lease AND j.state = 'Seeding' AND j.follow_state IS NOT NULL
       AND j.follow_arrivals IS NULL AND j.seeded = 0 AND vaultstream.works_on(p_job)
$$;
CREATE FUNCTION vaultstream.note_key(p_job bigint, p_epoch bigint, p_lease uuid, p_column text, p_type text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE vaultstream.jobs j
       SET key_columns = ARRAY[p_column], key_types = ARRAY[p_type], key_access = 'range'
     WHERE j.id = p_job AND j.plan_epoch = p_epoch AND j.plan_lease = p_lease AND j.state = 'Seeding' AND j.key_columns IS NULL
       AND vaultstream.works_on(p_job) AND p_type IN ('int2', 'int4', 'int8') AND octet_length(p_column) <= 63
       AND j.spec #> '{source,table}' IS NOT NULL AND j.spec #> '{source,table,key}' IS NULL
       AND coalesce(j.spec #> '{source,table,keyColumns}', jsonb_build_array(p_column)) = jsonb_build_array(p_column);
    IF FOUND THEN
        PERFORM vaultstream.make_signed_view(p_job);
        PERFORM vaultstream.grant_partition(('vaultstream.signatures_' || p_job)::regclass, false);
    END IF;
END $$;
CREATE FUNCTION vaultstream.only_owners_set_keys_aside() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        RAISE EXCEPTION 'only vaultstream.set_key_aside may set key % aside', OLD.id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION vaultstream.pairs_for_receipt(p_job bigint, p_keys bigint[]) RETURNS TABLE(id bigint, version integer, public_key bytea, wrapped_key bytea, kek_id text, origin bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT k.id, k.version, k.public_key, k.wrapped_key, k.kek_id, k.origin
      FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id
     WHERE k.job_id = p_job AND k.id = ANY (p_keys) AND k.ordinal > 0 AND k.public_key IS NOT NULL
       AND (j.state = 'Finishing' OR j.state = 'Signing' AND j.follow_state IS NOT NULL) AND vaultstream.works_on(p_job)
$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
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
    backends text[] DEFAULT '{}'::text[] NOT NULL,
    spec_generation bigint DEFAULT 0 NOT NULL,
    failure_reason text,
    source_database oid,
    source_table oid,
    source_partitioned boolean,
    fault_reason text,
    fault text,
    withdrawn text[] DEFAULT '{}'::text[] NOT NULL,
    plan_epoch bigint DEFAULT 0 NOT NULL,
    plan_lease uuid,
    plan_lease_until timestamp with time zone,
    plan_is_complete boolean DEFAULT false NOT NULL,
    plan_rows_wanted bigint,
    plan_batches_wanted bigint,
    plan_rows_allowed bigint,
    plan_batches_allowed bigint,
    source_fault_reason text,
    source_fault text,
    source_fault_passes boolean,
    signed_view name,
    key_columns text[],
    key_types text[],
    has_ordinals boolean DEFAULT false NOT NULL,
    key_access text,
    follow_state text,
    follow_arrivals oid,
    follow_scans boolean DEFAULT false NOT NULL,
    follow_scan_after text[],
    follow_scanned_at timestamp with time zone,
    follow_found bigint DEFAULT 0 NOT NULL,
    follow_drained boolean DEFAULT false NOT NULL,
    follow_oldest timestamp with time zone,
    follow_read_at timestamp with time zone,
    follow_waiting bigint,
    follow_waiting_since timestamp with time zone,
    part integer,
    part_first bigint,
    part_opened_at timestamp with time zone,
    part_end bigint,
    CONSTRAINT jobs_check CHECK (((fault_reason IS NULL) = (fault IS NULL))),
    CONSTRAINT jobs_check1 CHECK ((((source_fault_reason IS NULL) = (source_fault IS NULL)) AND ((source_fault_passes IS NULL) = (source_fault IS NULL)))),
    CONSTRAINT jobs_follow_state_check CHECK ((follow_state = ANY (ARRAY['following'::text, 'ending'::text, 'ended'::text]))),
    CONSTRAINT jobs_key_access_check CHECK ((key_access = ANY (ARRAY['range'::text, 'lookup'::text, 'join'::text]))),
    CONSTRAINT jobs_merkle_root_check CHECK ((octet_length(merkle_root) = 32)),
    CONSTRAINT jobs_state_check CHECK ((state = ANY (ARRAY['Pending'::text, 'Provisioning'::text, 'Seeding'::text, 'Signing'::text, 'Finishing'::text, 'Complete'::text, 'Failed'::text, 'Deleting'::text])))
);
CREATE FUNCTION vaultstream.part_is_due(j vaultstream.jobs) RETURNS boolean
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT j.part_end IS NOT NULL OR j.seeded >= j.part_first AND
           (j.seeded - j.part_first + 1 >= l.rows OR j.part_opened_at <= clock_timestamp() - l.age)
      FROM vaultstream.part_limits() l
$$;
CREATE FUNCTION vaultstream.part_limits(OUT rows bigint, OUT age interval) RETURNS record
    LANGUAGE sql IMMUTABLE
    AS $$
    SELECT 100000000::bigint, interval '1 month'
$$;
CREATE FUNCTION vaultstream.plan_arrivals(p_job bigint, p_epoch bigint, p_lease uuid, p_rows text[], p_age interval, p_close_after interval, p_arrivals oid, p_all boolean, p_waiting bigint, p_waiting_age interval, p_scan text, p_scan_after text[], OUT outcome text, OUT planned bigint, OUT unbatched bigint) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
END $_$;
CREATE FUNCTION vaultstream.plan_batches(p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_lasts bigint[], p_counts bigint[], p_high bigint, p_is_last boolean, p_payload_type text, p_database oid, p_table oid, p_partitioned boolean) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.plan_rows(p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_rows bigint, p_is_last boolean, p_payload_type text, p_database oid, p_table oid, p_partitioned boolean) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET maintenance_work_mem TO '256MB'
    AS $$
DECLARE
    of_payload constant text[] := '{bytea,text,varchar,json,jsonb,uuid}';
    of_row constant text[] := of_payload || '{bool,int2,int4,int8,float4,float8,numeric,bpchar,date,time,timetz,timestamp,timestamptz,interval,bit,varbit,cidr,inet,macaddr,macaddr8}'::text[];
    outcome text := vaultstream.may_plan_rows(p_job, p_epoch, p_lease, p_after, p_rows);
    j       vaultstream.jobs;
    types   text[] := string_to_array(p_payload_type, ',');
    seen    record;
    size    bigint;
    grantee text;
BEGIN
    IF outcome <> 'more' THEN RETURN 'lost'; END IF;
    SELECT * INTO j FROM vaultstream.jobs WHERE id = p_job;
    size := (j.spec ->> 'batchSize')::bigint;
    IF NOT j.has_ordinals OR p_is_last IS NULL
            OR coalesce(NOT types <@ CASE WHEN j.spec #> '{source,table,columns}' IS NULL THEN of_payload ELSE of_row END, true)
            OR cardinality(types) <> coalesce(jsonb_array_length(j.spec #> '{source,table,columns}'), 1)
            OR p_database IS NULL OR p_table IS NULL OR p_partitioned IS NULL THEN
        RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
    END IF;
    INSERT INTO vaultstream.batches (job_id, batch, first_id, last_id, rows_planned)
    SELECT p_job, coalesce(j.batches, 0) + g, p_after + g * size + 1, least(p_after + (g + 1) * size, p_after + p_rows),
           least(size, p_rows - g * size)
      FROM generate_series(0, (p_rows + size - 1) / size - 1) AS g;
    IF p_is_last THEN
        -- This locks the table first, so that no row is added between the count and the commit.
        EXECUTE format('ALTER TABLE vaultstream.rows_%s ADD PRIMARY KEY (ordinal)', p_job);
        EXECUTE format('SELECT count(*) AS rows, coalesce(min(ordinal), 1) AS first, coalesce(max(ordinal), 0) AS last FROM vaultstream.rows_%s',
                       p_job) INTO seen;
        IF (seen.rows, seen.first, seen.last) <> (p_after + p_rows, 1, p_after + p_rows) THEN
            RAISE EXCEPTION 'this is not a plan of job %', p_job USING ERRCODE = 'VS011';
        END IF;
        IF j.spec -> 'follow' IS NOT NULL THEN
            PERFORM vaultstream.index_row_keys(p_job);
        END IF;
        FOR grantee IN
            SELECT quote_ident(r.rolname) FROM pg_class c, aclexplode(c.relacl) a JOIN pg_roles r ON r.oid = a.grantee
             WHERE c.oid = ('vaultstream.rows_' || p_job)::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner
        LOOP
            EXECUTE format('REVOKE INSERT ON vaultstream.rows_%s FROM %s', p_job, grantee);
        END LOOP;
    END IF;
    UPDATE vaultstream.jobs
       SET batches = coalesce(j.batches, 0) + (p_rows + size - 1) / size, seeded = j.seeded + p_rows, plan_cursor = j.seeded + p_rows,
           payload_type = p_payload_type, source_database = p_database, source_table = p_table,
           source_partitioned = p_partitioned, plan_is_complete = p_is_last,
           plan_lease_until = CASE WHEN NOT p_is_last THEN clock_timestamp() + interval '30 s' END
     WHERE id = p_job;
    RETURN CASE WHEN p_is_last THEN 'complete' ELSE 'more' END;
END $$;
CREATE FUNCTION vaultstream.provision(p_job bigint, p_keys integer, p_with_records boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
END $_$;
CREATE FUNCTION vaultstream.register_kek(p_kek text, p_canary bytea) RETURNS bytea
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.release_lease(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE vaultstream.keys SET holder = NULL, lease_until = NULL
     WHERE id = p_key AND epoch = p_epoch AND holder = p_lease AND vaultstream.works_on(job_id);
    RETURN FOUND;
END $$;
CREATE FUNCTION vaultstream.release_plan(p_job bigint, p_epoch bigint, p_lease uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE vaultstream.jobs SET plan_lease_until = NULL
     WHERE id = p_job AND plan_epoch = p_epoch AND plan_lease = p_lease AND vaultstream.works_on(id);
    RETURN FOUND;
END $$;
CREATE FUNCTION vaultstream.remove_tenant(p_cluster text, p_namespace text) RETURNS name
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.report_fault(p_key bigint, p_epoch bigint, p_lease uuid, p_reason text, p_why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    job bigint := vaultstream.job_of_lease(p_key, p_epoch, p_lease);
BEGIN
    UPDATE vaultstream.jobs SET fault_reason = left(p_reason, 50), fault = left(p_why, 500)
     WHERE id = job AND fault IS NULL AND state IN ('Signing', 'Finishing');
    RETURN job IS NOT NULL;
END $$;
CREATE FUNCTION vaultstream.report_source(p_job bigint, p_reason text, p_fault text, p_passes boolean) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE vaultstream.jobs
       SET source_fault_reason = left(p_reason, 50), source_fault = left(p_fault, 2000), source_fault_passes = p_passes
     WHERE id = p_job AND state IN ('Seeding', 'Signing') AND spec #> '{source,table}' IS NOT NULL AND vaultstream.works_on(id);
    RETURN FOUND;
END $$;
CREATE FUNCTION vaultstream.report_withdrawal(p_key bigint, p_epoch bigint, p_lease uuid, p_backend text, p_why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    job bigint := vaultstream.job_of_lease(p_key, p_epoch, p_lease);
BEGIN
    UPDATE vaultstream.jobs SET withdrawn = array_append(withdrawn, left(p_backend, 20) || ': ' || left(p_why, 300))
     WHERE id = job AND state IN ('Signing', 'Finishing') AND cardinality(withdrawn) < 10
       AND NOT EXISTS (SELECT 1 FROM unnest(withdrawn) AS w WHERE starts_with(w, left(p_backend, 20) || ': '));
    RETURN job IS NOT NULL;
END $$;
CREATE FUNCTION vaultstream.request_certificate(p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_challenge bytea, p_signature bytea, p_tag bytea) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    most constant integer := 10;  -- challenges of one job: one for each operator that has led while it waits
BEGIN
    PERFORM 1 FROM vaultstream.keys
      WHERE id = p_key AND job_id = p_job AND ordinal = 0 AND epoch = p_epoch AND holder = p_lease
        AND lease_until > clock_timestamp() AND public_key IS NOT NULL AND vaultstream.works_on(p_job) FOR NO KEY UPDATE;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM vaultstream.jobs WHERE id = p_job AND state = 'Finishing' AND receipt IS NULL) THEN
        RETURN false;
    END IF;
    DELETE FROM vaultstream.receipt_certificates WHERE job_id = p_job AND (challenge = p_challenge OR key_id <> p_key OR chain IS NOT NULL);
    DELETE FROM vaultstream.receipt_certificates WHERE job_id = p_job AND challenge IN (
        SELECT challenge FROM vaultstream.receipt_certificates WHERE job_id = p_job ORDER BY requested_at DESC OFFSET most - 1);
    INSERT INTO vaultstream.receipt_certificates (job_id, challenge, key_id, signature, tag)
    VALUES (p_job, p_challenge, p_key, p_signature, p_tag);
    RETURN true;
END $$;
CREATE FUNCTION vaultstream.retire_key(p_key bigint, p_epoch bigint, p_lease uuid) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE vaultstream.keys SET state = 'retired', holder = NULL, lease_until = NULL
     WHERE id = p_key AND epoch = p_epoch AND holder = p_lease AND state = 'active' AND lease_until > clock_timestamp()
       AND vaultstream.works_on(job_id);
    RETURN FOUND;
END $$;
CREATE FUNCTION vaultstream.retry_rejects(p_job bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.revoke_key(p_key bigint, p_reason text, p_compromised boolean) RETURNS boolean
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    k vaultstream.keys;
BEGIN
    UPDATE vaultstream.keys SET state = 'revoked', revoked_at = clock_timestamp(), revocation = left(p_reason, 500),
           compromised = p_compromised, holder = NULL, lease_until = NULL
     WHERE id = p_key AND revoked_at IS NULL RETURNING * INTO k;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO vaultstream.keys (job_id, ordinal, version)
    SELECT job_id, ordinal, max(version) + 1 FROM vaultstream.keys WHERE job_id = k.job_id AND ordinal = k.ordinal
     GROUP BY job_id, ordinal HAVING bool_and(state <> 'active')
       AND EXISTS (SELECT 1 FROM vaultstream.jobs WHERE id = k.job_id AND receipt IS NULL AND state IN ('Seeding', 'Signing', 'Finishing'));
    RETURN true;
END $$;
CREATE FUNCTION vaultstream.sees_all() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN vaultstream.works_on_all()
        OR NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
           AND EXISTS (SELECT FROM pg_roles
                        WHERE rolname IN ('vaultstream_auditor', 'vaultstream_operator') AND pg_has_role(session_user, oid, 'MEMBER'));
END $$;
CREATE FUNCTION vaultstream.set_key_aside(p_key bigint, p_epoch bigint, p_lease uuid, p_why text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.signed_is_final() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION 'batch % of job % is signed, which is final', OLD.batch, OLD.job_id USING ERRCODE = 'VS009';
END $$;
CREATE FUNCTION vaultstream.signs_with(p_job bigint, p_backend text) RETURNS void
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    UPDATE vaultstream.jobs SET backends = array_append(backends, left(p_backend, 20))
     WHERE id = p_job AND left(p_backend, 20) <> ALL (backends) AND state = 'Signing' AND cardinality(backends) < 10
       AND vaultstream.works_on(p_job);
$$;
CREATE FUNCTION vaultstream.split_batch(p_job bigint, p_batch bigint, p_at bigint, p_head_rows bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.store_checkpoint(p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_previous bytea, p_checkpoint text, p_batches bigint, p_records bigint, p_root bytea, p_spec text, p_state bytea, p_backend text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.store_data_key(p_job bigint, p_wrapped bytea, p_kek text, p_limit bigint, OUT outcome text, OUT wrapped_key bytea, OUT kek_id text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    most constant bigint := 2147483648;  -- as many as one key-encryption key may wrap, whatever the caller says
    d vaultstream.data_keys;
    wraps_before bigint;
BEGIN
    SELECT * INTO d FROM vaultstream.data_keys WHERE job_id = p_job AND vaultstream.works_on(p_job) FOR NO KEY UPDATE;
    IF NOT FOUND OR d.erased_at IS NOT NULL
            OR NOT EXISTS (SELECT 1 FROM vaultstream.jobs WHERE id = p_job AND state IN ('Signing', 'Finishing')) THEN
        outcome := 'over';
        RETURN;
    END IF;
    IF d.wrapped_key IS NULL THEN
        UPDATE vaultstream.keks k SET wraps = wraps + 1 WHERE k.kek_id = p_kek RETURNING wraps - 1 INTO wraps_before;
        IF NOT FOUND THEN outcome := 'unregistered'; RETURN; END IF;
        IF wraps_before >= least(p_limit, most) THEN
            UPDATE vaultstream.keks k SET wraps = wraps - 1 WHERE k.kek_id = p_kek;
            outcome := 'limit';
            RETURN;
        END IF;
        UPDATE vaultstream.data_keys u SET wrapped_key = p_wrapped, kek_id = p_kek, made_at = clock_timestamp()
         WHERE u.job_id = p_job RETURNING * INTO d;
    END IF;
    outcome := 'stored';
    wrapped_key := d.wrapped_key;
    kek_id := d.kek_id;
END $$;
CREATE FUNCTION vaultstream.store_key(p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    k vaultstream.keys;
BEGIN
    -- The first signature under this key is committed later and durably, and so flushes this, too.
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT * INTO k FROM vaultstream.keys WHERE id = p_key FOR NO KEY UPDATE;
    IF NOT FOUND OR k.state <> 'active' OR k.epoch <> p_epoch OR k.holder IS DISTINCT FROM p_lease
            OR k.lease_until <= clock_timestamp() OR NOT vaultstream.works_on(k.job_id) THEN
        RETURN 'lost';
    END IF;
    IF k.public_key IS NOT NULL THEN  -- a repeat after a lost response
        RETURN CASE WHEN k.public_key = p_public THEN 'stored' ELSE 'lost' END;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM vaultstream.data_keys WHERE job_id = k.job_id AND wrapped_key IS NOT NULL) THEN
        RETURN 'unmade';
    END IF;
    UPDATE vaultstream.keys SET public_key = p_public, wrapped_key = p_wrapped WHERE id = p_key;
    RETURN 'stored';
END $$;
CREATE FUNCTION vaultstream.store_key_with_origin(p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea, p_origin bytea) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    outcome constant text := vaultstream.store_key(p_key, p_epoch, p_lease, p_public, p_wrapped);
BEGIN
    IF outcome = 'stored' THEN
        UPDATE vaultstream.keys SET origin = p_origin WHERE id = p_key AND origin IS NULL;
    END IF;
    RETURN outcome;
END $$;
CREATE FUNCTION vaultstream.store_material(p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea, p_kek text, p_limit bigint) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.store_receipt(p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_receipt text, p_root bytea, p_backend text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.take_lease(p_job bigint, p_key bigint, p_lease uuid, p_duration interval, OUT outcome text, OUT held_for interval, OUT blocked boolean, OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint, OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF (SELECT d.state FROM vaultstream.data_key_of(p_job) d) <> 'none' THEN
        RAISE EXCEPTION 'the keys of job % need a newer worker: annotate its SigningJob with vaultstream.dev/upgrade-workers=true', p_job
            USING ERRCODE = 'VS010';
    END IF;
    SELECT t.* INTO outcome, held_for, blocked, ordinal, version, epoch, signed, public_key, wrapped_key, kek_id
      FROM vaultstream.lease_key(p_job, p_key, p_lease, p_duration) t;
END $$;
CREATE FUNCTION vaultstream.take_lease_before_v15(p_job bigint, p_key bigint, p_lease uuid, p_duration interval, OUT outcome text, OUT held_for interval, OUT blocked boolean, OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint, OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text) RETURNS record
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
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
CREATE FUNCTION vaultstream.tenant_of_login(OUT cluster text, OUT namespace text) RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT t.cluster, t.namespace FROM vaultstream.tenants t WHERE t.role = session_user
$$;
CREATE FUNCTION vaultstream.the_end_erases_keys() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF (NEW.spec #>> '{keys,retain}') IS DISTINCT FROM 'Keep' OR NEW.state = 'Deleting' OR NOT NEW.live THEN
        PERFORM vaultstream.erase_keys(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION vaultstream.works_on(p_job bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN coalesce((SELECT t.role IS NOT NULL OR vaultstream.works_on_all()
                       FROM vaultstream.jobs j
                       LEFT JOIN vaultstream.tenants t
                         ON t.role = session_user AND (t.cluster, t.namespace) = (j.cluster, j.namespace)
                      WHERE j.id = p_job), false);
END $$;
CREATE FUNCTION vaultstream.works_on_all() RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
       AND (pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'vaultstream.jobs'::regclass), 'MEMBER')
            OR (SELECT shared_role FROM vaultstream.meta)
               AND EXISTS (SELECT FROM pg_roles
                            WHERE rolname = 'vaultstream_worker' AND pg_has_role(session_user, oid, 'MEMBER')));
END $$;
CREATE TABLE public.moves (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.vaultstream_arrivals_16385 (
    arrived_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    k1 uuid
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='20000');
COMMENT ON TABLE public.vaultstream_arrivals_16385 IS 'New rows of public.moves that VaultStream has not planned yet. `vaultstream source disable` removes this table.';
CREATE TABLE public.vaultstream_follower_16385 (
    only_row boolean DEFAULT true NOT NULL,
    job uuid NOT NULL,
    since timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT vaultstream_follower_16385_only_row_check CHECK (only_row)
);
CREATE TABLE vaultstream.anchors (
    job_id bigint NOT NULL,
    tsa text NOT NULL,
    policy text,
    token bytea,
    made_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    last_error text,
    next_attempt timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT anchors_check CHECK (((token IS NULL) = (made_at IS NULL))),
    CONSTRAINT anchors_token_check CHECK ((octet_length(token) <= 65536))
);
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
    tree_root bytea,
    seal bytea,
    oldest_arrival timestamp with time zone,
    CONSTRAINT batches_check CHECK ((first_id <= last_id)),
    CONSTRAINT batches_check1 CHECK (((state = 'signed'::text) = (merkle_root IS NOT NULL))),
    CONSTRAINT batches_seal_check CHECK ((octet_length(seal) = 64)),
    CONSTRAINT batches_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'signed'::text]))),
    CONSTRAINT batches_tree_root_check CHECK ((octet_length(tree_root) = 32))
)
WITH (fillfactor='70');
CREATE TABLE vaultstream.checkpoints (
    job_id bigint NOT NULL,
    number bigint NOT NULL,
    digest bytea NOT NULL,
    checkpoint text NOT NULL,
    batches bigint NOT NULL,
    records bigint NOT NULL,
    merkle_root bytea NOT NULL,
    spec text,
    state bytea,
    made_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT checkpoints_digest_check CHECK ((octet_length(digest) = 32)),
    CONSTRAINT checkpoints_merkle_root_check CHECK ((octet_length(merkle_root) = 32)),
    CONSTRAINT checkpoints_number_check CHECK ((number > 0))
);
CREATE TABLE vaultstream.data_keys (
    job_id bigint NOT NULL,
    wrapped_key bytea,
    kek_id text,
    made_at timestamp with time zone,
    erased_at timestamp with time zone,
    CONSTRAINT data_keys_check CHECK (((wrapped_key IS NULL) = (kek_id IS NULL))),
    CONSTRAINT data_keys_check1 CHECK (((wrapped_key IS NULL) OR ((made_at IS NOT NULL) AND (erased_at IS NULL)))),
    CONSTRAINT data_keys_check2 CHECK (((made_at IS NULL) OR (wrapped_key IS NOT NULL) OR (erased_at IS NOT NULL)))
);
CREATE TABLE vaultstream.job_locks (
    job_id bigint NOT NULL
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
    damage text,
    erased_at timestamp with time zone,
    revoked_at timestamp with time zone,
    revocation text,
    compromised boolean DEFAULT false NOT NULL,
    origin bytea,
    CONSTRAINT keys_check CHECK (((holder IS NULL) = (lease_until IS NULL))),
    CONSTRAINT keys_material_check CHECK ((((public_key IS NULL) = ((wrapped_key IS NULL) AND (erased_at IS NULL))) AND ((wrapped_key IS NULL) OR (erased_at IS NULL)) AND ((kek_id IS NULL) OR (wrapped_key IS NOT NULL)))),
    CONSTRAINT keys_revocation_check CHECK ((((revoked_at IS NULL) = (revocation IS NULL)) AND ((revoked_at IS NOT NULL) OR ((state <> 'revoked'::text) AND (NOT compromised))))),
    CONSTRAINT keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'retired'::text, 'damaged'::text, 'revoked'::text, 'erased'::text])))
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
    j.finished_at,
    j.follow_waiting AS waiting,
        CASE
            WHEN (j.follow_state IS NOT NULL) THEN (GREATEST(EXTRACT(epoch FROM (clock_timestamp() - LEAST(j.follow_oldest, j.follow_waiting_since, ( SELECT r.at
               FROM ( SELECT COALESCE(j.follow_read_at, j.seeded_at) AS at) r
              WHERE ((j.follow_state <> 'ended'::text) AND (r.at < (clock_timestamp() - '00:00:15'::interval)))), ( SELECT COALESCE(b.oldest_arrival, j.seeded_at) AS "coalesce"
               FROM vaultstream.batches b
              WHERE ((b.job_id = j.id) AND (b.state <> 'signed'::text) AND (b.batch >= COALESCE(( SELECT c.batches
                       FROM vaultstream.checkpoints c
                      WHERE (c.job_id = j.id)
                      ORDER BY c.number DESC
                     LIMIT 1), (0)::bigint)))
              ORDER BY b.batch
             LIMIT 1)))), (0)::numeric))::double precision
            ELSE NULL::double precision
        END AS lag
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
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    registered_by name
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
    shared_role boolean DEFAULT false NOT NULL,
    CONSTRAINT meta_only_row_check CHECK (only_row)
);
CREATE TABLE vaultstream.receipt_certificates (
    job_id bigint NOT NULL,
    challenge bytea NOT NULL,
    key_id bigint NOT NULL,
    signature bytea NOT NULL,
    tag bytea NOT NULL,
    requested_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    chain bytea[],
    issued_at timestamp with time zone,
    CONSTRAINT receipt_certificates_chain_check CHECK (((cardinality(chain) >= 1) AND (cardinality(chain) <= 10))),
    CONSTRAINT receipt_certificates_challenge_check CHECK ((octet_length(challenge) = 8)),
    CONSTRAINT receipt_certificates_check CHECK (((chain IS NULL) = (issued_at IS NULL))),
    CONSTRAINT receipt_certificates_signature_check CHECK ((octet_length(signature) = 64)),
    CONSTRAINT receipt_certificates_tag_check CHECK ((octet_length(tag) = 32))
);
CREATE TABLE vaultstream.records (
    job_id bigint NOT NULL,
    id bigint NOT NULL,
    payload bytea NOT NULL
)
PARTITION BY LIST (job_id);
CREATE TABLE vaultstream.rejects (
    job_id bigint NOT NULL,
    record_id bigint NOT NULL,
    reason text NOT NULL,
    detail text NOT NULL,
    attempts integer NOT NULL,
    rejected_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE TABLE vaultstream.rows_1 (
    ordinal bigint NOT NULL,
    k1 uuid NOT NULL
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
)
PARTITION BY RANGE (record_id);
CREATE TABLE vaultstream.signatures_1_1 (
    job_id bigint DEFAULT 1 NOT NULL,
    record_id bigint NOT NULL,
    key_id bigint NOT NULL,
    signature bytea NOT NULL,
    digest bytea
);
CREATE VIEW vaultstream.signed_default_job AS
 SELECT r.k1 AS id,
    s.signature,
    k.thumbprint AS key_id,
    b.batch,
    b.signed_at,
    s.digest,
    s.record_id
   FROM (((vaultstream.signatures_1 s
     JOIN vaultstream.rows_1 r ON ((r.ordinal = s.record_id)))
     JOIN ( SELECT keys.id,
            rtrim(translate(encode(sha256(convert_to(format('{"crv":"P-256","kty":"EC","x":"%s","y":"%s"}'::text, rtrim(translate(encode(substr(keys.public_key, 28, 32), 'base64'::text), '+/'::text, '-_'::text), '='::text), rtrim(translate(encode(substr(keys.public_key, 60, 32), 'base64'::text), '+/'::text, '-_'::text), '='::text)), 'UTF8'::name)), 'base64'::text), '+/'::text, '-_'::text), '='::text) AS thumbprint
           FROM vaultstream.keys
          WHERE (keys.job_id = 1)
         OFFSET 0) k ON ((k.id = s.key_id)))
     CROSS JOIN LATERAL ( SELECT batches.batch,
            batches.signed_at
           FROM vaultstream.batches
          WHERE ((batches.job_id = 1) AND (batches.first_id <= s.record_id))
          ORDER BY batches.first_id DESC
         LIMIT 1) b);
CREATE TABLE vaultstream.tenants (
    role name NOT NULL,
    cluster text NOT NULL,
    namespace text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
CREATE VIEW vaultstream.tenant_anchors WITH (security_barrier='true') AS
 SELECT a.job_id,
    a.tsa,
    a.policy,
    a.token,
    a.made_at,
    a.attempts,
    a.last_error,
    a.next_attempt
   FROM vaultstream.anchors a
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = a.job_id) AND (t.role = SESSION_USER)))));
CREATE VIEW vaultstream.tenant_batches WITH (security_barrier='true') AS
 SELECT b.job_id,
    b.batch,
    b.first_id,
    b.last_id,
    b.rows_planned,
    b.rows,
    b.signed,
    b.rejected,
    b.state,
    b.attempts,
    b.last_error,
    b.key_id,
    b.lease,
    b.merkle_root,
    b.signed_at,
    b.tree_root,
    b.seal,
    b.oldest_arrival
   FROM vaultstream.batches b
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = b.job_id) AND (t.role = SESSION_USER)))));
CREATE VIEW vaultstream.tenant_checkpoints WITH (security_barrier='true') AS
 SELECT c.job_id,
    c.number,
    c.digest,
    c.checkpoint,
    c.batches,
    c.records,
    c.merkle_root,
    c.spec,
    c.state,
    c.made_at
   FROM vaultstream.checkpoints c
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = c.job_id) AND (t.role = SESSION_USER)))));
CREATE VIEW vaultstream.tenant_jobs WITH (security_barrier='true') AS
 SELECT j.id,
    j.uid,
    j.cluster,
    j.namespace,
    j.name,
    j.live,
    j.spec,
    j.deletion_policy,
    j.state,
    j.suspended,
    j.generation,
    j.total,
    j.batches,
    j.seeded,
    j.published,
    j.plan_cursor,
    j.plan_high,
    j.payload_type,
    j.backend,
    j.receipt,
    j.merkle_root,
    j.failure,
    j.created_at,
    j.seeded_at,
    j.published_at,
    j.signed_at,
    j.finished_at,
    j.backends,
    j.spec_generation,
    j.failure_reason,
    j.source_database,
    j.source_table,
    j.source_partitioned,
    j.fault_reason,
    j.fault,
    j.withdrawn,
    j.plan_epoch,
    j.plan_lease,
    j.plan_lease_until,
    j.plan_is_complete,
    j.plan_rows_wanted,
    j.plan_batches_wanted,
    j.plan_rows_allowed,
    j.plan_batches_allowed,
    j.source_fault_reason,
    j.source_fault,
    j.source_fault_passes,
    j.signed_view,
    j.key_columns,
    j.key_types,
    j.has_ordinals,
    j.key_access,
    j.follow_state,
    j.follow_arrivals,
    j.follow_scans,
    j.follow_scan_after,
    j.follow_scanned_at,
    j.follow_found,
    j.follow_drained,
    j.follow_oldest,
    j.follow_read_at,
    j.follow_waiting,
    j.follow_waiting_since,
    j.part,
    j.part_first,
    j.part_opened_at,
    j.part_end
   FROM vaultstream.jobs j
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM vaultstream.tenants t
          WHERE ((t.role = SESSION_USER) AND ((t.cluster = j.cluster) AND (t.namespace = j.namespace))))));
CREATE VIEW vaultstream.tenant_keys WITH (security_barrier='true') AS
 SELECT k.id,
    k.job_id,
    k.ordinal,
    k.version,
    k.public_key,
    k.kek_id,
    k.state,
    k.damage,
    k.epoch,
    k.lease_until,
    k.signed,
    k.rejected,
    k.planned,
    k.changed,
    k.batches,
    k.last_used,
    k.erased_at,
    k.revoked_at,
    k.revocation,
    k.compromised,
    encode(substr(sha256(uuid_send(k.holder)), 1, 4), 'hex'::text) AS holder_mark
   FROM vaultstream.keys k
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = k.job_id) AND (t.role = SESSION_USER)))));
CREATE VIEW vaultstream.tenant_progress WITH (security_barrier='true') AS
 SELECT p.job_id,
    p.uid,
    p.cluster,
    p.namespace,
    p.name,
    p.live,
    p.state,
    p.suspended,
    p.generation,
    p.total,
    p.signed,
    p.rejected,
    p.changed,
    p.backlog,
    p.seeded,
    p.batches,
    p.published,
    p.batches_signed,
    p.keys_active,
    p.keys_retired,
    p.keys_leased,
    p.created_at,
    p.seeded_at,
    p.published_at,
    p.signed_at,
    p.finished_at,
    p.waiting,
    p.lag
   FROM vaultstream.job_progress p
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM vaultstream.tenants t
          WHERE ((t.role = SESSION_USER) AND ((t.cluster = p.cluster) AND (t.namespace = p.namespace))))));
CREATE VIEW vaultstream.tenant_receipt_certificates WITH (security_barrier='true') AS
 SELECT c.job_id,
    c.challenge,
    c.key_id,
    c.signature,
    c.tag,
    c.requested_at,
    c.chain,
    c.issued_at
   FROM vaultstream.receipt_certificates c
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = c.job_id) AND (t.role = SESSION_USER)))));
CREATE VIEW vaultstream.tenant_rejects WITH (security_barrier='true') AS
 SELECT r.job_id,
    r.record_id,
    r.reason,
    r.detail,
    r.attempts,
    r.rejected_at
   FROM vaultstream.rejects r
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = r.job_id) AND (t.role = SESSION_USER)))));
ALTER TABLE ONLY vaultstream.signatures ATTACH PARTITION vaultstream.signatures_1 FOR VALUES IN ('1');
ALTER TABLE ONLY vaultstream.signatures_1 ATTACH PARTITION vaultstream.signatures_1_1 FOR VALUES FROM ('1') TO (MAXVALUE);
INSERT INTO public.moves VALUES ('03b65410-328b-4027-8002-ace8b1299ad7', 'old 1');
INSERT INTO public.moves VALUES ('9ee21979-279e-4c63-967d-9de1f51d33e9', 'old 2');
INSERT INTO public.moves VALUES ('79156690-9503-4f0d-b126-f082c6d315b9', 'old 3');
INSERT INTO public.moves VALUES ('7f0cbacf-424b-43db-b564-2a99697347ed', 'old 4');
INSERT INTO public.moves VALUES ('ad31abcc-ef21-446b-b642-f16b286a006a', 'old 5');
INSERT INTO public.moves VALUES ('1a9c1851-54ee-47c5-a122-336db1ee2b7a', 'old 6');
INSERT INTO public.moves VALUES ('e0f0962f-2c6e-48fe-9a8c-6e315f94d5ec', 'old 7');
INSERT INTO public.moves VALUES ('03cbefc7-f3fe-47dd-a00d-085f839a565f', 'old 8');
INSERT INTO public.moves VALUES ('91fe5ba9-8f2f-4587-8398-738b57c44519', 'old 9');
INSERT INTO public.moves VALUES ('94d94ffd-903e-4ce9-b4c6-129992f1d574', 'old 10');
INSERT INTO public.moves VALUES ('cfe3aeb4-5ed8-4e77-9ee0-44cdf8b83147', 'old 11');
INSERT INTO public.moves VALUES ('456571dd-9784-41a3-a34d-74f7688c5c50', 'old 12');
INSERT INTO public.moves VALUES ('748055ab-f5b6-4875-a5a8-b89c42abeabd', 'old 13');
INSERT INTO public.moves VALUES ('156afb89-7d19-4712-920e-eb709a8c63fc', 'old 14');
INSERT INTO public.moves VALUES ('0b433e74-d253-4640-a064-fc076ef3d6f1', 'old 15');
INSERT INTO public.moves VALUES ('5c33e5a9-edb8-4ff7-9b6c-315366391e69', 'old 16');
INSERT INTO public.moves VALUES ('84c11cc7-81ee-4662-b907-805a3ce6cecf', 'old 17');
INSERT INTO public.moves VALUES ('7fa5237e-b054-451b-a86d-d3a3e3829b61', 'old 18');
INSERT INTO public.moves VALUES ('9561a000-7f93-4ddf-86b7-e2b5a0a6ab8c', 'old 19');
INSERT INTO public.moves VALUES ('29614e75-5521-48b4-a834-30375f50a204', 'old 20');
INSERT INTO public.moves VALUES ('967e2d7b-6aa6-4a8c-b6fc-fcb08d402fd6', 'old 21');
INSERT INTO public.moves VALUES ('f446c6dd-ccd7-4b4c-b2a3-1cf4921072ed', 'old 22');
INSERT INTO public.moves VALUES ('98efa28a-ab4f-4e58-922f-c5256e4b0396', 'old 23');
INSERT INTO public.moves VALUES ('5cb88453-0dd8-4056-8d12-2e07f9f38197', 'old 24');
INSERT INTO public.moves VALUES ('152ce55e-28d5-41dd-a859-f2efb58f1919', 'old 25');
INSERT INTO public.moves VALUES ('85ce4455-390e-44bb-a8f8-4c1389225172', 'old 26');
INSERT INTO public.moves VALUES ('d9f6e9cb-8d18-41f9-9188-e14036d932eb', 'old 27');
INSERT INTO public.moves VALUES ('24fee362-64bd-4aa5-a713-cb5934dd3ef6', 'old 28');
INSERT INTO public.moves VALUES ('839fe3f8-299c-4c22-9bc5-42f7d3e93ce3', 'old 29');
INSERT INTO public.moves VALUES ('7eaeb3e7-f086-4389-806c-b477533d61ba', 'old 30');
INSERT INTO public.moves VALUES ('009b4105-486e-49ae-96cf-42144d4a937f', 'old 31');
INSERT INTO public.moves VALUES ('fd082990-c511-4875-a82f-004a165d14a6', 'old 32');
INSERT INTO public.moves VALUES ('cf03fb88-9294-48be-b248-a2dbc75f54f2', 'old 33');
INSERT INTO public.moves VALUES ('6be628f5-abb9-4217-a01a-933272e5b859', 'old 34');
INSERT INTO public.moves VALUES ('018712aa-e9ea-4747-b611-29928978f6dc', 'old 35');
INSERT INTO public.moves VALUES ('8dc5f3b2-e6c8-4d49-bbf6-ef76c418aa64', 'old 36');
INSERT INTO public.moves VALUES ('e962e9a1-da35-4462-85ca-95ffb977de00', 'old 37');
INSERT INTO public.moves VALUES ('04f8a7b2-65e7-42d3-9f66-29ae17cea32a', 'old 38');
INSERT INTO public.moves VALUES ('77b26efd-908e-49e8-a400-0069cb1eddca', 'old 39');
INSERT INTO public.moves VALUES ('65813d82-b089-48a7-b192-401d20776056', 'old 40');
INSERT INTO public.moves VALUES ('ad458536-8829-4c16-81fd-f531fc173f1c', 'old 41');
INSERT INTO public.moves VALUES ('f050e482-f0a0-49a4-83ad-98f571bff25c', 'old 42');
INSERT INTO public.moves VALUES ('2d345754-231d-4d13-bd5b-74a8093349c7', 'old 43');
INSERT INTO public.moves VALUES ('82556a79-352f-44eb-b68f-32acbbcf3d34', 'old 44');
INSERT INTO public.moves VALUES ('b9c0d727-7cfb-4208-bf4c-738e1dc5959b', 'old 45');
INSERT INTO public.moves VALUES ('be740bb6-b411-46cf-8288-115ca4e3fca2', 'old 46');
INSERT INTO public.moves VALUES ('6668c7ab-e017-4153-8111-3657f5c6e38e', 'old 47');
INSERT INTO public.moves VALUES ('d64c03a7-dcfb-40b5-8fe5-ca1f6b6765a2', 'old 48');
INSERT INTO public.moves VALUES ('9a2b2f79-b93f-4b43-8074-e1be15e0288f', 'old 49');
INSERT INTO public.moves VALUES ('05bcd703-77b1-4a80-81d5-af5b8ce644e4', 'old 50');
INSERT INTO public.moves VALUES ('9ebf0762-44f9-4a3e-a30a-f9af51cc158a', 'old 51');
INSERT INTO public.moves VALUES ('8ad99d87-00b1-4a02-8b52-728e7f6e6216', 'old 52');
INSERT INTO public.moves VALUES ('b44582a6-c2fa-44de-834a-927322f71ba7', 'old 53');
INSERT INTO public.moves VALUES ('8a424d0a-5546-4178-8e75-45209ab4ace3', 'old 54');
INSERT INTO public.moves VALUES ('827bfd98-01a7-4e55-8340-fb53ac79b6c9', 'old 55');
INSERT INTO public.moves VALUES ('960e9a1c-ad22-4232-b72a-b467dd88c5b7', 'old 56');
INSERT INTO public.moves VALUES ('a9a79618-7405-4f66-9bbe-75d09d188abe', 'old 57');
INSERT INTO public.moves VALUES ('ad0b943f-3c85-4ff0-b54b-97a41488d0ca', 'old 58');
INSERT INTO public.moves VALUES ('25fcddb8-3c83-44ff-a632-b8199512ee77', 'old 59');
INSERT INTO public.moves VALUES ('4d1b61c9-7586-48c5-827f-55220e10af00', 'old 60');
INSERT INTO public.moves VALUES ('31e0bbbe-5414-4873-bb4e-23ea54bb0499', 'old 61');
INSERT INTO public.moves VALUES ('64bea3e1-e8e1-4ed4-8d13-9d002b0d36b7', 'old 62');
INSERT INTO public.moves VALUES ('1c58c610-4863-4c8f-ae25-f5059f90a02a', 'old 63');
INSERT INTO public.moves VALUES ('0125d96c-2a1b-424a-be21-ccb5e3e4fe5a', 'old 64');
INSERT INTO public.moves VALUES ('71bb2953-e0c4-4b5b-95f8-cde3494985bc', 'old 65');
INSERT INTO public.moves VALUES ('84871fdd-1067-44c3-835a-285cfb456e01', 'old 66');
INSERT INTO public.moves VALUES ('d29c12c7-b1cf-4e2f-ab89-bb4f719235a0', 'old 67');
INSERT INTO public.moves VALUES ('0762f8b9-9c21-4453-8138-a00db1d0683e', 'old 68');
INSERT INTO public.moves VALUES ('cc4d44ce-0227-4228-82ca-135994f0efbc', 'old 69');
INSERT INTO public.moves VALUES ('496ed056-c3df-4250-949a-e07e6f38cb8c', 'old 70');
INSERT INTO public.moves VALUES ('810e28cd-8f82-4cd3-8e58-97c2772eb7a6', 'old 71');
INSERT INTO public.moves VALUES ('b1fe8148-1ecf-4ccb-a7a6-dc18459a4abe', 'old 72');
INSERT INTO public.moves VALUES ('be7f969d-b67a-4442-9f63-1e90b148c88e', 'old 73');
INSERT INTO public.moves VALUES ('24d14063-384f-48a6-bf74-3c312c013527', 'old 74');
INSERT INTO public.moves VALUES ('f00e2256-81e8-484f-a993-5ce581c1f08e', 'old 75');
INSERT INTO public.moves VALUES ('a5a86354-5139-423a-a3a5-48fedad9999e', 'old 76');
INSERT INTO public.moves VALUES ('18d87f34-784a-4e3b-8080-3861e752f93f', 'old 77');
INSERT INTO public.moves VALUES ('a2c17dda-e55c-483c-9d08-506187b1ac52', 'old 78');
INSERT INTO public.moves VALUES ('1432de46-855e-40e4-95ae-a7132a368d75', 'old 79');
INSERT INTO public.moves VALUES ('db914ddd-76cf-45f0-936c-8a398563e17b', 'old 80');
INSERT INTO public.moves VALUES ('59c4ef90-01b8-46d3-9d1c-be830a21b2f9', 'old 81');
INSERT INTO public.moves VALUES ('88490479-c781-4ca7-995f-4702b01b2dd1', 'old 82');
INSERT INTO public.moves VALUES ('b5a5bc0a-0b86-4074-bafc-57d0fef3e99b', 'old 83');
INSERT INTO public.moves VALUES ('cd290755-830d-45c2-a29c-aa597103bdf3', 'old 84');
INSERT INTO public.moves VALUES ('7db64bcd-fb71-47f8-bbd1-55e3105d7f86', 'old 85');
INSERT INTO public.moves VALUES ('442d8014-dcdc-4e56-a61c-25f6696027d7', 'old 86');
INSERT INTO public.moves VALUES ('693635f6-4fc3-47d1-a05f-2b47dec8660d', 'old 87');
INSERT INTO public.moves VALUES ('52a4d3c5-3b9c-43b9-88ca-f4187c2e1cd1', 'old 88');
INSERT INTO public.moves VALUES ('463e3414-d76e-4c39-9c12-3c4e3e3f40d8', 'old 89');
INSERT INTO public.moves VALUES ('e48a15ac-ae1f-4662-ac1f-725e864eff55', 'old 90');
INSERT INTO public.moves VALUES ('f051c62e-7636-48ae-9236-1a0047ec6a5e', 'old 91');
INSERT INTO public.moves VALUES ('495510c1-032c-4959-b615-3c0b66cb12f0', 'old 92');
INSERT INTO public.moves VALUES ('113c86de-6a14-4b2a-8660-5ad8c22a6d46', 'old 93');
INSERT INTO public.moves VALUES ('b08e3211-df59-4e4c-9862-0a587e9eae42', 'old 94');
INSERT INTO public.moves VALUES ('99392b84-24a0-4e6e-afcf-613534c1243f', 'old 95');
INSERT INTO public.moves VALUES ('206e03a7-36b5-412e-b680-03f5175be24e', 'old 96');
INSERT INTO public.moves VALUES ('6971a784-7f38-4174-9132-dc9867e6d87a', 'old 97');
INSERT INTO public.moves VALUES ('8a29b56c-1aa1-4e2a-a368-12ad03856869', 'old 98');
INSERT INTO public.moves VALUES ('37eab84e-d103-46e5-9bae-9bc4ff1e75ea', 'old 99');
INSERT INTO public.moves VALUES ('eaf40a35-2538-41e0-9ed3-3989ba436676', 'old 100');
INSERT INTO public.moves VALUES ('a6487242-9de8-4e73-8f48-3df06ad4f105', 'later 1');
INSERT INTO public.moves VALUES ('22efd0de-7e90-49b9-b70b-c951b03436c6', 'later 2');
INSERT INTO public.moves VALUES ('b8341b48-009c-4d93-b1dc-25f3fc58b9d2', 'later 3');
INSERT INTO public.moves VALUES ('7b5eb977-0ec6-4bf4-93bd-411c5994b452', 'later 4');
INSERT INTO public.moves VALUES ('84c472d4-8c00-4429-9897-78dfd8251f5d', 'later 5');
INSERT INTO public.moves VALUES ('9f9d443f-aa5e-4d93-b440-20d9c7ad0573', 'later 6');
INSERT INTO public.moves VALUES ('496b898b-cf0f-4bfe-b398-06e4a7e304be', 'later 7');
INSERT INTO public.moves VALUES ('bf793534-bd78-4025-bdeb-d3a3afc8c3ce', 'later 8');
INSERT INTO public.moves VALUES ('d5dcfb8b-125f-4c93-bb4d-8712b0f44cad', 'later 9');
INSERT INTO public.moves VALUES ('51596e19-e325-48bc-80a8-c0ea13bd8842', 'later 10');
INSERT INTO public.moves VALUES ('075229a8-a534-4cdb-ad39-85459e1977d0', 'later 11');
INSERT INTO public.moves VALUES ('abf6bb5e-eb3a-4eb5-bd06-44e6cde5dff7', 'later 12');
INSERT INTO public.moves VALUES ('f1d27b30-66e5-4507-9557-736435b2b634', 'later 13');
INSERT INTO public.moves VALUES ('050820d4-8f2d-4603-ba89-783729832054', 'later 14');
INSERT INTO public.moves VALUES ('2309eade-a0f7-42d5-ad2e-1d1a444b4e93', 'later 15');
INSERT INTO public.moves VALUES ('2053ac97-7d49-4ce4-9e82-2e59b975194d', 'later 16');
INSERT INTO public.moves VALUES ('03144dce-fee1-4a38-9c9e-94e7a2640cc2', 'later 17');
INSERT INTO public.moves VALUES ('58d9208f-4388-4d69-a263-3cb88cab64dc', 'later 18');
INSERT INTO public.moves VALUES ('36ac0a39-608c-4bfc-a1b6-0d5e6fb4034e', 'later 19');
INSERT INTO public.moves VALUES ('1c9cb8f8-5b23-4d76-a403-76a4886d3c5b', 'later 20');
INSERT INTO public.moves VALUES ('9bbdb73e-83b5-41e7-8576-15d01a6ec856', 'later 21');
INSERT INTO public.moves VALUES ('c60c74f3-bd76-4bf8-b265-8dac28eddf9f', 'later 22');
INSERT INTO public.moves VALUES ('023a4467-f524-4299-baaf-daa822a96f0d', 'later 23');
INSERT INTO public.moves VALUES ('9a6267c2-f3a2-4bab-bce7-e6d567870906', 'later 24');
INSERT INTO public.moves VALUES ('c85bdeb3-fbd6-4039-8f09-d8f503c53215', 'later 25');
INSERT INTO public.moves VALUES ('83b28caf-fd58-4457-8845-d2718b8012b6', 'later 26');
INSERT INTO public.moves VALUES ('93a7e12f-e9ed-48ee-b071-0683e3e44e46', 'later 27');
INSERT INTO public.moves VALUES ('b73d2d5a-8190-4486-bbb2-626a56dec420', 'later 28');
INSERT INTO public.moves VALUES ('521ddf5e-ff5e-4f87-9779-d010642b132c', 'later 29');
INSERT INTO public.moves VALUES ('c5f64e5e-85f4-4f92-8f5a-ae5a0fa122f0', 'later 30');
INSERT INTO public.moves VALUES ('4b2b6217-aa91-4ee4-b720-9ae8511b9ae5', 'later 31');
INSERT INTO public.moves VALUES ('b8a7fd7c-5a8a-46b9-8c21-01772c8c12f2', 'later 32');
INSERT INTO public.moves VALUES ('6075d1a3-fca8-4e7f-8a87-1450b6feffb3', 'later 33');
INSERT INTO public.moves VALUES ('101f1a0a-67ae-4b3f-80a5-fd48c655169c', 'later 34');
INSERT INTO public.moves VALUES ('653add79-b523-4858-8c1b-552eddc0aba2', 'later 35');
INSERT INTO public.moves VALUES ('5d959feb-145d-4eed-bec3-c21f41c3b315', 'later 36');
INSERT INTO public.moves VALUES ('ab43a08e-dba6-4af3-aad7-71232bd70a81', 'later 37');
INSERT INTO public.moves VALUES ('8ea97a8e-933c-41ab-8a8e-1e3df57f4edc', 'later 38');
INSERT INTO public.moves VALUES ('bb2e2635-f463-4c23-8a82-0b9d25eb623a', 'later 39');
INSERT INTO public.moves VALUES ('e547b6e0-871d-445b-b78f-a11036929d89', 'later 40');
INSERT INTO public.moves VALUES ('fa74137a-dd01-4e60-8680-806831a6612a', 'later 41');
INSERT INTO public.moves VALUES ('61d4921a-4a2f-4666-9214-a9714134ccda', 'later 42');
INSERT INTO public.moves VALUES ('8a0048a0-77f9-4c2a-a73b-7a6052523431', 'later 43');
INSERT INTO public.moves VALUES ('c381a69d-6a0b-4d5f-9aa0-3a4d4b24983b', 'later 44');
INSERT INTO public.moves VALUES ('4d072d4d-8f3a-4b2e-bd44-0a8ec7c3edd4', 'later 45');
INSERT INTO public.moves VALUES ('d3260e58-2ab3-426e-9df5-92b76800a787', 'later 46');
INSERT INTO public.moves VALUES ('eb96bef9-df0b-4421-ba53-9459b4e078be', 'later 47');
INSERT INTO public.moves VALUES ('61234d6f-c8f7-468f-a303-dc358e286166', 'later 48');
INSERT INTO public.moves VALUES ('b6bb1588-e913-4026-bbc9-aa144f6e461b', 'later 49');
INSERT INTO public.moves VALUES ('49e61760-e24a-4d72-abb1-86e9fe0bd8dd', 'later 50');
INSERT INTO public.moves VALUES ('d7f61af1-6447-419b-aebd-fac0616bd63f', 'later 51');
INSERT INTO public.moves VALUES ('28788de7-3d74-4a45-a990-5bfe1dcb513a', 'later 52');
INSERT INTO public.moves VALUES ('d227f50a-f083-4f1e-b9c8-ec86f787d021', 'later 53');
INSERT INTO public.moves VALUES ('9d379b0c-d590-4e33-ab4f-75646ae04ccd', 'later 54');
INSERT INTO public.moves VALUES ('d34169c0-a4e9-4d7f-bde5-376c06c3e1b2', 'later 55');
INSERT INTO public.moves VALUES ('5332643d-e58f-4678-88a4-161bc82e4ad5', 'later 56');
INSERT INTO public.moves VALUES ('d640717a-628a-40c3-a1b2-4de6d1510c35', 'later 57');
INSERT INTO public.moves VALUES ('a6077c37-dce7-4621-8de6-9aedd9fc6772', 'later 58');
INSERT INTO public.moves VALUES ('572b1391-b01e-492c-a69d-b19a617073b8', 'later 59');
INSERT INTO public.moves VALUES ('af01fac0-905a-48f7-8000-367b91d4be2e', 'later 60');
INSERT INTO public.moves VALUES ('cd5b4537-ccf3-4f20-b9ac-4c931770c8f5', 'later 61');
INSERT INTO public.moves VALUES ('e08b9171-7120-4201-bb11-7498ca724022', 'later 62');
INSERT INTO public.moves VALUES ('38118101-5a81-43ae-9c48-b31c083b4307', 'later 63');
INSERT INTO public.moves VALUES ('69943e9f-273a-4fc8-b960-54b8d595b68e', 'later 64');
INSERT INTO public.moves VALUES ('a3cb7447-28da-46d7-8fa0-33dc2f65da7e', 'later 65');
INSERT INTO public.moves VALUES ('1705e967-0cf2-444e-9897-22cccb92a807', 'later 66');
INSERT INTO public.moves VALUES ('6d13428a-ff82-4cbd-b4e7-efcc11ebe8a4', 'later 67');
INSERT INTO public.moves VALUES ('a769be9d-72e6-48cc-b676-f33c5f1362e9', 'later 68');
INSERT INTO public.moves VALUES ('a97827ba-f345-4c44-8147-8a46528b8b00', 'later 69');
INSERT INTO public.moves VALUES ('96e7b5bd-4aba-4967-b65e-e4d19d0a7472', 'later 70');
INSERT INTO public.moves VALUES ('ec9c1faa-7afc-4489-9547-208a25536de0', 'later 71');
INSERT INTO public.moves VALUES ('5b4eb098-3639-44dd-b62a-a98410fa23cd', 'later 72');
INSERT INTO public.moves VALUES ('9e6fe77f-d4c2-4d80-b1ba-ee8bbe699ec9', 'later 73');
INSERT INTO public.moves VALUES ('f9e5de22-2d04-4854-acd6-f719e1009214', 'later 74');
INSERT INTO public.moves VALUES ('2143affd-8f4a-4dcf-9e64-cd2eeeebc0fa', 'later 75');
INSERT INTO public.moves VALUES ('52cd7f17-210a-4ce6-96af-f545492d3954', 'later 76');
INSERT INTO public.moves VALUES ('a20b98e2-3395-4de1-a4e8-c5ec7e055428', 'later 77');
INSERT INTO public.moves VALUES ('c1de1de4-4d54-4e3a-ad40-9ef928106e7b', 'later 78');
INSERT INTO public.moves VALUES ('db910e73-fa16-4210-9410-ef9cebf86218', 'later 79');
INSERT INTO public.moves VALUES ('f13f89db-c572-4b34-bf64-d737e1aee295', 'later 80');
INSERT INTO public.moves VALUES ('70b6e16b-4bb4-49d7-ad25-a0a54b012ed1', 'later 81');
INSERT INTO public.moves VALUES ('ceeb0ede-fa9d-47b4-a988-82b764e4b4a7', 'later 82');
INSERT INTO public.moves VALUES ('8c414f5a-6e39-44fe-8470-a6e59f2bd094', 'later 83');
INSERT INTO public.moves VALUES ('a7ca98ad-0dc6-4fcf-90ce-df49e91913ed', 'later 84');
INSERT INTO public.moves VALUES ('ba72c6d5-0042-45d1-b1f6-76b0909ae60d', 'later 85');
INSERT INTO public.moves VALUES ('e81aa71b-eddf-488e-8032-1b43519eea73', 'later 86');
INSERT INTO public.moves VALUES ('35b03a4d-0ee0-44ea-a2a3-b7a919229f61', 'later 87');
INSERT INTO public.moves VALUES ('070c11c7-8f51-4518-92c1-ff827fa67b8e', 'later 88');
INSERT INTO public.moves VALUES ('117c0142-6b16-41b3-99f7-25ee44e22324', 'later 89');
INSERT INTO public.moves VALUES ('a6f6de3a-e23b-4f01-9d92-8d9cd9cd0286', 'later 90');
INSERT INTO public.moves VALUES ('eb69602f-4b63-4c28-96bd-6a78cbfceb23', 'later 91');
INSERT INTO public.moves VALUES ('c8f55f80-c7f2-4bbc-b293-d586a93b2868', 'later 92');
INSERT INTO public.moves VALUES ('36d830db-a4a4-475e-9c72-5cb60f115bef', 'later 93');
INSERT INTO public.moves VALUES ('ca166671-1cd7-4fc0-9a96-7b8945bccf8b', 'later 94');
INSERT INTO public.moves VALUES ('70a96803-fc4f-4c83-9042-53d25d7c595a', 'later 95');
INSERT INTO public.moves VALUES ('bc64e0d4-2536-4fc9-85bf-23365362ce4e', 'later 96');
INSERT INTO public.moves VALUES ('db8ae9ec-1255-4025-aee6-17f2aebbd4cd', 'later 97');
INSERT INTO public.moves VALUES ('f130c4c4-d7ca-4bb3-8311-325be7306b0e', 'later 98');
INSERT INTO public.moves VALUES ('a9fe1244-06a0-4f0e-9785-90c778618b39', 'later 99');
INSERT INTO public.moves VALUES ('3cad2384-07f3-4093-bb96-fae7236c9a65', 'later 100');
INSERT INTO public.moves VALUES ('d37ac6b6-cc55-436b-8bc1-e067e31daf67', 'nobody ran 1');
INSERT INTO public.moves VALUES ('42e81004-7027-4ddc-9913-11ee9eb18b01', 'nobody ran 2');
INSERT INTO public.moves VALUES ('12b9cce3-e4be-4b59-85f4-a7b6008c70bb', 'nobody ran 3');
INSERT INTO public.moves VALUES ('3181328c-845a-4564-8ecb-f68e3bd41ad8', 'nobody ran 4');
INSERT INTO public.moves VALUES ('3f958b1b-9134-44b9-a3e6-9b0453c557c1', 'nobody ran 5');
INSERT INTO public.moves VALUES ('15379199-f0fc-47c4-9125-ea57c2a55aa9', 'nobody ran 6');
INSERT INTO public.moves VALUES ('e1096d14-ab05-4f55-b897-65722dcf3881', 'nobody ran 7');
INSERT INTO public.moves VALUES ('d6a69c82-ecb0-45b7-96ac-f469f1b771fa', 'nobody ran 8');
INSERT INTO public.moves VALUES ('f2deb2ef-9d9d-45a0-bdb1-11a91970fba6', 'nobody ran 9');
INSERT INTO public.moves VALUES ('9379c619-20fa-4a11-8703-9e12ac75b97d', 'nobody ran 10');
INSERT INTO public.moves VALUES ('c14f58aa-85c4-4b8a-8b77-c20c7f977b53', 'nobody ran 11');
INSERT INTO public.moves VALUES ('cba1c7b2-c357-451e-8939-8e6b8ba1d09a', 'nobody ran 12');
INSERT INTO public.moves VALUES ('56e47edf-5e1d-4e94-af10-61eb939823fd', 'nobody ran 13');
INSERT INTO public.moves VALUES ('ac3efd2e-51ce-44a9-abc5-6e937147a39e', 'nobody ran 14');
INSERT INTO public.moves VALUES ('f355b1f5-150b-4783-93ad-ddc5ccab69b7', 'nobody ran 15');
INSERT INTO public.moves VALUES ('f8477051-b173-45c7-8e3e-57d56ae904e5', 'nobody ran 16');
INSERT INTO public.moves VALUES ('fd9549c1-62f3-4b5b-88bc-bdacf137b048', 'nobody ran 17');
INSERT INTO public.moves VALUES ('227e1d12-1393-4de4-9c1e-b8a41f2f526a', 'nobody ran 18');
INSERT INTO public.moves VALUES ('44d58b87-aaf9-48b6-9f6c-aefbb5f4b5cd', 'nobody ran 19');
INSERT INTO public.moves VALUES ('7a804f74-011c-415c-8a87-3c122ff7feb7', 'nobody ran 20');
INSERT INTO public.moves VALUES ('5c2a4738-e1e9-4095-8ba3-d356d8df7234', 'nobody ran 21');
INSERT INTO public.moves VALUES ('2a90edd3-2c28-46a8-b3cb-6656725fd20c', 'nobody ran 22');
INSERT INTO public.moves VALUES ('5d2d6c51-ee80-4abb-9fef-1ba7b8bc6db8', 'nobody ran 23');
INSERT INTO public.moves VALUES ('7d889fe8-181f-491a-92bc-7162cb6dacbd', 'nobody ran 24');
INSERT INTO public.moves VALUES ('47ea4fb4-d0a5-4acf-a676-bbbcc5f8de50', 'nobody ran 25');
INSERT INTO public.moves VALUES ('97300115-3398-4b45-8b44-7ac3b6fb84ef', 'nobody ran 26');
INSERT INTO public.moves VALUES ('027d7312-3317-41de-888f-58118116ef96', 'nobody ran 27');
INSERT INTO public.moves VALUES ('fbaab6ff-1471-476e-960e-71ef44821dde', 'nobody ran 28');
INSERT INTO public.moves VALUES ('c172c064-f4e0-4a87-93aa-b466fa86b0b4', 'nobody ran 29');
INSERT INTO public.moves VALUES ('57d78f55-ff0a-4879-9600-00d3fba09a50', 'nobody ran 30');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451406+00', 'd37ac6b6-cc55-436b-8bc1-e067e31daf67');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451423+00', '42e81004-7027-4ddc-9913-11ee9eb18b01');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451425+00', '12b9cce3-e4be-4b59-85f4-a7b6008c70bb');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451425+00', '3181328c-845a-4564-8ecb-f68e3bd41ad8');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451425+00', '3f958b1b-9134-44b9-a3e6-9b0453c557c1');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451426+00', '15379199-f0fc-47c4-9125-ea57c2a55aa9');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451426+00', 'e1096d14-ab05-4f55-b897-65722dcf3881');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451427+00', 'd6a69c82-ecb0-45b7-96ac-f469f1b771fa');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451427+00', 'f2deb2ef-9d9d-45a0-bdb1-11a91970fba6');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451427+00', '9379c619-20fa-4a11-8703-9e12ac75b97d');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451428+00', 'c14f58aa-85c4-4b8a-8b77-c20c7f977b53');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451428+00', 'cba1c7b2-c357-451e-8939-8e6b8ba1d09a');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451428+00', '56e47edf-5e1d-4e94-af10-61eb939823fd');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451429+00', 'ac3efd2e-51ce-44a9-abc5-6e937147a39e');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451429+00', 'f355b1f5-150b-4783-93ad-ddc5ccab69b7');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451429+00', 'f8477051-b173-45c7-8e3e-57d56ae904e5');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.45143+00', 'fd9549c1-62f3-4b5b-88bc-bdacf137b048');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.45143+00', '227e1d12-1393-4de4-9c1e-b8a41f2f526a');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451431+00', '44d58b87-aaf9-48b6-9f6c-aefbb5f4b5cd');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451431+00', '7a804f74-011c-415c-8a87-3c122ff7feb7');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451433+00', '5c2a4738-e1e9-4095-8ba3-d356d8df7234');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451434+00', '2a90edd3-2c28-46a8-b3cb-6656725fd20c');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451434+00', '5d2d6c51-ee80-4abb-9fef-1ba7b8bc6db8');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451435+00', '7d889fe8-181f-491a-92bc-7162cb6dacbd');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451435+00', '47ea4fb4-d0a5-4acf-a676-bbbcc5f8de50');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451435+00', '97300115-3398-4b45-8b44-7ac3b6fb84ef');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451436+00', '027d7312-3317-41de-888f-58118116ef96');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451436+00', 'fbaab6ff-1471-476e-960e-71ef44821dde');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451436+00', 'c172c064-f4e0-4a87-93aa-b466fa86b0b4');
INSERT INTO public.vaultstream_arrivals_16385 VALUES ('2026-11-29 15:09:39.451437+00', '57d78f55-ff0a-4879-9600-00d3fba09a50');
INSERT INTO public.vaultstream_follower_16385 VALUES (true, 'e258736b-b1e4-4be4-831d-f657cc227533', '2026-11-29 15:09:36.259403+00');
INSERT INTO vaultstream.batches VALUES (1, 1, 21, 40, 20, 20, 20, 0, 'signed', 0, NULL, 2, 'c4bd555f-3ad4-4511-a871-aee42fe75959', '\xd60f2c3546f16dabbb1029a7667d2f62f9e6e01bd73b405cd4d6a31c0d8676e6', '2026-11-29 15:09:37.418731+00', '\xa7061367fd15316625414b9a331579afe3b691f6d6485ccc21137169660b1e2a', '\xddcfdc3413b52fb6e0f8858ec7889439156dc293dda84a1e847dc7a7fdffa3752b72151828a1695e4b56c10d4e353aa8e72fabadf52f35d1ab9127aef826435a', NULL);
INSERT INTO vaultstream.batches VALUES (1, 2, 41, 60, 20, 20, 20, 0, 'signed', 0, NULL, 3, '37678108-920b-4509-b054-b90421ea50ce', '\xbc377a6512a7acbd8952057e47f109d1a35e17d53a02760f830ddd5010f7ea75', '2026-11-29 15:09:37.614658+00', '\x91bfa515ffb7d5367e17c55bdc0693b361d7ffbe8010842f8046c7427efbe948', '\xb1f612d24d9a5ba115c1f1996c3c07079e2ca1b7a683942b46073ae5ec9c44fa860345cfddb6bb1f9c9c1c9d5e6a364330af07a5b8d3828253bdc7d34d643327', NULL);
INSERT INTO vaultstream.batches VALUES (1, 0, 1, 20, 20, 20, 20, 0, 'signed', 0, NULL, 4, 'bb4f1be4-26c2-49bb-a34f-7867bf07a051', '\xe1c27a27cea3cee6eb389f0df94f53bae270f60e82f9356e01c3d6fefcf54de7', '2026-11-29 15:09:37.815936+00', '\xf9234f79142448bdca6b6003c11410b40658eb361e105c8422dccb5e07b1cde4', '\x876737cac18e6610b2ed2979979183fbcc65659c1bfe88384132e5c71626730a62d5f542194a938e607b07d8516d374114b1f79b1bc6dd690515d37dd220e8bb', NULL);
INSERT INTO vaultstream.batches VALUES (1, 3, 61, 80, 20, 20, 20, 0, 'signed', 0, NULL, 2, 'c4bd555f-3ad4-4511-a871-aee42fe75959', '\x18f7f177b4607c69c31ade38865f6d948c036523c2cb6bc9ffaf735e43677a00', '2026-11-29 15:09:38.012731+00', '\x8ea24033e81052f0fba3c2f3b43f6948e29f8d3aa4bd6842f2724ed5400573a1', '\x5b26397cdea8ee5230b4791558e775324dcebed9900918363ab5525c252a936b2ad4e164cbb6e72bedc3589b70cc27065f44bb4a09480e9807cadbc6bddf51b7', NULL);
INSERT INTO vaultstream.batches VALUES (1, 4, 81, 100, 20, 20, 20, 0, 'signed', 0, NULL, 3, '37678108-920b-4509-b054-b90421ea50ce', '\xf3b06d68c27168e9c4feac25faaa2f9288a5bcc0b17e6b50c06d53a3a6c2835d', '2026-11-29 15:09:38.218142+00', '\xbfb8835910b733224f8b037c5ba35736f82557ad9e7d5ab1cf545c44df0d9860', '\x1f78559f5a9b34ae117bf9fd2667b265dbf381b66d02396cd0a5956424877fe66b2d940b5d1ee7c2b93953e48c868571dac43c0f235b6586c84a80141f6f50e3', NULL);
INSERT INTO vaultstream.batches VALUES (1, 9, 181, 200, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-29 15:09:38.194608+00');
INSERT INTO vaultstream.batches VALUES (1, 8, 161, 180, 20, 20, 20, 0, 'signed', 0, NULL, 4, 'f6a36cbb-d1f8-436f-a018-97ea948ecaeb', '\xfce64239cc667cc3236d5823e6e3a52c25d1b5d82b1a26869b8f72e4ff0922ac', '2026-11-29 15:09:38.413984+00', '\xac495c7308243fce5b3580320a0f9a65ebdba7ff64fed4c7a57e375c8247ed62', '\x18c69a12f0a105dd3abf56606453f5fc280ab13dd606a19beb48be8cc0752d5ba7ae0d323f1b8c78c6e8e812ca40cdc8cf024059d4d823d29855fca48f2e2fcc', '2026-11-29 15:09:38.194608+00');
INSERT INTO vaultstream.batches VALUES (1, 7, 141, 160, 20, 20, 20, 0, 'signed', 0, NULL, 2, 'b6f4df8a-eaa1-49dc-a838-d29aee2ad252', '\x5fb45b606316d9990815b0455c522ab6b1a7bc445cf18d8edf4aa8edadcbeca7', '2026-11-29 15:09:38.614756+00', '\xa277723c075ad82c3389d52eda69fdf52c86281a7e4450131894a1f7e4c6e91b', '\xe87ed55ccbe94b3a0bdcf7bcba0ce10bd0c02fc39b215b592e657cc6072c70fa0a8e76af0f51656299a4fea9b94e7ef4a88ba3c150665bc59504e95bc615466f', '2026-11-29 15:09:38.194608+00');
INSERT INTO vaultstream.batches VALUES (1, 5, 101, 120, 20, 20, 20, 0, 'signed', 0, NULL, 3, 'a9e8e5fd-282b-4ec6-9a3b-1120d8359154', '\x429a1a0c687d344038dbfd23362aea0ff16553301d8b2ec36aa400be8d5c686d', '2026-11-29 15:09:38.814828+00', '\xbe2127ca05d83006db1ae6cc3a1b62686b4ca60efee41a1888a94bc26f12917f', '\x4a4f496fedad33a886e9dc4ad5198f4c3fc163ad0ca21c9cac8f81faa5b4f9c9e78a249ecd475d63e6d14242feae4738b68c4a250a28eb62cad209596b6c332b', '2026-11-29 15:09:38.194608+00');
INSERT INTO vaultstream.batches VALUES (1, 6, 121, 140, 20, 20, 20, 0, 'signed', 0, NULL, 3, 'a9e8e5fd-282b-4ec6-9a3b-1120d8359154', '\x37d8dc0e48c5c8a236c21aa48891ca06268e93de0964933f9124add28c09ede5', '2026-11-29 15:09:38.814873+00', '\x5c8c4a2c7be23acb82b325bbe17dbcd51963fcc7a0efe458430185e5bc713f8d', '\xad690b2c3e1233e070efeb292ea880b622d559d0e6cb441ad572556c694576d82500a5915223e1a65cd0584925d950ad1d523eddb810a479cd5093e727153114', '2026-11-29 15:09:38.194608+00');
INSERT INTO vaultstream.checkpoints VALUES (1, 1, '\x83d57402babbd2b5345719cbf9e7b4c69f8e33dad2d37cbae4e4459957a8b0b4', 'eyJhbGciOiJFUzI1NiIsImtpZCI6InpDRDQ0dG8za3lwR1M2SjA5VWIyeEpYZ29TLUx6QTM4MDFpWmx0VG5lSk0iLCJ0eXAiOiJ2YXVsdHN0cmVhbS1yZWNlaXB0K2p3dCJ9.eyJmb3JtYXRWZXJzaW9uIjo2LCJ1aWQiOiJlMjU4NzM2Yi1iMWU0LTRiZTQtODMxZC1mNjU3Y2MyMjc1MzMiLCJuYW1lc3BhY2UiOiJkZWZhdWx0IiwibmFtZSI6ImpvYiIsInNwZWNIYXNoIjoiMTVhZDAxNTZjYWEzY2ZmODEzNWEzN2VlNGNkMGE5NWNkMDE5MTQ2ZDU5Mjg3NjU2MGZlYTkxYmViMjQ4YjRlYyIsInJlY29yZHMiOnsidG90YWwiOjgwLCJzaWduZWQiOjgwLCJyZWplY3RlZCI6MCwiY2hhbmdlZCI6MH0sIm1lcmtsZVJvb3QiOiJkYjkzOGM0MTA2MjRiMWFlNTVmOWZmOTZhZWFjYTY3MDk3MTc1OGEzMTgwZmFhMmViZGI5OTc0ZTdkODcwZTZmIiwia2V5cyI6W3sia2lkIjoidUlKTnZaS25ONTh4OThCX3hDVlhZaHZybjN5bW1kU3AyZ1BVR2pqUWVuUSIsInNpZ25lZCI6NDB9LHsia2lkIjoiVkxsQ2I2STZ6Vi1LRmR0OXNJQ2ZfNE5DUUpTNDlEbUlvc29CbFJ3M2diSSIsInNpZ25lZCI6MjB9LHsia2lkIjoiRURCRE9fN2hiVWRzYmNVOFlyNlNFQ2ltbS1heW9UanpGTllQdnBzTDdScyIsInNpZ25lZCI6MjB9XSwiYmFja2VuZHMiOlsiZW5naW5lIl0sInZlcmlmeSI6IkFsbCIsInN0YXJ0ZWRBdCI6IjIwMjYtMTEtMjlUMTU6MDk6MzYuMzQ4WiIsImNvbXBsZXRlZEF0IjoiMjAyNi0xMS0yOVQxNTowOTozOC4wMTJaIiwiY2hlY2twb2ludCI6eyJudW1iZXIiOjF9LCJzb2Z0d2FyZVZlcnNpb24iOiIwLjEuMCIsImNsdXN0ZXIiOiJsb2NhbCIsInNvdXJjZSI6eyJraW5kIjoiVGFibGUiLCJzY2hlbWEiOiJwdWJsaWMiLCJ0YWJsZSI6Im1vdmVzIiwia2V5Q29sdW1ucyI6WyJpZCJdLCJwYXlsb2FkQ29sdW1uIjoiYm9keSIsImlkcyI6Ik9yZGluYWxzIn0sIm1lc3NhZ2UiOiJQYXlsb2FkIiwidHJlZVNpemUiOjQsInNlYWxlZCI6NCwic2lnbmF0dXJlc0NoZWNrZWQiOjgwLCJtYWRlQXQiOiIyMDI2LTExLTI5VDE1OjA5OjM4LjAzN1oifQ.fPYi1I-PqtWiT0N_Vb0H068bjqPgVMnBBvRkJd-LP-Iy1cZQMYaCRnrv3oCpe-QSSfY-pYYKtgogr8I3kkP6KQ', 4, 80, '\xdb938c410624b1ae55f9ff96aeaca670971758a3180faa2ebdb9974e7d870e6f', '{"autoscaling":{"mode":"Auto","targetBacklog":50000},"batchSize":20,"concurrency":{"keys":5,"records":10,"signers":8},"connectionSecret":"vaultstream-connection","deletionPolicy":{"records":"Retain","signatures":"Retain"},"follow":{"checkpoint":{"every":"1s","records":1000000},"maxDelay":"200ms","reconcileEvery":"24h"},"keys":{"count":3,"lease":{"duration":"1m","records":40}},"maxPayloadBytes":1048576,"maxRejected":0,"retry":{"initialBackoff":"200ms","maxAttempts":5,"maxBackoff":"30s"},"signing":{"message":"Payload","nonce":"Hedged","verify":"All"},"source":{"table":{"name":"moves","payload":"body","schema":"public"}},"suspend":false,"workers":{"maxRecordsPerSecond":100,"maxReplicas":10,"minReplicas":0}}', '\x010000000000000004db938c410624b1ae55f9ff96aeaca670971758a3180faa2ebdb9974e7d870e6f0000000000000000000000000000000400000000000000000000000000000003b8824dbd92a7379f31f7c07fc42557621beb9f7ca699d4a9da03d41a38d07a74000000000000002854b9426fa23acd5f8a15db7db0809fff83424094b8f43988a2ca01951c3781b200000000000000141030433bfee16d476c6dc53c62be921028a69be6b2a138f314d60fbe9b0bed1b0000000000000014', '2026-11-29 15:09:38.132886+00');
INSERT INTO vaultstream.data_keys VALUES (1, '\x05f8649eb532a3284429cbb560ce5b243fb3d3d6ccac8f8a819880db7a13e1a5e8056ac4a8000dedc2160aa50df116b7c9d28855af375158beb2a6a662', 'k7bfc11a4469ac5da', '2026-11-29 15:09:37.378792+00', NULL);
INSERT INTO vaultstream.job_locks VALUES (1);
INSERT INTO vaultstream.jobs OVERRIDING SYSTEM VALUE VALUES (1, 'e258736b-b1e4-4be4-831d-f657cc227533', 'local', 'default', 'job', true, '{"keys": {"count": 3, "lease": {"records": 40, "duration": "1m"}}, "retry": {"maxBackoff": "30s", "maxAttempts": 5, "initialBackoff": "200ms"}, "follow": {"maxDelay": "200ms", "checkpoint": {"every": "1s", "records": 1000000}, "reconcileEvery": "24h"}, "source": {"table": {"name": "moves", "schema": "public", "payload": "body"}}, "signing": {"nonce": "Hedged", "verify": "All", "message": "Payload"}, "suspend": false, "workers": {"maxReplicas": 10, "minReplicas": 0, "maxRecordsPerSecond": 100}, "batchSize": 20, "autoscaling": {"mode": "Auto", "targetBacklog": 50000}, "concurrency": {"keys": 5, "records": 10, "signers": 8}, "maxRejected": 0, "deletionPolicy": {"records": "Retain", "signatures": "Retain"}, "maxPayloadBytes": 1048576, "connectionSecret": "vaultstream-connection"}', DEFAULT, 'Signing', false, 1, 200, 10, 200, 10, 200, NULL, 'text', 'engine', NULL, NULL, NULL, '2026-11-29 15:09:36.159459+00', '2026-11-29 15:09:36.348896+00', '2026-11-29 15:09:36.348896+00', NULL, NULL, '{engine}', 1, NULL, 16384, 16385, false, NULL, NULL, '{}', 2, 'a2b4438d-e0f7-42ae-b683-4b1439aff3b4', '2026-11-29 15:09:53.233471+00', true, NULL, NULL, 9223372036854775807, 9223372036854775807, NULL, NULL, NULL, 'signed_default_job', '{id}', '{uuid}', true, 'lookup', 'following', 16393, false, NULL, NULL, 0, false, NULL, '2026-11-29 15:09:38.233471+00', 0, NULL, 1, 1, '2026-11-29 15:09:36.181019+00', NULL);
INSERT INTO vaultstream.keks VALUES ('k7bfc11a4469ac5da', '\x992a1cac09a3dad9e000d4c83e1450f193b0dcb18770a8b537b6d755bb2386edbe5c8d9d0433ad6b2f7ad8fa5d86c3d0ba92', 1, '2026-11-29 15:09:37.372104+00', 'vaultstream');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (3, 1, 2, 1, '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004ac63988905b8debbaca62c32db09208463895bf29089be0eb2f7add644708dfa01e06cc47a8564267dd4d4c62eda57aab5cd0b38b50072eb27ce7c0d863732e5', '\x93269836799c6dbe8e6621435edca750f64d22272dbadb546a5baf3121a68ff67d46738102b60d66dbd47788b9d569f018b3fd0b1856127cd9847110', NULL, 'active', 2, NULL, NULL, 80, 0, 80, 0, 4, 9, NULL, NULL, NULL, NULL, false, '\xef74c3e8c03246a1b2e41d9ee6d5d94b6017b31345fbdce58caab107');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (1, 1, 0, 1, '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004ce11b8be076fb7fba99c56356e7ecc66147324976543ac48d900dfb9575c3f4aaf7435779226133ca96875b361525ae3dabd9c7c4f7fd5ca07bbd2b204c183a6', '\xbeb9b623caa837697ac5dc42883bc8fa33c12b1f8c7e08236296bdc9a8be131701f21961b4daf3cae2a86eb6a67e9b8a27b346605b33a1e4c71ec1fc', NULL, 'active', 1, NULL, NULL, 1, 0, 0, 0, 0, 5, NULL, NULL, NULL, NULL, false, '\xf072cf97403e25ae53683fdb36424973147dd63d1bde7048a38520f1');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (4, 1, 3, 1, '\x3059301306072a8648ce3d020106082a8648ce3d030107034200040d5d78279501925764f5e5d746832a4ea5ff70c9959bb10adea38440fb7a39a864122802022b1cd776586113dc950fb1d6908ef58d8877daf31102dd2e237658', '\x52758dc71c963f37be92d20cba6bf112d3ace2f34c1bc9377890c92300e63ccc92b37f36ba05d262653b71212704a1ba204514084cce39b74583e141', NULL, 'active', 2, 'f6a36cbb-d1f8-436f-a018-97ea948ecaeb', '2026-11-29 15:10:38.411398+00', 40, 0, 40, 0, 2, 7, NULL, NULL, NULL, NULL, false, '\x41319aaeb847cfd99a238df649d53098482deba6c3064c51020a7bde');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (2, 1, 1, 1, '\x3059301306072a8648ce3d020106082a8648ce3d030107034200046a0792ca71b3e5b71661b994331e64deae178738ff9c63cc17cf12562da935ae3750294eba3a21d488738c6f1b4a5e6d5f003d498f973641aa75205510e6a692', '\xed26b774daafeaaaf20480df2e4a6918a9d0d7cc5ff3e1482162b18e6ca8dc5fcc3daf7a6548b45509990bb4f6e753ed351ca6a78164143f1b20d0a7', NULL, 'active', 2, NULL, NULL, 60, 0, 60, 0, 3, 8, NULL, NULL, NULL, NULL, false, '\x3f938836c7c861e1d01f4e0dfd023d0c9398eb18723c44053d84c6df');
INSERT INTO vaultstream.meta VALUES (true, 1, false);
INSERT INTO vaultstream.rows_1 VALUES (1, '009b4105-486e-49ae-96cf-42144d4a937f');
INSERT INTO vaultstream.rows_1 VALUES (2, '0125d96c-2a1b-424a-be21-ccb5e3e4fe5a');
INSERT INTO vaultstream.rows_1 VALUES (3, '018712aa-e9ea-4747-b611-29928978f6dc');
INSERT INTO vaultstream.rows_1 VALUES (4, '03b65410-328b-4027-8002-ace8b1299ad7');
INSERT INTO vaultstream.rows_1 VALUES (5, '03cbefc7-f3fe-47dd-a00d-085f839a565f');
INSERT INTO vaultstream.rows_1 VALUES (6, '04f8a7b2-65e7-42d3-9f66-29ae17cea32a');
INSERT INTO vaultstream.rows_1 VALUES (7, '05bcd703-77b1-4a80-81d5-af5b8ce644e4');
INSERT INTO vaultstream.rows_1 VALUES (8, '0762f8b9-9c21-4453-8138-a00db1d0683e');
INSERT INTO vaultstream.rows_1 VALUES (9, '0b433e74-d253-4640-a064-fc076ef3d6f1');
INSERT INTO vaultstream.rows_1 VALUES (10, '113c86de-6a14-4b2a-8660-5ad8c22a6d46');
INSERT INTO vaultstream.rows_1 VALUES (11, '1432de46-855e-40e4-95ae-a7132a368d75');
INSERT INTO vaultstream.rows_1 VALUES (12, '152ce55e-28d5-41dd-a859-f2efb58f1919');
INSERT INTO vaultstream.rows_1 VALUES (13, '156afb89-7d19-4712-920e-eb709a8c63fc');
INSERT INTO vaultstream.rows_1 VALUES (14, '18d87f34-784a-4e3b-8080-3861e752f93f');
INSERT INTO vaultstream.rows_1 VALUES (15, '1a9c1851-54ee-47c5-a122-336db1ee2b7a');
INSERT INTO vaultstream.rows_1 VALUES (16, '1c58c610-4863-4c8f-ae25-f5059f90a02a');
INSERT INTO vaultstream.rows_1 VALUES (17, '206e03a7-36b5-412e-b680-03f5175be24e');
INSERT INTO vaultstream.rows_1 VALUES (18, '24d14063-384f-48a6-bf74-3c312c013527');
INSERT INTO vaultstream.rows_1 VALUES (19, '24fee362-64bd-4aa5-a713-cb5934dd3ef6');
INSERT INTO vaultstream.rows_1 VALUES (20, '25fcddb8-3c83-44ff-a632-b8199512ee77');
INSERT INTO vaultstream.rows_1 VALUES (21, '29614e75-5521-48b4-a834-30375f50a204');
INSERT INTO vaultstream.rows_1 VALUES (22, '2d345754-231d-4d13-bd5b-74a8093349c7');
INSERT INTO vaultstream.rows_1 VALUES (23, '31e0bbbe-5414-4873-bb4e-23ea54bb0499');
INSERT INTO vaultstream.rows_1 VALUES (24, '37eab84e-d103-46e5-9bae-9bc4ff1e75ea');
INSERT INTO vaultstream.rows_1 VALUES (25, '442d8014-dcdc-4e56-a61c-25f6696027d7');
INSERT INTO vaultstream.rows_1 VALUES (26, '456571dd-9784-41a3-a34d-74f7688c5c50');
INSERT INTO vaultstream.rows_1 VALUES (27, '463e3414-d76e-4c39-9c12-3c4e3e3f40d8');
INSERT INTO vaultstream.rows_1 VALUES (28, '495510c1-032c-4959-b615-3c0b66cb12f0');
INSERT INTO vaultstream.rows_1 VALUES (29, '496ed056-c3df-4250-949a-e07e6f38cb8c');
INSERT INTO vaultstream.rows_1 VALUES (30, '4d1b61c9-7586-48c5-827f-55220e10af00');
INSERT INTO vaultstream.rows_1 VALUES (31, '52a4d3c5-3b9c-43b9-88ca-f4187c2e1cd1');
INSERT INTO vaultstream.rows_1 VALUES (32, '59c4ef90-01b8-46d3-9d1c-be830a21b2f9');
INSERT INTO vaultstream.rows_1 VALUES (33, '5c33e5a9-edb8-4ff7-9b6c-315366391e69');
INSERT INTO vaultstream.rows_1 VALUES (34, '5cb88453-0dd8-4056-8d12-2e07f9f38197');
INSERT INTO vaultstream.rows_1 VALUES (35, '64bea3e1-e8e1-4ed4-8d13-9d002b0d36b7');
INSERT INTO vaultstream.rows_1 VALUES (36, '65813d82-b089-48a7-b192-401d20776056');
INSERT INTO vaultstream.rows_1 VALUES (37, '6668c7ab-e017-4153-8111-3657f5c6e38e');
INSERT INTO vaultstream.rows_1 VALUES (38, '693635f6-4fc3-47d1-a05f-2b47dec8660d');
INSERT INTO vaultstream.rows_1 VALUES (39, '6971a784-7f38-4174-9132-dc9867e6d87a');
INSERT INTO vaultstream.rows_1 VALUES (40, '6be628f5-abb9-4217-a01a-933272e5b859');
INSERT INTO vaultstream.rows_1 VALUES (41, '71bb2953-e0c4-4b5b-95f8-cde3494985bc');
INSERT INTO vaultstream.rows_1 VALUES (42, '748055ab-f5b6-4875-a5a8-b89c42abeabd');
INSERT INTO vaultstream.rows_1 VALUES (43, '77b26efd-908e-49e8-a400-0069cb1eddca');
INSERT INTO vaultstream.rows_1 VALUES (44, '79156690-9503-4f0d-b126-f082c6d315b9');
INSERT INTO vaultstream.rows_1 VALUES (45, '7db64bcd-fb71-47f8-bbd1-55e3105d7f86');
INSERT INTO vaultstream.rows_1 VALUES (46, '7eaeb3e7-f086-4389-806c-b477533d61ba');
INSERT INTO vaultstream.rows_1 VALUES (47, '7f0cbacf-424b-43db-b564-2a99697347ed');
INSERT INTO vaultstream.rows_1 VALUES (48, '7fa5237e-b054-451b-a86d-d3a3e3829b61');
INSERT INTO vaultstream.rows_1 VALUES (49, '810e28cd-8f82-4cd3-8e58-97c2772eb7a6');
INSERT INTO vaultstream.rows_1 VALUES (50, '82556a79-352f-44eb-b68f-32acbbcf3d34');
INSERT INTO vaultstream.rows_1 VALUES (51, '827bfd98-01a7-4e55-8340-fb53ac79b6c9');
INSERT INTO vaultstream.rows_1 VALUES (52, '839fe3f8-299c-4c22-9bc5-42f7d3e93ce3');
INSERT INTO vaultstream.rows_1 VALUES (53, '84871fdd-1067-44c3-835a-285cfb456e01');
INSERT INTO vaultstream.rows_1 VALUES (54, '84c11cc7-81ee-4662-b907-805a3ce6cecf');
INSERT INTO vaultstream.rows_1 VALUES (55, '85ce4455-390e-44bb-a8f8-4c1389225172');
INSERT INTO vaultstream.rows_1 VALUES (56, '88490479-c781-4ca7-995f-4702b01b2dd1');
INSERT INTO vaultstream.rows_1 VALUES (57, '8a29b56c-1aa1-4e2a-a368-12ad03856869');
INSERT INTO vaultstream.rows_1 VALUES (58, '8a424d0a-5546-4178-8e75-45209ab4ace3');
INSERT INTO vaultstream.rows_1 VALUES (59, '8ad99d87-00b1-4a02-8b52-728e7f6e6216');
INSERT INTO vaultstream.rows_1 VALUES (60, '8dc5f3b2-e6c8-4d49-bbf6-ef76c418aa64');
INSERT INTO vaultstream.rows_1 VALUES (61, '91fe5ba9-8f2f-4587-8398-738b57c44519');
INSERT INTO vaultstream.rows_1 VALUES (62, '94d94ffd-903e-4ce9-b4c6-129992f1d574');
INSERT INTO vaultstream.rows_1 VALUES (63, '9561a000-7f93-4ddf-86b7-e2b5a0a6ab8c');
INSERT INTO vaultstream.rows_1 VALUES (64, '960e9a1c-ad22-4232-b72a-b467dd88c5b7');
INSERT INTO vaultstream.rows_1 VALUES (65, '967e2d7b-6aa6-4a8c-b6fc-fcb08d402fd6');
INSERT INTO vaultstream.rows_1 VALUES (66, '98efa28a-ab4f-4e58-922f-c5256e4b0396');
INSERT INTO vaultstream.rows_1 VALUES (67, '99392b84-24a0-4e6e-afcf-613534c1243f');
INSERT INTO vaultstream.rows_1 VALUES (68, '9a2b2f79-b93f-4b43-8074-e1be15e0288f');
INSERT INTO vaultstream.rows_1 VALUES (69, '9ebf0762-44f9-4a3e-a30a-f9af51cc158a');
INSERT INTO vaultstream.rows_1 VALUES (70, '9ee21979-279e-4c63-967d-9de1f51d33e9');
INSERT INTO vaultstream.rows_1 VALUES (71, 'a2c17dda-e55c-483c-9d08-506187b1ac52');
INSERT INTO vaultstream.rows_1 VALUES (72, 'a5a86354-5139-423a-a3a5-48fedad9999e');
INSERT INTO vaultstream.rows_1 VALUES (73, 'a9a79618-7405-4f66-9bbe-75d09d188abe');
INSERT INTO vaultstream.rows_1 VALUES (74, 'ad0b943f-3c85-4ff0-b54b-97a41488d0ca');
INSERT INTO vaultstream.rows_1 VALUES (75, 'ad31abcc-ef21-446b-b642-f16b286a006a');
INSERT INTO vaultstream.rows_1 VALUES (76, 'ad458536-8829-4c16-81fd-f531fc173f1c');
INSERT INTO vaultstream.rows_1 VALUES (77, 'b08e3211-df59-4e4c-9862-0a587e9eae42');
INSERT INTO vaultstream.rows_1 VALUES (78, 'b1fe8148-1ecf-4ccb-a7a6-dc18459a4abe');
INSERT INTO vaultstream.rows_1 VALUES (79, 'b44582a6-c2fa-44de-834a-927322f71ba7');
INSERT INTO vaultstream.rows_1 VALUES (80, 'b5a5bc0a-0b86-4074-bafc-57d0fef3e99b');
INSERT INTO vaultstream.rows_1 VALUES (81, 'b9c0d727-7cfb-4208-bf4c-738e1dc5959b');
INSERT INTO vaultstream.rows_1 VALUES (82, 'be740bb6-b411-46cf-8288-115ca4e3fca2');
INSERT INTO vaultstream.rows_1 VALUES (83, 'be7f969d-b67a-4442-9f63-1e90b148c88e');
INSERT INTO vaultstream.rows_1 VALUES (84, 'cc4d44ce-0227-4228-82ca-135994f0efbc');
INSERT INTO vaultstream.rows_1 VALUES (85, 'cd290755-830d-45c2-a29c-aa597103bdf3');
INSERT INTO vaultstream.rows_1 VALUES (86, 'cf03fb88-9294-48be-b248-a2dbc75f54f2');
INSERT INTO vaultstream.rows_1 VALUES (87, 'cfe3aeb4-5ed8-4e77-9ee0-44cdf8b83147');
INSERT INTO vaultstream.rows_1 VALUES (88, 'd29c12c7-b1cf-4e2f-ab89-bb4f719235a0');
INSERT INTO vaultstream.rows_1 VALUES (89, 'd64c03a7-dcfb-40b5-8fe5-ca1f6b6765a2');
INSERT INTO vaultstream.rows_1 VALUES (90, 'd9f6e9cb-8d18-41f9-9188-e14036d932eb');
INSERT INTO vaultstream.rows_1 VALUES (91, 'db914ddd-76cf-45f0-936c-8a398563e17b');
INSERT INTO vaultstream.rows_1 VALUES (92, 'e0f0962f-2c6e-48fe-9a8c-6e315f94d5ec');
INSERT INTO vaultstream.rows_1 VALUES (93, 'e48a15ac-ae1f-4662-ac1f-725e864eff55');
INSERT INTO vaultstream.rows_1 VALUES (94, 'e962e9a1-da35-4462-85ca-95ffb977de00');
INSERT INTO vaultstream.rows_1 VALUES (95, 'eaf40a35-2538-41e0-9ed3-3989ba436676');
INSERT INTO vaultstream.rows_1 VALUES (96, 'f00e2256-81e8-484f-a993-5ce581c1f08e');
INSERT INTO vaultstream.rows_1 VALUES (97, 'f050e482-f0a0-49a4-83ad-98f571bff25c');
INSERT INTO vaultstream.rows_1 VALUES (98, 'f051c62e-7636-48ae-9236-1a0047ec6a5e');
INSERT INTO vaultstream.rows_1 VALUES (99, 'f446c6dd-ccd7-4b4c-b2a3-1cf4921072ed');
INSERT INTO vaultstream.rows_1 VALUES (100, 'fd082990-c511-4875-a82f-004a165d14a6');
INSERT INTO vaultstream.rows_1 VALUES (101, 'a6487242-9de8-4e73-8f48-3df06ad4f105');
INSERT INTO vaultstream.rows_1 VALUES (102, '22efd0de-7e90-49b9-b70b-c951b03436c6');
INSERT INTO vaultstream.rows_1 VALUES (103, 'b8341b48-009c-4d93-b1dc-25f3fc58b9d2');
INSERT INTO vaultstream.rows_1 VALUES (104, '7b5eb977-0ec6-4bf4-93bd-411c5994b452');
INSERT INTO vaultstream.rows_1 VALUES (105, '84c472d4-8c00-4429-9897-78dfd8251f5d');
INSERT INTO vaultstream.rows_1 VALUES (106, '9f9d443f-aa5e-4d93-b440-20d9c7ad0573');
INSERT INTO vaultstream.rows_1 VALUES (107, '496b898b-cf0f-4bfe-b398-06e4a7e304be');
INSERT INTO vaultstream.rows_1 VALUES (108, 'bf793534-bd78-4025-bdeb-d3a3afc8c3ce');
INSERT INTO vaultstream.rows_1 VALUES (109, 'd5dcfb8b-125f-4c93-bb4d-8712b0f44cad');
INSERT INTO vaultstream.rows_1 VALUES (110, '51596e19-e325-48bc-80a8-c0ea13bd8842');
INSERT INTO vaultstream.rows_1 VALUES (111, '075229a8-a534-4cdb-ad39-85459e1977d0');
INSERT INTO vaultstream.rows_1 VALUES (112, 'abf6bb5e-eb3a-4eb5-bd06-44e6cde5dff7');
INSERT INTO vaultstream.rows_1 VALUES (113, 'f1d27b30-66e5-4507-9557-736435b2b634');
INSERT INTO vaultstream.rows_1 VALUES (114, '050820d4-8f2d-4603-ba89-783729832054');
INSERT INTO vaultstream.rows_1 VALUES (115, '2309eade-a0f7-42d5-ad2e-1d1a444b4e93');
INSERT INTO vaultstream.rows_1 VALUES (116, '2053ac97-7d49-4ce4-9e82-2e59b975194d');
INSERT INTO vaultstream.rows_1 VALUES (117, '03144dce-fee1-4a38-9c9e-94e7a2640cc2');
INSERT INTO vaultstream.rows_1 VALUES (118, '58d9208f-4388-4d69-a263-3cb88cab64dc');
INSERT INTO vaultstream.rows_1 VALUES (119, '36ac0a39-608c-4bfc-a1b6-0d5e6fb4034e');
INSERT INTO vaultstream.rows_1 VALUES (120, '1c9cb8f8-5b23-4d76-a403-76a4886d3c5b');
INSERT INTO vaultstream.rows_1 VALUES (121, '9bbdb73e-83b5-41e7-8576-15d01a6ec856');
INSERT INTO vaultstream.rows_1 VALUES (122, 'c60c74f3-bd76-4bf8-b265-8dac28eddf9f');
INSERT INTO vaultstream.rows_1 VALUES (123, '023a4467-f524-4299-baaf-daa822a96f0d');
INSERT INTO vaultstream.rows_1 VALUES (124, '9a6267c2-f3a2-4bab-bce7-e6d567870906');
INSERT INTO vaultstream.rows_1 VALUES (125, 'c85bdeb3-fbd6-4039-8f09-d8f503c53215');
INSERT INTO vaultstream.rows_1 VALUES (126, '83b28caf-fd58-4457-8845-d2718b8012b6');
INSERT INTO vaultstream.rows_1 VALUES (127, '93a7e12f-e9ed-48ee-b071-0683e3e44e46');
INSERT INTO vaultstream.rows_1 VALUES (128, 'b73d2d5a-8190-4486-bbb2-626a56dec420');
INSERT INTO vaultstream.rows_1 VALUES (129, '521ddf5e-ff5e-4f87-9779-d010642b132c');
INSERT INTO vaultstream.rows_1 VALUES (130, 'c5f64e5e-85f4-4f92-8f5a-ae5a0fa122f0');
INSERT INTO vaultstream.rows_1 VALUES (131, '4b2b6217-aa91-4ee4-b720-9ae8511b9ae5');
INSERT INTO vaultstream.rows_1 VALUES (132, 'b8a7fd7c-5a8a-46b9-8c21-01772c8c12f2');
INSERT INTO vaultstream.rows_1 VALUES (133, '6075d1a3-fca8-4e7f-8a87-1450b6feffb3');
INSERT INTO vaultstream.rows_1 VALUES (134, '101f1a0a-67ae-4b3f-80a5-fd48c655169c');
INSERT INTO vaultstream.rows_1 VALUES (135, '653add79-b523-4858-8c1b-552eddc0aba2');
INSERT INTO vaultstream.rows_1 VALUES (136, '5d959feb-145d-4eed-bec3-c21f41c3b315');
INSERT INTO vaultstream.rows_1 VALUES (137, 'ab43a08e-dba6-4af3-aad7-71232bd70a81');
INSERT INTO vaultstream.rows_1 VALUES (138, '8ea97a8e-933c-41ab-8a8e-1e3df57f4edc');
INSERT INTO vaultstream.rows_1 VALUES (139, 'bb2e2635-f463-4c23-8a82-0b9d25eb623a');
INSERT INTO vaultstream.rows_1 VALUES (140, 'e547b6e0-871d-445b-b78f-a11036929d89');
INSERT INTO vaultstream.rows_1 VALUES (141, 'fa74137a-dd01-4e60-8680-806831a6612a');
INSERT INTO vaultstream.rows_1 VALUES (142, '61d4921a-4a2f-4666-9214-a9714134ccda');
INSERT INTO vaultstream.rows_1 VALUES (143, '8a0048a0-77f9-4c2a-a73b-7a6052523431');
INSERT INTO vaultstream.rows_1 VALUES (144, 'c381a69d-6a0b-4d5f-9aa0-3a4d4b24983b');
INSERT INTO vaultstream.rows_1 VALUES (145, '4d072d4d-8f3a-4b2e-bd44-0a8ec7c3edd4');
INSERT INTO vaultstream.rows_1 VALUES (146, 'd3260e58-2ab3-426e-9df5-92b76800a787');
INSERT INTO vaultstream.rows_1 VALUES (147, 'eb96bef9-df0b-4421-ba53-9459b4e078be');
INSERT INTO vaultstream.rows_1 VALUES (148, '61234d6f-c8f7-468f-a303-dc358e286166');
INSERT INTO vaultstream.rows_1 VALUES (149, 'b6bb1588-e913-4026-bbc9-aa144f6e461b');
INSERT INTO vaultstream.rows_1 VALUES (150, '49e61760-e24a-4d72-abb1-86e9fe0bd8dd');
INSERT INTO vaultstream.rows_1 VALUES (151, 'd7f61af1-6447-419b-aebd-fac0616bd63f');
INSERT INTO vaultstream.rows_1 VALUES (152, '28788de7-3d74-4a45-a990-5bfe1dcb513a');
INSERT INTO vaultstream.rows_1 VALUES (153, 'd227f50a-f083-4f1e-b9c8-ec86f787d021');
INSERT INTO vaultstream.rows_1 VALUES (154, '9d379b0c-d590-4e33-ab4f-75646ae04ccd');
INSERT INTO vaultstream.rows_1 VALUES (155, 'd34169c0-a4e9-4d7f-bde5-376c06c3e1b2');
INSERT INTO vaultstream.rows_1 VALUES (156, '5332643d-e58f-4678-88a4-161bc82e4ad5');
INSERT INTO vaultstream.rows_1 VALUES (157, 'd640717a-628a-40c3-a1b2-4de6d1510c35');
INSERT INTO vaultstream.rows_1 VALUES (158, 'a6077c37-dce7-4621-8de6-9aedd9fc6772');
INSERT INTO vaultstream.rows_1 VALUES (159, '572b1391-b01e-492c-a69d-b19a617073b8');
INSERT INTO vaultstream.rows_1 VALUES (160, 'af01fac0-905a-48f7-8000-367b91d4be2e');
INSERT INTO vaultstream.rows_1 VALUES (161, 'cd5b4537-ccf3-4f20-b9ac-4c931770c8f5');
INSERT INTO vaultstream.rows_1 VALUES (162, 'e08b9171-7120-4201-bb11-7498ca724022');
INSERT INTO vaultstream.rows_1 VALUES (163, '38118101-5a81-43ae-9c48-b31c083b4307');
INSERT INTO vaultstream.rows_1 VALUES (164, '69943e9f-273a-4fc8-b960-54b8d595b68e');
INSERT INTO vaultstream.rows_1 VALUES (165, 'a3cb7447-28da-46d7-8fa0-33dc2f65da7e');
INSERT INTO vaultstream.rows_1 VALUES (166, '1705e967-0cf2-444e-9897-22cccb92a807');
INSERT INTO vaultstream.rows_1 VALUES (167, '6d13428a-ff82-4cbd-b4e7-efcc11ebe8a4');
INSERT INTO vaultstream.rows_1 VALUES (168, 'a769be9d-72e6-48cc-b676-f33c5f1362e9');
INSERT INTO vaultstream.rows_1 VALUES (169, 'a97827ba-f345-4c44-8147-8a46528b8b00');
INSERT INTO vaultstream.rows_1 VALUES (170, '96e7b5bd-4aba-4967-b65e-e4d19d0a7472');
INSERT INTO vaultstream.rows_1 VALUES (171, 'ec9c1faa-7afc-4489-9547-208a25536de0');
INSERT INTO vaultstream.rows_1 VALUES (172, '5b4eb098-3639-44dd-b62a-a98410fa23cd');
INSERT INTO vaultstream.rows_1 VALUES (173, '9e6fe77f-d4c2-4d80-b1ba-ee8bbe699ec9');
INSERT INTO vaultstream.rows_1 VALUES (174, 'f9e5de22-2d04-4854-acd6-f719e1009214');
INSERT INTO vaultstream.rows_1 VALUES (175, '2143affd-8f4a-4dcf-9e64-cd2eeeebc0fa');
INSERT INTO vaultstream.rows_1 VALUES (176, '52cd7f17-210a-4ce6-96af-f545492d3954');
INSERT INTO vaultstream.rows_1 VALUES (177, 'a20b98e2-3395-4de1-a4e8-c5ec7e055428');
INSERT INTO vaultstream.rows_1 VALUES (178, 'c1de1de4-4d54-4e3a-ad40-9ef928106e7b');
INSERT INTO vaultstream.rows_1 VALUES (179, 'db910e73-fa16-4210-9410-ef9cebf86218');
INSERT INTO vaultstream.rows_1 VALUES (180, 'f13f89db-c572-4b34-bf64-d737e1aee295');
INSERT INTO vaultstream.rows_1 VALUES (181, '70b6e16b-4bb4-49d7-ad25-a0a54b012ed1');
INSERT INTO vaultstream.rows_1 VALUES (182, 'ceeb0ede-fa9d-47b4-a988-82b764e4b4a7');
INSERT INTO vaultstream.rows_1 VALUES (183, '8c414f5a-6e39-44fe-8470-a6e59f2bd094');
INSERT INTO vaultstream.rows_1 VALUES (184, 'a7ca98ad-0dc6-4fcf-90ce-df49e91913ed');
INSERT INTO vaultstream.rows_1 VALUES (185, 'ba72c6d5-0042-45d1-b1f6-76b0909ae60d');
INSERT INTO vaultstream.rows_1 VALUES (186, 'e81aa71b-eddf-488e-8032-1b43519eea73');
INSERT INTO vaultstream.rows_1 VALUES (187, '35b03a4d-0ee0-44ea-a2a3-b7a919229f61');
INSERT INTO vaultstream.rows_1 VALUES (188, '070c11c7-8f51-4518-92c1-ff827fa67b8e');
INSERT INTO vaultstream.rows_1 VALUES (189, '117c0142-6b16-41b3-99f7-25ee44e22324');
INSERT INTO vaultstream.rows_1 VALUES (190, 'a6f6de3a-e23b-4f01-9d92-8d9cd9cd0286');
INSERT INTO vaultstream.rows_1 VALUES (191, 'eb69602f-4b63-4c28-96bd-6a78cbfceb23');
INSERT INTO vaultstream.rows_1 VALUES (192, 'c8f55f80-c7f2-4bbc-b293-d586a93b2868');
INSERT INTO vaultstream.rows_1 VALUES (193, '36d830db-a4a4-475e-9c72-5cb60f115bef');
INSERT INTO vaultstream.rows_1 VALUES (194, 'ca166671-1cd7-4fc0-9a96-7b8945bccf8b');
INSERT INTO vaultstream.rows_1 VALUES (195, '70a96803-fc4f-4c83-9042-53d25d7c595a');
INSERT INTO vaultstream.rows_1 VALUES (196, 'bc64e0d4-2536-4fc9-85bf-23365362ce4e');
INSERT INTO vaultstream.rows_1 VALUES (197, 'db8ae9ec-1255-4025-aee6-17f2aebbd4cd');
INSERT INTO vaultstream.rows_1 VALUES (198, 'f130c4c4-d7ca-4bb3-8311-325be7306b0e');
INSERT INTO vaultstream.rows_1 VALUES (199, 'a9fe1244-06a0-4f0e-9785-90c778618b39');
INSERT INTO vaultstream.rows_1 VALUES (200, '3cad2384-07f3-4093-bb96-fae7236c9a65');
INSERT INTO vaultstream.schema_history VALUES (1, 'tables', '2026-11-29T15:09:35.696379641Z', '6922198918192931799');
INSERT INTO vaultstream.schema_history VALUES (2, 'leases', '2026-11-29T15:09:35.819825058Z', '3012806774748937272');
INSERT INTO vaultstream.schema_history VALUES (3, 'unit_commit', '2026-11-29T15:09:35.827680246Z', '5976725373711758961');
INSERT INTO vaultstream.schema_history VALUES (4, 'roles', '2026-11-29T15:09:35.835665708Z', '4900440705434068756');
INSERT INTO vaultstream.schema_history VALUES (5, 'views', '2026-11-29T15:09:35.839688338Z', '16698169167466530584');
INSERT INTO vaultstream.schema_history VALUES (6, 'retry_rejects', '2026-11-29T15:09:35.847670664Z', '4196245594491232140');
INSERT INTO vaultstream.schema_history VALUES (7, 'rewrap', '2026-11-29T15:09:35.855748723Z', '6453230480782072645');
INSERT INTO vaultstream.schema_history VALUES (8, 'backends', '2026-11-29T15:09:35.863629048Z', '8018905470842047524');
INSERT INTO vaultstream.schema_history VALUES (9, 'spec_generation', '2026-11-29T15:09:35.883736039Z', '16919805672085109455');
INSERT INTO vaultstream.schema_history VALUES (10, 'source_tables', '2026-11-29T15:09:35.891405522Z', '4549744218004014754');
INSERT INTO vaultstream.schema_history VALUES (11, 'damaged_keys', '2026-11-29T15:09:35.8969053Z', '18109420106976317598');
INSERT INTO vaultstream.schema_history VALUES (12, 'rights_in_one_file', '2026-11-29T15:09:35.900808503Z', '16402751749938560955');
INSERT INTO vaultstream.schema_history VALUES (13, 'signing_faults', '2026-11-29T15:09:35.90773111Z', '12941796679201267348');
INSERT INTO vaultstream.schema_history VALUES (14, 'tenants', '2026-11-29T15:09:35.915794837Z', '12205316681473769095');
INSERT INTO vaultstream.schema_history VALUES (15, 'data_keys', '2026-11-29T15:09:35.951826942Z', '10483511356955969441');
INSERT INTO vaultstream.schema_history VALUES (16, 'operator', '2026-11-29T15:09:35.97569848Z', '2675492106613758255');
INSERT INTO vaultstream.schema_history VALUES (17, 'planning', '2026-11-29T15:09:35.98768527Z', '7181223721751995066');
INSERT INTO vaultstream.schema_history VALUES (18, 'seals', '2026-11-29T15:09:35.98993296Z', '10054723545563210125');
INSERT INTO vaultstream.schema_history VALUES (19, 'anchors', '2026-11-29T15:09:36.000199881Z', '689141497494516312');
INSERT INTO vaultstream.schema_history VALUES (20, 'certificates', '2026-11-29T15:09:36.036287228Z', '2167817964019195430');
INSERT INTO vaultstream.schema_history VALUES (21, 'canonical_rows', '2026-11-29T15:09:36.055748272Z', '13646219030384373787');
INSERT INTO vaultstream.schema_history VALUES (22, 'signed_views', '2026-11-29T15:09:36.063674185Z', '17732708756099904070');
INSERT INTO vaultstream.schema_history VALUES (23, 'row_keys', '2026-11-29T15:09:36.075725761Z', '3385770577136588745');
INSERT INTO vaultstream.schema_history VALUES (24, 'following', '2026-11-29T15:09:36.083733014Z', '1290030028764274199');
INSERT INTO vaultstream.schema_history VALUES (25, 'closing_partitions', '2026-11-29T15:09:36.115805047Z', '5795843336321747735');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 21, 2, '\x97fc2804750cdf53258632988b56fbec5a2dc60a686b656d333cfac16d3c5d4e3536fee4bf7fa6eced207e2ed9c405a9db8b517e0c74fa0cc996e35822492d33', '\x6e7a3c5c1a4af44a40f3656dd6c3ad94083ca04d610a24bdb8a5ec3d3f2ff1b3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 22, 2, '\x09b254ddcd7e4dfd8cf657a4fd296f3a6cf54a963366ea6a45406db19d8e827324820bbf23756656db94a976454161d4cfe586967a328a4c1eaeeb3b9bc6eb5f', '\x6532c6e526a0a74d789560bb7728c671deea2d5d522e8b70a20f46e55a187b9a');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 23, 2, '\x7f821602d2e48bb0cf7f88ad9ba0d276c16d4b6887cec8838c8a8e38fa7c69d3c76b0a3d55c3cc13870bff9bd9da9a2f4aff06dfeb8a38056677c8ec828e3a0e', '\xe58cd194431366c2c3d8524f61daf1e6c84c26be16a0b590c6c34c573a93c6b5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 24, 2, '\x22f55e181c0b20271a679632589fbc14286760b3b934a4a40c0894c273a2b8d32196733275f0357d15433444cb97a0b8af7c78b716ab23b2331f55a2a05b1239', '\x9134a2ea6de6459e5c1a9039e6af0b62a71ad21a7159ccf131e7b3fc10e90c03');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 25, 2, '\x7407053d1d4464a9c876b8943411fc6661db4756a1313e50ff2cfae48a2a882eaa0d8883bba7889a572727db87a9a05da31cca8ee35658ac54db5e77911dba69', '\x2e9f91ab174d1948a928264d117fd58cf824e2feeb41cffada07d948e8b2a633');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 26, 2, '\x9fd157274e5f81416d3417bf9dcffa945979acc69617ddd393c4f986d311f49d63fa23163b6025b3a062fd755e46d841a3d6d0fb6504cdb5faf95d792a4992f2', '\x3d917325a05ae31c5ae02a0de8d0aa599604b63b9db26b8a81276e7a12051ff9');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 27, 2, '\xdb46dcdbb415df659e2f9007d3d0cdc90ec13525c54654fcaec001b9c5283378aa99129cd58e8589ae6322ebc9bbd5e4a5197f0a049ccf01b14c33919e8f7853', '\x515ba21f3cedb01b388272e0cd1e7a8d2c40ee6324bc14f05f2dfa448e87c589');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 28, 2, '\xa7259dbc1c481e7ab281bb07d0a6439fdc0a38380ee102cca0b52597e7846a0b25f7bcefae0945f521c27d7b981bc432afdb2288aa76b9c7b8f667c45d0806f6', '\xbe6cfe66da7c850d748ea65cfda756b2995fb1c2c0c5bc552d5bc54902ac3a05');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 29, 2, '\x67749ab4f44b68194ec73f1480e7f9042340d16b6f7cc288a75fd17150f7ca0536bc9f7d2cdb6419867d077d10454d37f68cb603709c0e9b700118c69f318d37', '\x20556a1bd59ae5f47924611ee475aa99c79994695115196d7b0cda7e6e14c387');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 30, 2, '\xdeb740e1098f8a6b3a24c282974c663709100cb2a16d3d75c8dd90fa1bf5d05ca76b0f07afa69ee2783a3ca4ff0c6b7ba7552dc370ca0485a3215003ec2fe19f', '\x391c5544b0b22c4c46318dab8e4978958a7bda90bc0f2a9d8112a8d1f93bf586');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 31, 2, '\x13c6e7baf0fd32dec8806cd318e727151c7e2c99a07a47c2780d9df0babd832b9f19ff6c822d4153223366ae961b4f53e89092e518d0362a641ff51096e3b58b', '\x020d24e0e4a7cc4f0a552bbdd190003320ab9c7ee897e5dde8f4611cd0fcf833');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 32, 2, '\x1aa4cd89e53fb502291d142896c28bc40dfb906b53e7d926d3d6cc787b1d8890b5cf8023d39b87c4462a8e7e5c5a7121a7dc854587db20d564513e7ebec5540b', '\x4555d80760392b0b9959e39f9567b5416c576caf96a9927fd3ccf901b6dfa6c0');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 33, 2, '\xe6ff71f84f9a8b39382d8b8acc5724f79256ab6a0cb2b05ae2316644ce88db85e5538dc4d0e4e02d728b88e96b302b1d21697e0c9e576b6b0241796c35788973', '\x1188d3631cce46fcdb21083539e62e2fda7e9595d7a33cb7b00b3d747d3cc087');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 34, 2, '\x13110595220fabb6692aa80f00b4bc4e6d4dc92d5a996d2215edd57933a7c66b4e1aa410bed25b16b64c1c98cedd46fa66c384b9552e80418fd87c22f619d58f', '\xcbe5fce0d38a59ccad9dd09241705457dd4e3cb331eb3ae17ddc0cef6bdf74ef');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 35, 2, '\x46f3f1824d7d9ff1bc9465efd26ddc67aa8950fd0e5e8d9f7a5a81d3d1b09b3049505ea70330dcb3954cf60f0cc739443df19e885c9fc192bbccaa3811c7f8cb', '\xe4d1c6e8bc775c3969d69e5f576019bb7c947359213edd9a0ee9db3a89ee51c1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 36, 2, '\x1234340b730c81354893f3fd5693b3cbe88c2fce29d4b76c4f4d430ac02bbecc724e07c83a0f8be3780fe4578d14cc977d4242f7b33f1f4c1f6fc69f2c15b2fb', '\x6ba855d06deb2a5fa424a7de2ca491fc5c68f0c893b4352cbc42f96f2df9b2f1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 37, 2, '\x928974b377ee85cee37f18e8b607215bbe3ed5fc3cedf5cff030fbf80feca53625127b6f50dd3cc488421701c008657872de69599beca4bbed56c06a3b7618e2', '\xab37c08ff0947f0f68c61deea701cc0c14abc3131f6875969bb43d9bf1cc0e5a');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 38, 2, '\x363c4d2a33d307f251a7e397bf23f8d403700443131446b5f1ab58f98e51d5d4a6f5617c699fd6b90c521b30865e77ebf794cec4b454df889413a90a9e425ba2', '\x4855edd0e27d931fcc3ed81bd01b9fac1892ab87279e15ba738dc9138dcd662f');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 39, 2, '\xcf64aa42affb5e23e90eb1c37ff54a134228608905a893cf4b3cdf3323011998d916c201c6bedc0c7f2defd240c52e66b3a12a20e783d6867c63dda6b8fe0229', '\xc5805b6201ed366464bbf30631854b03ebb403821c5683180eee13234cf41032');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 40, 2, '\x74057bc277d8cd67f2d85dff36cc037bd4ec58b76afa91570272f83d1e1d5559e75fa0cc79088619a493db628fcdcbf2f3c03bdbbe032d38f5f08500bb414777', '\xdddf1ce28b5fdb75d52cf0fde2f05521150646f62eb7ad276c534793d6bcbc76');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 41, 3, '\x2a4f2ee49288322720fe3597f117a56f7e7c784690f77020f24a57a402e7d362573958d8c95a2b4a07b0681112c1fb425c84cfc22873ca332948c91052ee8f23', '\x38a0fd29c84b63a65579b3ed7dca9bfac10116d7583fc54af33f6381e520eed5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 42, 3, '\x6d6aa96cc5071f088f5e670385cb754a2e76ec10cdb3f423badd3012d7566ddd50b878dee322937f5af98935aee6c66f57054ae44f1fa88ff4b3e8b3d4a9a1cd', '\xc839b52bfd73726b6a5231fd81effc9de9b4d4851cbc76acbda96e291e3a8e73');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 43, 3, '\x491c7ffadc85670e35ffc34ff21b4fe671a23e5c0183ab0dd45ec700277257318f40c964a76ff00e0c939d2aceb8da865dd641f6e20bbbccce877f17c74a7a97', '\xfc818cf509a9ab10d11201aa15702f61705c921c00c31bb6fcd9a8f5f640da5b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 44, 3, '\x824010f42f093bfd5426d1e7c85f5e05d27dd333c0df021b6d8965a4e3de83758639d1f888f2d1a7b160945fcd9d3e1082812a58baf240b4b67bfaac3f9490d1', '\x861f5c081f615ea9b298f0e724e120e716391cb7ea8cf12c14fa29b946e7e0bd');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 45, 3, '\xf9266070d3876ab33c7ce4a846577f6756c3149e1fbfb263ad265a6b264c52686380929d5d1bf71d9b3c5e2298041bb819f3c749f5b9b9cbd0108ca7f519eaab', '\xd993459266515e9da14bb7155f287614831372d1d2c7f25a2db138c7c6ab63bc');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 46, 3, '\x4117c7a9a63a2823b98523a2b5b247132062354b1ff46055328d6167ca303a6bf83c1185ed88d23e320ccefc9931b719fe698a70464ce38fbdfcd993fad2ebd0', '\x33c57c2e9da4b9c6d69c5ad2d4f243a5f200e5bc04bbe58188d346e060def7ec');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 47, 3, '\x4018e53ee54711b6e9dfe81ea40adb09f42120226cfd0de4bf10a0daa218b7641f2ae92818c74ffa4b18cd2e5c03c97fc01e30cb82d16fd65a31271703b60efb', '\x555bcc08cf941ac688b22c54b9303f28561c274bdc0b2647f1b31925f6821f33');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 48, 3, '\xd45c967d823855591149d59d9bd021fdcc1790dcffd25d8a619c1768441afc9a2e60a8957aa9def6d2707a95872f73545229396594939325a7a4f542d3a10aa4', '\x7b59d0f2092546ce7fe358308bca415241818eaae75ee179d93e8c1af52af4ff');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 49, 3, '\xeeb0de57e03c75d2fb8835ac9e39e43f0df332578025dfe338c1a1175a31e3b7f1c64fa7e32f10f9953df6474d881e2721a79f7a97eeb0ad0d255ab8e995347b', '\xb58757b280cd5ed9151dee5577d41a3c89e7206f6594bd699a7d3c6b62076b0b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 50, 3, '\x9d0ef0b8a87288d688f2037ea3d686a7d576b3d162f908586035bd5830a04e5ab19d9012b1f25b8c0b56360de06017d75bd7f048ecc28c712589af1c6864feb5', '\xa0d475e1f034cf615def2c90a4e6aac970c23b4f263f50387aa829aecd1879a1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 51, 3, '\x22dd3836bd1023770295c850cded3bb29fd074a17e1801a65c699a417c310cc51d4e8d0ae3dc6385f73fe707511a2068fdd460cf2e58631eace77358f6c327a6', '\x662f997647878cce3f5918c379bccc6573261e453818bbffdd824c2c3d1363ba');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 52, 3, '\xd5c1243c509aadf15fff77d7173facaff227b1f94423e134bcfa2a2e708440efd71cce944f0fb9c4432e77c97e9fbc40679e91ee9069b528639190167eee14eb', '\x3426e87c73680c48662533d8bd9a26e131108370b94dd1ab78ef2ac58b0fc49f');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 53, 3, '\xa56c81626ee117a9fad84d26e5b4ca84f9abcd06653ae8b2251a2727bc78c17193145cfd15d2cbcbc9801dd6cfed69323ba4d170477d0fa170b2b93b3773bf0b', '\xd567b92d344fc7963dd5dd4ad097d65407d80a8912b12f5a7be84be6375682b6');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 54, 3, '\xb4a855d271f6f40e4564e7d159ec76401e10ec663dbeb1c635291262e89dbd0f9c5f92ae7ab445aea50b3bd410be13d85a5dcbb3c06263ae28d9aa98ccb7a31b', '\xc0e32d07920a5f647e2390ba0f5dc241a11eeb1b1cc48d115c94e3cb353b12e7');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 55, 3, '\x4c14e1d17208357b4fd2750cb3c3f97d9d97331b1d45ae536bdd66f619d4ef4f5d9a831efdce4d56b53242d6878f4ad5941000083a2f47db56a7f8228890521f', '\xcf99228b59d3fa7c1fea74d0a7f450e147f33930bf284980de9afd04e80ba9fb');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 56, 3, '\xf1bce4e72d695ec7cac5c15730561cb6c95e17eb3eb8334be074ecf94f622c9fd301a6c9431a5ac77d5936dea90e9c5c30086ad1bae6a471dd5cbda03e9fdc20', '\x8e4540fd2a7512b561a3fbad932421b14c2514ab516b7ffc1da93530f40699df');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 57, 3, '\x5eeb09276abefa0a287cc532f9111a4e3db61fdbca0bd901441273d3a5f9345636eb2e9c837bf2daab2c5954d4a8c8742a0c20d4deae7360586f1b8bd7edc8a8', '\x9db938e291fa5bc1ccadd8bfe437c1b247f8618acad799a86b63177bc2af2149');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 58, 3, '\x87e0e00729dc0358d7039dd8902c8f24182974d3bb88e066dbba05f292b44ba9e9d9b46fb9d77c760e198886db38224af38f79c71a8932c0795200174a7f9a9e', '\xde879661352be2f21ea741e8aeeb6bdd88878c0e49ddaf334bfc0e74d23a243b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 59, 3, '\xeb00d20738cfd27cb795d95307d785defbf98abbc231e71aa747dfda2cac8646147fbc74c7f372587d5518d8aa2fc38efe0524bf78710553b7138365045e02b2', '\xfc73d563d939d2be831ee1baf90c2c4f223f797abd76ce6f12d991eb64f1daa5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 60, 3, '\x4d54d7d3edb76e0a17883fd77849bb29e44217189d9456b575500b8f7ef3c6901b58b232d72e1bd2b1672b7b484cb6a8433ee594d023a0fb6df57aa1b5effdf4', '\x27fb642ee34855d758937fad62397fcd53ab0bc2f8272c43152a652886044189');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 1, 4, '\xc6273cd6bb4a1937af2514a2d5089678b9120e0a23612136171275776ce071531664859fac55ccee8ea3e434a18a787c0bbe1b7fb384ce6b71ebfd5c21c59161', '\xc775c560ced3a5e7df04312fe3bb3d2c375c18de923ab2541a5f433f14d01e02');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 2, 4, '\x0a1818341735963083d15ac46e6658a859a215c409db5360b2144de38d4784623df134163d4a8a73d7f1101f0c2d99ad31268509781353552eb26189c1936b49', '\x5d3b4cc734e006b892f3e67ecf2117c292566c65eca620f34c5e45364f0ee227');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 3, 4, '\xc8ea26f8e31749cc15cb56273fa670bfec66ac318cbb19c03bd4f911e7335ddc9fc31fcd86f234bdd950eb638a513fd225c47ab3d8f3738bf824c3f18ddd9c7c', '\x37e3cdb47d067fef075f2c8562f3e51d323f8a4d06149296d9339fb0c22f9edb');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 4, 4, '\xe8a54de66bcffe6f7365d7582cec8a79a0084a56991a4c84111c5962f8f557f7d37da50d110347822d382628ba31b6eb472b45e1893bbb206ce3e564f7a73830', '\x66053dc1b3e6c36d47315289817e3accadbc8941d5880fa75eacbfff0d835c4d');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 5, 4, '\x40c902cbf4c11710960cc78a965c38fc84b4cdc9c51d4b5b9698b839baedd7730fd48e9771fa7b75a60fe6aba3b2e57a85067e80e6a57e1bcddc0c0f997081d6', '\x09d4dbc6ac64d6a994f791cdb0b671b08975e848c51cda24ad36da412f1307cd');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 6, 4, '\xc28930304a75a543a6baacd495b13ff79f97dbc0a2c0ed2c150b18215aacbab130bde0377925a8f1eaac63691cf3cd1bf7d125ff07213cc182e673067359bb73', '\xe2a546d051707069eb7a55ad5765a022659bd787798912d8d486dee8fda9d0b3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 7, 4, '\x0164eebdc5691c2757d3f2cbb816014274f8be59b2ce1488ac3fdb40994af0f96f4e94dc2e0cc6747b45dc8893052bcefdb07561bf341b10d1acc750d8c7b8a5', '\x0bebd413adcc75836442231d4cff06f831a88d728c870b096a2fe80dea4d09d5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 8, 4, '\xd4ae4d5ce281503c455c4ba993d993e53fb05284a6c1733d3c2d7b8b5b2d0b1bd9238e429a4be54dd137d45cf67d8dc05092fb802d5bd9167aa263a17af0551b', '\x3d81b9304337621caa91828df57040fc00b5043cfcace56738312fde0c567fe6');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 9, 4, '\x75a2fd61cecb5393daefc7de3ec58147d7de3d835b5232ce89117784c7a4e320d60197109abb0cc0e3e35f3c251203e543f2537efbf3c9fd1e9199fe4710e719', '\x02b02dd9901e2807642d32b32909c3813734c31196c4b75706d15bde49211a86');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 10, 4, '\x3749a9b0eda9e41bb2be33f6821d10f6e2fec0df2f3be683c36d87b1983ee9f19a8ca0f9c304dea9938a2faeaf9c36aa25ee16f1536ac33150655afb1b38b7c1', '\x079da8d4861c8ab64c2f2949762ec211d55cd185de6560c887cd3b10b560ee3c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 11, 4, '\x9651147512d274e680c0fa79b57c24fd4788eb4ec37024ee9682d86a57447170c91472f49ea65cf0154f0fe7553a34f61a1264a558c4834cc24925ce34f754fa', '\xa4acabfdb560bd3234ceac1f30205af452479cd41d5db0d78ee7a0513a6f4968');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 12, 4, '\xd1ba55102460dd485b9914b49d671c13462ad514b8f62cdb472c16a2a11aad023d9ca6b7e83484085b80826f3c8e16d90e65b15a2c3b7a35b71e599ec225973d', '\xc406678c92d353f938c10938cba925449bb530d7f397d67f1c46a23b2bf47fc2');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 13, 4, '\xeb51ef3ff373c249b3d664f95b8b1eefb494c50063ecd203a69d82377cb76e87d191fc7ba97c9870fcf60c256a052cfed3097a8e37d7574559a07d415344a8d0', '\xbae3b52a911bbf639ea1347f193e4b8b4430b644c9a54d275b4be9326d1f315c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 14, 4, '\x9f912b3b1a2e05b2f54168bd0057e467067d64eeea417bda657485f3f282e034eb1f00ae2459307edc20f6f0b13be6b6cfddf25f61958375285887db9ec71857', '\x3737f0b9ddbf3bba2d375f031f027ea530a170e82d18ff8643f9e5804f22c5d3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 15, 4, '\x54ab35734ef4a5c8d1c6b8706ac03b7dc4afb904837e6eebfa9808e52cf7dc77e99a612e7b58ab2d9ea85b3c2d37b1c68a3cf8144688af2c7c53b8c443df5b98', '\xcd1094f0eaea3b3069d8f2ce44eb6c3a711adeae18f01f802f1a48b15fb0fda3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 16, 4, '\xf3c59701615b9c644f66a71646471b383de8fe8c4e1eb0c2f2e41c5d8c2913925b4774cf5ef7546646cc4a109e5b880c87b3c86689ab69fe9183f3d51771c392', '\x5b5f0d5b3bf301acf37aedae0600541c92189856c0009f7ee87dd3ed81cd6499');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 17, 4, '\x4d8b5ea84b88baf223fccb9d0db9edfbb4b29d7a64a4fac55ee296c341abb6fb32883ea68c3fe72579dc3a5572d537d47f96925dd8617ebc8e34d62bb4162579', '\xd3daab20a0e3c305df63530f061399416d687c2398f95a328f2046b2143179e5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 18, 4, '\x534d153ddff52f44cc109e6a7251e8a0c7a330ca10c87f3311537f43c6eb89beaef535a5eeae7f2652bf2eec0d52cab87e389daf470b9577a0ddd2033e5aa144', '\x5072ad78c07820b68d8c18e27d9c79a53a62242c64bb827df3d2978c224e8d52');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 19, 4, '\xab376fe2758e937ed91c3c0fa356cccac3b6a778b3b855b528cec8901b7be5d252b90194b08be9984c6355719e7dc8c75a144cfc9c51dbbea8d1be0ac5c3ff0b', '\x077aec5399d0ac7f61a7aefcf718074be50a0b107487f9fa95866fdf8cc5ac2c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 20, 4, '\x6e261d99ebefd6c749ddf9f814d134a74845011cbaf5384c90fc86dba34e2641e03e6309c9aa95610748a2507f25ceaba737307212c82742fe7f8b8f093db4e3', '\x82efaa9dce5f03c04d4aa33573142ef954bedb4dc6eb354a8ecdcfdc9bd0fe19');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 61, 2, '\x154067f697fcba32501542482f29be6696d6b81879ba29bc962af0f6ee88a0ada9987f4504b6c829cfa1914c73294d1ec9977a886b2c310f5ad61154dc79ede6', '\xb83f4de6d923d771edbbd17fbc7ac2e24523a208527ae5075db5665424708f40');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 62, 2, '\x192a9f0e83e23f590247e43850df7213cd4c0c0fff3f9e936ef72abfee2350b942ad84258abe60f24fa09c24d0d576c2e525b1a8bc8e413a41ff8f472b19635f', '\x7c725eacc6f754d8a1775cad07fbab8caca730bc0541fcea52c8a07c5768ca43');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 63, 2, '\xee28e3fd3a9abe75af395846a1ba6f3fb65537e2a6bed90b95581f37329a0f0cbe97795683ef1fa073cca895c94d9d96f47191688efda71267eaee533ee89d5a', '\x759825d38448c4013551d49216539213675cc433c4a1081c9b31c50c97af5428');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 64, 2, '\x5bb3d080d4ffc1ddc8d3ef7ae840984462370e40addf9fb57d5997993123426d765c4c0dfc3361df743204c19241d8fb33b36228e14ec7fddd3b7a29bef3ce70', '\x02aa5f4bcd58c65ece0b2a72ec404349c814576862ccbfa6513ce49bfb9d2343');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 65, 2, '\x27bbcead765a6628f9f921f7b53999771c4a405358b2b83c837318d2e8408def040caab5e26f16e20e819751671ef100221dd0516e102be23b2c57ddb13e014c', '\x73d953daa735df32d5e8756296beb082d655185ee93b8936e46945886ea7b26b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 66, 2, '\x610be60c44e7438ddc4d2744175933fc688e19d86ee43202cd03acd88a4b70b0a1582a3a1673d5a50aec9768bc36065aec2b59699ee4f32d0a051bf09b512eeb', '\x613d45ebf094de08a1fe289285f1012a6e883e90086a424a178d844b7aba1dcc');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 67, 2, '\xdc88d413c82250c9cdb995808cc9cab64e8b30419719925e6a53563322417c0bbf3a477dc32b0e6d07780d60df26173cceba64adc457944d361597892331f897', '\x2fcb56b54800e9a996bb92a88c31d0ae1bfbf5707b67f6020da5e4640ba75fd3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 68, 2, '\x9f6a89abfcbeb4adc3002386663b8bd498e01b99bdaf936dcc229a1f5a61e642392a954b56d8a98d6e98ae38853c8e32e00ea5d0947e917ccc97a06223b46f3f', '\x6e71e69de40e646e6aff83320601f1badbd668f2eb18eec52192e12adc8fcd01');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 69, 2, '\xdca39b8e2cd7dad40b8af31af0e5a944924f4446671b604f624eda6797c6578c110113dc02e57a9ea1d354f187855ec482635e3015221fbdceda0f67bcce6f09', '\xc878bba1da804152ac58253440d6616b63e19fbddff6a1929749b8f0683a3237');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 70, 2, '\x82397a2c50d148af9e93ad7663416cc4f3d43e0554abd19319dd51cfcdf162943a3f07dc3009128bf29423caa5987fec30485a1b14fc30cb2500a258af0552f2', '\x44fb9c5e4ca0bd1c552611414956acd43e2bf6e653cae7a22ea2438ea5b607ca');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 71, 2, '\x57011e871826694bb4c2dc7ad94aa8e3d285133bd2538337e6ba8e2e6cb2cd0c1f3e1e9bba6ab7c9926a44ec01f6ce1b0c7387e6bb4bf74a95baeff7103a60a5', '\xa9dbc523e6676ba710522f67519d3c58e59f31f88aa2ad6cef21cb2e86d67e54');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 72, 2, '\x514977840583ff8fbeb9374c0f727817a80fb6e631ef2676421b45764f7e34aa209f0d6076103e97dc9d25160aad418c888be57781ac49621191c0a01835655b', '\x42b0e97cfdcb7846ac4d14f5fb14a27b94206e4fa466b127ae9834c6a199ecd4');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 73, 2, '\x4cd07bfcd7f7b015fcbb2fb0623941da14dcd60bf301ac5d58904d1ef5d9cf7cacaaba1c049dead711ff09cf7ffc00516b481988ad7c72365293ee60b829bcfc', '\x71edfbf68d49eb48e532071e7693a611c231c4b2888c04c56d1d3a3aaabf64f4');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 74, 2, '\xd3d806cbfcf8bfc02bb3e60ffee330af173196201d72f5215c6f930d7a76fb0f312579a1f96443760495250c5d35f0a869590596e99ba233ed4c02d4aed282be', '\x0ff4f0dedffcb7021cda168d24430eb0f368d2e252deee14c010b52e0b7817e2');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 75, 2, '\x4892dfe9e57c1bdde653d3ecaba079298fb3f20e5f6abfdd04a149d6cd09358ae7bdadf2201187386487bfda979b0820eaff5428806657ba7585e8abf2178695', '\xc773e70ba5e3793bdc6767f4794cdc71161b724ce1322ef0d15daa0ef705ebd3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 76, 2, '\x3284d8227506132319e40eb86c63947eab4630b3e41e27190870bb7d92d82b684651e4a0ba072529fa6f936303843c368f848c5c903832dfd36e4961400e5f77', '\x03d261a4f9d9db19686820477aa8fd9f3d9ba2873acb6d57a2e4b6bb84cc46be');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 77, 2, '\xd694c1aa07b5d67dea6cc3e8a5cddb53c255b410def2c02c84665e1b34f43b5d70938f71cc404a1a3a972b31a707f212e6f1d676bae941b6587ce2e0cfb68df6', '\xe8e7c7784beaed9584cf0db32b9cf79f97cc3d00ac35d5c3f08bb900055cc1d2');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 78, 2, '\x46a03a7016da3b50b5ab522e3306e52d7e8774d558e914960b13841ec59e331034115670eeacb42f789cb93fed944e066248baa99e128d1b8ab8571c20ab6d17', '\x9a308e416b324fb254c340231db509f330b280f8b1a34d3bfa12cdcd126d37c4');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 79, 2, '\x84a0f3637b25ff4e2671ac3978e2dc255fb8a11741bf12d9e05666866fec74504e07289d9ccafcc758bcbfb615de169aa85dc3758b48ed42971ec6568f17681b', '\xe05d1184010b93fd39e942c224f0f465a677f6b2827d5752180a8f9bf5f37233');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 80, 2, '\x2d18cee32b7912b49f190e60cdf47ffd0da2e5c028d9643c076c61505a925cd24d3ab369ff5b933d3333f1cf00707e5f178e34d9438bf861b4ff2a400ad16ab7', '\x125589710a9da4f7be3f2368d5ff22cadfbfd0ba02fd0504254efd9bfb74bc11');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 81, 3, '\x8299f7a753daf003324d11e96a88dad353a391df1a8ac9538d1d4d3203dc56f6f5884501f5d8e79da92d144808fd4ade556e81ba9b15e8b029589a1a4341f761', '\xd0c6f727ecb8642ac636863a0074c6dbd129f6ae95440c81cc60a681804ccc22');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 82, 3, '\x6ce7a7fa1fd876dc6dcd6ce1997a43045daec5a488e3b48eec7736d78e1807065135a2c62f69f178b75f2a1e55bb50bd89ed6ed3bd9855bc0cbe2e321eb12c43', '\xa1bef1e62b565d72bb7f92ebe44859c4a7e777f57495d518679e438df0797437');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 83, 3, '\xa11025c370957003ed9d91bf5d06b6db5662d1ada3de6f432fb5709609c51e73ef040f01baa020b4c5dc0c0c8f0f4927fe879e3665a67b1aded49ac460b02f7a', '\x5b9975dbdcbf158647a1c696b9a3a70e2d934f685eb60ffa2781a772380b1567');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 84, 3, '\xd6ab1c948e656ca498b0be597cf02492d649b9581c2a099a3c75d6c6d71cb56ededd41bb54cfec30607185da3a92aa7ae88d481df14b15b5fe32260b143689cf', '\x390fbbdc84beaee5dabd6dd965e2c7f7f04961b08d9f47a7d964bbdae5a0abf9');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 85, 3, '\x990bfb0da4196b061c86828e936fe5afd587c853efcff9d12b18eea70ae10b8b4bb1871f5ea664baff150a4402d4d9a94a498b3e65b4f7f03457e0134f5bad22', '\x1937cd65cfb8dd8590cb9fdeea19082a85ab14163bbd332b31853b9c76694092');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 86, 3, '\xacc8d9115c45a7cc2a0eab7a9b6df498394470ae15802495cdc7f4d63f1eca84e06e1cbe9fd7f89e56c95bbe6b2f0552601318cf84b61b44bb8216bfcfa1f3e7', '\xa3c168753d67b90d4be91cb168a4b9a11f15f4df215965c21f8a27cd0b2a7d83');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 87, 3, '\xb48676302f44d978157fd4f6bd0073428d07de7364ff770557ebabdf57af37767f8be80e91ff31e30230a7957b4e4745868dc874105e6911e032a9dfdaa9e304', '\x1675333165d62357da15e699a6f5b8677d55c3be1a073766cf8e9fded8aefc76');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 88, 3, '\x3371304b383e44ce39e09a330c89ee59cbc6d7423897ef3bfba6ae48b1035a1fb4abe4f73bc4a9c6c3ac73996d24ec56a1f46b23bd9ca024ba7f992a10faeb2c', '\x550befd5a50dcd54738e307a25abc71c08e165f7f7298119e4c45e41694d5295');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 89, 3, '\xe84709b04530b5452a33afb937edfa576864614c6dc61036e16ab951c057b316c51c8194b68597304023e8c870bc88aeb0a09c35d23ad2c145ceb7b032b608de', '\x752907d597b7e0158b3d0496bd29ca6a8e20517ebb014eeb0d3b611b1b1e027c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 90, 3, '\x4b7baf75cce077317a5da92ed614a6e68f9c4f7df3b43d479568b1821cdcb1a18df9b42e308bec7057450664496114ea67c1b2f334da311a21f232504b7a33a5', '\x669a50d8c4cc66e126c3688b15739d26b6c6af22344c84dd70b02f4c67d22671');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 91, 3, '\x3b8a54fd3de9e418c4c2c238465b5a966f52f71553df6f27c52e90104261081a1b52473c0007a0d3305eb279b831f3f013619152151ac2704227a54f8d0db303', '\x7ef54894c3d52920b51c832db060191052e0a0175960513a4c9783ac7bb0c2f8');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 92, 3, '\x57bddfc1ff097ffb71b0ada99807b701424f6f22b3b462b5db4598a30e34158e04e196c4c0910cdf500890531c9ff0b567422ac7916b2981881de5c078b368ab', '\x804949ed9ad48097c7900ee885f975c518e5fd791caf345eb9d8842493d313ec');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 93, 3, '\x661866e46f92fb2113ad4b63b94ddb9f97587552b0a8010c37918db64ea69fe2f1bd2ed19541b116d06ad0c134f301698b2ddbba83cc51b20372c6d11fb3d1db', '\x946e93a01bdf6dd3e4ff6427c7c2cdf2b068f22012ab747ef83e9418dc92fbd8');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 94, 3, '\x6316c1ec4c0e43330c8fc8c8117e5f5bc02bd85b02c929b4b3090b094037e85ab7907e20431f0a93a1f9b879399902e3e7a53dfb4c68b342977fd251b680dc2e', '\xa9564c729fd38dbe1ae384a68e3d8b43165b1d09d52d6a20e02bce6acd71e84c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 95, 3, '\x51ff5103d342f6bdd9b941e7c67abd76670371b2f52d2b1cff21e37d9f5e3969d968d30ea877b4de1523f6492535567a807186ceecd442173d26574230cda309', '\x46c5a1727297f3d83e5e33319435969eed8fb56767a8750737ec4ab291b94b2b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 96, 3, '\x571ab1f6458486aa288ff30ba58d7ad841f53ba870cc8c443e6d692f2e1b79158cb5274df8426051d5597662285f53b3d8f3c8d6aa19ea7a0387705a1809cc74', '\x57d71f2b573fbbff6062883304ebb068fc949570c06afb1f123548f1d6d86e47');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 97, 3, '\x0f123464f13eb0824b82d231fcf748871d43079194beeee65f08c3491656f42023d5a90dc60814e7cd6d4e13f4e1f2f99c1c5a4ac09592d0a0c973bef9a877e0', '\x78c972d2cc850b0d78ba5b7cc1a264d8cffcb17a54b88489b50b1e7dfc76e000');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 98, 3, '\x5a613d9b0f09da57cda0fdc34bc97cbb4ae9fb28a220cb97fb3765f1e36389bb078b140a81eb3a2f5d3532b8389a333a52d22aa51be53c0251ea194726384a3d', '\xc9cda6886ba812fa7df79e08c775a57e6fc79a32df3860e7121033e22122d4b1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 99, 3, '\x457d816f576eb467577029cc953f77f68fbac96c39bf644a45cf0b37b9c13874e1c98d91780976a1708cdd35858d59b7d857b426de341c6834a4cd4256f7158a', '\xa80c4bb0a55e62b0de0443e01ca6b10d3461d1d874bc08c33fc67a38ebbf7fb1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 100, 3, '\x16b71774915dbf2144ea95c437dac9fbcdc8455aa868b91e2bf07af871d80a76c1f333faa7b59946618055931af95ee72babd4186041d41d257478530c4c2be9', '\x325241450d947dda99174224b58baa5671a687d30ef3c5eda0b096c057d1372c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 161, 4, '\x184225c9b05ab828d7e2afa72fa44b5a36db83a7e217ea22000c0fbfd4d28d2247463578880a42f0645ed5e7fb25b77e29594930c6efd10aaac0fcb8c4bfa3b9', '\x55f3d6c872f3c650b9d52aeaad1d90607b40a47dcdd9abf0f5513ed1657da339');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 162, 4, '\x88c75ca839fb0b71fb50c4688fb5db6d533454e5b9333bd670bf97bba1bb417060520b2b541ccd158069ba4b609a25f741f5a40be5e91eb4179f4bce2ce98cc3', '\x0473b642dcf99c73c412d8505e75bdf897460b617508dc02a2f174e670cfb065');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 163, 4, '\x88a872a637e40a2a82652322f032ff66786dbb3b600bd4ad87ff1ec5ce470a27e9523fab51a875d7f43811a20a3c2fd04b288fb6a6ac05544e11e76bd2375cb4', '\x808d0c75a4b66dea69c32b2d05a21f1d83f5fa7120cd97eac50d88f0be7e9f9a');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 164, 4, '\x19ebf2f63a643da4972a765fba3ee6a35791a3fdde4adc82b9030fae0b875349fe573791514908b6cb6d5ac91801f3dbb9bbfb97cc3460736ae6a7f5a190b97e', '\xf6893428200ac8debf3ed01df3b381016fff6ac3682f664d5e493714c18edc78');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 165, 4, '\xb24d20ec172407c1beea1c1fed218eb0016e2082346d44ec7ef1b029d0ec42764293be667082b189c92e6b3dc453683649f97be8068c0d19288a7b6e3880f76c', '\xbf0ccac7eb88b6af1b5d4e443b113972953d8c69654a403b00b71f8f3229bc24');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 166, 4, '\xf11ded72bde2e46a31cfebbb44f015afad0f06eb48dd344c8348163f359df800d43550dba569a9278917f17d05fe8dfde3d46a17f6b4d3adf6303796324631bf', '\x0450b8cde95bcbcf6d9e188ed4036ed21e96988a4cb067708e7c9aed24b136d0');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 167, 4, '\xeebfebd130ae3a9f2a51badc523e566d06633c58c6d11ff9a597deeb8337a89528ab3f7550ba97348c7ec5f140734b5840e8ec8dc9c269ad38c87862754a8eb7', '\xb9bb9262ccadabf1c6c19398d259907a61f7ec883891f2be603f6dcfab84de99');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 168, 4, '\x84df5d07bc48b584c901a642799c2e981283c0a3ee7a5baf64cb796aae902b793bce1a34ab9becd794f3ec9a23abe7887c0fa8b09cde04319ccfef5c67bdf798', '\x4ee97014f8ad16e5661b45306358238c1b980ad61915cb8699c03e06176fa077');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 169, 4, '\xa30a09e3b9aab43a07edda3b0f184fc1e927291a6c1cfe3e2250fe2dacbaba2f86642098c0b33c8dd0fa2052e533c6f865f2cd87eb3d2be98d2ee6abf3c030c1', '\xf8c9db345396a32599ceb52c6d6c43184fd459d233476af227f062686a556d21');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 170, 4, '\x902762c18dbfb55ccd4741c21f2c0ff5b1d0732128de297b9d82542ca0e4e4db3123ff9e80a3bb8943c5728fc1874118652636109ae27c42e0a66ad87f730ea0', '\x7a2bd78d6b8cc5b813644ddc43ec1b1ee30fa298e03b5e49fab18f1a561303f8');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 171, 4, '\x135106e72b01019f2c8c9b5c3e3cc48e90fa05a1fcb91ade491a7ae6a8a73bf8a90fcf696dce2d9e0426eb8ffca930e89ca00b43cbc34386c504a1e75f002941', '\xa7406780960fc646d457c99ee38938dea469c63a0970a2c54fd973d90c13ee45');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 172, 4, '\x89ef1902967a0798c2897ee31e1e62148d4b6811400cf1e53e052d4685ffe764504a647fc6b02ba562adb0d99b5bf8f98f6ca6d27f9bd43aeb6549f771af87d6', '\xf7fe1268512977045365f3dedb365637eb92e90627f339803d758fbe47e9edfd');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 173, 4, '\x5f5d0dc954ff038d53a7e1c25d41c9505bae634d50460f23c59af0705ccdbadb8dfe86b8a81b85eac729863c7e9f2d46f4c37fb564f3a3c6804393447a81cc52', '\x2ad058abac2d9729a4135b157aa85dbc7f60268dc79d3b6d0334866c2749ffb3');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 174, 4, '\x224dab1233c2d8d2a6f2feb43a796469e1af4e1d81613e0ffdde107ac7fa904dc86f5833ce2b03b9f1d02105108f5a49f352a8429e32fedb401a80465c0bf8d6', '\xfdb7326554331af292c47f387a8c294c0aa6631b8cb6c89737bdcb87d5060024');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 175, 4, '\x1ee1a4465554dee7e971ee639fe417ba46433a74744a8350570897c610800ecba9ca9c59b7aea30c26ccf8f0f373b8f3f055062de4ebc43504cbd01e533810b8', '\xcfe74b576128872f3da7c0f4c38c0495e7b566b1f6601ee2109a83310a55f014');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 176, 4, '\xe56c33e9f912e3fca56e6298268807497ad0b3941578813a68714e49a5902db2053688bd2c667f685748625e35fbd26fbc31ac2d8ac8596ae811d9e4e776a907', '\x16a9f670ea06744a798f4ab378d6868a891f30c50e5d28671b51636aff656e3a');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 177, 4, '\xf5b22df30744ec355ef6e0acfd45d062a6606df497f0b8279ad82fe26003f47afe96ff2015765f08bcafc327d782f94467b19b54163d4b9cd0be84c403e8c897', '\x6ef191b11472376bfcdf232f1e18726dad53da0bf84c16d6b11f0bc754e59b6f');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 178, 4, '\x028459a2599a11b7510ca098dd92b00b9b0fc7ace2c06b008c1ecb9b661a9628dc48fb4c74be46e90f1df648d4898f711c3d944052ecb5d54c6dfd86f858d92a', '\x2a608a8ec9c44e1287c317c9a6c03f5e5b9757323ee57f7a201f3ce8578a8e55');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 179, 4, '\x4d578a6b3b201a278d90dd084726ac048f5c9204b68e44d1430390d58290c74dff0bf4c94824ff829a3bbf15472bcd61a1d73ddde43272d0a2c79e4af3e71c25', '\xea36c3a1c886c0d2e2e32839ae0d968dcfa7062a4ba6819962f722941ce8e04b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 180, 4, '\x4ab10603a94f406f344facdd84b2ce09dc92423420b29ae8b8df46881b8e72ad3c82db8cf36d49a6870879f5c468c5b99267a47c46ed86b61b09071ac8d10d0c', '\xc19900c6e3fbc58d35f28c888e903a3e6485416463cfaf655043b9a51afb7b92');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 141, 2, '\x9f9552f2624225341001e68597546f8e6ba918be23381b4bba3718092336e3fdbde7832967f19c730d5251d1e0a0ea27add6b03ad424d050a2867b217efed858', '\x1d234f5f9cc2d66e9628c566ef14496094a7c7d2458ddcce397432d5eed1476c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 142, 2, '\x9e91c2bc190a6df11dda8485ec583229f75ad3a3ca4245b1889cd115263787ac161e34327097e1f06d052943588645c113cd0c4fef2a0267767be82517e97c07', '\x08f895fb643b8205212d001babcb92a7fbe7d708b4157cc592939064a0f9b772');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 143, 2, '\x71c4dfa3b188f80c16e2ef5fb5a764d3fbaea9a3683dd53cd66d7bf91ffe1a052cc0b0b5ed795723f1ffb6f5c9041b8cd66abaafd7a4d41b5244f12f445e43b1', '\x8aafbe3fe5dedb1ce1a9ee9bb8d6979f03b4d4f8b2cb4b744dd4bb99ab0f2814');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 144, 2, '\x3c7318dc5069d5b294534ec86459542de3ec0a890ad757535390283f42aec93e5c7aaa82d6426e96181696dde943b19d2a82b9b0c81d21ea11a7fd19937b755f', '\xb9101f89d121d116aa38440dee498a2674b00a2e9abbbfb33ae0d471066db8d0');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 145, 2, '\x470cd5ea548bbbd2441aa7356ebdc434ebba8649d5f89a6cabfd65cc7e092e349bb0dd0b3baf523ce94cc54057b481437969c5f33b589d72c4ff6c0ee0b85a94', '\xdb81ac0e0e81e4e1fdab12f4863007bd3537a4b72d2ec04a4fc9fa7e066a4bab');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 146, 2, '\x900b606c27c9e8f79bc495eb8b7dcd9db70416d569a1d4e3dce6c7d55ebd2f31ea3928a225884dd6fee978638b5be0e4e7aa5917bab7d6e27618da94be4a5ac2', '\x1bb5023a1b61006abadacced2bf4c04e1c8e9d99338f65bb4ab0941c91a83e0e');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 147, 2, '\xc22fc67bbbcea8c1f9c3f279faceca147caf3bac9fe42e9d35fe08c265d91c893290e26bf4b78ab2ed574498fb9dc100498d22db950a1a99765c4cf1cde1f99a', '\x0b5ea03c9a5a5e4ae7eceba2a5a3d3766276e963dc9db8fc36eb7f1ce52b4719');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 148, 2, '\x6d5c1c0a42f2f888e44a87adbf6651f09edc23c92227839549d1c5e135a3bb5859a2f64a9a4d749edb2378628ad62b76b9ea6eaa41ef197a5341b37116984eb2', '\xbb858c05efc6ce039234694ce8a8a61ab95270e75f3e45ab741f155af30fed1f');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 149, 2, '\xaedf893da168df68347218dfe42d0f8aa09d296b5b1f220660b57f8ec0667c59bcd8090d5fbc7d122325959f7521159fa735062452e1b33787cc933e99693eb2', '\x4db4883b1635970deb1a6d66181a6fb5a5696293121edf7ccedfc47eb9619bf1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 150, 2, '\x394d19194655ce697de175ce835bece1d8d955702064ed82bbcb9cd4295dce14eee91e9e9e04b66063597bcde235611fce906f89ceb5c7e09c8840bf9f5d98b6', '\xffccce9b6f1c734787b27de9094af34c3ac57345b69dfd0083d477073718dafd');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 151, 2, '\x6a6243bbf4054e58e219b4e00a0830da1cf7042b03651777f9920f0f77b1a4fae62e3141bfdb23f578c8fd188782f5be8e6a9dbaf1649a65829c8dccbbcaf937', '\x673dcfb360803025aa727c043aa09bedc3ff7e895d7b818a118f8cc9fe67d659');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 152, 2, '\xcc8498693eae5cee01e4cb035ff380a59add947c7aefe180d8bfc9de218386b3e738a243b7ef9ea72125847845570f9412730d3a8066e1bded3a56999f427ef8', '\xe8ef922cde22e774ed9491320fc532e572eb5562049119a166058b02f4816a39');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 153, 2, '\xa19ea3506620f671d0a38aa079ec098f86db889da55d3543d2d74eed0019e73f6524ee782ade81db0d10dc83d3148e14d6d53d9e11554de055b6d74db0ed5508', '\xaa427e9ff705679fb9ed9c31fa866258f4d3ff565ba46eb68595972b30f9a73e');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 154, 2, '\x1b01d44f8e8e247909bd0329f4690ea44611134e7472f59a6278a34a4ee7e52a970302bbf33e51114947efb7743d4bcea3dc5cb5ce327ecc42c0a5c5e3f81ce8', '\xba3a515026acd55538ccdd9007cc7e869e13a6bb372ccf5052895dd319c48a4d');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 155, 2, '\xe38f6a092010ea2d0a497e78ab4e8384d7c4029eca31400fd4e3bbef0558060e03795ed2972aebe14c94f1de48a582c99dbfc81c343de17bf7f81da00542a3d6', '\xbb28bc2ac8deb6a647f137c56e75986bbf88fab0a8e23f2a93d4789247292453');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 156, 2, '\xd11f1d74101a7c54585e77aeddddd8355899d6eb0a3715512feaa5778df36a60b73bd3669b61b4a9397a71843ce3e1c2ca30328b55a5d4cc5c03bc0d662a67f6', '\x66578c1b30a709228468b9191fd96fcf280c92081509846179fbf914346fd1cd');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 157, 2, '\xd30af4f92fed9f3973d3cecb341019c7d3669a3d36c15c25d76b35d4d44969f757de1cbae86ab6bb5e3d769bbe37ee88dc64577850a08ef3493ef27090dfc9e4', '\x9a35f33070fabf05c4b81779d3eb5f4f4293c1478ecf0389d5f5a1643628a97f');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 158, 2, '\x7581976c87852e3d56f1323300695e1fbadcdc3152c375fbdf475d88967cab10973885f6dd919e220c965c16b4eadace1b0c57723555351fa20530112204a7eb', '\x8d315a4b6acdc6d26f2871a5a39c623195f00ca18496c709b3a91df67ffbf5ae');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 159, 2, '\x51906a76007981b8d69b1779f906054c8d1ec3f0760cdc715dce1e3c4bbf5df3d9f57b4b51d2ce5b9623a6ea6de55070d691761797e54f7a1e1d08cfdfba9b5f', '\x5c5a6ad9ae079ef417bafd0558147fb777fe6343e18260644b806c790b05c719');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 160, 2, '\x93fb07d790cc51580b6fc42f8aba15f8acf18fc35d612eb63bdf8b6c2e53ad50c847ce2631012cd3b8a2b698034b4a45202ad2cecd7a05cd409484a5aaba99ac', '\xf4fdd56f681b13e72ff158e70259b6e7202ba227476cc908f4fc5fdfcf01b8fc');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 101, 3, '\x4cea3a4c65acd58b5cd7d25e1b9121e8f23d23c4bd3606cb2f7911c16e4a17a24c4fc1982021d170ccccf886cf63183dd5f4e11b439ce790b65116118326eb38', '\x2a44a61333153925e219385d450ffe4a0f263316ab9fbeb320b9c5b9d18d5982');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 102, 3, '\x8284933dd14dbfe4ce74ba52a254fc230ead959019a8c6612419f473a1ea0df6b14239d311b06ac2140e846d9f5e30a72df5d98b3a72b2f046f83060fd347368', '\x854a2c5167d0927a3c6764594409c7440b184b865232aff52873efa7b64c1d5b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 103, 3, '\x0dce148ed0ee04fc137d453a3971ca8961d9bb10ba073a07a3ede743e80128540f8a0599acb7249824af1714f8429a8099721b2501932e5abbbbb843003059d7', '\x45edd475047157b9dd9ecdddf9d0d4b3e75c8345a10189728f4bbdcc15d9e46d');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 104, 3, '\x872f2cb3731b62137b1be1005c83626356c2f64b5792583a8be468ec4701bb0e1c6016bc70258680d55d99add95bf2217100e5f1457280383822592c9234546a', '\xf49396d2c162a7adcb9c27e1f012219d7e96bad8e83017119cf65b57bc723867');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 105, 3, '\x4867b9b2e60b1b2f1a262605e9ae53848764e26a07c3f74d41a49039183aa6b8e5d3b7bc47761128a8e13edf38ea46685c8ffee090a6d0abbc4287db6847f05e', '\x448d025c59e7fc27fdcc0f9683d8b04b8a17ff4ad7ed11d61bf6e5e66fcf74e1');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 106, 3, '\x4f2437211f9e8323f61cbf583905aa34d3f5f45cdc28e29fd872b3998739646988fb51bbe00af9d2ec188d9786cc88d17294ff16933cba687a211de356e01b96', '\x42063235ff5d29bd358e067b3bb2ffc828910b871cf48f4078cfbcb25348c2aa');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 107, 3, '\xf3540187fc9e32d682cbfb7fbde4f617f0d3f278d0651af4ba17543333c048a6710fac5a7a13b6c233a4a2cbf6fc2f8d4225436c6dd32b4f7fd41184b9c9400c', '\x2f139d83109058b287f2b91a76edb9f08f20a6a7cb78887746deb608c8068666');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 108, 3, '\x32ea7316ed61d84d12016fd82d0ef046f73c9909fed877debc170e5af16971552ee5af43b1adef445a3b1e679a45208e59257761b1cc9ce46d2f72e520eb34ca', '\x0f309554b1b666f05628a4e4e2ef89c8fb71eb67aeaefedb02fe8c07a02969c8');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 109, 3, '\x6d261c6e2641415e3864cc869f48af11fe90cff6b2ed522189e402a0cf35cda096c5ec297774441f583a94dc87aa1d2bc26bb5f279c91ead72fee94924cf436c', '\x1dea54e0dc65284c3fdfaed0b28a5d138b314e229f0376ba6ebf973f2d7932e5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 110, 3, '\x92552c57a246fcff395b0845615f325914029160857e272ff59a5e036fbb47fc70507a917404d81773858f7bc86c46b7448852107e898bb3dd9132c0a2a8772d', '\xf35975e5e47528150d99e0b05c0ba51974cd9ed5245c354059f5b3f8b11e49bf');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 111, 3, '\x8e2f60e52b2f9dbe5c0616fe961390d6f8d97ae6843998d446172c675e71bb50b7794e1bac3906cb3a3a7ab3e03ee66f11bb2c301e8fef9e1acc8ac86c2f1968', '\x56c0e2ebb893e60fb5a25ec34201d7a9bd110986ac9920ad073a6d6744342bc2');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 112, 3, '\xd2446438dc560813df01e0836e44ecea61e4319f3922c39874c53f0fd179e13536383ad41eed9c15f7e634f545eab0db048dc04c06677bf9c4ee18d20fb0eb0f', '\x3468eaba7b832187e6e4f6d8d4352e4165740e89ce637b30b8043de53197770c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 113, 3, '\x96a7a441ad9bd0c3e59d839e0cce95803abc820208819c1b948e517e964316f5ce0366e7f9ae026382833bb2ebf2b446841906245df6c3aa30ab868f818224fe', '\x0432117382fbf14f2251834989ef79781f2708e580c375bc2451d2f5474dbaab');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 114, 3, '\x59358a7d370041b16d97b83413f6297abaea31db7db4725f8ded13533db9e4fe74a7b2ad6acd87cfee63235eaee01dae55f0600bf88c6e9f805755aa4666f117', '\x3c1289a1ecf44422185a359885ae44f9028f4b0fcfde8a09292af4d7effde6c6');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 115, 3, '\xe8ddd3cbf016c202642adb845e2c2388ee5af7e87e0b3493b70a10d397391bb25fbf2c3a4020ca8413b1476cb1c96e8862e7bd23eaffdd771571b4d5e757241e', '\x2bf4d51ed2270d9ece313bc1237ea90b3afee5e2a9d19357ebb287a80b29a4fb');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 116, 3, '\xaf33d35832303fd88541cc7ebfff188c6213ab7c8760b254e1b93364a283dd1129f98cf6dfbd9154c85d12b25e95f0d2aaac6cba8c333b6b4bb093e3c9fa6c15', '\x79a45d86354d2b8187574333dec4041e9aebdb59b01922ad02285d85b9d4fc87');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 117, 3, '\xb6708e9f0b153ae349cbca671fd56113ba16c510eecc29f069fc66bf462e0be7efaf388a34ef3795105fb6d8421e91b100c7fc454e59ca2a5b1910093ae04c57', '\x8d1295c1b1e69dada553b7941ae758346037e8684710a454fff7cd7bad08cd02');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 118, 3, '\xd2056920d7bde56327551bf9711dbdae14c51c95b9f9682f5a1d0d1d9dc2c4a2c39b45eac3b3f04d99e8c0fc7b110cbd744d7e7973b6293997d4b2d79624da5a', '\xb4c98cb77fa7d838e7eafb55a7fdf8e0eee79035516c98837f608dc4fcec4fee');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 119, 3, '\x17284d9fbd8dbc261e40905663f51722aba5dcbe9bd6194b5861af8aa3ae367a13e72d0e17a375b14a23e4184772bd13ad666bffc50d2364b83c1fd47987db98', '\x05b5b7ade4a20abfe4187022ae7be817deb9d4bb5e5bb767dd91fa34dd2e5cc9');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 120, 3, '\x6e5f93e230fe7c4ee49230f60dca83093ede32a447b30c7edd7bb6943dfee90dfa9248dfe0612db44e0ac263395271607a2d94c1a312c1094c0b90df6aa24c42', '\x61c88d26e080fe8a9a11f3a1212e039df3ff9e202f1ceed55ee5513762c65b0c');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 121, 3, '\x88eee0c8ffb2f542a95a86078908f742ba82a085d46f0d261971c02b1035ae9f797fdd74340873a78fc504b744904b53f8282720ae369e7b6f62075cc719f738', '\x85a8f7921af14e296f82b62d218cc6e5f6a77eaaa26e229ad71f8f76574a4694');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 122, 3, '\x5a99eda68027e2800cc11beaa742d02b27757ea5b8b436a67b11d436329e21fd4432cd17a30119e7027b164f1d83a6c8d76e6d89b1935857b4b822808cc62bd1', '\x9de5e056e6b6575466211652a5439c52950a1d056c04b59c0a371bccc263e698');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 123, 3, '\x815c2a8d2d67ef0687ac8ce321c9dab6a06588c80f8c2bc6aabe2f8072ce87fdc54181392111a36e79afa15dec130a2919fe491311eaf3dc329cfe5f6d48cb9e', '\xa59031526efdc9908a8573ef052bb2d904a7d549d82f562bbf1fb18bf7162bda');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 124, 3, '\x9e039da455cf9810afea778244df4185c62db75ca1f106d46efe61aff407cc136f44f91613757564bc03d1ad9dccefcae0d2be05f0e0a2b12782d51c2d5a4d91', '\x07093db6544922149b5b2dd4439f686ce2ab67d08eb019df142d3d314d93c9cd');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 125, 3, '\xf453f4ad0936883aa87515ef15cd826c6ab0eed67eded5b1eac609975c3891f1fba4dca5535a365a2cf4ffe565287873826db7a75f5cc2df828ac671731cd3b1', '\x2c5394faaf4488ba492e8a81f34222c1387a461566fd9321c0bafcfe40e8b9f7');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 126, 3, '\xe243a03642c6707b06723f0376f88bed5694057107303d50261161a000e584362ee5ac24afa70c8b6b6473804b9159b009b9a3d7996b933a3b10b9d93314c728', '\x2b5443491fa87f6899ccad5996b2793c06866f9ddc8eb6f1de627c771d106908');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 127, 3, '\x4f97cd7a1b26fece4ccb77a6895a3d6552f36ac09fb556a1525ca3df4238833d1b1574a1b5e1a71fa43456c4d1bf227953279cf1f46a4deb67c37b3fa5c34ab6', '\x61a692b59e4bb5e615bec70ffc32415461339515b77c9742754c9ef2c4bd283b');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 128, 3, '\x7192e4e5476939d60dad1d3c9962e39599006bbb809f6ff3aac770ea1c12d4043044b4e629d62018dfb0c22c96a00fbc360b9f21e9b02b8d417cdadbd006a433', '\x34473f1cd0d6b080a8d75eb012a7b55ea35a5ede2ac97dbbdba360a90f0220e9');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 129, 3, '\x771122e96b6e840abad37989359aace18c121e8d6ff501a01f4399bfdc7c15a3197f83fa8cc30fcac179c481d0bff8577f1a07c1250b378d42415cd1f35866cf', '\x515d182b03cf5a2740ab6348cd480136acde6e34daed86c046de1ffdda4147e0');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 130, 3, '\x0a2b7fad4a6b0e57308d062eb5c75761d1ffb4919807e8301e8dd8fccd13126cd17d03d9fae8fa0238a394a86d6ec2e39b3e12c99cc2f6d520d6e07938f27ea7', '\x570df084cec2f6a7545b0e9b00002067d29021ccff5cfd7a8f9e3dceb09f65e9');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 131, 3, '\xf2d5114ad2ff1293f61ccbe817670d2722ff95e26858a4cf54eae95271fd0ea1c925f52c0e769a07b1b7f526d32f3fc16df50090bf5afb24fe43065a976176cc', '\xa1184fdaa3b30fd64e4a184c751734f971d8d5e2d10b110e3243980681fcd248');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 132, 3, '\x7a927c36d3ac9f1078bdafb767aafd33002c3741440cf8ca8056dd2ad42fb4b35a3c5121b700c8b416e88f2cde8efe569f6455a9254643f9dac44844df11c530', '\xf20609ef989300906f2c59afc850b1a7fba0ea44fcf00f505bbbeec299a17155');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 133, 3, '\x87ac9781b4d4edf8568ef817567ea0c32c68110fa16b42d39d07fcfa62f77b0a9202e52d192c8367902375a9629ec7546b6da70abc5091263bd3b1168aec1531', '\xffb8d479cf0038c56f7c942474cdf0eff2d2cd592532cee8db548dd166693974');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 134, 3, '\x80ce1a50652ace9843f978e7e781e04329ad40dc8e5fab2beae7e32d7e8ac24282fdec059916e711d3177dc62c6de2fb295fefca5aed8f8befc27b583b6b65c1', '\xf002ec47c41ddb1ac5404db00d1ccac11419b6b4591495c0a5ffb5aca5178aeb');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 135, 3, '\x287988c2c8c0d30aef415272b6c13af00748e78a5237ed86c3ca4a3d4f32449c245d4eb8397b50f79ac2c9e004b18fb36ebffdb6797de7c1704d11ee9453c9af', '\x7b8256b0de11017dd1274125deb203de9eb247685d8e439dd776de7c990f7ef8');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 136, 3, '\x1f2016728046380e5174a3742aa26568cf22fb99bbc191b1e360fa02f38c4f09816ebb26204b19ee4ed331c6dd1876201d4a92d42058ef14e012c978f44dddf3', '\x3ce91cb243ee1b24ef5252f036cea1881e4a5393712ad21d37e4046d1fa6981a');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 137, 3, '\xfd5613d4f98ee5e56a46bb0fa46e6a06d15ed39f9faff19ee5fffe9c0b1918e8a4266aa5abb1427169f0d54b0e9c25d284efbeca364f93006e331585594493e1', '\x204b7bb90da5d9967a561b85088325b2d69e8d81a998174ec7db6b672fd9cdd5');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 138, 3, '\x3d3632f06cca71e9704e01bbfbc296b32b4f5219dc2c86202613b0cfc1f721385ea8af1cdfe289b9b7764a78287146fa0ddea75f4586f736ecd1eedb349cd5af', '\xb1440dbdd685905d1ffa5da712c6913f7bf0e0ff6803106a1f268143fce147e9');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 139, 3, '\x2d135a2195062cd51194307335f6fefe468a8604003e5ebc6ccbf7bd662e36bd1fb9da0be307a960b094891f8b4bb6ad8ae4d371219053808b2ebbba01c701bb', '\x3057b710922c0d069fe4e3ed3cdb72aeca0e366aa721c3ec58a00ddae1dc301f');
INSERT INTO vaultstream.signatures_1_1 VALUES (1, 140, 3, '\x32ad36d7d2bdf9216a1beafcc93738b5c6cf906916cad7779c7e6940b41ef28ce466321b50d18d1314e5068cfe08b51499cb2a06b941feef337671a945d6ef19', '\x94a40f4ba26905a7d31f3c3fa0eaa7bc6535bdc3c89235d80abd52ab96c9e6c0');
SELECT pg_catalog.setval('vaultstream.jobs_id_seq', 1, true);
SELECT pg_catalog.setval('vaultstream.key_use', 9, true);
SELECT pg_catalog.setval('vaultstream.keys_id_seq', 4, true);
ALTER TABLE ONLY public.moves
    ADD CONSTRAINT moves_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.vaultstream_follower_16385
    ADD CONSTRAINT vaultstream_follower_16385_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY vaultstream.anchors
    ADD CONSTRAINT anchors_pkey PRIMARY KEY (job_id, tsa);
ALTER TABLE ONLY vaultstream.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (job_id, batch);
ALTER TABLE ONLY vaultstream.checkpoints
    ADD CONSTRAINT checkpoints_pkey PRIMARY KEY (job_id, number);
ALTER TABLE ONLY vaultstream.data_keys
    ADD CONSTRAINT data_keys_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY vaultstream.job_locks
    ADD CONSTRAINT job_locks_pkey PRIMARY KEY (job_id);
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
ALTER TABLE ONLY vaultstream.receipt_certificates
    ADD CONSTRAINT receipt_certificates_pkey PRIMARY KEY (job_id, challenge);
ALTER TABLE ONLY vaultstream.rejects
    ADD CONSTRAINT rejects_pkey PRIMARY KEY (job_id, record_id);
ALTER TABLE ONLY vaultstream.rows_1
    ADD CONSTRAINT rows_1_pkey PRIMARY KEY (ordinal);
ALTER TABLE ONLY vaultstream.schema_history
    ADD CONSTRAINT schema_history_pkey PRIMARY KEY (version);
ALTER TABLE ONLY vaultstream.signatures_1
    ADD CONSTRAINT signatures_1_pkey PRIMARY KEY (record_id);
ALTER TABLE ONLY vaultstream.signatures_1_1
    ADD CONSTRAINT signatures_1_1_pkey PRIMARY KEY (record_id);
ALTER TABLE ONLY vaultstream.tenants
    ADD CONSTRAINT tenants_cluster_namespace_key UNIQUE (cluster, namespace);
ALTER TABLE ONLY vaultstream.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (role);
CREATE INDEX anchors_pending ON vaultstream.anchors USING btree (next_attempt) WHERE (token IS NULL);
CREATE INDEX batches_by_first_id ON vaultstream.batches USING btree (job_id, first_id);
CREATE UNIQUE INDEX jobs_one_live_per_name ON vaultstream.jobs USING btree (cluster, namespace, name) WHERE live;
CREATE UNIQUE INDEX rows_1_keys ON vaultstream.rows_1 USING btree (k1);
ALTER INDEX vaultstream.signatures_1_pkey ATTACH PARTITION vaultstream.signatures_1_1_pkey;
CREATE TRIGGER vaultstream_arrivals AFTER INSERT ON public.moves REFERENCING NEW TABLE AS vaultstream_new FOR EACH STATEMENT EXECUTE FUNCTION public.vaultstream_note_16385('id');
CREATE TRIGGER vaultstream_changed_keys AFTER UPDATE OF id ON public.moves FOR EACH ROW WHEN ((old.id IS DISTINCT FROM new.id)) EXECUTE FUNCTION public.vaultstream_note_16385('id');
CREATE TRIGGER a_receipt_is_anchored AFTER UPDATE OF receipt ON vaultstream.jobs FOR EACH ROW WHEN (((old.receipt IS NULL) AND (new.receipt IS NOT NULL))) EXECUTE FUNCTION vaultstream.a_receipt_is_anchored();
CREATE TRIGGER anchor_is_final BEFORE UPDATE ON vaultstream.anchors FOR EACH ROW EXECUTE FUNCTION vaultstream.anchor_is_final();
CREATE TRIGGER data_key_is_final BEFORE UPDATE ON vaultstream.data_keys FOR EACH ROW EXECUTE FUNCTION vaultstream.data_key_is_final();
CREATE TRIGGER follow_spec BEFORE UPDATE OF spec ON vaultstream.jobs FOR EACH ROW EXECUTE FUNCTION vaultstream.follow_spec();
CREATE TRIGGER key_material_is_final BEFORE UPDATE OF public_key, wrapped_key, kek_id, job_id, ordinal, version ON vaultstream.keys FOR EACH ROW EXECUTE FUNCTION vaultstream.key_material_is_final();
CREATE TRIGGER make_job_lock AFTER INSERT ON vaultstream.jobs FOR EACH ROW EXECUTE FUNCTION vaultstream.make_job_lock();
CREATE TRIGGER only_owners_set_keys_aside BEFORE UPDATE OF state ON vaultstream.keys FOR EACH ROW WHEN (((old.state IS DISTINCT FROM new.state) AND ((old.state = ANY (ARRAY['damaged'::text, 'revoked'::text, 'erased'::text])) OR (new.state = ANY (ARRAY['damaged'::text, 'revoked'::text, 'erased'::text]))))) EXECUTE FUNCTION vaultstream.only_owners_set_keys_aside();
CREATE TRIGGER signed_is_final BEFORE UPDATE ON vaultstream.batches FOR EACH ROW WHEN (((old.state = 'signed'::text) AND ((old.signed > 0) OR (new.state = 'signed'::text)))) EXECUTE FUNCTION vaultstream.signed_is_final();
CREATE TRIGGER the_end_erases_keys AFTER UPDATE OF state, live ON vaultstream.jobs FOR EACH ROW WHEN ((((new.state = ANY (ARRAY['Complete'::text, 'Failed'::text, 'Deleting'::text])) AND (new.state <> old.state)) OR (old.live AND (NOT new.live)))) EXECUTE FUNCTION vaultstream.the_end_erases_keys();
ALTER TABLE ONLY vaultstream.anchors
    ADD CONSTRAINT anchors_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY vaultstream.checkpoints
    ADD CONSTRAINT checkpoints_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY vaultstream.data_keys
    ADD CONSTRAINT data_keys_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY vaultstream.data_keys
    ADD CONSTRAINT data_keys_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES vaultstream.keks(kek_id);
ALTER TABLE ONLY vaultstream.job_locks
    ADD CONSTRAINT job_locks_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id) ON DELETE CASCADE;
ALTER TABLE ONLY vaultstream.keys
    ADD CONSTRAINT keys_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id);
ALTER TABLE ONLY vaultstream.keys
    ADD CONSTRAINT keys_kek_id_fkey FOREIGN KEY (kek_id) REFERENCES vaultstream.keks(kek_id);
ALTER TABLE ONLY vaultstream.receipt_certificates
    ADD CONSTRAINT receipt_certificates_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id) ON DELETE CASCADE;
