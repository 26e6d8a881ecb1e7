-- Which of these blobs a row points to, in whatever table: what a blob's removal depends on. Needs tables_with_column of 0004.
CREATE FUNCTION blobs_referenced(keys jsonb) RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT tables_with_column('blob_key') LOOP
    RETURN QUERY EXECUTE format('SELECT blob_key FROM %I WHERE blob_key IN (SELECT jsonb_array_elements_text($1))', name) USING keys;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION blobs_referenced(jsonb) FROM PUBLIC;
