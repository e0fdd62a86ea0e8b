-- Each job has a data key. It encrypts the job's private keys, and is itself wrapped under a key-encryption key. When the job is over,
-- the data key and all wrapped keys are erased.

-- A job with a row here has a data key, or gets one from the first worker that needs it. A job without a row was made by an earlier
-- version: its private keys are wrapped under a key-encryption key, and remain so.
CREATE TABLE vaultstream.data_keys (
    job_id      bigint PRIMARY KEY REFERENCES vaultstream.jobs (id) ON DELETE CASCADE,
    wrapped_key bytea,
    kek_id      text REFERENCES vaultstream.keks (kek_id),
    made_at     timestamptz,
    erased_at   timestamptz,
    CHECK ((wrapped_key IS NULL) = (kek_id IS NULL)),
    CHECK (wrapped_key IS NULL OR (made_at IS NOT NULL AND erased_at IS NULL)),
    CHECK (made_at IS NULL OR wrapped_key IS NOT NULL OR erased_at IS NOT NULL)
);

-- Made once, moved to another key-encryption key, erased: a data key changes in no other way.
CREATE FUNCTION vaultstream.data_key_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.job_id <> OLD.job_id OR OLD.erased_at IS NOT NULL
       OR NOT (CASE WHEN NEW.erased_at IS NOT NULL THEN NEW.made_at IS NOT DISTINCT FROM OLD.made_at
                    WHEN OLD.wrapped_key IS NULL THEN NEW.wrapped_key IS NOT NULL
                    ELSE NEW.made_at = OLD.made_at AND NEW.wrapped_key <> OLD.wrapped_key AND NEW.kek_id <> OLD.kek_id END) THEN
        RAISE EXCEPTION 'the data key of job % is final', OLD.job_id USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER data_key_is_final BEFORE UPDATE ON vaultstream.data_keys
    FOR EACH ROW EXECUTE FUNCTION vaultstream.data_key_is_final();

-- A wrapped key without a kek_id is encrypted with its job's data key. A public key whose wrapped key is gone has the time of its erasure.
ALTER TABLE vaultstream.keys
    ADD COLUMN erased_at   timestamptz,
    ADD COLUMN revoked_at  timestamptz,
    ADD COLUMN revocation  text,       -- why it was revoked
    ADD COLUMN compromised boolean NOT NULL DEFAULT false;
DO $$
DECLARE
    material text;
BEGIN
    -- The check of V1 that public key, wrapped key and kek_id are there together.
    SELECT conname INTO STRICT material FROM pg_constraint
     WHERE conrelid = 'vaultstream.keys'::regclass AND contype = 'c'
       AND pg_get_constraintdef(oid) LIKE '%public_key IS NULL%wrapped_key IS NULL%';
    EXECUTE format('ALTER TABLE vaultstream.keys DROP CONSTRAINT %I', material);
END $$;
ALTER TABLE vaultstream.keys
    DROP CONSTRAINT keys_state_check,
    ADD CONSTRAINT keys_state_check CHECK (state IN ('active', 'retired', 'damaged', 'revoked', 'erased')),
    ADD CONSTRAINT keys_material_check CHECK (
        (public_key IS NULL) = (wrapped_key IS NULL AND erased_at IS NULL)
        AND (wrapped_key IS NULL OR erased_at IS NULL) AND (kek_id IS NULL OR wrapped_key IS NOT NULL)),
    ADD CONSTRAINT keys_revocation_check CHECK (
        (revoked_at IS NULL) = (revocation IS NULL) AND (revoked_at IS NOT NULL OR (state <> 'revoked' AND NOT compromised)));

-- What a key is stays for ever. Its wrapped private key may be moved to another key-encryption key, wrapping and name at once, and it
-- may be erased. Only the owner may do that, for workers have no right on these columns.
CREATE OR REPLACE FUNCTION vaultstream.key_material_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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

-- The data key of a job: 'none' for a job that has none because an earlier version made it, 'unmade', 'made' or 'erased'. To a login, jobs
-- of other tenants do not exist; so everywhere below.
CREATE FUNCTION vaultstream.data_key_of(p_job bigint, OUT state text, OUT wrapped_key bytea, OUT kek_id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    d vaultstream.data_keys;
BEGIN
    SELECT * INTO d FROM vaultstream.data_keys WHERE job_id = p_job AND vaultstream.works_on(p_job);
    state := CASE WHEN NOT FOUND THEN 'none' WHEN d.erased_at IS NOT NULL THEN 'erased'
                  WHEN d.wrapped_key IS NULL THEN 'unmade' ELSE 'made' END;
    wrapped_key := d.wrapped_key;
    kek_id := d.kek_id;
END $$;

-- Stores the data key that a worker made. Of several workers the first one wins; each gets the one that the job has then.
-- outcome: 'stored', 'limit', 'unregistered', or 'over' when the job signs no more.
CREATE FUNCTION vaultstream.store_data_key(
    p_job bigint, p_wrapped bytea, p_kek text, p_limit bigint, OUT outcome text, OUT wrapped_key bytea, OUT kek_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- As store_material, for a key that is encrypted with its job's data key.
-- outcome: 'stored', 'lost', or 'unmade' when the job has no data key.
CREATE FUNCTION vaultstream.store_key(p_key bigint, p_epoch bigint, p_lease uuid, p_public bytea, p_wrapped bytea)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
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

-- What workers call since this version. A key that was revoked or erased counts as retired, so that its token is dropped.
ALTER FUNCTION vaultstream.take_lease RENAME TO take_lease_before_v15;
CREATE FUNCTION vaultstream.lease_key(
    p_job bigint, p_key bigint, p_lease uuid, p_duration interval,
    OUT outcome text, OUT held_for interval, OUT blocked boolean,
    OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint,
    OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT t.* INTO outcome, held_for, blocked, ordinal, version, epoch, signed, public_key, wrapped_key, kek_id
      FROM vaultstream.take_lease_before_v15(p_job, p_key, p_lease, p_duration) t;
    IF outcome = 'held' AND EXISTS (SELECT 1 FROM vaultstream.keys k
                                     WHERE k.id = p_key AND k.job_id = p_job AND k.state IN ('revoked', 'erased')) THEN
        outcome := 'retired';
    END IF;
END $$;

-- What workers of earlier versions call. They would take a key under a data key for a damaged one, and set it aside; so they get none.
CREATE FUNCTION vaultstream.take_lease(
    p_job bigint, p_key bigint, p_lease uuid, p_duration interval,
    OUT outcome text, OUT held_for interval, OUT blocked boolean,
    OUT ordinal integer, OUT version integer, OUT epoch bigint, OUT signed bigint,
    OUT public_key bytea, OUT wrapped_key bytea, OUT kek_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (SELECT d.state FROM vaultstream.data_key_of(p_job) d) <> 'none' THEN
        RAISE EXCEPTION 'the keys of job % need a newer worker: annotate its SigningJob with vaultstream.dev/upgrade-workers=true', p_job
            USING ERRCODE = 'VS010';
    END IF;
    SELECT t.* INTO outcome, held_for, blocked, ordinal, version, epoch, signed, public_key, wrapped_key, kek_id
      FROM vaultstream.lease_key(p_job, p_key, p_lease, p_duration) t;
END $$;

-- Column rights know no values. As in V11, for all states that workers may not set or leave.
DROP TRIGGER only_owners_set_keys_aside ON vaultstream.keys;
CREATE TRIGGER only_owners_set_keys_aside BEFORE UPDATE OF state ON vaultstream.keys
    FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state
                       AND (OLD.state IN ('damaged', 'revoked', 'erased') OR NEW.state IN ('damaged', 'revoked', 'erased')))
    EXECUTE FUNCTION vaultstream.only_owners_set_keys_aside();

-- Erases the data key and all wrapped private keys of a job. Public keys stay. No key of the job can be leased or made afterwards.
CREATE FUNCTION vaultstream.erase_keys(p_job bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE vaultstream.data_keys SET wrapped_key = NULL, kek_id = NULL, erased_at = clock_timestamp()
     WHERE job_id = p_job AND erased_at IS NULL;
    UPDATE vaultstream.keys
       SET wrapped_key = NULL, kek_id = NULL, erased_at = CASE WHEN wrapped_key IS NULL THEN erased_at ELSE clock_timestamp() END,
           state = CASE state WHEN 'active' THEN 'erased' ELSE state END, holder = NULL, lease_until = NULL
     WHERE job_id = p_job AND (wrapped_key IS NOT NULL OR state = 'active');
$$;

-- Locks the keys of a job that is about to end, before its row is locked: the order of store_receipt.
CREATE FUNCTION vaultstream.lock_keys(p_job bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM vaultstream.keys WHERE job_id = p_job ORDER BY id FOR NO KEY UPDATE;
END $$;

-- The transaction that ends a job erases its keys, whichever program it is of. `spec.keys.retain: Keep` keeps them until the job is
-- deleted, or its name is given to another one.
CREATE FUNCTION vaultstream.the_end_erases_keys() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF (NEW.spec #>> '{keys,retain}') IS DISTINCT FROM 'Keep' OR NEW.state = 'Deleting' OR NOT NEW.live THEN
        PERFORM vaultstream.erase_keys(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER the_end_erases_keys AFTER UPDATE OF state, live ON vaultstream.jobs
    FOR EACH ROW WHEN ((NEW.state IN ('Complete', 'Failed', 'Deleting') AND NEW.state <> OLD.state) OR (OLD.live AND NOT NEW.live))
    EXECUTE FUNCTION vaultstream.the_end_erases_keys();

-- Revokes a key: it gets no lease any more, and what is signed under its present one cannot be committed. While its job is not over, its
-- next version takes its place. The first revocation stays. False when there is no such key, or it was revoked before.
CREATE FUNCTION vaultstream.revoke_key(p_key bigint, p_reason text, p_compromised boolean) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
