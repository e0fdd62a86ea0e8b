//! Every change of a key's holder, written down by a trigger inside the very transaction that made it.

use super::Site;

const TRIGGER: &str = "
CREATE TABLE public.lease_log (
    n bigserial PRIMARY KEY, key_id bigint, old_holder uuid, old_until timestamptz, new_holder uuid, at timestamptz);
CREATE FUNCTION public.log_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.lease_log (key_id, old_holder, old_until, new_holder, at)
    VALUES (NEW.id, OLD.holder, OLD.lease_until, NEW.holder, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER log_lease AFTER UPDATE ON vaultstream.keys
    FOR EACH ROW WHEN (OLD.holder IS DISTINCT FROM NEW.holder) EXECUTE FUNCTION public.log_lease();";

pub(crate) struct LeaseLog<'a>(&'a Site);

impl<'a> LeaseLog<'a> {
    /// Begins to log; the ledger has to be there.
    pub(crate) async fn begin(site: &'a Site) -> Self {
        site.execute(TRIGGER).await;
        Self(site)
    }

    /// Leases taken.
    pub(crate) async fn taken(&self) -> i64 {
        self.0.number("SELECT count(*) FROM public.lease_log WHERE new_holder IS NOT NULL").await
    }

    /// Leases that were taken over from a holder who had not given them back.
    pub(crate) async fn taken_over(&self) -> i64 {
        self.0
            .number("SELECT count(*) FROM public.lease_log WHERE new_holder IS NOT NULL AND old_holder IS NOT NULL")
            .await
    }

    /// No lease was taken while another one was current, and every batch was committed between the taking of its lease and
    /// the next change of that key's holder.
    pub(crate) async fn assert_exclusive(&self) {
        let stolen = self
            .0
            .number(
                "SELECT count(*) FROM public.lease_log \
                 WHERE new_holder IS NOT NULL AND old_holder IS NOT NULL AND old_until >= at",
            )
            .await;
        assert_eq!(stolen, 0, "leases were taken from holders who still had time");
        let outside = self
            .0
            .number(
                "SELECT count(*) FROM vaultstream.batches b WHERE b.signed > 0 AND NOT EXISTS ( \
                   SELECT 1 FROM public.lease_log t WHERE t.key_id = b.key_id AND t.new_holder = b.lease AND t.at <= b.signed_at \
                     AND NOT EXISTS (SELECT 1 FROM public.lease_log l WHERE l.key_id = t.key_id AND l.n > t.n \
                                       AND l.at < b.signed_at))",
            )
            .await;
        assert_eq!(outside, 0, "batches were committed outside of their lease");
    }
}
