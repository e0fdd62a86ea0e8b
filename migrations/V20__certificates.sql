-- Certificates of receipt keys. A worker that holds the lease of a job's receipt key asks for one; the operator has an issuer make it.
-- What is asked for follows from the job's name and the key. The tag is made with a challenge that this ledger never has, so that
-- who can only write here gets no certificate; the worker checks what it gets before it signs the receipt with it.

CREATE TABLE vaultstream.receipt_certificates (
    job_id       bigint NOT NULL REFERENCES vaultstream.jobs (id) ON DELETE CASCADE,
    challenge    bytea NOT NULL CHECK (octet_length(challenge) = 8),   -- its name
    key_id       bigint NOT NULL,
    signature    bytea NOT NULL CHECK (octet_length(signature) = 64),  -- of the key over the request, r || s
    tag          bytea NOT NULL CHECK (octet_length(tag) = 32),        -- HMAC-SHA256 of the request under the challenge
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    chain        bytea[] CHECK (cardinality(chain) BETWEEN 1 AND 10),
    issued_at    timestamptz,
    PRIMARY KEY (job_id, challenge),
    CHECK ((chain IS NULL) = (issued_at IS NULL))
);

-- The holder of the receipt key's lease asks for a certificate, and gives up those that there are of the job. False when the lease is over,
-- or the job is not Finishing.
CREATE FUNCTION vaultstream.request_certificate(
    p_job bigint, p_key bigint, p_epoch bigint, p_lease uuid, p_challenge bytea, p_signature bytea, p_tag bytea)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most constant integer := 10;  -- challenges of one job: one for each operator that has led while it waits
BEGIN
    PERFORM 1 FROM vaultstream.keys
      WHERE id = p_key AND job_id = p_job AND ordinal = 0 AND epoch = p_epoch AND holder = p_lease
        AND lease_until > clock_timestamp() AND public_key IS NOT NULL AND vaultstream.works_on(p_job) FOR NO KEY UPDATE;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM vaultstream.jobs WHERE id = p_job AND state = 'Finishing' AND receipt IS NULL) THEN
        RETURN false;
    END IF;
    DELETE FROM vaultstream.receipt_certificates WHERE job_id = p_job AND (challenge = p_challenge OR key_id <> p_key OR chain IS NOT NULL);
    DELETE FROM vaultstream.receipt_certificates WHERE job_id = p_job AND challenge IN (
        SELECT challenge FROM vaultstream.receipt_certificates WHERE job_id = p_job ORDER BY requested_at DESC OFFSET most - 1);
    INSERT INTO vaultstream.receipt_certificates (job_id, challenge, key_id, signature, tag)
    VALUES (p_job, p_challenge, p_key, p_signature, p_tag);
    RETURN true;
END $$;
