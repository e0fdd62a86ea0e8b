-- What the hostile program is told of the job that it attacks, as JSON: one that signs, with a key that is leased. The ledger's owner runs it:
--   psql -At -f tests/hostile/victim.sql DATABASE >victim.json
SELECT json_build_object(
           'cluster', j.cluster, 'namespace', j.namespace, 'role', t.role, 'uid', j.uid, 'generation', j.generation,
           'job', j.id, 'key', k.id, 'epoch', k.epoch, 'lease', k.holder, 'kek', d.kek_id,
           'planEpoch', j.plan_epoch, 'plan', coalesce(j.plan_lease, gen_random_uuid()))::text
  FROM vaultstream.jobs j
  JOIN vaultstream.tenants t USING (cluster, namespace)
  JOIN vaultstream.keys k ON k.job_id = j.id
  JOIN vaultstream.data_keys d ON d.job_id = j.id
 WHERE j.state = 'Signing' AND j.generation > 0 AND k.holder IS NOT NULL AND k.ordinal > 0
 ORDER BY j.id, k.id
 LIMIT 1
