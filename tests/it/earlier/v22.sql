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
COMMENT ON SCHEMA vaultstream IS 'VaultStream; rights f963c6b4638740401cfd5fbffef60784d3dd2064f4fd908c63a31394cdcba1d6';
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
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND c.relkind = 'r'
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
           AND c.relname IN ('records_' || p_job, 'signatures_' || p_job)
           AND a.grantee <> c.relowner AND r.rolname <> 'vaultstream_auditor'
           AND NOT (a.privilege_type = 'SELECT' AND EXISTS (
                SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                 WHERE j.id = p_job AND t.role = r.rolname))
           AND NOT (a.privilege_type = 'SELECT' AND r.rolname = 'vaultstream_worker' AND EXISTS (
                SELECT FROM vaultstream.jobs j WHERE j.id = p_job AND j.state IN ('Signing', 'Finishing')))
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
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('ALTER TABLE vaultstream.signatures_%s ADD PRIMARY KEY (record_id)', p_job);
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
CREATE FUNCTION vaultstream.grant_partition(p_partition regclass, p_is_records boolean) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    job     constant bigint := (SELECT vaultstream.job_of_partition(relname) FROM pg_class WHERE oid = p_partition);
    phase   constant text := coalesce((SELECT state FROM vaultstream.jobs WHERE id = job), 'Pending');
    seeds   constant boolean := phase IN ('Pending', 'Provisioning', 'Seeding');
    signs   constant boolean := seeds OR phase = 'Signing';
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
             UNION ALL SELECT 'vaultstream_worker', signs OR phase = 'Finishing', false, NOT p_is_records AND signs
                         FROM vaultstream.meta WHERE shared_role
             UNION ALL SELECT t.role, true, true, NOT p_is_records AND signs
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
    SELECT CASE WHEN p_table ~ '^(records|signatures)_[0-9]{1,18}$' THEN substring(p_table FROM '[0-9]+$')::bigint END
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
    key       text := coalesce(j.spec #>> '{source,table,key}', 'id');
    holder    bigint;
BEGIN
    PERFORM vaultstream.drop_signed_view(p_job);
    IF key IN ('signature', 'key_id', 'batch', 'signed_at', 'digest') THEN
        key := 'record_id';
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
        SELECT s.record_id AS %I, s.signature, k.thumbprint AS key_id, b.batch, b.signed_at, s.digest
          FROM vaultstream.signatures_%s s
          -- OFFSET 0: once for each key.
          JOIN (SELECT id, rtrim(translate(encode(sha256(convert_to(format('{"crv":"P-256","kty":"EC","x":"%%s","y":"%%s"}',
                                   rtrim(translate(encode(substr(public_key, 28, 32), 'base64'), '+/', '-_'), '='),
                                   rtrim(translate(encode(substr(public_key, 60, 32), 'base64'), '+/', '-_'), '=')), 'UTF8')), 'base64'),
                                 '+/', '-_'), '=') AS thumbprint
                  FROM vaultstream.keys WHERE job_id = %s OFFSET 0) k ON k.id = s.key_id
         CROSS JOIN LATERAL (SELECT batch, signed_at FROM vaultstream.batches
                              WHERE job_id = %s AND first_id <= s.record_id ORDER BY first_id DESC LIMIT 1) b$view$,
        wanted, key, p_job, p_job, p_job);
    UPDATE vaultstream.jobs SET signed_view = wanted WHERE id = p_job;
END $_$;
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
       AND j.state = 'Finishing' AND vaultstream.works_on(p_job)
$$;
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
CREATE FUNCTION vaultstream.provision(p_job bigint, p_keys integer, p_with_records boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    signatures constant text := 'vaultstream.signatures_' || p_job;
    records    constant text := 'vaultstream.records_' || p_job;
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('CREATE TABLE %s (job_id bigint NOT NULL DEFAULT %s, record_id bigint NOT NULL, '
                   'key_id bigint NOT NULL, signature bytea NOT NULL, digest bytea)', signatures, p_job);
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
END $$;
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
BEGIN
    PERFORM vaultstream.check_driver();
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
SET default_tablespace = '';
SET default_table_access_method = heap;
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
    CONSTRAINT batches_check CHECK ((first_id <= last_id)),
    CONSTRAINT batches_check1 CHECK (((state = 'signed'::text) = (merkle_root IS NOT NULL))),
    CONSTRAINT batches_seal_check CHECK ((octet_length(seal) = 64)),
    CONSTRAINT batches_state_check CHECK ((state = ANY (ARRAY['planned'::text, 'signed'::text]))),
    CONSTRAINT batches_tree_root_check CHECK ((octet_length(tree_root) = 32))
)
WITH (fillfactor='70');
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
    CONSTRAINT jobs_check CHECK (((fault_reason IS NULL) = (fault IS NULL))),
    CONSTRAINT jobs_check1 CHECK ((((source_fault_reason IS NULL) = (source_fault IS NULL)) AND ((source_fault_passes IS NULL) = (source_fault IS NULL)))),
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
CREATE VIEW vaultstream.signed_default_earlier AS
 SELECT s.record_id AS id,
    s.signature,
    k.thumbprint AS key_id,
    b.batch,
    b.signed_at,
    s.digest
   FROM ((vaultstream.signatures_1 s
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
    b.seal
   FROM vaultstream.batches b
  WHERE (( SELECT vaultstream.sees_all() AS sees_all) OR (EXISTS ( SELECT
           FROM (vaultstream.jobs j
             JOIN vaultstream.tenants t ON (((t.cluster = j.cluster) AND (t.namespace = j.namespace))))
          WHERE ((j.id = b.job_id) AND (t.role = SESSION_USER)))));
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
    j.signed_view
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
    k.compromised
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
    p.finished_at
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
INSERT INTO vaultstream.batches VALUES (1, 4, 81, 100, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 5, 101, 120, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 6, 121, 140, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 7, 141, 160, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 8, 161, 180, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 9, 181, 200, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 10, 201, 220, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 11, 221, 240, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 12, 241, 260, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 13, 261, 280, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 14, 281, 300, 20, NULL, NULL, NULL, 'planned', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO vaultstream.batches VALUES (1, 0, -9223372036854775808, 20, 20, 20, 20, 0, 'signed', 0, NULL, 2, '5e7bb83b-fb49-4d47-aa75-07b826e5a324', '\x4504b300ee23789390283815b5fc362dc0b5f0ea7e20bccdca26e737389d1bf7', '2026-11-29 14:21:37.073826+00', '\xfa8ab3dfb19249b6702f4d55a91c022ee27a827b8ad71d1f64e98b535a5174aa', '\xa4af2fabfb1a4830a8c26fea3aef043b7479b594196ecb2b62d50b4babe8a66e4d9ca597e2b8e320f62eec975df327f9cfdf62dce16dd948ab947925c8df5bf5');
INSERT INTO vaultstream.batches VALUES (1, 1, 21, 40, 20, 20, 20, 0, 'signed', 0, NULL, 2, '5e7bb83b-fb49-4d47-aa75-07b826e5a324', '\xb0430fd6512ba110462853a1d869f7272ea83e3020128c7164058b8077d13ed3', '2026-11-29 14:21:37.073892+00', '\x4ff4446e7d2184cd239fb65815c12e50277a29db361177d22d69730a200a028f', '\x9312756e176d2e45386a9b7bc2b36dbbda3e2402bc2c25bd6470336f1fbd2b927aa2f43766330d4b0ace981cc567ab0777f7eae138c323e9ec563987409fb3cf');
INSERT INTO vaultstream.batches VALUES (1, 2, 41, 60, 20, 20, 20, 0, 'signed', 0, NULL, 3, '4b251d9b-c3fb-43c2-b0eb-a7ee3faad19e', '\x79da8a4b08c97eaf7b70b9b23f465e5f1509e80ff78cbe28cca674163671dcd3', '2026-11-29 14:21:37.4575+00', '\x65038afed02f49d5f9b2cae04ed543142ca4f4683197cffadb5bdd693b38b020', '\x0de8fa9c1d2aa5b831162ec0a28e963788db6b49b979fa1b7c617229d1fef4a7cb739d399126a46fc4656278f2ea54757970a02ad842527feb80decb2a090cb0');
INSERT INTO vaultstream.batches VALUES (1, 3, 61, 80, 20, 20, 20, 0, 'signed', 0, NULL, 3, '4b251d9b-c3fb-43c2-b0eb-a7ee3faad19e', '\x0765b4757114ca312d7a8261a7e9004f27bbf631bd71493ffc3b6868d9f1abd8', '2026-11-29 14:21:37.457576+00', '\x0e27c23d65579a328b7f98e3c00b57d6f92107bb3c607fe1872f64dc3db0dfb7', '\x1c1646060180a9d4a580c144693641cf2dda07fae6a5b8060c25bf9ca49974b60a8e49bcaa4d2a45b53de8105bf1bfbddaed3cbed2f415e5379c76dbf5f62f9a');
INSERT INTO vaultstream.data_keys VALUES (1, '\xadabcb384382a1ff495385bdc8dc15e4ac0cc0856e0ff94add360a69f97746521986ab57d9258b80262f580a7c59c227aba8d0c80013f9e5f83bba3d89', 'k7bfc11a4469ac5da', '2026-11-29 14:21:37.00397+00', NULL);
INSERT INTO vaultstream.job_locks VALUES (1);
INSERT INTO vaultstream.jobs OVERRIDING SYSTEM VALUE VALUES (1, '854b7e59-e216-4111-9165-ae0526325e21', 'local', 'default', 'earlier', true, '{"keys": {"count": 3, "lease": {"records": 40, "duration": "1m"}}, "retry": {"maxBackoff": "30s", "maxAttempts": 5, "initialBackoff": "200ms"}, "source": {"table": {"key": "id", "json": "JCS", "name": "orders", "schema": "public", "columns": ["id", "customer", "amount", "doc", "scan", "created_at"]}}, "signing": {"nonce": "Hedged", "verify": "All", "message": "Payload"}, "suspend": false, "workers": {"maxReplicas": 10, "minReplicas": 0, "maxRecordsPerSecond": 100}, "batchSize": 20, "autoscaling": {"mode": "Auto", "targetBacklog": 50000}, "concurrency": {"keys": 5, "records": 10, "signers": 8}, "maxRejected": 0, "deletionPolicy": {"records": "Retain", "signatures": "Retain"}, "maxPayloadBytes": 1048576, "connectionSecret": "vaultstream-connection"}', DEFAULT, 'Signing', false, 1, 300, 15, 300, 15, 300, 300, 'int4,text,numeric,jsonb,bytea,timestamptz', NULL, NULL, NULL, NULL, '2026-11-29 14:21:36.740685+00', '2026-11-29 14:21:36.9558+00', '2026-11-29 14:21:36.9558+00', NULL, NULL, '{engine}', 1, NULL, 16384, 16385, false, NULL, NULL, '{}', 1, 'ce832245-e2a9-47d3-9bef-67b553a4263a', '2026-11-29 14:22:06.931851+00', true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'signed_default_earlier');
INSERT INTO vaultstream.keks VALUES ('k7bfc11a4469ac5da', '\x71d14b686b1c161fc01f03ea9227b41893f5e59652eb7a19b8d83fd0ab90ce54940b82eb9449be2c690c7b2e077bf7e4218b', 1, '2026-11-29 14:21:36.990345+00', 'vaultstream');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (1, 1, 0, 1, NULL, NULL, NULL, 'active', 0, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, false, NULL);
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (4, 1, 3, 1, NULL, NULL, NULL, 'active', 0, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, false, NULL);
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (2, 1, 1, 1, '\x3059301306072a8648ce3d020106082a8648ce3d03010703420004333272db0271372c5855d0871a05ac34a94ce036dcad2687a0bada79aea4fe2a2caecb8d7f21c2500140c266dfd2bdb1c6e237bfab99f034a3b32b3d1d685562', '\xd31f9a02a6d5b9c183982e6de67a372fac6afbfea0ae90c91416bb13ce1c6ab5608ea93d96f678082ec30a789ba52331acac1a2697e2069079e0a9a0', NULL, 'active', 1, NULL, NULL, 40, 0, 40, 0, 2, 1, NULL, NULL, NULL, NULL, false, '\xcfc5f4c676a2349b0daa876f0995afbf8c5a7350da60d67b9a6d3b8b');
INSERT INTO vaultstream.keys OVERRIDING SYSTEM VALUE VALUES (3, 1, 2, 1, '\x3059301306072a8648ce3d020106082a8648ce3d030107034200045667fdba70b2923919809cdb5d17b54ff3d7d88765bc1e47a8ef2342992b5b13f5821081c7df49fd18948720557e2b923e869ff83671f051afd761de08aa77f4', '\x36fbd61905e619f81759a03dee0a4d0d6cafb90d98896af5edaf98f216013040f933eb37106e040ce455d3d909fbe7121d47bc504a1689c7d3bccbc5', NULL, 'active', 1, NULL, NULL, 40, 0, 40, 0, 2, 2, NULL, NULL, NULL, NULL, false, '\x32f6ea91fefd2b71bf334673f9a02353ede58025742050da32301efd');
INSERT INTO vaultstream.meta VALUES (true, 1, false);
INSERT INTO vaultstream.schema_history VALUES (1, 'tables', '2026-11-29T14:21:36.227443709Z', '6922198918192931799');
INSERT INTO vaultstream.schema_history VALUES (2, 'leases', '2026-11-29T14:21:36.32004044Z', '3012806774748937272');
INSERT INTO vaultstream.schema_history VALUES (3, 'unit_commit', '2026-11-29T14:21:36.323769645Z', '5976725373711758961');
INSERT INTO vaultstream.schema_history VALUES (4, 'roles', '2026-11-29T14:21:36.334599922Z', '4900440705434068756');
INSERT INTO vaultstream.schema_history VALUES (5, 'views', '2026-11-29T14:21:36.339844873Z', '16698169167466530584');
INSERT INTO vaultstream.schema_history VALUES (6, 'retry_rejects', '2026-11-29T14:21:36.356282326Z', '4196245594491232140');
INSERT INTO vaultstream.schema_history VALUES (7, 'rewrap', '2026-11-29T14:21:36.35987541Z', '6453230480782072645');
INSERT INTO vaultstream.schema_history VALUES (8, 'backends', '2026-11-29T14:21:36.363882757Z', '8018905470842047524');
INSERT INTO vaultstream.schema_history VALUES (9, 'spec_generation', '2026-11-29T14:21:36.371834058Z', '16919805672085109455');
INSERT INTO vaultstream.schema_history VALUES (10, 'source_tables', '2026-11-29T14:21:36.384166159Z', '4549744218004014754');
INSERT INTO vaultstream.schema_history VALUES (11, 'damaged_keys', '2026-11-29T14:21:36.390782432Z', '18109420106976317598');
INSERT INTO vaultstream.schema_history VALUES (12, 'rights_in_one_file', '2026-11-29T14:21:36.412292942Z', '16402751749938560955');
INSERT INTO vaultstream.schema_history VALUES (13, 'signing_faults', '2026-11-29T14:21:36.421408377Z', '12941796679201267348');
INSERT INTO vaultstream.schema_history VALUES (14, 'tenants', '2026-11-29T14:21:36.43875009Z', '12205316681473769095');
INSERT INTO vaultstream.schema_history VALUES (15, 'data_keys', '2026-11-29T14:21:36.481554219Z', '10483511356955969441');
INSERT INTO vaultstream.schema_history VALUES (16, 'operator', '2026-11-29T14:21:36.506308555Z', '2675492106613758255');
INSERT INTO vaultstream.schema_history VALUES (17, 'planning', '2026-11-29T14:21:36.539283511Z', '7181223721751995066');
INSERT INTO vaultstream.schema_history VALUES (18, 'seals', '2026-11-29T14:21:36.550354263Z', '10054723545563210125');
INSERT INTO vaultstream.schema_history VALUES (19, 'anchors', '2026-11-29T14:21:36.563784572Z', '689141497494516312');
INSERT INTO vaultstream.schema_history VALUES (20, 'certificates', '2026-11-29T14:21:36.600253914Z', '2167817964019195430');
INSERT INTO vaultstream.schema_history VALUES (21, 'canonical_rows', '2026-11-29T14:21:36.628099521Z', '13646219030384373787');
INSERT INTO vaultstream.schema_history VALUES (22, 'signed_views', '2026-11-29T14:21:36.649360531Z', '17732708756099904070');
INSERT INTO vaultstream.signatures_1 VALUES (1, 1, 2, '\x4d71e0ccf0971ec6172e2ef007fba3131b349738091e9c906b868a8b2dfdd8f8bcf003aa35e09105fd4f595912ce356cc6294891648bcc8d4a9a7c969d5df8f6', '\xbe0611c2d200e4175efb3e9bf1af85585b0326e7f0357137df9148af4aee749d');
INSERT INTO vaultstream.signatures_1 VALUES (1, 2, 2, '\x41aa91f7addfba40f2df14214adc9be8c1c830034180ba98ce161fa8a1ea23396ea96630f2a17274da669a4655832f5e3813817439823722b71d576183ea42cb', '\x11603018db9928f95fcd56b169b74185449b749fb10152230f511a040f6e9aff');
INSERT INTO vaultstream.signatures_1 VALUES (1, 3, 2, '\x8fc6fe3bb84ef23881282f2604457329411241733437332a1f490005297f2efa7aedc7997b2a988b86c2781d8a61afadefcb684a4f20cf2f5f6510d408eb68f7', '\x8ee43ae1ec0043eebcc602a29c8b63078e6c13f72f06a697416ff8d37cf3d975');
INSERT INTO vaultstream.signatures_1 VALUES (1, 4, 2, '\x62c3b048875b0b16a23f7b84705a3c6610e3494cf2133812a7518550825b5e94610f1be29da8ac6d332e55174b4d12f40ea7e16c01332fccce22fdf86a987952', '\xc9681336f7a64a2e23abcbaa3f926e9133741228f38bfaa9d867e7541c42308b');
INSERT INTO vaultstream.signatures_1 VALUES (1, 5, 2, '\x1455251a918850137ab004a8e8344b1cef4da024b984c29541699e73d6fb5817fc38249da71180f6e07d30f420c69eeb1828fa65237be3c69f237ca9357025ef', '\x3c7de969903290fb741a68a62267a6c3fc4885fee2b5cd94569a0e0f4cda4370');
INSERT INTO vaultstream.signatures_1 VALUES (1, 6, 2, '\x4960f71b15cf12a2edd3974e229f0b1d86e44925d3d133ace8542c541152d233e7b4698417097b1cdf6e3492fb0358e18cb5daefd0613518003ac97e6b0815fc', '\x362454249288622d1208a419f32d3f01dd62e932ab237f9694b5e6f20017326a');
INSERT INTO vaultstream.signatures_1 VALUES (1, 7, 2, '\xeaf5ebe4956a6b2fbd40c5267f7bd0002f3782cd7d5bd761ca08b735fd83dd652452cad246f2d3e762e2abe6be8d976d6953dd1d03965cdd76cea62db0b8a1f0', '\x56df56733ee43e69afd666f28038fe32e8481230b498f21b9a513e9d61121693');
INSERT INTO vaultstream.signatures_1 VALUES (1, 8, 2, '\x7d59fbed8a6bc267eadbdb75ef6e7e31e50ae9c6594de3a65361173736971895a3d835aff55ae11a22834a3c6f6985ed94955af87c84bb14429a9c401ce30b53', '\x1015291ccee133154a97e79d70d05de0d01b2d20e30c4a1e08087b43950c51d9');
INSERT INTO vaultstream.signatures_1 VALUES (1, 9, 2, '\x5022471f207f936cc66ef13259f86d5cfa080b19dd6d1248a81ba99b793656d5c542dfe276455b58582649f2f6e9f3404fbb517d115c4eaea770f33599795c97', '\x4519471c76db63af761f878aa3e9b9e1bc5ff5238e1b51024d4669f19dbf9ed9');
INSERT INTO vaultstream.signatures_1 VALUES (1, 10, 2, '\x0820b034519c61e6a1ce68905f92a7c70a977a8512951857b96e03f01ddec11eaab3e206c54868cee163389a5e9e0f136966479b8d08ee4ab05654d2aa6a24b4', '\x80e500ac8627e3382dff11a32272e1474b4de3c5751f0f2a3e81bcc957bc479e');
INSERT INTO vaultstream.signatures_1 VALUES (1, 11, 2, '\xefe2f770442f2ec540209024f3cc57747ac6d342655f7dc92bb3ac50205310b27d7aefc71c711db3a7acc155ced130dc3c90a8fe4d57999b252ed14ae7ee7eb6', '\x26687f48319669a5e6a396a4cf60028ed3ca7ee96df1ffc860dbf05c5873c8ca');
INSERT INTO vaultstream.signatures_1 VALUES (1, 12, 2, '\x36d80f0e2c7ca29b8d8f2c6728817ab76025e9250d3c668b1f664e6cb58eceae51547f36ee0b4aee6e281b8cb50bc96bb351b871d32a6b2bbe7791f72351bc6a', '\x7d25620187a2767574c839d98ca2611abc0dc83b459c3fafe5803925856ae131');
INSERT INTO vaultstream.signatures_1 VALUES (1, 13, 2, '\x0a0e530b208456d73253a825d10b540d7b2188daa25e3f7beda8756c751958dcd425bfd8d803ea19c4da301cac40cc4c89f96b7a54b9d5018bb741638d1f00ec', '\x9ceef50f27a07b6d8362740a4160d5340a5804ee430b820011634a92a5c30162');
INSERT INTO vaultstream.signatures_1 VALUES (1, 14, 2, '\x59541dad4cd0e74b2124febffa904925d29daf3897573fe0699146828eb054dfa58cca3663c7a5ee3dbf59c7555e56b7b31dca1b5bfda9e5052a8595e0259112', '\xdc15500709505b5852d7c5a0600313da359abdc40245b6e62a9cce5da2b06695');
INSERT INTO vaultstream.signatures_1 VALUES (1, 15, 2, '\x76082a23d4d3b4f8e841b48b605554d6cc6d1a1d46cbe626e878bf23ca53dd3463bdd845b65373c4c52b35759b1769eee7bb3c21d78c1387dbee534076abc7cd', '\x10313af53cb5650020866457a9d463536e171319a15544c27fc1cd3aa19c168b');
INSERT INTO vaultstream.signatures_1 VALUES (1, 16, 2, '\xf641a42d0d48d0050896cde210a26a389e09eb908211babe782e7dbb777ede37e5110322319eb9aab8d14385a92649c427395822e285229161b9e5331c15348c', '\xaf7287f69d93ba9a92f09baff3964d39f808fe83eda0aba8008b8599109f109c');
INSERT INTO vaultstream.signatures_1 VALUES (1, 17, 2, '\x200e3cc2b132e6523b61176ffbcf2fbc9c1547dde769b6ddb62916b9f0466ced8423aa1e08ab4aae994ef4a141b26fa13eed7bef018fb1934ef719aea9e2c4f8', '\x2644b7494b2f199353c8ec29c841d2be3356c4d04ef7bf81e3ed9653d83f323e');
INSERT INTO vaultstream.signatures_1 VALUES (1, 18, 2, '\x21ad77702abc33e5ee59836b11c276f05ddac4750c325f299e9a7998da0c1f27e0c1e6d65c4af8a1b72f2a5471649afe62a232668d331a2e5f13479faabd1a79', '\x0abdf3c117c78777b1ded69f80cda412e787b9f09bec75a2a090e271862d40ed');
INSERT INTO vaultstream.signatures_1 VALUES (1, 19, 2, '\xb0738cb5926e37696aeefbf2ebcadc0ef01141330e1aa278e0f2cf7f383463d8f7b4429a90f03ec28abdf150e03c65b248ea3e75385884bcc63076c479684f08', '\xe3a75b5c9e49518424ec0b153f4beed99cccb5afbcd0ca24eb96eaed0bcfdf70');
INSERT INTO vaultstream.signatures_1 VALUES (1, 20, 2, '\x0b4a271bc50092ea22571411295aa18849dcfa9d5fbcbd7a7379909e85045c03810b533b04419896aa85a42c6cacf879699551d0fac0ab5cabe4d1c038db92ac', '\x60767fdb00672503d29033764a3dc3c68c533129179d7d3b1d0375beb28b4345');
INSERT INTO vaultstream.signatures_1 VALUES (1, 21, 2, '\x5e82236586e333420a08366ed4987189e6b70abcc4ef742139a5841159b2ae2c90118404f5dbc8165fe10ea876bb4a78586964f60c1b9e7d642b33086fd1c535', '\x55a113d51cbc9c298f70af67633b591e610e8c43b1d4b7bc42bae67c0d0169d7');
INSERT INTO vaultstream.signatures_1 VALUES (1, 22, 2, '\x187792a69553c0b93e7e6b5fa43cd2c8c6edffc460dad00308e4789fbc680b93056192784da0b769f3ad298da51077bee440f63c7562dbc328c16f0ba12f1bb5', '\x25a5cd4439b7fb42b1d6a8a0231060f90e705e93446f0f8eb2e1fe6b73adfad3');
INSERT INTO vaultstream.signatures_1 VALUES (1, 23, 2, '\x8e53865f546f22d8adf0f7dd9cea0adea6bc32a6719363abc1fcfecc412b51c568adc886cd0e954ab6b404e1912de0cf20a70917efca16df4eb038ca1e425d80', '\x9d32c7a3a2465931d6569eb905a3bfea6024c7e167d64a8f4ac3cf0d18b6fbf5');
INSERT INTO vaultstream.signatures_1 VALUES (1, 24, 2, '\x1a7db1eda2580a20404f8dc86a428048c618831493d0ca0c8f17e794c4eec347912c12daf8cd0fb648cea5ae4426a6c4b7d0bd3b8ce03bbcf79a831ecfeb24b3', '\xb4c2ea18fe1d362c852cd6c67809d725e46812f9cd3b4cd06e0cb9d382471436');
INSERT INTO vaultstream.signatures_1 VALUES (1, 25, 2, '\x42f2e23c9fb80d0e228b30fdea93bece1116fdaebc71fadb3cf638b0db12c9d502e64f099e1b85778cc40a7c333e8cc8a8b7f9db526d93592aaf0337a1c2ba20', '\x98c1769d76692810c4df24b2f80bd4a5c7f2aaa132564cbffc28c2c9c9c7d49f');
INSERT INTO vaultstream.signatures_1 VALUES (1, 26, 2, '\xcea5e4975069a6521ebdc720991c65e52058b328fc6ab1ab16b747d1d601c22ec81394e9c47426a9fd24a2234571ef102a6d98d839ac7fd882178815d40cfb51', '\x9a09f87293055f8465574b462b04c1a5112bd32fb6533dcf4f64d45095e73844');
INSERT INTO vaultstream.signatures_1 VALUES (1, 27, 2, '\x4b093e704cf4f48e0ff0abff46bd714e3eb3cde2ac9c0ab5f845512d773d8d6ff661a8d0a5254d638e8f27240dc2c280a80903cfc2238ac1904eb40b1481865c', '\xe21083889482c242f11c92d7adf30f5f6f7d683def0c5bc4dc41ea59df6dc620');
INSERT INTO vaultstream.signatures_1 VALUES (1, 28, 2, '\x8f6b1b485873323c4f7055005ef03dd4acdb6a4c59c34d8c73dca0a2ff82c45473acd405072bc41772ccbf15256ca9f08126382dfe3ab6e6e6628344f1babf5d', '\x2611424a994cedf07fe0115e4f0004c60cf26f741367e859ed31916351be1a03');
INSERT INTO vaultstream.signatures_1 VALUES (1, 29, 2, '\xfbeb2367c3f943384a40f309b9374327e65ff329cc6c9a9acf13701c824b40af2b0dd23ae70145963551f96ecc59b1b9877f02144cda8165ea6f7d1664aefdd5', '\xbf384ccb10d16933fc584c02c40e80618beaac10fd875bd49db520e545f14bb4');
INSERT INTO vaultstream.signatures_1 VALUES (1, 30, 2, '\xd1373b3e02743b231dacd6e09a2331d18181292f054c80ef9d81c639fd9e3d6ac6654ae8fca97372ff1e45af2eb34f594b1a54ec2e1d7a3cb0a6971d8e9abd82', '\x64bff4855b8ea05a3646f9b3952084e735cb3667b0ddcbef7c080f24fd1f840d');
INSERT INTO vaultstream.signatures_1 VALUES (1, 31, 2, '\x72428f3c5a0cf150a9be7362c12a4fcb5225f3969124d253653d8d4a952256c9dc410bbf7c8c76ae75e7ad4c8873c8cd3376fcbaf1f915f5d64dbd35c91430dc', '\x8f2ca608f38b2ccca26e49bcba1f7fd9f44f31d606b112fe78c982c8ec3b23c1');
INSERT INTO vaultstream.signatures_1 VALUES (1, 32, 2, '\x583270ca4b62193961595900c954070d7935d8748299768c3eab8ff8e2c5622b9aec5560096cba90c05d5a5ab4df4716b6b1f5ea6b3e8789fc432cc3f1b117f0', '\xd1f1b9f6b2d2a2765e0ace87bd4aa098764a474a03755edd8798264da16d8772');
INSERT INTO vaultstream.signatures_1 VALUES (1, 33, 2, '\xfd6f5f687236b8884c71df0b8da0ed589679cefa5b6249303c3b3d734cca876904044c949f4805554eda83096421207a33d01801a9e69aaeacd6ff5c4a3a17b6', '\xf530452d64b79a190fa636c373e3f450b6c90a407b9af805a18fd0271a6e8747');
INSERT INTO vaultstream.signatures_1 VALUES (1, 34, 2, '\xee1351d0cd6bb344bdfc08b9da57cf47fa41417301ab4a3f03dd5286ce018e8608017b5201562cdec67119456177af51fe35f0f892f089fe0a7d5de4f7f2d9ce', '\x551dc4784f15d4c04c8b9486326209ea032d539119a6328e4292f33d3db425db');
INSERT INTO vaultstream.signatures_1 VALUES (1, 35, 2, '\xee8a94cf3b0896fd1b9d7f5c0e38a5e0afb11fd460d92702f666942aeb4fdd35848f7779ccb61a166d3a27c2403f129634ad763b9dce929a17669ffd1889212e', '\x1592132d51be7078e33bbdaba06bb0381de547bc950ad7837abc1d97c17d4b68');
INSERT INTO vaultstream.signatures_1 VALUES (1, 36, 2, '\x0a2e4c29948f92a30e7765f4fa08bae7e130ae250b27370378700116fe2f6eed9207db6c14a58533691c78867c6a39a55e02e641deb2f4de7edfc02c0f3ef158', '\xe4644ce4dece262844382bac856139fb5ce85c482c40f68a8aefd9c0d75dbfab');
INSERT INTO vaultstream.signatures_1 VALUES (1, 37, 2, '\x7e65cbd8593a83817d2429a93858288410b7c0e91cd17581c85809cb7803e79f9a435535c0917f85669758d6622e5f642c60b0b25c49843e1f080ee6cec1b4cf', '\x81436b69644f795aeecc0f48571ffce4d4bd6eda643c3d2b95ac486d87c4084d');
INSERT INTO vaultstream.signatures_1 VALUES (1, 38, 2, '\xa6365d504ab3491ae4cb25796a1b42001722b042281f13823e239f826b524b29ca486c6e19c1b07f156b8cfd8f5b999b978f662f568b564fe844bc7d2fda8c1e', '\x58382d79d204208cead69da5e9f72cf470a74bb2d5a97e2ccaa16717e22287a2');
INSERT INTO vaultstream.signatures_1 VALUES (1, 39, 2, '\x943c86ed53fb30e0bc6becfbe53da4f753fd317cfb08d96dd898965194ab75caaa416f3bf3865dc76858e2aac4cdb35c7c6a8ae74b0f0ca820f19ff5977e3d43', '\xf7d9e260eeeac488d7da5eb465a787c4bd1f9d354d1cc70d2842e2188532e5cf');
INSERT INTO vaultstream.signatures_1 VALUES (1, 40, 2, '\xae7890265f1538b6547d5143de54821e23ff8531bdf347407fdfe39b89d270ccc48e858378b21d9916ebf40e0f936b8b833bd4888c8e3abf68311649ccd1b07a', '\x5f483ceace3a0bf3961ff7ae9a8daedf559045e3158e4ce397d29c3ef89a2c42');
INSERT INTO vaultstream.signatures_1 VALUES (1, 41, 3, '\x6decb0fc376fb679d1f2668e55fa4d747b369867b9e0360bf8e16c794e0dbfcc3f91d1fa3ac74a7df0e6b6493e859f554baf0610d9d1206b157fcc631c1d7c2c', '\x7f4ba1b3b4427deeddf4817cc4f9508c9443f846311eaa2a1d3801d8ac508a47');
INSERT INTO vaultstream.signatures_1 VALUES (1, 42, 3, '\xff2acda899bfa5922ebfe2f9fc1e5c34ceb1eacc3dd3119c77f91bbccb47310da63cebf3b84af108a5a578c34ba70da3d9084cdcd1f570f2ba23b5ca72c0b34e', '\xe688496261de2faaa75a149dcf2739a81f470750592f6f0af4eb0c31ab90a7d5');
INSERT INTO vaultstream.signatures_1 VALUES (1, 43, 3, '\x3b1e2f25a5cefdc998c86d958220bcb886ed9b2a07f47c8c6d89ffb77dade19642c6aa21c93a930055b91c34574cf25ce2f3a011b63debe6e8429d3bab6ce998', '\x5f8afbab70685e7c4e57af2226def5dafacbdd0db91dad3ae72c513928f1d796');
INSERT INTO vaultstream.signatures_1 VALUES (1, 44, 3, '\xdb1ec71342fd16efa7caef4eb01089af42321c9e2518f91245749ac7073d5a6c58f73f8c9bbfee7c4a9a598713f693f8c0b8a9d9d3b1f61d1559042e82ae9a8d', '\x0aa1c0808025e9d6b076d7c90ac3a01fc3ed980ee245febcce66cb5523fb6aeb');
INSERT INTO vaultstream.signatures_1 VALUES (1, 45, 3, '\xf64de312556ac9519be733dbd63982bc0d85ab6143a57541fcfbbfd5cd3c70c48e01d1683f47933dd4c203e8fe421f3aba02164007def2045b9870c95e273d71', '\x495dffdabdc15c0cbfb3db8f107e0f765d125817992ef0c8e72c8a64d4667972');
INSERT INTO vaultstream.signatures_1 VALUES (1, 46, 3, '\x92429dad382b85f14655dab13bed3c9085862137c145b0c050d593ab0b357e929bc121a395a84ef232a748bbe8e17ef8569b0f5360d4acb1a22ddd344504b745', '\x0c719b002a8730d79d814534fbe63651691e329e08260f7fa367356963440037');
INSERT INTO vaultstream.signatures_1 VALUES (1, 47, 3, '\x2234dcf5c6c385407ba8b9fccbb5c8c0fe04ba71f99ac521800604a739059f162c0410c17f7cc23712052a1a2d87334df9e3972074d2f94331bbb6eed0134915', '\x34fbb585dc1ada2246bbe5c3a8f93a820d9e4ee106401e01c9c6e5ea85f34a2d');
INSERT INTO vaultstream.signatures_1 VALUES (1, 48, 3, '\xf824ea6c565ffeddc82e171664b991b413e96b707624c4df1c42565cd3075028c41e1dfe32c560f01b054838cf1bc6d539b39c71c5f529ebd5c2ed304b3a28ac', '\xa2a2672d5faea73a7f7ba72440fd1dc2fb1806819ee830096c04f0d92adabe8c');
INSERT INTO vaultstream.signatures_1 VALUES (1, 49, 3, '\x93bb8fa67a72287ece81e890fc13fa44dc440700ff4e340d434b47a43c0f33f1ced3a76b9bb22d6a772fe8821b62658df072b25f0fc5d9247d2d80eb070c69f1', '\x0185e1fb9dd5b8b1430d8439dbbea9dd1d4e61de55122d601709a9e055e2b0e1');
INSERT INTO vaultstream.signatures_1 VALUES (1, 50, 3, '\x28fd2dad163a322069f0e680d92009c36c57904191b3c7c3eb5ea9125f67abdcd55c85f0f2920f1ac67ae3b318466df400d0d78f70aa5d2f73d648b980cd2558', '\x7cbdc90f1c40ec60f84cfe76c0a07ce76df717a03aaab9814550b9baffdea96b');
INSERT INTO vaultstream.signatures_1 VALUES (1, 51, 3, '\x0a370acebca9ca4823d02be72e3a9bb4535d19243bc237fb8dd2ad78cce73c06dbcd4d29d803adad90d4edd2ddfb8345624938bcb7b564d6b849b8a187e8e9ee', '\x732abab0ed328bf22aa6573527d8292e1472a730180b286214130b718e09b6e0');
INSERT INTO vaultstream.signatures_1 VALUES (1, 52, 3, '\x2aefc8c9e96de3e4a87e02ebd20e35c46deda6d7527be365d079380179ef1133dd9f3b4e351837fe5eabdc0f25831373e44f00d8a56190b6d1f353c83271e7c0', '\xd3d6c8d99608b45f961eedde7101083222451b206ab08b86f560bb2b2d2563b9');
INSERT INTO vaultstream.signatures_1 VALUES (1, 53, 3, '\xe8bd9603d1c664ace90ed6f4045b038032446666f97f6b158831f486d1867a4f90c9df99f30aff4f096296173a4fd636e94f3fa2ec47fd9693b6f134784617b0', '\xd4433b75c47883a572d51975dfec6d4bd32ddc091492fc8fc797f78bfe1e56c9');
INSERT INTO vaultstream.signatures_1 VALUES (1, 54, 3, '\x7b4016baa8c1b9cedbfa755111c97efb3ed5a27c7b24e84739b554b1af16dd4eb400ba87bd25a5ab6a63a026c69b991f71a915ca3f4fe600bc533c35e4ad2175', '\x6bfd4bf95a15c0c0d3286db32264ec6cdeff8a57a0b826a2848eb1ba21c21141');
INSERT INTO vaultstream.signatures_1 VALUES (1, 55, 3, '\x4841a94a52a9f800b477aa1ce7768ef11e8bd5dcd5ab0c1dc51aa79f76ff2c59b468b6853bc6634538d4b60214eb9430741482e0bdeda3d9f2c45519edfccff2', '\x1b16437933ff1814f15ed54b127b98f83070ac0a1be7f6c752ab838c6b048a15');
INSERT INTO vaultstream.signatures_1 VALUES (1, 56, 3, '\x3a0b3b15e0abe4277111b5191351db4209e4d05c0882b97389e7e0e2ab52d1bcd4caf5373818c511871d2f78d898118c389d47bb9796cd5e423cdb81f3dea2fd', '\x65174ca2e247d9897abe20ebcd362d867fa9089ca65b4b27941d50da9a0851ee');
INSERT INTO vaultstream.signatures_1 VALUES (1, 57, 3, '\x777e37d96ddc443825d7674600c0828a90b88946950bb46ec9081c5dad61e2dbbdb535c9f6988a18f78398ea83011ee4a74c8dadfc9afc7d592841e6a57da55c', '\xd3042cccab6a9e1d7cd4c73635b6f201657b65d2144d8573d6457523c0747c6d');
INSERT INTO vaultstream.signatures_1 VALUES (1, 58, 3, '\xe4d72d97afe9473bf09a8b57d99cc37bff4d3d6683d45c2d0bb62056ae8e9961c39303f241235963fa13e4ac4acdb1c6e67bbd3b5db439ed21529eb317daa77b', '\x333e93adbc9c92051f261e5213d814b229fdb1013fcb73dc450aedc22a63da4e');
INSERT INTO vaultstream.signatures_1 VALUES (1, 59, 3, '\x4c22bab8db9cc863aa2def72c58f3a4974e48c8426e6e7ece63ae16902a22947acd3147d1c86afa7f1f7d4343bb26f640ce5c4135a9d276cf1300abd060cce7a', '\x0c8ae36cc0d899b155da59314893183a91ea3c0ec1b260adbdfd2fd625066d5d');
INSERT INTO vaultstream.signatures_1 VALUES (1, 60, 3, '\xbf918c0bc579755671917cccae77d07170c323d22cdfd1bcbda317cfac5b562fd41aa82755a9ca30fc6ab0ba39aff71c0530f2e0fd3533950a33df1edf525692', '\x0a67d558dae7736b4bab19baf2a9c1c16b12d23e86d35f85a0c3140eb5e025c9');
INSERT INTO vaultstream.signatures_1 VALUES (1, 61, 3, '\xd24d4f70d620d31f55a26195c6354917e3f8c9fbc2bbcb8218b27c6591cd949377bb00128e694dfa749f80619e2c7712dc6378fffeb068e1cd943ac1bc177186', '\xbb214d8838fca91c90707015aa4a59d9d56db530e0e066b1227833183f6ebaa9');
INSERT INTO vaultstream.signatures_1 VALUES (1, 62, 3, '\x47cccd46916ef8824c7488ea1891ad6e3eb713d4b7fd034e85ef260b05b3c660f6c983b838447dd2cdc6de98a23d9fcb9c9c7cb3528d7a7fe78275581a81271b', '\x6b52295fdd23714e39ec1f9c41dec20ebfeeaa8f56bd590bd208d4bf986810a1');
INSERT INTO vaultstream.signatures_1 VALUES (1, 63, 3, '\x51361017f7480ac66ae4607af0bcff98943a6bc558c397fc86f6b99560b9fd2cbd9e1a9f4d5ae53288c740b271b9a8a42486f19b15bc16e29d096828f823c79e', '\xc614d0b81b988c172e4032fb3aadaa6f567e9dedf73f248dce6d436b9c3e321a');
INSERT INTO vaultstream.signatures_1 VALUES (1, 64, 3, '\xb79e7c3d572ee6c7e842e86d3522a490f9365a5ab1511deb97572ac98117bc0d2c88b2a350f4a4cfbe25f5073a1b35c2631dd004dedd2cdc515d9615b98a4795', '\xbcb088ce2bc9aa6741f52fcea45a2b545eeb9f90155801e6a41071775cb9e657');
INSERT INTO vaultstream.signatures_1 VALUES (1, 65, 3, '\x069f5c6292fe4827ed888e1c4d0389121f4347cf43250a48a572d2cc9ce62b82023b6ad36e804b2fe4879b55f76860d2e27c11bf32b3c93a8266687131cc1e43', '\xe199728d0da303632e84737ef751a8094c582469362458c48112d5cb9666820e');
INSERT INTO vaultstream.signatures_1 VALUES (1, 66, 3, '\x971ebb24e5c7182143fbc1e4541a15f3489a32e61757c4132a7e42a3b78f6824719621f311159582576a23fb06c38ce7f5d277212fe33dad280d4e61b0df6e88', '\x82d42621b93508a3da8a93efa76f96d8b33a4ffdbff12fe5b50a85c047ee6c7f');
INSERT INTO vaultstream.signatures_1 VALUES (1, 67, 3, '\xed9346c0c006dd575e158a4ce13f25cfaa94c997fd3302de23909f2dad37d1aff65269ea261302fa9b52fdb052876584fd12b4f4e6bc761cb5bb50d90233aad2', '\x78c4303615e077903623794cbd0db94564cb46fd00ba21726202b0270a7bf2bd');
INSERT INTO vaultstream.signatures_1 VALUES (1, 68, 3, '\x707bcaa418dbf537878ea6458de02c90e2dd20d8a916ac429295c839e12407e4bed01824621fc7d9dafaf8571155959354a76b2ddc22b0bf1bb09b9b31b7dbf1', '\x04f451eaa0dd4fb4a648d255efd1b5c439926f01e9bee1a18fe0565faeefe0fb');
INSERT INTO vaultstream.signatures_1 VALUES (1, 69, 3, '\x7f2a8b638c960e60147b38f4f02fbcf46e857e6088be7ddb44ac54cded25dd78b78133382162513344dce0ab6dde27f6273ede6b3156604fafe2e6a7b5f65d8d', '\xebd9204a8d6c9bb05a431fdd61a0c06376d97617278074dc03bd924b256aab8e');
INSERT INTO vaultstream.signatures_1 VALUES (1, 70, 3, '\x9d675613cbf06ae565c5a88152d114c1080f85a22723c92dd6ad37ef7d5fc03300e512a807f4bfbf44befd06fb7b5b8639c84ee57c5a473f47579154b2c75396', '\x7166969b4924e99860c8b1b95b84a2d79714f2449062c3c02318e2f8faf7d3d2');
INSERT INTO vaultstream.signatures_1 VALUES (1, 71, 3, '\xd55dd531c2eb6229f1f2d9645f02d535ac4f039b75308016b72f99ae6f5f39b55779f67b5279a991983ad494e9e91775effc327bf24a2bad3dbc8bd46b028a75', '\x15c69c1523a13f8d4ecd0ec72b25c2ef0cbe8f1b5b474f0a22f025a10d365497');
INSERT INTO vaultstream.signatures_1 VALUES (1, 72, 3, '\xfe5a33ea77a59b4fced73f33cc0e8616093ad88458795f29ca6e112633cb1361f0a321547a4c981cb1478ac6d792722c91379e5aae88cd6dcac16d2671226bc5', '\xd8fee3a0ee097ef06973ddadb9d29dd8b6020e862ee06f55e0b510e1de2ca052');
INSERT INTO vaultstream.signatures_1 VALUES (1, 73, 3, '\x2bb281fd55fb029e45ef950012a409a484df4dcdc3198722d44b7b99d9e61f0079db72c458098be5274449eaa9556042115b60982239f6931256e175829571af', '\x191d10f428fc71ecc907c35585d3a0825a94e093fc570c488637dd32cfb86a9f');
INSERT INTO vaultstream.signatures_1 VALUES (1, 74, 3, '\x5ec3bd7ba912db23fa6b8b7bfe32f5335b7eea68060d356ad01c5b9e351652e59a651f6aa2c39729a13db2c6a56c704a353f54be2bc427eb147648fb980fe148', '\x941387a8acaf1a6767467ce5cd54625da6a96bbbf76469b6ac1af34e808a7868');
INSERT INTO vaultstream.signatures_1 VALUES (1, 75, 3, '\x69ed97aee599643aad65fcd7daaeb48c6627a2c2893a1895b424eabcec31c30e3bc7b042f7bf282a3de4cd90891995400772becb6e00c6c21e04ea49858b3da0', '\xf8fd5d0ca8b495a90f6b85a8d72576ae662a1970c1dcb9d4a1de558992c7ecfa');
INSERT INTO vaultstream.signatures_1 VALUES (1, 76, 3, '\xe804477219f798c0e8dad66004a5b6a91fa3e94c56b597986a9a001bf7129edd65d6de470b16656bdbd1f08d4e457d78a764dace42f4516ef817c856cde95b0c', '\x6d2b0a3ae5af8dc536522c45d383f9067a40a860251d43a69c8f4f1fdc24dd8f');
INSERT INTO vaultstream.signatures_1 VALUES (1, 77, 3, '\x2fd5cf9384d98e75399427dfcb3856fca7ad49d30a67631571c56c209b7453b7f56a73ba60502c279d220bf58faaaa8c6ffc2a293e7430672004ee74b9ad84e5', '\x6356f776f6f4cb8e9bbcccd09c459d35003f0b3a9aed3d54849ad090b82d153a');
INSERT INTO vaultstream.signatures_1 VALUES (1, 78, 3, '\x2d43673536f8ab47c7b69610fc1f376d76072f1e21001e7d08dd6b36666bdc6d79e0663e9324314b15e2e90da3b349e5ed3e36c5bbc4cfec1af03af56af3904c', '\x0eb62e081ac084b74f2947228c4508f733131a2ce3295b0be17f7883e2993535');
INSERT INTO vaultstream.signatures_1 VALUES (1, 79, 3, '\xedd8ea4c1fee43185719ce7cde1b105b07be71648ae79d3ce07702a4ec9dfd9f09868a48df02391fba3f60c8fdb63e85da6aadbdb5a3434585343b78b1fa76d3', '\x2c3428668f5cf1cf0dd893269469263e3260b509dce847b07936b059317cec32');
INSERT INTO vaultstream.signatures_1 VALUES (1, 80, 3, '\xb7460c7e365e15be58c2b0b404c189f69568559b78cd446acc472327479ca27f9c01e48bc2fa690011685deca950fdf62861c48d6b65a6e1214b6a033f6bebc0', '\x985d2e98b16ae5b0bb26859d204030dfc1650a5dc8dc738db0bb317101fe0908');
SELECT pg_catalog.setval('vaultstream.jobs_id_seq', 1, true);
SELECT pg_catalog.setval('vaultstream.key_use', 2, true);
SELECT pg_catalog.setval('vaultstream.keys_id_seq', 4, true);
ALTER TABLE ONLY vaultstream.anchors
    ADD CONSTRAINT anchors_pkey PRIMARY KEY (job_id, tsa);
ALTER TABLE ONLY vaultstream.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (job_id, batch);
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
ALTER TABLE ONLY vaultstream.schema_history
    ADD CONSTRAINT schema_history_pkey PRIMARY KEY (version);
ALTER TABLE ONLY vaultstream.tenants
    ADD CONSTRAINT tenants_cluster_namespace_key UNIQUE (cluster, namespace);
ALTER TABLE ONLY vaultstream.tenants
    ADD CONSTRAINT tenants_pkey PRIMARY KEY (role);
CREATE INDEX anchors_pending ON vaultstream.anchors USING btree (next_attempt) WHERE (token IS NULL);
CREATE INDEX batches_by_first_id ON vaultstream.batches USING btree (job_id, first_id);
CREATE UNIQUE INDEX jobs_one_live_per_name ON vaultstream.jobs USING btree (cluster, namespace, name) WHERE live;
CREATE TRIGGER a_receipt_is_anchored AFTER UPDATE OF receipt ON vaultstream.jobs FOR EACH ROW WHEN (((old.receipt IS NULL) AND (new.receipt IS NOT NULL))) EXECUTE FUNCTION vaultstream.a_receipt_is_anchored();
CREATE TRIGGER anchor_is_final BEFORE UPDATE ON vaultstream.anchors FOR EACH ROW EXECUTE FUNCTION vaultstream.anchor_is_final();
CREATE TRIGGER data_key_is_final BEFORE UPDATE ON vaultstream.data_keys FOR EACH ROW EXECUTE FUNCTION vaultstream.data_key_is_final();
CREATE TRIGGER key_material_is_final BEFORE UPDATE OF public_key, wrapped_key, kek_id, job_id, ordinal, version ON vaultstream.keys FOR EACH ROW EXECUTE FUNCTION vaultstream.key_material_is_final();
CREATE TRIGGER make_job_lock AFTER INSERT ON vaultstream.jobs FOR EACH ROW EXECUTE FUNCTION vaultstream.make_job_lock();
CREATE TRIGGER only_owners_set_keys_aside BEFORE UPDATE OF state ON vaultstream.keys FOR EACH ROW WHEN (((old.state IS DISTINCT FROM new.state) AND ((old.state = ANY (ARRAY['damaged'::text, 'revoked'::text, 'erased'::text])) OR (new.state = ANY (ARRAY['damaged'::text, 'revoked'::text, 'erased'::text]))))) EXECUTE FUNCTION vaultstream.only_owners_set_keys_aside();
CREATE TRIGGER signed_is_final BEFORE UPDATE ON vaultstream.batches FOR EACH ROW WHEN (((old.state = 'signed'::text) AND ((old.signed > 0) OR (new.state = 'signed'::text)))) EXECUTE FUNCTION vaultstream.signed_is_final();
CREATE TRIGGER the_end_erases_keys AFTER UPDATE OF state, live ON vaultstream.jobs FOR EACH ROW WHEN ((((new.state = ANY (ARRAY['Complete'::text, 'Failed'::text, 'Deleting'::text])) AND (new.state <> old.state)) OR (old.live AND (NOT new.live)))) EXECUTE FUNCTION vaultstream.the_end_erases_keys();
ALTER TABLE ONLY vaultstream.anchors
    ADD CONSTRAINT anchors_job_id_fkey FOREIGN KEY (job_id) REFERENCES vaultstream.jobs(id) ON DELETE CASCADE;
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
