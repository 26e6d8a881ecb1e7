DROP VIEW cache_hits_by_day;
DROP VIEW interruptions_by_hour;
DROP VIEW cost_by_user_day;
DROP VIEW latency_by_hour;
DROP VIEW turns_flat;
