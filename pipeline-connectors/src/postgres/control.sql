-- What all instances of a service are told, on any machine: `number` grows with each change.
CREATE TABLE IF NOT EXISTS {schema}.control (
    service text PRIMARY KEY,
    number bigint NOT NULL,
    orders text NOT NULL
);

-- Puts this in place of what has that number, 0 where there is none: whether it did.
CREATE OR REPLACE FUNCTION {schema}.control_write(service_ text, number_ bigint, orders_ text) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off SET lock_timeout = '10s' AS $$
BEGIN
    IF number_ = 0 THEN
        INSERT INTO {schema}.control (service, number, orders) VALUES (service_, 1, orders_) ON CONFLICT DO NOTHING;
    ELSE
        UPDATE {schema}.control c SET number = c.number + 1, orders = orders_
            WHERE c.service = service_ AND c.number = number_;
    END IF;
    RETURN FOUND;
END $$;
