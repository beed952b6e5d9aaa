-- What the tables did not have at first. `priority` and `expires` are those of the message; `last_error` is why work on it has
-- failed last.

ALTER TABLE {schema}.queue ADD COLUMN IF NOT EXISTS last_error text;
ALTER TABLE {schema}.set_aside ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0;
ALTER TABLE {schema}.set_aside ADD COLUMN IF NOT EXISTS expires timestamptz;
ALTER TABLE {schema}.letter ADD COLUMN IF NOT EXISTS priority smallint NOT NULL DEFAULT 0;
