-- For programs in any language. What is here stays as it is within a major version of the tables.

-- What both `send`s do. Returns the id that deliveries of the message have; nothing if it is there already, by its `dedup`, or
-- else by its name.
CREATE OR REPLACE FUNCTION {schema}.send_one(
    queue_ text, kind_ text, body_ text, bytes_ bytea, id_ text, dedup_ text, grp_ text, delay_ interval, priority_ integer,
    expires_ interval, attributes_ jsonb
) RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '2s' AS $$
DECLARE
    number_ integer;
    bodies_ text;
    all_ jsonb := coalesce(attributes_, '{}');
    seq_ bigint;
BEGIN
    SELECT n.queue, n.bodies INTO number_, bodies_ FROM {schema}.queue_name n WHERE n.name = queue_;
    IF number_ IS NULL THEN
        RAISE EXCEPTION 'there is no queue `%`', queue_
            USING ERRCODE = 'undefined_object', HINT = 'a program that opens it makes it';
    END IF;
    IF body_ IS NULL AND bytes_ IS NULL THEN
        RAISE EXCEPTION 'a message has a body, and this is NULL' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF (bodies_ = 'text') <> (body_ IS NOT NULL) THEN
        RAISE EXCEPTION 'the bodies of the queue `%` are %, and this one is not', queue_, bodies_
            USING ERRCODE = 'datatype_mismatch';
    END IF;
    IF greatest(octet_length(id_), octet_length(dedup_), octet_length(grp_), octet_length(kind_)) > 1024 THEN
        RAISE EXCEPTION 'an id, a dedup, a group and a kind have up to 1,024 bytes each' USING ERRCODE = 'name_too_long';
    END IF;
    IF jsonb_typeof(all_) <> 'object' THEN
        RAISE EXCEPTION 'attributes are an object of texts' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF EXISTS (SELECT FROM jsonb_each(all_) a WHERE jsonb_typeof(a.value) <> 'string') THEN
        RAISE EXCEPTION 'attributes are an object of texts' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF kind_ IS NOT NULL THEN
        all_ := all_ || jsonb_build_object('kind', kind_);
    END IF;
    IF grp_ IS NOT NULL THEN
        INSERT INTO {schema}.moved (queue, grp) VALUES (number_, grp_);
    END IF;
    INSERT INTO {schema}.queue (queue, state, id, dedup, grp, kind, priority, expires, due, attributes, body, bytes)
        SELECT number_, CASE WHEN grp_ IS NOT NULL THEN 3 WHEN delay_ > interval '0' THEN 1 ELSE 0 END, id_, dedup_, grp_,
            all_ ->> 'kind', coalesce(priority_, 0)::smallint, statement_timestamp() + expires_,
            CASE WHEN delay_ > interval '0' THEN statement_timestamp() + delay_ END,
            CASE WHEN all_ <> '{}' THEN all_ END, body_, bytes_
        WHERE id_ IS NULL OR dedup_ IS NOT NULL
            OR (SELECT true FROM {schema}.queue q WHERE q.queue = number_ AND q.id = id_ LIMIT 1) IS NULL
        ON CONFLICT DO NOTHING RETURNING seq INTO seq_;
    RETURN CASE WHEN seq_ IS NOT NULL
        THEN coalesce(id_, (SELECT home FROM {schema}.meta WHERE one) || '-' || seq_) END;
END $$;

-- Stores a message, in the transaction that it is called in.
CREATE OR REPLACE FUNCTION {schema}.send(
    queue text, kind text, body text, id text DEFAULT NULL, dedup text DEFAULT NULL, grp text DEFAULT NULL,
    delay interval DEFAULT NULL, priority integer DEFAULT 0, expires interval DEFAULT NULL, attributes jsonb DEFAULT NULL
) RETURNS text LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    SELECT {schema}.send_one($1, $2, $3, NULL, $4, $5, $6, $7, $8, $9, $10)
$$;

-- The same for a queue whose bodies are bytes.
CREATE OR REPLACE FUNCTION {schema}.send(
    queue text, kind text, body bytea, id text DEFAULT NULL, dedup text DEFAULT NULL, grp text DEFAULT NULL,
    delay interval DEFAULT NULL, priority integer DEFAULT 0, expires interval DEFAULT NULL, attributes jsonb DEFAULT NULL
) RETURNS text LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    SELECT {schema}.send_one($1, $2, NULL, $3, $4, $5, $6, $7, $8, $9, $10)
$$;

-- Wakes those who wait for messages of the queue, in all programs: to be called by itself, when what was sent is committed.
-- Without it they find it within a second. It takes a lock of the whole database for a moment.
CREATE OR REPLACE FUNCTION {schema}.wake(queue text) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    SELECT pg_notify(s.nspname, n.queue::text)
        FROM {schema}.queue_name n, pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
        WHERE n.name = $1 AND c.oid = '{schema}.meta'::regclass
$$;

-- Removes the messages of this id from the queue, whatever their state. Who works on one is told when its lease is next
-- extended. Returns how many there were.
CREATE OR REPLACE FUNCTION {schema}.cancel(queue text, id text) RETURNS bigint LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    SELECT count(c.seq) FROM {schema}.queue_name n, {schema}.meta m, LATERAL {schema}.cancel(
        n.queue, ARRAY[$2],
        ARRAY(SELECT substr($2, length(m.home) + 2)::bigint WHERE $2 ~ ('^' || m.home || '-[0-9]{1,18}$'))
    ) AS c WHERE n.name = $1 AND m.one
$$;

-- The same in every queue.
CREATE OR REPLACE FUNCTION {schema}.cancel(id text) RETURNS bigint LANGUAGE sql
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
    SELECT coalesce(sum({schema}.cancel(n.name, $1)), 0)::bigint FROM {schema}.queue_name n
$$;
