-- While a job signs, its rejects may be tried again: a batch in which nothing was signed goes back to planned. A signature
-- is final, as before.
DROP TRIGGER signed_is_final ON vaultstream.batches;
CREATE TRIGGER signed_is_final BEFORE UPDATE ON vaultstream.batches
    FOR EACH ROW WHEN (OLD.state = 'signed' AND (OLD.signed > 0 OR NEW.state = 'signed'))
    EXECUTE FUNCTION vaultstream.signed_is_final();

-- Returns how many rejects are tried again. Repair publishes their batches anew. Which key had counted a batch is not
-- recorded, and need not be: totals are sums over a job's keys.
CREATE FUNCTION vaultstream.retry_rejects(p_job bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b       vaultstream.batches;
    retried bigint := 0;
BEGIN
    FOR b IN SELECT * FROM vaultstream.batches
              WHERE job_id = p_job AND state = 'signed' AND signed = 0 AND rejected > 0 ORDER BY batch FOR NO KEY UPDATE
    LOOP
        UPDATE vaultstream.keys
           SET rejected = rejected - b.rejected, planned = planned - b.rows_planned, batches = batches - 1,
               changed = changed - abs(b.rows - b.rows_planned)
         WHERE id = (SELECT id FROM vaultstream.keys WHERE job_id = p_job AND ordinal > 0
                      ORDER BY rejected >= b.rejected DESC, rejected LIMIT 1);
        DELETE FROM vaultstream.rejects WHERE job_id = p_job AND record_id BETWEEN b.first_id AND b.last_id;
        UPDATE vaultstream.batches
           SET state = 'planned', rows = NULL, signed = NULL, rejected = NULL, attempts = 0, last_error = NULL,
               lease = NULL, merkle_root = NULL, signed_at = NULL
         WHERE job_id = p_job AND batch = b.batch;
        retried := retried + b.rejected;
    END LOOP;
    RETURN retried;
END $$;
REVOKE EXECUTE ON FUNCTION vaultstream.retry_rejects FROM PUBLIC;
