-- All rights in a ledger. The owner applies this after every migration, in one transaction; no superuser is needed, and a repeat
-- changes nothing.
--   vaultstream_worker  what a worker may do; granted to login roles
--   vaultstream_source  a DBA's GRANT SELECT to it is the permission to sign a table in place

-- Roles belong to the whole server: another database may have made them, or be making them just now, and the owner of this
-- ledger may lack CREATEROLE. None of that stops a migration; what is missing is a NOTICE, and tried again at the next one.
DO $$
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

-- Of one partition; a parent's rights do not count for a partition that is named directly. Provisioning calls it for new ones.
CREATE OR REPLACE FUNCTION vaultstream.grant_partition(p_partition regclass, p_is_records boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'vaultstream_worker') THEN
        EXECUTE format('GRANT %s ON %s TO vaultstream_worker',
                       CASE WHEN p_is_records THEN 'SELECT' ELSE 'INSERT' END, p_partition);
    END IF;
END $$;

DO $$
DECLARE
    grantee text;
    part    record;
BEGIN
    -- What earlier versions granted, and what was granted by hand.
    REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vaultstream FROM PUBLIC;
    FOR grantee IN SELECT quote_ident(rolname) FROM pg_roles
                    WHERE rolname IN ('vaultstream_worker', 'vaultstream_source')
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA vaultstream FROM %s', grantee);
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA vaultstream FROM %s', grantee);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA vaultstream FROM %s', grantee);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA vaultstream FROM %s', grantee);
    END LOOP;

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
    -- With the worker's own rights.
    GRANT EXECUTE ON FUNCTION vaultstream.take_lease, vaultstream.end_expired, vaultstream.fence_unit,
        vaultstream.finish_unit TO vaultstream_worker;
    -- With the owner's rights: what a worker may not write by itself.
    GRANT EXECUTE ON FUNCTION vaultstream.store_material, vaultstream.split_batch, vaultstream.store_receipt,
        vaultstream.signs_with, vaultstream.set_key_aside, vaultstream.report_fault, vaultstream.report_withdrawal
        TO vaultstream_worker;
    -- By name: the records of a job that is being seeded are not attached yet.
    FOR part IN
        SELECT oid::regclass AS name, relname LIKE 'records%' AS is_records FROM pg_class
         WHERE relnamespace = 'vaultstream'::regnamespace AND relkind = 'r' AND relname ~ '^(records|signatures)_[0-9]+$'
    LOOP
        PERFORM vaultstream.grant_partition(part.name, part.is_records);
    END LOOP;
END $$;
