-- Key leases. Only this server's clock decides: clock_timestamp(), never now().

-- Takes the lease of one key. outcome: 'taken', 'held', 'retired' or 'gone'.
-- A row that somebody has locked is not waited for: its holder is committing, or frozen (then blocked = true, and
-- ending that backend frees it).
CREATE FUNCTION vaultstream.take_lease(
    p_job bigint, p_key bigint, p_lease uuid, p_duration interval,
    OUT outcome text, OUT held_for interval, OUT blocked boolean,
    OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint,
    OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

-- Stores the material that the lease's holder made. The owner's right, because workers may not write these columns.
-- outcome: 'stored', 'lost', 'limit' or 'unregistered'.
CREATE FUNCTION vaultstream.store_material(
    p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea, p_kek text, p_limit bigint)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- Ends backends that hold locks under leases that have expired: no timeout of Postgres fires while COPY waits for its
-- client. Every unit's session carries its lease in its application_name.
CREATE FUNCTION vaultstream.end_expired(p_job bigint) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) FILTER (WHERE pg_terminate_backend(a.pid))
      FROM pg_stat_activity a
      JOIN vaultstream.keys k ON a.application_name = 'vs:' || k.holder::text
     WHERE k.job_id = p_job AND k.lease_until < clock_timestamp() AND a.datname = current_database()
       AND a.pid <> pg_backend_pid()
$$;
