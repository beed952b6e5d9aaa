-- What is asked of the queues, each in one round trip. A transaction has to be READ COMMITTED for `place` to see, under
-- the lock of a group, what others have committed before.
--
-- Plans are made once for a session, perhaps while the table is empty: so they may use the indexes alone. That makes some
-- look dear, and the server would compile these (`jit`), 50 ms for each call. What is looked for beside each row is a
-- `SELECT … LIMIT 1`, since an `EXISTS` might be answered by reading the whole table into a hash.

-- Stores messages, but for those that are there already: by their `dedup`, or else by their name. Those of a group wait
-- behind it until a receive has looked who is first.
CREATE OR REPLACE FUNCTION {schema}.put(
    home_ text, queue_ integer, ids text[], dedups text[], grps text[], delays bigint[], priorities smallint[],
    expiries bigint[], attributes_ text[], bodies text[], blobs bytea[]
) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM {schema}.meta WHERE one AND home = home_) THEN
        RAISE EXCEPTION 'these are not the tables of the queue; begin the transaction in the database that it is in'
            USING ERRCODE = '3D000';
    END IF;
    PERFORM set_config('lock_timeout', '2s', true);
    INSERT INTO {schema}.moved
        SELECT DISTINCT queue_, grp FROM unnest(grps) AS grp WHERE grp IS NOT NULL;
    INSERT INTO {schema}.queue (queue, state, id, dedup, grp, kind, priority, expires, due, attributes, body, bytes)
        SELECT queue_, CASE WHEN grp IS NOT NULL THEN 3 WHEN delay > 0 THEN 1 ELSE 0 END, id, dedup, grp,
            attributes::jsonb ->> 'kind', priority, statement_timestamp() + expiry * interval '1 millisecond',
            CASE WHEN delay > 0 THEN statement_timestamp() + delay * interval '1 millisecond' END, attributes::jsonb, body, bytes
        FROM unnest(ids, dedups, grps, delays, priorities, expiries, attributes_, bodies, blobs) WITH ORDINALITY
            AS m (id, dedup, grp, delay, priority, expiry, attributes, body, bytes, nth)
        WHERE id IS NULL OR dedup IS NOT NULL
            OR (SELECT true FROM {schema}.queue q WHERE q.queue = queue_ AND q.id = m.id LIMIT 1) IS NULL
        ORDER BY nth
        ON CONFLICT DO NOTHING;
END $$;

-- Looks who is first in the groups that have moved. A group that another transaction is looking at stays on the list.
CREATE OR REPLACE FUNCTION {schema}.place(queue_ integer) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    group_ text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'queues need transactions that are READ COMMITTED, and these are %; connect without a pooler, or set default_transaction_isolation',
            upper(current_setting('transaction_isolation')) USING ERRCODE = '0A000';
    END IF;
    FOR group_ IN SELECT DISTINCT grp FROM
        (SELECT grp FROM {schema}.moved WHERE queue = queue_ ORDER BY grp LIMIT 1000) AS few ORDER BY grp
    LOOP
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('brigade ' || group_, queue_));
        DELETE FROM {schema}.moved WHERE queue = queue_ AND grp = group_;
        IF NOT EXISTS (SELECT FROM {schema}.queue WHERE queue = queue_ AND grp = group_ AND state < 3) THEN
            UPDATE {schema}.queue SET state = CASE WHEN due > statement_timestamp() THEN 1 ELSE 0 END
            WHERE seq = (SELECT seq FROM {schema}.queue WHERE queue = queue_ AND grp = group_ ORDER BY seq LIMIT 1);
        END IF;
    END LOOP;
END $$;

-- Removes what has expired and is in nobody's hands, and counts it.
CREATE OR REPLACE FUNCTION {schema}.expire(queue_ integer) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    gone_ bigint;
BEGIN
    WITH past AS (
        SELECT seq FROM {schema}.queue WHERE queue = queue_ AND state <> 2 AND expires <= statement_timestamp()
        ORDER BY expires LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM {schema}.queue q USING past WHERE q.seq = past.seq RETURNING q.queue, q.grp
    ), told AS (
        INSERT INTO {schema}.moved SELECT DISTINCT queue, grp FROM gone WHERE grp IS NOT NULL
    ) SELECT count(*) INTO gone_ FROM gone;
    IF gone_ > 0 THEN
        UPDATE {schema}.queue_name SET expired = expired + gone_ WHERE queue = queue_;
    END IF;
END $$;

-- Takes the first messages that are ready, of these kinds if there are any, unless the queue is paused. With `sweep`, what is
-- past its lease is ready again before.
CREATE OR REPLACE FUNCTION {schema}.receive(
    queue_ integer, most integer, lease bigint, token_ bigint, sweep boolean, kinds text[]
) RETURNS TABLE (
    seq bigint, id text, dedup text, grp text, sent timestamptz, receives integer, begun integer, attributes text,
    body text, bytes bytea, priority smallint
) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    -- A lease that is undone by a power failure is over anyway.
    PERFORM set_config('synchronous_commit', 'off', true);
    IF sweep THEN
        UPDATE {schema}.queue q SET state = 0 FROM (
            SELECT seq FROM {schema}.queue WHERE queue = queue_ AND state = 2 AND until <= statement_timestamp()
            LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
        ) AS past WHERE q.seq = past.seq;
    END IF;
    IF EXISTS (
        SELECT FROM {schema}.queue WHERE queue = queue_ AND state <> 2 AND expires <= statement_timestamp() LIMIT 1
    ) THEN
        PERFORM {schema}.expire(queue_);
    END IF;
    UPDATE {schema}.queue q SET state = 0 FROM (
        SELECT seq FROM {schema}.queue WHERE queue = queue_ AND state = 1 AND due <= statement_timestamp()
        ORDER BY due LIMIT 1000 FOR NO KEY UPDATE SKIP LOCKED
    ) AS past WHERE q.seq = past.seq;
    IF EXISTS (SELECT FROM {schema}.moved WHERE queue = queue_) THEN
        PERFORM {schema}.place(queue_);
    END IF;
    IF (SELECT paused > statement_timestamp() FROM {schema}.queue_name WHERE queue = queue_) THEN
        RETURN;
    END IF;
    -- What has expired since may be more than was removed.
    IF kinds IS NULL THEN
        RETURN QUERY
            UPDATE {schema}.queue q SET state = 2, until = statement_timestamp() + lease * interval '1 millisecond',
                token = token_, receives = q.receives + 1, marked = false
            FROM (
                SELECT seq FROM {schema}.queue WHERE queue = queue_ AND state = 0
                    AND (expires IS NULL OR expires > statement_timestamp())
                ORDER BY priority DESC, seq LIMIT most FOR NO KEY UPDATE SKIP LOCKED
            ) AS ready WHERE q.seq = ready.seq
            RETURNING q.seq, q.id, q.dedup, q.grp, q.sent, q.receives, q.begun, q.attributes::text, q.body,
                q.bytes, q.priority;
    ELSE
        RETURN QUERY
            UPDATE {schema}.queue q SET state = 2, until = statement_timestamp() + lease * interval '1 millisecond',
                token = token_, receives = q.receives + 1, marked = false
            FROM (
                SELECT m.seq FROM unnest(kinds) AS k (kind), LATERAL (
                    SELECT r.seq, r.priority FROM {schema}.queue r WHERE r.queue = queue_ AND r.state = 0
                        AND r.kind = k.kind AND (r.expires IS NULL OR r.expires > statement_timestamp())
                    ORDER BY r.priority DESC, r.seq LIMIT most FOR NO KEY UPDATE SKIP LOCKED
                ) AS m ORDER BY m.priority DESC, m.seq LIMIT most
            ) AS ready WHERE q.seq = ready.seq
            RETURNING q.seq, q.id, q.dedup, q.grp, q.sent, q.receives, q.begun, q.attributes::text, q.body,
                q.bytes, q.priority;
    END IF;
END $$;

-- In how many milliseconds there may be something to receive from each of these queues; nothing of one that is empty.
CREATE OR REPLACE FUNCTION {schema}.watch(queues integer[]) RETURNS TABLE (queue integer, millis bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT w.queue, CASE
        WHEN (SELECT true FROM {schema}.moved g WHERE g.queue = w.queue LIMIT 1) THEN 0
        WHEN n.paused = 'infinity' THEN NULL
        WHEN n.paused > statement_timestamp()
            THEN ceil(extract(epoch FROM n.paused - statement_timestamp()) * 1000)::bigint
        WHEN (SELECT true FROM {schema}.queue q WHERE q.queue = w.queue AND q.state = 0 LIMIT 1) THEN 0
        ELSE ceil(extract(epoch FROM least(
            (SELECT min(q.due) FROM {schema}.queue q WHERE q.queue = w.queue AND q.state = 1),
            (SELECT min(q.until) FROM {schema}.queue q WHERE q.queue = w.queue AND q.state = 2)
        ) - statement_timestamp()) * 1000)::bigint END
    FROM unnest(queues) AS w (queue) LEFT JOIN {schema}.queue_name n ON n.queue = w.queue;
END $$;

-- Settles deliveries. Each of these returns the numbers, from 1, of those that are settled.

-- Of a group, the next comes when a receive has looked who that is: in a transaction of its own.
CREATE OR REPLACE FUNCTION {schema}.ack(seqs bigint[], tokens bigint[])
RETURNS TABLE (nth bigint, moved boolean) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY WITH gone AS (
        DELETE FROM {schema}.queue q USING unnest(seqs, tokens) WITH ORDINALITY AS r (seq, token, nth)
        WHERE q.seq = r.seq AND q.token = r.token RETURNING r.nth, q.queue, q.grp
    ), told AS (
        INSERT INTO {schema}.moved SELECT DISTINCT queue, grp FROM gone WHERE grp IS NOT NULL
    ) SELECT gone.nth, gone.grp IS NOT NULL FROM gone;
END $$;

CREATE OR REPLACE FUNCTION {schema}.nack(seqs bigint[], tokens bigint[], delay bigint)
RETURNS TABLE (nth bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY UPDATE {schema}.queue q SET
        state = CASE WHEN delay > 0 THEN 1 ELSE 0 END,
        due = statement_timestamp() + delay * interval '1 millisecond',
        begun = q.begun + CASE WHEN q.marked THEN 0 ELSE 1 END, marked = true
    FROM unnest(seqs, tokens) WITH ORDINALITY AS r (seq, token, nth)
    WHERE q.seq = r.seq AND q.token = r.token RETURNING r.nth;
END $$;

-- The same of deliveries that have failed, each with what is said of that; of one that has not, what is known stays.
CREATE OR REPLACE FUNCTION {schema}.nack_failed(seqs bigint[], tokens bigint[], delay bigint, errors text[])
RETURNS TABLE (nth bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY UPDATE {schema}.queue q SET
        state = CASE WHEN delay > 0 THEN 1 ELSE 0 END,
        due = statement_timestamp() + delay * interval '1 millisecond',
        begun = q.begun + CASE WHEN q.marked THEN 0 ELSE 1 END, marked = true,
        last_error = coalesce(r.error, q.last_error)
    FROM unnest(seqs, tokens, errors) WITH ORDINALITY AS r (seq, token, error, nth)
    WHERE q.seq = r.seq AND q.token = r.token RETURNING r.nth;
END $$;

-- What another transaction has locked is left out: perhaps one that writes rows and takes the message out of its queue.
CREATE OR REPLACE FUNCTION {schema}.extend(seqs bigint[], tokens bigint[], lease bigint)
RETURNS TABLE (nth bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN QUERY UPDATE {schema}.queue q SET
        state = 2, until = statement_timestamp() + lease * interval '1 millisecond'
    FROM (
        SELECT m.seq, r.nth FROM unnest(seqs, tokens) WITH ORDINALITY AS r (seq, token, nth)
        JOIN {schema}.queue m ON m.seq = r.seq AND m.token = r.token
        FOR NO KEY UPDATE OF m SKIP LOCKED
    ) AS free WHERE q.seq = free.seq RETURNING free.nth;
END $$;

-- Work begins on them.
CREATE OR REPLACE FUNCTION {schema}.mark(seqs bigint[], tokens bigint[])
RETURNS TABLE (nth bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN QUERY UPDATE {schema}.queue q SET
        begun = q.begun + CASE WHEN q.marked THEN 0 ELSE 1 END, marked = true
    FROM unnest(seqs, tokens) WITH ORDINALITY AS r (seq, token, nth)
    WHERE q.seq = r.seq AND q.token = r.token RETURNING r.nth;
END $$;

-- As if they had not been delivered.
CREATE OR REPLACE FUNCTION {schema}.give_back(seqs bigint[], tokens bigint[])
RETURNS TABLE (nth bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- Once: the answer may be lost, and then it is asked again.
    RETURN QUERY UPDATE {schema}.queue q SET
        receives = q.receives - CASE WHEN q.state = 2 THEN 1 ELSE 0 END,
        begun = q.begun - CASE WHEN q.state = 2 AND q.marked THEN 1 ELSE 0 END,
        marked = q.marked AND q.state <> 2,
        state = CASE WHEN q.state = 2 THEN 0 ELSE q.state END
    FROM unnest(seqs, tokens) WITH ORDINALITY AS r (seq, token, nth)
    WHERE q.seq = r.seq AND q.token = r.token RETURNING r.nth;
END $$;

-- Of those that are there: whether their last delivery is this one.
CREATE OR REPLACE FUNCTION {schema}.look(seqs bigint[], tokens bigint[])
RETURNS TABLE (nth bigint, ours boolean) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT r.nth, q.token = r.token
    FROM unnest(seqs, tokens) WITH ORDINALITY AS r (seq, token, nth) JOIN {schema}.queue q ON q.seq = r.seq;
END $$;

-- Moves a delivery that cannot be read out of the way of the others, and of those behind it in its group.
CREATE OR REPLACE FUNCTION {schema}.put_aside(seq_ bigint, token_ bigint, why_ text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    WITH gone AS (
        DELETE FROM {schema}.queue WHERE seq = seq_ AND token = token_ RETURNING *
    ), told AS (
        INSERT INTO {schema}.moved SELECT queue, grp FROM gone WHERE grp IS NOT NULL
    ) INSERT INTO {schema}.set_aside
        (seq, queue, id, dedup, grp, sent, receives, priority, expires, attributes, body, bytes, why)
        SELECT seq, queue, id, dedup, grp, sent, receives, priority, expires, attributes, body, bytes, why_ FROM gone
    ON CONFLICT (seq) DO UPDATE SET why = EXCLUDED.why;
END $$;
