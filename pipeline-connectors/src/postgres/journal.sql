-- What a journal is asked, each in one round trip. Rows are locked in the order of their names, so that nobody waits for
-- each other.

-- Tasks that begin: an epoch for each, in which nothing older is recorded from then on, and what is recorded; or none, if
-- it is done.
-- In a block of PL/pgSQL, as an upgrade is one, the word alone would begin another.
CREATE OR REPLACE FUNCTION {schema}."begin"(tasks text[], scopes text[], messages text[])
RETURNS TABLE (nth bigint, epoch bigint, key text, value bytea) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    epochs bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(tasks)]);
    asked record;
    given bigint;
    before text;
BEGIN
    FOR asked IN SELECT * FROM unnest(tasks, scopes, messages) WITH ORDINALITY AS a (task, scope, message, nth)
        ORDER BY task, scope, nth
    LOOP
        LOOP
            -- The epoch is given when the row is locked: who comes later has the greater one.
            INSERT INTO {schema}.task AS t (task, scope, message, state)
                VALUES (asked.task, asked.scope, asked.message, 0)
                ON CONFLICT (task, scope) DO UPDATE
                SET epoch = nextval('{schema}.epoch'), message = EXCLUDED.message, at = EXCLUDED.at
                WHERE t.state = 0
                RETURNING t.epoch INTO given;
            IF FOUND THEN
                epochs[asked.nth] := given;
                EXIT;
            END IF;
            SELECT t.message INTO before FROM {schema}.task t
                WHERE t.task = asked.task AND t.scope = asked.scope FOR UPDATE;
            CONTINUE WHEN NOT FOUND;
            EXIT WHEN asked.message IS NULL OR before IS NULL OR before = asked.message;
            -- A new task of an old name.
            DELETE FROM {schema}.task t WHERE t.task = asked.task AND t.scope = asked.scope;
            DELETE FROM {schema}.frame f WHERE f.task = asked.task AND f.scope = asked.scope;
        END LOOP;
    END LOOP;
    RETURN QUERY SELECT a.nth, a.epoch, f.key, f.value
        FROM unnest(tasks, scopes, epochs) WITH ORDINALITY AS a (task, scope, epoch, nth)
        LEFT JOIN {schema}.frame f ON a.epoch IS NOT NULL AND f.task = a.task AND f.scope = a.scope
        ORDER BY a.nth, f.seq;
END $$;

-- Records frames; returns the numbers, from 1, of those that are fenced.
CREATE OR REPLACE FUNCTION {schema}.record(tasks text[], scopes text[], epochs bigint[], keys text[], contents bytea[])
RETURNS TABLE (nth bigint) LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    frame record;
BEGIN
    FOR frame IN SELECT * FROM unnest(tasks, scopes, epochs, keys, contents) WITH ORDINALITY
        AS f (task, scope, epoch, key, value, nth) ORDER BY task, scope, nth
    LOOP
        -- Who begins it anew waits until this is committed.
        PERFORM FROM {schema}.task t
            WHERE t.task = frame.task AND t.scope = frame.scope AND t.epoch = frame.epoch AND t.state = 0 FOR SHARE;
        IF FOUND THEN
            INSERT INTO {schema}.frame (task, scope, key, value)
                VALUES (frame.task, frame.scope, frame.key, frame.value)
                ON CONFLICT (task, scope, key) DO UPDATE SET value = EXCLUDED.value;
        ELSE
            nth := frame.nth;
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;

-- Tasks that come to an end: they are done, or dropped.
CREATE OR REPLACE FUNCTION {schema}.finish(
    tasks text[], scopes text[], epochs bigint[], done boolean[], remembers boolean
) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    ending record;
    ours boolean;
BEGIN
    FOR ending IN SELECT * FROM unnest(tasks, scopes, epochs, done) AS e (task, scope, epoch, done) ORDER BY task, scope
    LOOP
        ours := false;
        IF NOT ending.done OR NOT remembers THEN
            -- Not, if that is remembered, one of a message that can be told from the one which comes when it is replayed.
            DELETE FROM {schema}.task t WHERE t.task = ending.task AND t.scope = ending.scope
                AND t.epoch = ending.epoch AND t.state = 0 AND (t.message IS NULL OR NOT remembers);
            ours := FOUND;
        END IF;
        IF NOT ours THEN
            UPDATE {schema}.task t SET state = 2, at = statement_timestamp()
                WHERE t.task = ending.task AND t.scope = ending.scope AND t.epoch = ending.epoch;
            ours := FOUND;
        END IF;
        IF ours THEN
            DELETE FROM {schema}.frame f WHERE f.task = ending.task AND f.scope = ending.scope;
        END IF;
    END LOOP;
END $$;

-- Makes a task ready for a message that is about to be sent, unless it was made so before. Whether it is done for it.
CREATE OR REPLACE FUNCTION {schema}.restore(
    task_ text, scope_ text, message_ text, keys text[], all_but boolean, known text[], contents bytea[]
) RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    before record;
BEGIN
    SELECT message, state INTO before FROM {schema}.task WHERE task = task_ AND scope = scope_ FOR UPDATE;
    IF FOUND THEN
        IF before.message = message_ THEN
            RETURN before.state > 0;
        END IF;
        IF before.state > 0 THEN
            DELETE FROM {schema}.task WHERE task = task_ AND scope = scope_;
            DELETE FROM {schema}.frame WHERE task = task_ AND scope = scope_;
        END IF;
    END IF;
    PERFORM {schema}.begin(ARRAY[task_], ARRAY[scope_], ARRAY[message_]);
    DELETE FROM {schema}.frame WHERE task = task_ AND scope = scope_ AND (key = ANY (keys)) <> all_but;
    INSERT INTO {schema}.frame (task, scope, key, value)
        SELECT task_, scope_, key, value FROM unnest(known, contents) AS k (key, value) ON CONFLICT DO NOTHING;
    RETURN false;
END $$;

-- Forgets some of the tasks that have come to their state before, and some of those that are done beyond so many. How many.
CREATE OR REPLACE FUNCTION {schema}.forget_old(unfinished timestamptz, done timestamptz, most bigint)
RETURNS bigint LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
    last timestamptz;
    dropped bigint;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- The newest of those that are too many.
    SELECT at INTO last FROM {schema}.task WHERE state = 2 ORDER BY at DESC OFFSET most LIMIT 1;
    WITH old AS (
        SELECT task, scope FROM {schema}.task
        WHERE state = 2 AND at < done OR state = 2 AND at <= last OR state < 2 AND at < unfinished
        LIMIT 2000 FOR UPDATE SKIP LOCKED
    ), frames AS (
        DELETE FROM {schema}.frame f USING old WHERE f.task = old.task AND f.scope = old.scope
    ) DELETE FROM {schema}.task t USING old WHERE t.task = old.task AND t.scope = old.scope;
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;
