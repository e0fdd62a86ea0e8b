-- A key whose row is damaged is set aside, so that the job goes on with the others. What cannot be opened signs nothing more; what
-- it has signed stays. Its owner may put the row right and make it active again.
ALTER TABLE vaultstream.keys ADD COLUMN damage text;
ALTER TABLE vaultstream.keys DROP CONSTRAINT keys_state_check,
    ADD CONSTRAINT keys_state_check CHECK (state IN ('active', 'retired', 'damaged'));

-- The holder of the lease says so, and nobody else. The owner's right: workers may set no state but 'retired' by themselves.
-- The receipt key has signed nothing before the receipt, so that another one may take its place. False when the lease is lost.
CREATE FUNCTION vaultstream.set_key_aside(p_key bigint, p_epoch bigint, p_lease uuid, p_why text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    k vaultstream.keys;
BEGIN
    UPDATE vaultstream.keys SET state = 'damaged', damage = left(p_why, 500), holder = NULL, lease_until = NULL
     WHERE id = p_key AND epoch = p_epoch AND holder = p_lease AND state = 'active' RETURNING * INTO k;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF k.ordinal = 0 THEN
        INSERT INTO vaultstream.keys (job_id, ordinal, version)
        SELECT k.job_id, 0, max(version) + 1 FROM vaultstream.keys WHERE job_id = k.job_id AND ordinal = 0;
    END IF;
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION vaultstream.set_key_aside FROM PUBLIC;

-- Column rights know no values: this keeps a worker from setting keys aside that it does not hold, and from using damaged ones.
CREATE FUNCTION vaultstream.only_owners_set_keys_aside() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER') THEN
        RAISE EXCEPTION 'only vaultstream.set_key_aside may set key % aside', OLD.id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_owners_set_keys_aside BEFORE UPDATE OF state ON vaultstream.keys
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state AND 'damaged' IN (OLD.state, NEW.state))
    EXECUTE FUNCTION vaultstream.only_owners_set_keys_aside();

-- As before, but for the outcome of a key that was set aside: 'retired', so that its token is dropped.
CREATE OR REPLACE FUNCTION vaultstream.take_lease(
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
    outcome := CASE WHEN k.state IN ('retired', 'damaged') THEN 'retired' ELSE 'held' END;
    held_for := greatest(coalesce(k.lease_until - clock_timestamp(), interval '0'), interval '0');
END $$;

ALTER FUNCTION vaultstream.grant_worker RENAME TO grant_worker_before_v11;
CREATE FUNCTION vaultstream.grant_worker() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM vaultstream.grant_worker_before_v11();
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'vaultstream_worker') THEN
        GRANT EXECUTE ON FUNCTION vaultstream.set_key_aside TO vaultstream_worker;
    END IF;
END $$;
REVOKE EXECUTE ON FUNCTION vaultstream.grant_worker FROM PUBLIC;
