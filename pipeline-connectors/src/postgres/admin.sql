-- What an operator asks of a queue. Each of these finds what it looks at by an index of that queue; only of what is
-- delayed, and of what waits for another of its group, all has to be looked at.

-- What a message waits for: as `state` says, but for a delay or a lease that is over.
CREATE OR REPLACE FUNCTION {schema}.state_of(state smallint, due timestamptz, until timestamptz) RETURNS smallint
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    SELECT CASE WHEN state = 1 AND due <= statement_timestamp() OR state = 2 AND until <= statement_timestamp()
        THEN 0::smallint ELSE state END
$$;

-- How many messages there are in each state, since how many milliseconds the oldest waits that is ready or taken, and
-- for how many the queue is still paused: -1 until it is resumed.
CREATE OR REPLACE FUNCTION {schema}.stats(queue_ integer) RETURNS TABLE (
    ready bigint, delayed bigint, taken bigint, behind bigint, oldest bigint, paused bigint, expired bigint
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    first_ timestamptz;
    due_ bigint;
    past_ bigint;
BEGIN
    PERFORM {schema}.expire(queue_) FROM {schema}.queue q
        WHERE q.queue = queue_ AND q.state <> 2 AND q.expires <= statement_timestamp() LIMIT 1;
    PERFORM {schema}.place(queue_) FROM {schema}.moved m WHERE m.queue = queue_ LIMIT 1;
    SELECT count(*) INTO ready FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 0;
    SELECT count(*) INTO delayed FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 1;
    SELECT count(*) INTO due_ FROM {schema}.queue q
        WHERE q.queue = queue_ AND q.state = 1 AND q.due <= statement_timestamp();
    SELECT count(*), count(*) FILTER (WHERE q.until <= statement_timestamp()) INTO taken, past_
        FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 2;
    -- Two counts of an index each: of what is behind there is none.
    SELECT (SELECT count(*) FROM {schema}.queue q WHERE q.queue = queue_ AND q.grp IS NOT NULL)
        - (SELECT count(*) FROM {schema}.queue q WHERE q.queue = queue_ AND q.grp IS NOT NULL AND q.state < 3)
        INTO behind;
    ready := ready + due_ + past_;
    delayed := delayed - due_;
    taken := taken - past_;
    first_ := least(
        (SELECT min(q.sent) FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 0),
        (SELECT q.sent FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 2 ORDER BY q.seq LIMIT 1),
        (SELECT min(q.sent) FROM {schema}.queue q
            WHERE q.queue = queue_ AND q.state = 1 AND q.due <= statement_timestamp())
    );
    oldest := extract(epoch FROM greatest(statement_timestamp() - first_, interval '0')) * 1000;
    oldest := CASE WHEN first_ IS NOT NULL THEN oldest END;
    SELECT CASE
        WHEN n.paused = 'infinity' THEN -1
        WHEN n.paused > statement_timestamp()
            THEN ceil(extract(epoch FROM n.paused - statement_timestamp()) * 1000)::bigint
        END, n.expired INTO paused, expired FROM {schema}.queue_name n WHERE n.queue = queue_;
    RETURN NEXT;
END $$;

-- Up to `most` messages behind that number, in the order in which they were sent. `state_` and `grp_` are of all if they
-- are NULL.
CREATE OR REPLACE FUNCTION {schema}.list(
    queue_ integer, state_ smallint, grp_ text, after bigint, most bigint, preview integer
) RETURNS TABLE (
    seq bigint, id text, dedup text, grp text, state smallint, due timestamptz, sent timestamptz, receives integer,
    begun integer, attributes text, size bigint, body text, bytes bytea, priority smallint, expires timestamptz
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM {schema}.expire(queue_) FROM {schema}.queue q
        WHERE q.queue = queue_ AND q.state <> 2 AND q.expires <= statement_timestamp() LIMIT 1;
    PERFORM {schema}.place(queue_) FROM {schema}.moved m WHERE m.queue = queue_ LIMIT 1;
    RETURN QUERY SELECT m.seq, m.id, m.dedup, m.grp, {schema}.state_of(m.state, m.due, m.until),
        CASE m.state WHEN 2 THEN m.until ELSE m.due END, m.sent, m.receives, m.begun, m.attributes::text,
        coalesce(octet_length(m.body), octet_length(m.bytes))::bigint, left(m.body, preview),
        substring(m.bytes FROM 1 FOR preview), m.priority, m.expires
    FROM (
        (SELECT * FROM {schema}.queue q WHERE grp_ IS NULL AND coalesce(state_, 0) = 0
            AND q.queue = queue_ AND q.state = 0 AND q.seq > after ORDER BY q.seq LIMIT most)
        UNION ALL
        (SELECT * FROM {schema}.queue q WHERE grp_ IS NULL AND coalesce(state_, 1) = 1
            AND q.queue = queue_ AND q.state = 1 AND q.seq > after
            AND (state_ IS NULL OR q.due > statement_timestamp()) ORDER BY q.seq LIMIT most)
        UNION ALL
        (SELECT * FROM {schema}.queue q WHERE grp_ IS NULL AND state_ = 0
            AND q.queue = queue_ AND q.state = 1 AND q.seq > after
            AND q.due <= statement_timestamp() ORDER BY q.seq LIMIT most)
        UNION ALL
        (SELECT * FROM {schema}.queue q WHERE grp_ IS NULL AND coalesce(state_, 2) IN (0, 2)
            AND q.queue = queue_ AND q.state = 2 AND q.seq > after
            AND (state_ IS NULL OR {schema}.state_of(q.state, q.due, q.until) = state_) ORDER BY q.seq LIMIT most)
        UNION ALL
        (SELECT * FROM {schema}.queue q WHERE grp_ IS NULL AND coalesce(state_, 3) = 3
            AND q.queue = queue_ AND q.grp IS NOT NULL AND q.state = 3 AND q.seq > after ORDER BY q.seq LIMIT most)
        UNION ALL
        (SELECT * FROM {schema}.queue q WHERE q.queue = queue_ AND q.grp = grp_ AND q.seq > after
            AND (state_ IS NULL OR {schema}.state_of(q.state, q.due, q.until) = state_) ORDER BY q.seq LIMIT most)
    ) AS m ORDER BY m.seq LIMIT most;
END $$;

-- The numbers of the messages of these names, and of those of these numbers that have no name.
CREATE OR REPLACE FUNCTION {schema}.find(queue_ integer, ids text[], seqs bigint[]) RETURNS SETOF bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    RETURN QUERY SELECT q.seq FROM unnest(ids) AS r (id) JOIN {schema}.queue q ON q.queue = queue_ AND q.id = r.id
        UNION SELECT q.seq FROM unnest(seqs) AS r (seq) JOIN {schema}.queue q ON q.seq = r.seq
        WHERE q.queue = queue_ AND q.id IS NULL;
END $$;

-- These messages, with all of their bodies.
CREATE OR REPLACE FUNCTION {schema}.get(queue_ integer, ids text[], seqs bigint[]) RETURNS TABLE (
    seq bigint, id text, dedup text, grp text, state smallint, due timestamptz, sent timestamptz, receives integer,
    begun integer, attributes text, size bigint, body text, bytes bytea, priority smallint, expires timestamptz
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM {schema}.expire(queue_) FROM {schema}.queue q
        WHERE q.queue = queue_ AND q.state <> 2 AND q.expires <= statement_timestamp() LIMIT 1;
    PERFORM {schema}.place(queue_) FROM {schema}.moved m WHERE m.queue = queue_ LIMIT 1;
    RETURN QUERY SELECT m.seq, m.id, m.dedup, m.grp, {schema}.state_of(m.state, m.due, m.until),
        CASE m.state WHEN 2 THEN m.until ELSE m.due END, m.sent, m.receives, m.begun, m.attributes::text,
        coalesce(octet_length(m.body), octet_length(m.bytes))::bigint, m.body, m.bytes, m.priority, m.expires
    FROM {schema}.find(queue_, ids, seqs) AS f (seq) JOIN {schema}.queue m ON m.seq = f.seq ORDER BY m.seq;
END $$;

-- Removes messages, whatever their state. Who works on one is told when its lease is next extended. Returns what is
-- removed.
CREATE OR REPLACE FUNCTION {schema}.cancel(queue_ integer, ids text[], seqs bigint[])
RETURNS TABLE (id text, seq bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s'
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH gone AS (
        DELETE FROM {schema}.queue q USING {schema}.find(queue_, ids, seqs) AS f (seq)
        WHERE q.seq = f.seq RETURNING q.id, q.seq, q.queue, q.grp
    ), told AS (
        INSERT INTO {schema}.moved SELECT DISTINCT queue, grp FROM gone WHERE grp IS NOT NULL
    ) SELECT gone.id, gone.seq FROM gone;
END $$;

-- What is delayed of these messages is ready. Returns what was.
CREATE OR REPLACE FUNCTION {schema}.retry_now(queue_ integer, ids text[], seqs bigint[])
RETURNS TABLE (id text, seq bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s'
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM {schema}.place(queue_) FROM {schema}.moved m WHERE m.queue = queue_ LIMIT 1;
    RETURN QUERY UPDATE {schema}.queue q SET state = 0 FROM {schema}.find(queue_, ids, seqs) AS f (seq)
        WHERE q.seq = f.seq AND q.state = 1 AND q.due > statement_timestamp() RETURNING q.id, q.seq;
END $$;

-- Removes up to four times `most` messages, of those up to this number. What another transaction works on is left out,
-- or waited for, for 2 s. Returns how many.
CREATE OR REPLACE FUNCTION {schema}.purge(queue_ integer, newest bigint, most bigint, waits boolean) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    some_ bigint[];
    gone_ bigint;
BEGIN
    some_ := ARRAY(
        (SELECT q.seq FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 0 AND q.seq <= newest LIMIT most)
        UNION ALL
        (SELECT q.seq FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 1 AND q.seq <= newest LIMIT most)
        UNION ALL
        (SELECT q.seq FROM {schema}.queue q WHERE q.queue = queue_ AND q.state = 2 AND q.seq <= newest LIMIT most)
        UNION ALL
        (SELECT q.seq FROM {schema}.queue q
            WHERE q.queue = queue_ AND q.grp IS NOT NULL AND q.state = 3 AND q.seq <= newest LIMIT most)
    );
    IF waits THEN
        PERFORM set_config('lock_timeout', '2s', true);
        PERFORM FROM unnest(some_) AS r (seq) JOIN {schema}.queue q ON q.seq = r.seq FOR UPDATE OF q;
    END IF;
    WITH free AS (
        SELECT q.seq FROM unnest(some_) AS r (seq) JOIN {schema}.queue q ON q.seq = r.seq FOR UPDATE OF q SKIP LOCKED
    ), gone AS (
        DELETE FROM {schema}.queue q USING free WHERE q.seq = free.seq RETURNING q.queue, q.grp
    ), told AS (
        INSERT INTO {schema}.moved SELECT DISTINCT queue, grp FROM gone WHERE grp IS NOT NULL
    ) SELECT count(*) INTO gone_ FROM gone;
    RETURN gone_;
END $$;

-- The queue gives no messages for so many milliseconds, or, without, until it is resumed.
CREATE OR REPLACE FUNCTION {schema}.pause(queue_ integer, millis bigint DEFAULT NULL) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    UPDATE {schema}.queue_name
        SET paused = coalesce(statement_timestamp() + millis * interval '1 millisecond', 'infinity')
        WHERE queue = queue_
$$;

CREATE OR REPLACE FUNCTION {schema}.resume(queue_ integer) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    UPDATE {schema}.queue_name SET paused = NULL WHERE queue = queue_
$$;
