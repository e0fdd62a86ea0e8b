-- Verdicts: what somebody who verified a job says of it. Nothing here checks them, and nothing depends on them: they are shown to people, with the
-- login that gave each. A login has one verdict over a job, its last, so that none can take back what another one found, and what it found itself
-- only by looking as closely again.

CREATE TABLE vaultstream.verdicts (
    job_id     bigint NOT NULL REFERENCES vaultstream.jobs (id) ON DELETE CASCADE,
    given_by   name NOT NULL,
    verified   boolean NOT NULL,
    mode       text NOT NULL CHECK (mode IN ('full', 'sample', 'sql')),
    signatures bigint NOT NULL CHECK (signatures >= 0),                  -- that were checked
    problems   text NOT NULL CHECK (octet_length(problems) <= 16384),    -- a line each
    version    text NOT NULL CHECK (octet_length(version) <= 64),        -- of the program
    given_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, given_by)
);

-- Takes the verdict of the session's login, if it may work on the job. Those who only read, auditors among them, give none.
CREATE FUNCTION vaultstream.give_verdict(
    p_job bigint, p_verified boolean, p_mode text, p_signatures bigint, p_problems text, p_version text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    closeness constant text[] := '{sql,sample,full}';
BEGIN
    IF NOT vaultstream.works_on(p_job) THEN RETURN false; END IF;
    INSERT INTO vaultstream.verdicts AS v (job_id, given_by, verified, mode, signatures, problems, version)
    VALUES (p_job, session_user, p_verified, p_mode, p_signatures, p_problems, p_version)
    ON CONFLICT (job_id, given_by) DO UPDATE
       SET (verified, mode, signatures, problems, version, given_at) =
           (EXCLUDED.verified, EXCLUDED.mode, EXCLUDED.signatures, EXCLUDED.problems, EXCLUDED.version, clock_timestamp())
     WHERE v.verified OR array_position(closeness, EXCLUDED.mode) >= array_position(closeness, v.mode);
    RETURN true;
END $$;
