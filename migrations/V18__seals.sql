-- Seals: the key that signed a batch also signs the batch's root. A batch of a version before has none.

ALTER TABLE vaultstream.batches
    ADD COLUMN tree_root bytea CHECK (octet_length(tree_root) = 32),  -- over the records that it signed: opens merkle_root
    ADD COLUMN seal      bytea CHECK (octet_length(seal) = 64);       -- r and s, 32 bytes each, big-endian

-- That the public key was made for this row, sealed under the job's data key: it is still known when the wrapped private key is damaged.
ALTER TABLE vaultstream.keys ADD COLUMN origin bytea;

-- As finish_unit (V14), with seals. key_id is also set for a batch in which nothing could be signed: its rejects are sealed.
CREATE FUNCTION vaultstream.finish_sealed_unit(
    p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[],
    p_trees bytea[], p_seals bytea[],
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

-- For workers of the version before, which seal nothing.
CREATE OR REPLACE FUNCTION vaultstream.finish_unit(
    p_job bigint, p_batches bigint[], p_rows bigint[], p_signed bigint[], p_rejected bigint[], p_roots bytea[],
    p_reject_ids bigint[], p_reject_reasons text[], p_reject_details text[], p_reject_attempts integer[],
    p_key bigint, p_lease uuid, p_release boolean)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT vaultstream.finish_sealed_unit(
        p_job, p_batches, p_rows, p_signed, p_rejected, p_roots, NULL, NULL,
        p_reject_ids, p_reject_reasons, p_reject_details, p_reject_attempts, p_key, p_lease, p_release)
$$;

-- As store_key (V15), with the key's origin.
CREATE FUNCTION vaultstream.store_key_with_origin(
    p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea, p_origin bytea)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    outcome constant text := vaultstream.store_key(p_key, p_epoch, p_lease, p_public, p_wrapped);
BEGIN
    IF outcome = 'stored' THEN
        UPDATE vaultstream.keys SET origin = p_origin WHERE id = p_key AND origin IS NULL;
    END IF;
    RETURN outcome;
END $$;

-- The key pairs of these keys, for the maker of the receipt: it opens every key that the receipt lists. Only while the receipt is being
-- made, and only to workers that may lease each of these keys.
CREATE FUNCTION vaultstream.pairs_for_receipt(p_job bigint, p_keys bigint[])
RETURNS TABLE (id bigint, version integer, public_key bytea, wrapped_key bytea, kek_id text, origin bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT k.id, k.version, k.public_key, k.wrapped_key, k.kek_id, k.origin
      FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id
     WHERE k.job_id = p_job AND k.id = ANY (p_keys) AND k.ordinal > 0 AND k.public_key IS NOT NULL
       AND j.state = 'Finishing' AND vaultstream.works_on(p_job)
$$;

-- As before (V16). Workers that share vaultstream_worker read on, like tenants: the maker of the receipt verifies what has no seal.
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
           AND NOT (a.privilege_type = 'SELECT' AND r.rolname = 'vaultstream_worker' AND EXISTS (
                SELECT FROM vaultstream.jobs j WHERE j.id = p_job AND j.state IN ('Signing', 'Finishing')))
         GROUP BY c.oid, r.rolname
    LOOP
        EXECUTE format('REVOKE %s ON %s FROM %s', rights, part, grantee);
    END LOOP;
END $$;
