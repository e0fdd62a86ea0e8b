-- The operator's own login: a member of vaultstream_operator, which drives the jobs of all namespaces and owns nothing.
--
-- It reads and writes rows by the rights of grants.sql. What only the owner of a table may do, the functions below do for it. They run
-- with the owner's rights and check who calls them. It reads no payload and no wrapped key, inserts no signature, and leases no key.

-- Whether the session's login may drive jobs: the owner and its members, and members of vaultstream_operator that are no tenant's.
CREATE FUNCTION vaultstream.drives_jobs() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'vaultstream.jobs'::regclass), 'MEMBER')
        OR NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
           AND EXISTS (SELECT FROM pg_roles
                        WHERE rolname = 'vaultstream_operator' AND pg_has_role(session_user, oid, 'MEMBER'));
END $$;

-- The same for the functions below: an error for all others.
CREATE FUNCTION vaultstream.check_driver() RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT vaultstream.drives_jobs() THEN
        RAISE EXCEPTION 'the login % may not drive jobs', session_user
            USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT vaultstream_operator TO %I;', session_user);
    END IF;
END $$;

-- As before (V14), and for the operator.
CREATE OR REPLACE FUNCTION vaultstream.sees_all() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN vaultstream.works_on_all()
        OR NOT EXISTS (SELECT FROM vaultstream.tenants WHERE role = session_user)
           AND EXISTS (SELECT FROM pg_roles
                        WHERE rolname IN ('vaultstream_auditor', 'vaultstream_operator') AND pg_has_role(session_user, oid, 'MEMBER'));
END $$;

-- Makes what a job needs before its first record: partitions, a row for each key, and one for its data key. Sets the job to Seeding.
--
-- Both partitions get their primary key when they are full, because building an index takes a quarter of the time that growing it does.
-- The partition of the records is a table by itself until then, and is attached at the end: the CHECK spares ATTACH a scan. The empty
-- signatures need none, because a partition's bounds are checked with every row anyway. CREATE TABLE … PARTITION OF would lock the
-- parent exclusively, and every job would wait for that; ATTACH does not.
CREATE FUNCTION vaultstream.provision(p_job bigint, p_keys integer, p_with_records boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    signatures constant text := 'vaultstream.signatures_' || p_job;
    records    constant text := 'vaultstream.records_' || p_job;
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('CREATE TABLE %s (job_id bigint NOT NULL DEFAULT %s, record_id bigint NOT NULL, '
                   'key_id bigint NOT NULL, signature bytea NOT NULL, digest bytea)', signatures, p_job);
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

-- Completes the partition of a job's generated records, which the operator inserts into until then. ANALYZE: without statistics the first
-- units would be read by a plan for an empty table.
CREATE FUNCTION vaultstream.complete_records(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' AS $$
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

-- As before (V14), for the operator, too. A tenant keeps the right to read its own.
CREATE OR REPLACE FUNCTION vaultstream.close_partitions(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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
         GROUP BY c.oid, r.rolname
    LOOP
        EXECUTE format('REVOKE %s ON %s FROM %s', rights, part, grantee);
    END LOOP;
END $$;

-- Completes the partition of a job's signatures, into which nothing is inserted any more. When a record has two signatures, Postgres
-- refuses the key, and with it the job's end.
CREATE FUNCTION vaultstream.complete_signatures(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('ALTER TABLE vaultstream.signatures_%s ADD PRIMARY KEY (record_id)', p_job);
    PERFORM vaultstream.close_partitions(p_job);
END $$;

-- Drops the records or the signatures of a job. It locks their parent exclusively, and others queue behind a lock that waits; so it waits
-- for a tenth of a second at most.
CREATE FUNCTION vaultstream.drop_partition(p_job bigint, p_is_records boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('DROP TABLE IF EXISTS vaultstream.%s_%s', CASE WHEN p_is_records THEN 'records' ELSE 'signatures' END, p_job);
END $$;

-- As before (V15), for the operator, too.
CREATE OR REPLACE FUNCTION vaultstream.lock_keys(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    PERFORM 1 FROM vaultstream.keys WHERE job_id = p_job ORDER BY id FOR NO KEY UPDATE;
END $$;

-- As before (V6), for the operator, too.
CREATE OR REPLACE FUNCTION vaultstream.retry_rejects(p_job bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- As before (V14), for the operator, too.
CREATE OR REPLACE FUNCTION vaultstream.end_expired(p_job bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- As before (V14): the operator may drive jobs, too.
CREATE OR REPLACE FUNCTION vaultstream.driver_holds(p_lock bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
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

-- The operator has no right to write this table; whoever adds a job adds its lock.
ALTER FUNCTION vaultstream.make_job_lock() SECURITY DEFINER;

-- As before (V14), with what the namespace's jobs that are over have left: the tenant may read it.
CREATE OR REPLACE FUNCTION vaultstream.add_tenant(p_role name, p_cluster text, p_namespace text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
