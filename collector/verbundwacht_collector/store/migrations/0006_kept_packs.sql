-- Every rule pack that ever judged, byte for byte: a verdict is evidence only as long as the rules
-- behind it can be applied again. Triggers, so that no way of installing one can forget it.
-- depends: 0001_initial

INSERT INTO schema_version (version) VALUES (6);

CREATE TABLE kept_pack (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    files BLOB NOT NULL
);
INSERT OR IGNORE INTO kept_pack SELECT digest, name, version, files FROM pack;

CREATE TRIGGER pack_installed AFTER INSERT ON pack
BEGIN
    INSERT INTO kept_pack
    SELECT NEW.digest, NEW.name, NEW.version, NEW.files
     WHERE NOT EXISTS (SELECT 1 FROM kept_pack WHERE digest = NEW.digest);
END;

CREATE TRIGGER pack_replaced AFTER UPDATE ON pack
BEGIN
    INSERT INTO kept_pack
    SELECT NEW.digest, NEW.name, NEW.version, NEW.files
     WHERE NOT EXISTS (SELECT 1 FROM kept_pack WHERE digest = NEW.digest);
END;
