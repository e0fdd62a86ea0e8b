-- A view for people of each job's signatures: the key of the row, r and s, the signing key's thumbprint (RFC 7638), batch, time and digest.
ALTER TABLE vaultstream.jobs ADD COLUMN signed_view name;  -- in the schema vaultstream

-- Finds the batch of a record. Nothing updates the column, so that updates of batches stay in their pages.
CREATE INDEX batches_by_first_id ON vaultstream.batches (job_id, first_id);

-- Drops the view of a job, if it has one.
CREATE FUNCTION vaultstream.drop_signed_view(p_job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    view_name constant name := (SELECT signed_view FROM vaultstream.jobs WHERE id = p_job);
BEGIN
    IF view_name IS NOT NULL THEN
        EXECUTE format('DROP VIEW IF EXISTS vaultstream.%I', view_name);
        UPDATE vaultstream.jobs SET signed_view = NULL WHERE id = p_job;
    END IF;
END $$;

-- Makes the view of a job. It is named by namespace and name, which have no underscore. An earlier job of that name gives its view up; where
-- that is not possible, because somebody reads it now or its job belongs to another cluster, and where a name is taken or would be too long,
-- the job's number is part of it.
CREATE FUNCTION vaultstream.make_signed_view(p_job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
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
END $$;

-- As before (V16), with the view.
CREATE OR REPLACE FUNCTION vaultstream.provision(p_job bigint, p_keys integer, p_with_records boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- As before (V16), with the view.
CREATE OR REPLACE FUNCTION vaultstream.drop_partition(p_job bigint, p_is_records boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    IF NOT p_is_records THEN
        PERFORM vaultstream.drop_signed_view(p_job);
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS vaultstream.%s_%s', CASE WHEN p_is_records THEN 'records' ELSE 'signatures' END, p_job);
END $$;

-- The jobs of before: the live one of a name has the name, and else the last one.
DO $$
DECLARE
    of_job bigint;
BEGIN
    FOR of_job IN
        SELECT j.id FROM vaultstream.jobs j
         WHERE to_regclass('vaultstream.signatures_' || j.id) IS NOT NULL ORDER BY j.live, j.id
    LOOP
        PERFORM vaultstream.make_signed_view(of_job);
    END LOOP;
END $$;
