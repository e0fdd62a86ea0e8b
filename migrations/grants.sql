-- All rights in a ledger. The owner applies this after every migration, in one transaction; no superuser is needed, and a repeat
-- changes nothing.
--   vaultstream_tenant   what the login of a tenant may do, see V14__tenants.sql; granted to it by `vaultstream tenant add`
--   vaultstream_operator drives the jobs of all namespaces, see V16__operator.sql; granted by `vaultstream tenant operator`
--   vaultstream_auditor  reads everything but wrapped keys; a DBA grants it to who verifies, exports and watches
--   vaultstream_worker   before there were tenants: all namespaces' jobs; only in ledgers that had it, until its last member is gone
--   vaultstream_source   before workers planned: tables that it was granted are read by its members, which nobody becomes any more

-- Roles belong to the whole server: another database may have made them, or be making them just now, and the owner of this
-- ledger may lack CREATEROLE. None of that stops a migration; what is missing is a NOTICE, and tried again at the next one.
DO $$
DECLARE
    statement text;
    made      text;
BEGIN
    FOREACH made IN ARRAY ARRAY['vaultstream_tenant', 'vaultstream_operator', 'vaultstream_auditor']
    LOOP
        statement := format('CREATE ROLE %I NOLOGIN', made);
        BEGIN
            CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = made);
            EXECUTE statement;
        EXCEPTION
            WHEN duplicate_object OR unique_violation THEN NULL;  -- another database was faster
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'no permission for %: the role is needed; have an administrator run this', statement;
        END;
    END LOOP;
END $$;

-- What a login sees: a tenant's its own rows, every other one that may read these at all everything.
CREATE OR REPLACE VIEW vaultstream.tenant_jobs WITH (security_barrier) AS
SELECT j.* FROM vaultstream.jobs j
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.tenants t
                WHERE t.role = session_user AND (t.cluster, t.namespace) = (j.cluster, j.namespace));

CREATE OR REPLACE VIEW vaultstream.tenant_progress WITH (security_barrier) AS
SELECT p.* FROM vaultstream.job_progress p
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.tenants t
                WHERE t.role = session_user AND (t.cluster, t.namespace) = (p.cluster, p.namespace));

-- Without the wrapped private keys: lease_key returns one to who has its lease. Nor with the lease's id, which is a right; a mark tells leases apart.
CREATE OR REPLACE VIEW vaultstream.tenant_keys WITH (security_barrier) AS
SELECT k.id, k.job_id, k.ordinal, k.version, k.public_key, k.kek_id, k.state, k.damage, k.epoch, k.lease_until, k.signed,
       k.rejected, k.planned, k.changed, k.batches, k.last_used, k.erased_at, k.revoked_at, k.revocation, k.compromised,
       encode(substr(sha256(uuid_send(k.holder)), 1, 4), 'hex') AS holder_mark
  FROM vaultstream.keys k
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = k.job_id AND t.role = session_user);

CREATE OR REPLACE VIEW vaultstream.tenant_batches WITH (security_barrier) AS
SELECT b.* FROM vaultstream.batches b
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = b.job_id AND t.role = session_user);

CREATE OR REPLACE VIEW vaultstream.tenant_rejects WITH (security_barrier) AS
SELECT r.* FROM vaultstream.rejects r
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = r.job_id AND t.role = session_user);

CREATE OR REPLACE VIEW vaultstream.tenant_anchors WITH (security_barrier) AS
SELECT a.* FROM vaultstream.anchors a
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = a.job_id AND t.role = session_user);

CREATE OR REPLACE VIEW vaultstream.tenant_receipt_certificates WITH (security_barrier) AS
SELECT c.* FROM vaultstream.receipt_certificates c
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = c.job_id AND t.role = session_user);

CREATE OR REPLACE VIEW vaultstream.tenant_checkpoints WITH (security_barrier) AS
SELECT c.* FROM vaultstream.checkpoints c
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = c.job_id AND t.role = session_user);

CREATE OR REPLACE VIEW vaultstream.tenant_verdicts WITH (security_barrier) AS
SELECT v.* FROM vaultstream.verdicts v
 WHERE (SELECT vaultstream.sees_all())
    OR EXISTS (SELECT FROM vaultstream.jobs j JOIN vaultstream.tenants t ON (t.cluster, t.namespace) = (j.cluster, j.namespace)
                WHERE j.id = v.job_id AND t.role = session_user);

-- Of one partition; a parent's rights do not count for a partition that is named directly. Provisioning calls it for new ones.
-- A tenant reads what is its own for ever, also as the view for people, inserts signatures until the job has signed, and keys of rows until
-- all are planned. The operator inserts generated records until all are there.
CREATE OR REPLACE FUNCTION vaultstream.grant_partition(p_partition regclass, p_is_records boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

-- Ends what members of vaultstream_worker could do, once there is none. True when it has ended, or never was.
CREATE OR REPLACE FUNCTION vaultstream.end_shared_role() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

DO $$
DECLARE
    grantee text;
    part    record;
    present text[] := ARRAY(SELECT rolname FROM pg_roles WHERE rolname LIKE 'vaultstream\_%');
BEGIN
    -- What earlier versions granted, and what was granted by hand.
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vaultstream FROM PUBLIC;
    FOR grantee IN
        SELECT quote_ident(rolname) FROM pg_roles
         WHERE rolname IN ('vaultstream_tenant', 'vaultstream_operator', 'vaultstream_auditor', 'vaultstream_source', 'vaultstream_worker')
            OR rolname IN (SELECT role FROM vaultstream.tenants)
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA vaultstream FROM %s', grantee);
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA vaultstream FROM %s', grantee);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA vaultstream FROM %s', grantee);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vaultstream FROM %s', grantee);
    END LOOP;

    IF 'vaultstream_tenant' = ANY (present) THEN
        GRANT USAGE ON SCHEMA vaultstream TO vaultstream_tenant;
        GRANT SELECT ON vaultstream.schema_history, vaultstream.meta, vaultstream.tenant_jobs, vaultstream.tenant_progress,
            vaultstream.tenant_keys, vaultstream.tenant_batches, vaultstream.tenant_rejects, vaultstream.tenant_anchors,
            vaultstream.tenant_receipt_certificates, vaultstream.tenant_checkpoints, vaultstream.tenant_verdicts TO vaultstream_tenant;
        -- All of them run with the owner's rights and check whose job it is.
        GRANT EXECUTE ON FUNCTION vaultstream.take_lease, vaultstream.lease_key, vaultstream.release_lease, vaultstream.retire_key,
            vaultstream.data_key_of, vaultstream.store_data_key, vaultstream.store_key, vaultstream.store_key_with_origin,
            vaultstream.store_material, vaultstream.pairs_for_receipt,
            vaultstream.set_key_aside, vaultstream.end_expired, vaultstream.fence_unit,
            vaultstream.finish_unit, vaultstream.finish_sealed_unit, vaultstream.split_batch, vaultstream.count_attempt,
            vaultstream.store_receipt, vaultstream.request_certificate,
            vaultstream.signs_with, vaultstream.report_fault, vaultstream.report_withdrawal, vaultstream.register_kek,
            vaultstream.kek_canary, vaultstream.begin_plan, vaultstream.plan_batches, vaultstream.claim_rows, vaultstream.plan_rows,
            vaultstream.note_key, vaultstream.release_plan, vaultstream.begin_follow, vaultstream.note_arrivals, vaultstream.plan_arrivals, vaultstream.close_part,
            vaultstream.store_checkpoint, vaultstream.give_verdict,
            vaultstream.report_source, vaultstream.tenant_of_login, vaultstream.works_on_all, vaultstream.sees_all TO vaultstream_tenant;
    END IF;

    IF 'vaultstream_operator' = ANY (present) THEN
        GRANT USAGE ON SCHEMA vaultstream TO vaultstream_operator;
        GRANT SELECT ON vaultstream.schema_history, vaultstream.meta, vaultstream.jobs, vaultstream.job_locks, vaultstream.batches,
            vaultstream.rejects, vaultstream.job_progress, vaultstream.tenant_jobs, vaultstream.tenant_progress,
            vaultstream.tenant_keys, vaultstream.tenant_batches, vaultstream.tenant_rejects, vaultstream.tenant_anchors,
            vaultstream.tenant_receipt_certificates, vaultstream.anchors, vaultstream.receipt_certificates,
            vaultstream.tenant_checkpoints, vaultstream.checkpoints, vaultstream.tenant_verdicts TO vaultstream_operator;
        GRANT SELECT (id, job_id, ordinal, version, public_key, kek_id, state, damage, epoch, lease_until, signed, rejected, planned,
            changed, batches, last_used, erased_at, revoked_at, revocation, compromised) ON vaultstream.keys TO vaultstream_operator;
        -- Rows without key material, receipt or root: those are written by functions that only the login of the job's tenant may call.
        GRANT INSERT (uid, cluster, namespace, name, spec, suspended, spec_generation),
            UPDATE (live, spec, spec_generation, suspended, state, generation, total, batches, seeded, published, plan_rows_allowed,
                    plan_batches_allowed, source_fault_reason, source_fault, source_fault_passes, failure, failure_reason, seeded_at,
                    published_at, signed_at, finished_at), DELETE
            ON vaultstream.jobs TO vaultstream_operator;
        GRANT UPDATE (job_id) ON vaultstream.job_locks TO vaultstream_operator;  -- to lock a row
        GRANT INSERT (job_id, ordinal, version), DELETE ON vaultstream.keys TO vaultstream_operator;
        GRANT INSERT (job_id, batch, first_id, last_id, rows_planned), DELETE
            ON vaultstream.batches TO vaultstream_operator;
        GRANT DELETE ON vaultstream.rejects TO vaultstream_operator;
        -- What is asked of whom follows from the spec: rows of it are made with the receipt.
        GRANT UPDATE (token, made_at, attempts, last_error, next_attempt) ON vaultstream.anchors TO vaultstream_operator;
        -- What a certificate is asked for comes from the worker that has the key.
        GRANT UPDATE (chain, issued_at) ON vaultstream.receipt_certificates TO vaultstream_operator;
        -- They check that the login may drive jobs, and but for driver_holds they run with the owner's rights.
        GRANT EXECUTE ON FUNCTION vaultstream.drives_jobs, vaultstream.sees_all, vaultstream.driver_holds, vaultstream.provision,
            vaultstream.complete_records, vaultstream.complete_signatures, vaultstream.close_partitions, vaultstream.drop_partition,
            vaultstream.lock_keys, vaultstream.retry_rejects, vaultstream.end_expired TO vaultstream_operator;
    END IF;

    IF 'vaultstream_auditor' = ANY (present) THEN
        GRANT USAGE ON SCHEMA vaultstream TO vaultstream_auditor;
        GRANT SELECT ON vaultstream.schema_history, vaultstream.meta, vaultstream.tenants, vaultstream.jobs, vaultstream.batches,
            vaultstream.rejects, vaultstream.job_progress, vaultstream.key_usage, vaultstream.records, vaultstream.signatures,
            vaultstream.tenant_jobs, vaultstream.tenant_progress, vaultstream.tenant_keys, vaultstream.tenant_batches,
            vaultstream.tenant_rejects, vaultstream.tenant_anchors, vaultstream.tenant_receipt_certificates, vaultstream.tenant_checkpoints,
            vaultstream.checkpoints, vaultstream.tenant_verdicts TO vaultstream_auditor;
        GRANT SELECT (kek_id, wraps, created_at, registered_by) ON vaultstream.keks TO vaultstream_auditor;
        GRANT SELECT (id, job_id, ordinal, version, public_key, kek_id, state, damage, epoch, lease_until, signed, rejected, planned,
            changed, batches, last_used, erased_at, revoked_at, revocation, compromised) ON vaultstream.keys TO vaultstream_auditor;
        GRANT SELECT (job_id, kek_id, made_at, erased_at) ON vaultstream.data_keys TO vaultstream_auditor;
        GRANT EXECUTE ON FUNCTION vaultstream.sees_all TO vaultstream_auditor;
    END IF;

    IF 'vaultstream_worker' = ANY (present) AND (SELECT shared_role FROM vaultstream.meta) THEN
        GRANT USAGE ON SCHEMA vaultstream TO vaultstream_worker;
        GRANT SELECT ON vaultstream.schema_history, vaultstream.meta, vaultstream.jobs, vaultstream.keks, vaultstream.keys,
            vaultstream.batches, vaultstream.rejects, vaultstream.job_progress, vaultstream.key_usage, vaultstream.tenant_jobs,
            vaultstream.tenant_progress, vaultstream.tenant_keys, vaultstream.tenant_batches, vaultstream.tenant_rejects,
            vaultstream.tenant_anchors, vaultstream.tenant_receipt_certificates, vaultstream.tenant_checkpoints,
            vaultstream.tenant_verdicts TO vaultstream_worker;
        -- Workers of the versions before write these themselves.
        GRANT INSERT (kek_id, canary) ON vaultstream.keks TO vaultstream_worker;
        GRANT UPDATE (state, epoch, holder, lease_until) ON vaultstream.keys TO vaultstream_worker;
        GRANT UPDATE (attempts, last_error) ON vaultstream.batches TO vaultstream_worker;
        GRANT EXECUTE ON FUNCTION vaultstream.take_lease, vaultstream.lease_key, vaultstream.release_lease, vaultstream.retire_key,
            vaultstream.data_key_of, vaultstream.store_data_key, vaultstream.store_key, vaultstream.store_key_with_origin,
            vaultstream.store_material, vaultstream.pairs_for_receipt,
            vaultstream.set_key_aside, vaultstream.end_expired, vaultstream.fence_unit,
            vaultstream.finish_unit, vaultstream.finish_sealed_unit, vaultstream.split_batch, vaultstream.count_attempt,
            vaultstream.store_receipt, vaultstream.request_certificate,
            vaultstream.signs_with, vaultstream.report_fault, vaultstream.report_withdrawal, vaultstream.register_kek,
            vaultstream.kek_canary, vaultstream.begin_plan, vaultstream.plan_batches, vaultstream.claim_rows, vaultstream.plan_rows,
            vaultstream.note_key, vaultstream.release_plan, vaultstream.begin_follow, vaultstream.note_arrivals, vaultstream.plan_arrivals, vaultstream.close_part,
            vaultstream.store_checkpoint, vaultstream.give_verdict,
            vaultstream.report_source, vaultstream.tenant_of_login, vaultstream.works_on_all, vaultstream.sees_all TO vaultstream_worker;
    END IF;

    -- By name: the records of a job that is being seeded are not attached yet. Those of jobs that are over stay closed to workers.
    FOR part IN
        SELECT c.oid::regclass AS name, c.relname LIKE 'records%' AS is_records,
               NOT coalesce(j.state IN ('Pending', 'Provisioning', 'Seeding', 'Signing'), true) AS over, j.id AS job
          FROM pg_class c LEFT JOIN vaultstream.jobs j ON j.id = vaultstream.job_of_partition(c.relname)
         WHERE c.relnamespace = 'vaultstream'::regnamespace AND c.relkind IN ('r', 'p')
           AND vaultstream.job_of_partition(c.relname) IS NOT NULL
    LOOP
        PERFORM vaultstream.grant_partition(part.name, part.is_records);
        IF part.over THEN
            PERFORM vaultstream.close_partitions(part.job);
        END IF;
    END LOOP;
END $$;
