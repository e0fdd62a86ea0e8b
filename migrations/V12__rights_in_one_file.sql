-- Rights are in grants.sql, which is applied after the migrations. Nothing calls these any more.
DROP FUNCTION vaultstream.make_roles(), vaultstream.grant_worker(),
    vaultstream.grant_worker_before_v8(), vaultstream.grant_worker_before_v11();
