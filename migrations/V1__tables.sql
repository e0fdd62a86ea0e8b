-- The ledger's tables. The only authority on what is signed.

-- Programs whose newest known migration is older than least_program must not touch this ledger.
CREATE TABLE vaultstream.meta (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    least_program integer NOT NULL
);
INSERT INTO vaultstream.meta (least_program) VALUES (1);

CREATE TABLE vaultstream.jobs (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid             uuid NOT NULL UNIQUE,
    cluster         text NOT NULL,
    namespace       text NOT NULL,
    name            text NOT NULL,
    live            boolean NOT NULL DEFAULT true,
    spec            jsonb NOT NULL,
    deletion_policy jsonb GENERATED ALWAYS AS (spec -> 'deletionPolicy') STORED,
    state           text NOT NULL DEFAULT 'Pending' CHECK (state IN
        ('Pending', 'Provisioning', 'Seeding', 'Signing', 'Finishing', 'Complete', 'Failed', 'Deleting')),
    suspended       boolean NOT NULL DEFAULT false,
    generation      bigint NOT NULL DEFAULT 0,  -- names the present streams
    total           bigint,                     -- records planned
    batches         bigint,                     -- batches planned; a split adds one
    seeded          bigint NOT NULL DEFAULT 0,  -- records seeded or planned so far
    published       bigint NOT NULL DEFAULT 0,  -- batches below this were published in this generation
    plan_cursor     bigint,                     -- table source: the greatest key planned so far
    plan_high       bigint,                     -- table source: the greatest key when planning began
    payload_type    text,                       -- table source: type of the payload's column
    backend         text,
    receipt         text,
    merkle_root     bytea CHECK (octet_length(merkle_root) = 32),
    failure         text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    seeded_at       timestamptz,
    published_at    timestamptz,                -- the first batch of the first generation
    signed_at       timestamptz,                -- the last commit of a unit
    finished_at     timestamptz
);
CREATE UNIQUE INDEX jobs_one_live_per_name ON vaultstream.jobs (cluster, namespace, name) WHERE live;

-- Key-encryption keys that were used here: the canary shows that a loaded one is the right one.
CREATE TABLE vaultstream.keks (
    kek_id     text PRIMARY KEY,
    canary     bytea NOT NULL,
    wraps      bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Order of use. A sequence, not a clock.
CREATE SEQUENCE vaultstream.key_use;

-- Every commit updates its key's row twice (lease, counters): room on the page keeps those updates HOT.
CREATE TABLE vaultstream.keys (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id      bigint NOT NULL REFERENCES vaultstream.jobs (id),
    ordinal     integer NOT NULL,               -- 0 is the receipt key, never leased for records
    version     integer NOT NULL DEFAULT 1,
    public_key  bytea,                          -- SPKI DER
    wrapped_key bytea,
    kek_id      text REFERENCES vaultstream.keks (kek_id),
    state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
    epoch       bigint NOT NULL DEFAULT 0,
    holder      uuid,
    lease_until timestamptz,
    signed      bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    planned     bigint NOT NULL DEFAULT 0,      -- records that were planned in the batches it committed
    changed     bigint NOT NULL DEFAULT 0,      -- records that came or went there since planning
    batches     bigint NOT NULL DEFAULT 0,      -- batches it committed
    last_used   bigint,
    UNIQUE (job_id, ordinal, version),
    CHECK ((holder IS NULL) = (lease_until IS NULL)),
    CHECK ((public_key IS NULL) = (wrapped_key IS NULL) AND (public_key IS NULL) = (kek_id IS NULL))
) WITH (fillfactor = 50);

-- No index on state: it would make every commit's update of a batch touch it.
CREATE TABLE vaultstream.batches (
    job_id       bigint NOT NULL,
    batch        bigint NOT NULL,
    first_id     bigint NOT NULL,
    last_id      bigint NOT NULL,
    rows_planned bigint NOT NULL,
    rows         bigint,                        -- rows that the signing worker saw in the range
    signed       bigint,
    rejected     bigint,
    state        text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'signed')),
    attempts     integer NOT NULL DEFAULT 0,    -- failures that named this batch or a record of it
    last_error   text,
    key_id       bigint,                        -- null when nothing in it could be signed
    lease        uuid,                          -- the lease that committed it: resolves unknown outcomes
    merkle_root  bytea,
    signed_at    timestamptz,
    PRIMARY KEY (job_id, batch),
    CHECK (first_id <= last_id),
    CHECK ((state = 'signed') = (merkle_root IS NOT NULL))
) WITH (fillfactor = 70);

CREATE TABLE vaultstream.rejects (
    job_id      bigint NOT NULL,
    record_id   bigint NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    attempts    integer NOT NULL,
    rejected_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, record_id)
);

-- Parents are for people; programs name the partition. They have no primary key: each partition has its own.
CREATE TABLE vaultstream.records (
    job_id  bigint NOT NULL,
    id      bigint NOT NULL,
    payload bytea NOT NULL
) PARTITION BY LIST (job_id);

CREATE TABLE vaultstream.signatures (
    job_id    bigint NOT NULL,
    record_id bigint NOT NULL,
    key_id    bigint NOT NULL,
    signature bytea NOT NULL,                   -- r and s, 32 bytes each, big-endian
    digest    bytea                             -- kept for table sources: what was signed may change later
) PARTITION BY LIST (job_id);

-- Signed is final: signatures get their primary key when all are there, and until then this, with the fence, is what makes
-- a second signature impossible.
CREATE FUNCTION vaultstream.signed_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'batch % of job % is signed, which is final', OLD.batch, OLD.job_id USING ERRCODE = 'VS009';
END $$;

CREATE TRIGGER signed_is_final BEFORE UPDATE ON vaultstream.batches
    FOR EACH ROW WHEN (OLD.state = 'signed') EXECUTE FUNCTION vaultstream.signed_is_final();

-- A key's material is set once and never changed: a signature would lose the key it verifies under.
CREATE FUNCTION vaultstream.key_material_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.public_key IS NOT NULL AND (NEW.public_key, NEW.wrapped_key, NEW.kek_id)
            IS DISTINCT FROM (OLD.public_key, OLD.wrapped_key, OLD.kek_id) THEN
        RAISE EXCEPTION 'the material of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    IF (NEW.job_id, NEW.ordinal, NEW.version) IS DISTINCT FROM (OLD.job_id, OLD.ordinal, OLD.version) THEN
        RAISE EXCEPTION 'the name of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER key_material_is_final
    BEFORE UPDATE OF public_key, wrapped_key, kek_id, job_id, ordinal, version ON vaultstream.keys
    FOR EACH ROW EXECUTE FUNCTION vaultstream.key_material_is_final();
