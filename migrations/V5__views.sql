-- For people and dashboards. Counted from keys and batches, never from signatures.

CREATE VIEW vaultstream.job_progress AS
SELECT j.id AS job_id, j.uid, j.cluster, j.namespace, j.name, j.live, j.state, j.suspended, j.generation,
       k.signed + k.rejected + greatest(coalesce(j.total, 0) - k.planned, 0) AS total,
       k.signed, k.rejected, k.changed,
       greatest(coalesce(j.total, 0) - k.planned, 0) AS backlog,
       j.seeded, j.batches, j.published, k.batches AS batches_signed,
       k.keys_active, k.keys_retired, k.keys_leased,
       j.created_at, j.seeded_at, j.published_at, j.signed_at, j.finished_at
  FROM vaultstream.jobs j
 CROSS JOIN LATERAL (
    SELECT coalesce(sum(signed), 0)::bigint AS signed, coalesce(sum(rejected), 0)::bigint AS rejected,
           coalesce(sum(planned), 0)::bigint AS planned, coalesce(sum(changed), 0)::bigint AS changed,
           coalesce(sum(batches), 0)::bigint AS batches,
           count(*) FILTER (WHERE state = 'active') AS keys_active,
           count(*) FILTER (WHERE state = 'retired') AS keys_retired,
           count(*) FILTER (WHERE lease_until > clock_timestamp()) AS keys_leased
      FROM vaultstream.keys WHERE job_id = j.id AND ordinal > 0) k;

CREATE VIEW vaultstream.key_usage AS
SELECT k.job_id, j.namespace, j.name, k.id AS key_id, k.ordinal, k.version, k.state, k.kek_id,
       k.signed, k.rejected, k.batches, k.epoch, k.last_used, k.lease_until > clock_timestamp() AS leased, k.lease_until
  FROM vaultstream.keys k JOIN vaultstream.jobs j ON j.id = k.job_id;
