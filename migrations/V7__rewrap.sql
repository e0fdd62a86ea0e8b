-- What a key is stays for ever. The key-encryption key that it is wrapped under may be replaced, wrapping and name at once;
-- only the owner may do that, for workers have no right on these columns.
CREATE OR REPLACE FUNCTION vaultstream.key_material_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.public_key IS NOT NULL AND (NEW.public_key IS DISTINCT FROM OLD.public_key
            OR (NEW.wrapped_key IS DISTINCT FROM OLD.wrapped_key) <> (NEW.kek_id IS DISTINCT FROM OLD.kek_id)) THEN
        RAISE EXCEPTION 'the material of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    IF (NEW.job_id, NEW.ordinal, NEW.version) IS DISTINCT FROM (OLD.job_id, OLD.ordinal, OLD.version) THEN
        RAISE EXCEPTION 'the name of key % is final', OLD.id USING ERRCODE = 'VS008';
    END IF;
    RETURN NEW;
END $$;
