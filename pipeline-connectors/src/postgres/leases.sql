-- Leases, and the ticks of schedules. All times are those of the server: `statement_timestamp()`.
--
-- Nothing here waits for a lock that is held for longer than one of these calls: a lease that somebody still writes under
-- (`lease_fence`) is as one that is held.

-- The token grows with each grant. `until` is in no index, and the key is (name, token): who has locked that for his writes
-- (FOR KEY SHARE) is not in the way of him who extends the lease, and in that of any other grant.
CREATE TABLE IF NOT EXISTS {schema}.lease (
    name text PRIMARY KEY,
    token bigint NOT NULL,
    holder text NOT NULL,
    until timestamptz,
    UNIQUE (name, token)
);

-- `last` and `tick` are nanoseconds since 1970. `until` is that of the tick that somebody has begun and not done, and NULL
-- where he has let go of it.
CREATE TABLE IF NOT EXISTS {schema}.tick (
    schedule text PRIMARY KEY,
    last bigint NOT NULL,
    tick bigint,
    token bigint NOT NULL DEFAULT 0,
    holder text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    until timestamptz
);

-- A token must not come twice, whatever happens to the server. To be called in the transaction that grants one.
CREATE OR REPLACE FUNCTION {schema}.keep_token() RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'local', true);
    END IF;
END $$;

-- Grants a lease if nobody has it, and nobody is writing under it: its token.
CREATE OR REPLACE FUNCTION {schema}.lease_claim(name_ text, holder_ text, ttl bigint) RETURNS SETOF bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    PERFORM {schema}.keep_token();
    RETURN QUERY WITH free AS (
        SELECT l.name FROM {schema}.lease l
        WHERE l.name = name_ AND (l.until IS NULL OR l.until <= statement_timestamp()) FOR UPDATE SKIP LOCKED
    ) UPDATE {schema}.lease l SET token = l.token + 1, holder = holder_, until = statement_timestamp() + ttl * interval '1 microsecond'
        FROM free WHERE l.name = free.name RETURNING l.token;
    IF NOT FOUND THEN
        RETURN QUERY INSERT INTO {schema}.lease AS l (name, token, holder, until)
            VALUES (name_, 1, holder_, statement_timestamp() + ttl * interval '1 microsecond') ON CONFLICT DO NOTHING RETURNING l.token;
    END IF;
END $$;

-- Extends it, if it is still that one, and has not ended.
CREATE OR REPLACE FUNCTION {schema}.lease_renew(name_ text, token_ bigint, ttl bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE {schema}.lease l SET until = statement_timestamp() + ttl * interval '1 microsecond'
        WHERE l.name = name_ AND l.token = token_ AND l.until > statement_timestamp();
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION {schema}.lease_release(name_ text, token_ bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE {schema}.lease l SET until = NULL WHERE l.name = name_ AND l.token = token_;
END $$;

-- What is known of a schedule; one that is new is registered as of `at`.
CREATE OR REPLACE FUNCTION {schema}.tick_look(schedule_ text, at bigint)
RETURNS TABLE (last bigint, tick bigint, held boolean) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO {schema}.tick (schedule, last) VALUES (schedule_, at) ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT t.last, t.tick, coalesce(t.tick IS NOT NULL AND t.until > statement_timestamp(), false)
        FROM {schema}.tick t WHERE t.schedule = schedule_;
END $$;

-- Grants a tick: the one that was begun, if nobody is at work on it, else that of `at`, if it is not done.
CREATE OR REPLACE FUNCTION {schema}.tick_claim(schedule_ text, holder_ text, at bigint, ttl bigint)
RETURNS TABLE (tick bigint, token bigint, attempts integer) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM {schema}.keep_token();
    RETURN QUERY UPDATE {schema}.tick t SET
        attempts = CASE WHEN t.tick IS NULL THEN 1 ELSE t.attempts + 1 END,
        tick = coalesce(t.tick, at), token = t.token + 1, holder = holder_, until = statement_timestamp() + ttl * interval '1 microsecond'
    WHERE t.schedule = schedule_ AND CASE WHEN t.tick IS NULL THEN t.last < at
        ELSE t.until IS NULL OR t.until <= statement_timestamp() END
    RETURNING t.tick, t.token, t.attempts;
END $$;

-- Extends it, if it is still that one, and was not released.
CREATE OR REPLACE FUNCTION {schema}.tick_renew(schedule_ text, token_ bigint, ttl bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE {schema}.tick t SET until = statement_timestamp() + ttl * interval '1 microsecond'
        WHERE t.schedule = schedule_ AND t.token = token_ AND t.tick IS NOT NULL AND t.until IS NOT NULL;
    RETURN FOUND;
END $$;

-- It is done, and so is all that was due until `at`. It must not be forgotten, or it is run again.
CREATE OR REPLACE FUNCTION {schema}.tick_done(schedule_ text, token_ bigint, at bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    PERFORM {schema}.keep_token();
    UPDATE {schema}.tick t SET last = greatest(t.tick, at), tick = NULL, until = NULL, attempts = 0
        WHERE t.schedule = schedule_ AND t.token = token_ AND t.tick IS NOT NULL;
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION {schema}.tick_release(schedule_ text, token_ bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    UPDATE {schema}.tick t SET until = NULL WHERE t.schedule = schedule_ AND t.token = token_;
END $$;

-- To be called first in a transaction that writes under a lease: the token that the lease has, and 0 where there is no such
-- lease. Where it is the one that was granted, nobody else is granted the lease before the transaction ends. It ends within
-- `limit_` milliseconds, whatever becomes of the program: one that is stopped between two statements is idle.
CREATE OR REPLACE FUNCTION {schema}.lease_fence(home_ text, name_ text, token_ bigint, limit_ bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    found_ bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM {schema}.meta WHERE one AND home = home_) THEN
        RAISE EXCEPTION 'these are not the tables of the leases; begin the transaction in the database that they are in'
            USING ERRCODE = '3D000';
    END IF;
    PERFORM {schema}.limit_to('lock_timeout', limit_), {schema}.limit_to('statement_timeout', limit_),
        {schema}.limit_to('idle_in_transaction_session_timeout', limit_);
    IF current_setting('server_version_num')::integer >= 170000 THEN
        PERFORM {schema}.limit_to('transaction_timeout', limit_);
    END IF;
    PERFORM FROM {schema}.lease l WHERE l.name = name_ AND l.token = token_ FOR KEY SHARE;
    IF FOUND THEN
        RETURN token_;
    END IF;
    SELECT l.token INTO found_ FROM {schema}.lease l WHERE l.name = name_ AND l.token <> token_;
    RETURN coalesce(found_, 0);
END $$;

-- Sets a time-out until the end of the transaction, unless a shorter one is set.
CREATE OR REPLACE FUNCTION {schema}.limit_to(name_ text, limit_ bigint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    before bigint := extract(epoch FROM current_setting(name_)::interval) * 1000;
BEGIN
    IF before = 0 OR before > limit_ THEN
        PERFORM set_config(name_, limit_::text || 'ms', true);
    END IF;
END $$;

-- All schedules: for how many microseconds whoever is at work on a tick has it still.
CREATE OR REPLACE FUNCTION {schema}.schedules()
RETURNS TABLE (schedule text, last bigint, tick bigint, attempts integer, holder text, remains bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT t.schedule, t.last, t.tick, t.attempts, t.holder,
        CASE WHEN t.tick IS NOT NULL AND t.until > statement_timestamp()
            THEN (extract(epoch FROM t.until - statement_timestamp()) * 1000000)::bigint END
    FROM {schema}.tick t ORDER BY t.schedule;
END $$;
