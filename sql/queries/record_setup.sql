-- Once a connection. The statements of a batch are planned once, as if nothing were known of
-- their arrays, and look rows up by the unique index one by one: with the plan of a table that
-- was empty at the session's start, each batch would read all of the table that it has become.
-- A statement that waits for a lock ends before the session stops waiting for it and tries again.
SELECT set_config('plan_cache_mode', 'force_generic_plan', false),
       set_config('enable_seqscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false),
       set_config('enable_material', 'off', false),
       set_config('enable_bitmapscan', 'off', false),
       set_config('statement_timeout', '50s', false)
