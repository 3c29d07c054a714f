-- The language in which a person reads the pages; empty until they choose one.
-- depends: 0001_initial

INSERT INTO schema_version (version) VALUES (4);

ALTER TABLE person ADD COLUMN language TEXT CHECK (language IN ('de', 'en'));
