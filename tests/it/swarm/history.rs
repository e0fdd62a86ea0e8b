//! What happened in a round, written down in the ledger by the very transactions that did it, and held against the promises.

use crate::harness::{LeaseLog, Site, assert_complete};

const TRIGGER: &str = "
CREATE TABLE public.signed_log (n bigserial PRIMARY KEY, batch bigint, key_id bigint, lease uuid, epoch bigint);
CREATE FUNCTION public.log_signed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.signed_log (batch, key_id, lease, epoch)
    SELECT NEW.batch, k.id, NEW.lease, k.epoch FROM vaultstream.keys k WHERE k.holder = NEW.lease;
    RETURN NULL;
END $$;
CREATE TRIGGER log_signed AFTER UPDATE ON vaultstream.batches
    FOR EACH ROW WHEN (NEW.state = 'signed') EXECUTE FUNCTION public.log_signed();";

/// What has to be zero when the job is complete, and why.
const NEVER: &[(&str, &str)] = &[
    (
        "batches that were not signed in one transaction, or in more",
        "SELECT count(*) FROM vaultstream.batches b \
          WHERE (SELECT count(*) FROM public.signed_log l WHERE l.batch = b.batch AND l.lease = b.lease) <> 1 \
             OR (SELECT count(*) FROM public.signed_log l WHERE l.batch = b.batch) <> 1",
    ),
    (
        "batches that do not begin where the one before ends",
        "SELECT count(*) FROM (SELECT first_id, lag(last_id) OVER (ORDER BY first_id) AS before FROM vaultstream.batches) b \
          WHERE first_id <> before + 1",
    ),
    (
        "signatures under another key than their batch's",
        "SELECT count(*) FROM vaultstream.signatures s \
          WHERE NOT EXISTS (SELECT 1 FROM vaultstream.batches b \
                             WHERE s.record_id BETWEEN b.first_id AND b.last_id AND s.key_id = b.key_id)",
    ),
    (
        "keys whose counter is not the number of their signatures",
        "SELECT count(*) FROM vaultstream.keys k WHERE ordinal > 0 \
            AND signed <> (SELECT count(*) FROM vaultstream.signatures s WHERE s.key_id = k.id)",
    ),
    (
        "keys whose epoch is not the number of their leases",
        "SELECT count(*) FROM vaultstream.keys k \
          WHERE epoch <> (SELECT count(*) FROM public.lease_log l WHERE l.key_id = k.id AND new_holder IS NOT NULL)",
    ),
    (
        "leases with two epochs, and epochs with two leases",
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM public.signed_log GROUP BY lease HAVING count(DISTINCT (key_id, epoch)) > 1) a) \
              + (SELECT count(*) FROM (SELECT 1 FROM public.signed_log GROUP BY key_id, epoch HAVING count(DISTINCT lease) > 1) b)",
    ),
    (
        "commits under an epoch after a commit under a later one",
        "SELECT count(*) FROM (SELECT epoch, max(epoch) OVER (PARTITION BY key_id ORDER BY n) AS latest FROM public.signed_log) l \
          WHERE epoch < latest",
    ),
    (
        "keys that have made more signatures than they may",
        "SELECT count(*) FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id \
          WHERE k.ordinal > 0 AND k.signed > (j.spec #>> '{keys,maxSignatures}')::bigint",
    ),
];

pub(super) struct History<'a> {
    site: &'a Site,
    leases: LeaseLog<'a>,
}

impl<'a> History<'a> {
    /// Begins to write; the job is seeded, and no worker signs yet.
    pub(super) async fn begin(site: &'a Site) -> Self {
        let leases = LeaseLog::begin(site).await;
        site.execute(TRIGGER).await;
        Self { site, leases }
    }

    /// Holds everything that happened against the promises.
    pub(super) async fn check(&self, signed: i64, rejected: i64) {
        for (what, sql) in NEVER {
            assert_eq!(self.site.number(sql).await, 0, "{what}");
        }
        self.leases.assert_exclusive().await;
        // One signature or one reject a record; each signature and the receipt, by another implementation.
        assert_complete(self.site, "job", signed, rejected).await;
    }
}
