-- Keys of any kind. One column of integers is the id of a record, as before. Rows with another key get ordinals as ids, from 1 on without
-- gaps, and the table rows_<job> has the key of each, column by column in its own type: k1, k2, …
ALTER TABLE vaultstream.jobs
    ADD COLUMN key_columns    text[],   -- what names a row; NULL before the table was looked at, and of jobs of the versions before
    ADD COLUMN key_types      text[],
    ADD COLUMN has_ordinals   boolean NOT NULL DEFAULT false,
    -- How rows are found: 'range', in the order of a unique index; 'lookup', each through one; 'join', as those of a view, which has none.
    ADD COLUMN key_access     text CHECK (key_access IN ('range', 'lookup', 'join'));

-- The job whose records, signatures or keys of rows a table of the schema holds, by its name; NULL for other tables.
CREATE OR REPLACE FUNCTION vaultstream.job_of_partition(p_table name) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_table ~ '^(records|signatures|rows)_[0-9]{1,18}$' THEN substring(p_table FROM '[0-9]+$')::bigint END
$$;

-- As before (V22), also over rows with ordinals.
CREATE OR REPLACE FUNCTION vaultstream.make_signed_view(p_job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
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
END $$;

-- Whether a planner may add to the plan of a job with ordinals, whose row is locked by this: 'more'; 'wait' when that is more than was allowed
-- so far, which is noted; 'lost' when the plan is not this planner's any more.
CREATE FUNCTION vaultstream.may_plan_rows(p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_rows bigint) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

-- Before keys are copied into rows_<job>, which is made here at first; plan_rows has to follow in the same transaction.
CREATE FUNCTION vaultstream.claim_rows(
    p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_rows bigint, p_columns text[], p_types text[], p_access text)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Makes the unique index of the keys of a job's rows.
CREATE FUNCTION vaultstream.index_row_keys(p_job bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE UNIQUE INDEX rows_%1$s_keys ON vaultstream.rows_%1$s (%2$s)', p_job,
                   (SELECT string_agg('k' || g, ', ' ORDER BY g)
                      FROM vaultstream.jobs, generate_series(1, cardinality(key_columns)) AS g WHERE id = p_job));
END $$;

-- Adds batches of the rows that were copied, and ends the plan with the last ones. Only then it is looked whether the ordinals are those from 1
-- on, each once: no batch is signed before, and an index is built in half the time in which it grows. That of the keys is built with that of the
-- signatures, and until then keys are unique because they were read in their order; but here if rows are to follow.
-- 'more', 'complete' or 'lost'.
CREATE FUNCTION vaultstream.plan_rows(
    p_job bigint, p_epoch bigint, p_lease uuid, p_after bigint, p_rows bigint, p_is_last boolean, p_payload_type text,
    p_database oid, p_table oid, p_partitioned boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' AS $$
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

-- Notes the key of a job whose ids are its values and whose spec does not name it as `key`, at the beginning of its plan.
CREATE FUNCTION vaultstream.note_key(p_job bigint, p_epoch bigint, p_lease uuid, p_column text, p_type text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- As before (V16), with the index of the keys of rows: when two ordinals have one key, Postgres refuses it, and with it the job's end.
CREATE OR REPLACE FUNCTION vaultstream.complete_signatures(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' SET lock_timeout = '2s' AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    EXECUTE format('ALTER TABLE vaultstream.signatures_%s ADD PRIMARY KEY (record_id)', p_job);
    IF (SELECT has_ordinals FROM vaultstream.jobs WHERE id = p_job) THEN
        PERFORM vaultstream.index_row_keys(p_job);
    END IF;
    PERFORM vaultstream.close_partitions(p_job);
END $$;

-- As before (V22), with the keys of rows, which go with the signatures.
CREATE OR REPLACE FUNCTION vaultstream.drop_partition(p_job bigint, p_is_records boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
BEGIN
    PERFORM vaultstream.check_driver();
    IF NOT p_is_records THEN
        PERFORM vaultstream.drop_signed_view(p_job);
        EXECUTE format('DROP TABLE IF EXISTS vaultstream.rows_%s', p_job);
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS vaultstream.%s_%s', CASE WHEN p_is_records THEN 'records' ELSE 'signatures' END, p_job);
END $$;

-- As before (V16), with the keys of rows.
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
