DROP FUNCTION blobs_referenced(jsonb);
