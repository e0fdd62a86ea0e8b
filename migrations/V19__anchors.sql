-- Anchors: tokens of timestamping authorities (RFC 3161) over the receipts of jobs. Programs that drive jobs ask for them after the end;
-- a verifier believes a token for its signature, not for its place in this table.

CREATE TABLE vaultstream.anchors (
    job_id       bigint NOT NULL REFERENCES vaultstream.jobs (id) ON DELETE CASCADE,
    tsa          text NOT NULL,                  -- URL of the authority
    policy       text,                           -- the policy that was asked for
    token        bytea CHECK (octet_length(token) <= 65536),
    made_at      timestamptz,                    -- when the token was stored
    attempts     integer NOT NULL DEFAULT 0,     -- without a token
    last_error   text,
    next_attempt timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, tsa),
    CHECK ((token IS NULL) = (made_at IS NULL))
);
CREATE INDEX anchors_pending ON vaultstream.anchors (next_attempt) WHERE token IS NULL;

-- The transaction that stores a receipt notes whom it is to be confirmed by.
CREATE FUNCTION vaultstream.a_receipt_is_anchored() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO vaultstream.anchors (job_id, tsa, policy)
    SELECT NEW.id, a ->> 'tsa', a ->> 'policy' FROM jsonb_array_elements(NEW.spec -> 'anchors') a ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER a_receipt_is_anchored AFTER UPDATE OF receipt ON vaultstream.jobs
    FOR EACH ROW WHEN (OLD.receipt IS NULL AND NEW.receipt IS NOT NULL)
    EXECUTE FUNCTION vaultstream.a_receipt_is_anchored();

-- A token is stored once. What it is over, and by whom, never changes.
CREATE FUNCTION vaultstream.anchor_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.token IS NOT NULL OR (NEW.job_id, NEW.tsa, NEW.policy) IS DISTINCT FROM (OLD.job_id, OLD.tsa, OLD.policy) THEN
        RAISE EXCEPTION 'the anchor of job % at % is final', OLD.job_id, OLD.tsa USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER anchor_is_final BEFORE UPDATE ON vaultstream.anchors
    FOR EACH ROW EXECUTE FUNCTION vaultstream.anchor_is_final();
