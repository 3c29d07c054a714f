-- How many findings there are, kept in the transaction that writes them: pages of a large region
-- would otherwise count hundreds of thousands of rows each time.
-- depends: 0001_initial

INSERT INTO schema_version (version) VALUES (5);

CREATE TABLE host_tally (
    host_id INTEGER NOT NULL REFERENCES host (id),
    outcome TEXT NOT NULL,
    findings INTEGER NOT NULL,
    PRIMARY KEY (host_id, outcome)
) WITHOUT ROWID;

CREATE TABLE rule_tally (
    municipality_id TEXT NOT NULL REFERENCES municipality (id),
    rule_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    findings INTEGER NOT NULL,
    PRIMARY KEY (municipality_id, rule_id, outcome)
) WITHOUT ROWID;

INSERT INTO host_tally SELECT host_id, outcome, count(*) FROM finding GROUP BY host_id, outcome;
INSERT INTO rule_tally
SELECT h.municipality_id, f.rule_id, f.outcome, count(*)
  FROM finding f JOIN host h ON h.id = f.host_id
 GROUP BY h.municipality_id, f.rule_id, f.outcome;

CREATE TRIGGER finding_added AFTER INSERT ON finding
BEGIN
    INSERT INTO host_tally VALUES (NEW.host_id, NEW.outcome, 1)
        ON CONFLICT DO UPDATE SET findings = findings + 1;
    INSERT INTO rule_tally
        VALUES ((SELECT municipality_id FROM host WHERE id = NEW.host_id), NEW.rule_id, NEW.outcome, 1)
        ON CONFLICT DO UPDATE SET findings = findings + 1;
END;

CREATE TRIGGER finding_dropped AFTER DELETE ON finding
BEGIN
    UPDATE host_tally SET findings = findings - 1
     WHERE host_id = OLD.host_id AND outcome = OLD.outcome;
    UPDATE rule_tally SET findings = findings - 1
     WHERE municipality_id = (SELECT municipality_id FROM host WHERE id = OLD.host_id)
       AND rule_id = OLD.rule_id AND outcome = OLD.outcome;
END;

CREATE TRIGGER finding_changed AFTER UPDATE OF outcome ON finding WHEN OLD.outcome <> NEW.outcome
BEGIN
    UPDATE host_tally SET findings = findings - 1
     WHERE host_id = OLD.host_id AND outcome = OLD.outcome;
    UPDATE rule_tally SET findings = findings - 1
     WHERE municipality_id = (SELECT municipality_id FROM host WHERE id = OLD.host_id)
       AND rule_id = OLD.rule_id AND outcome = OLD.outcome;
    INSERT INTO host_tally VALUES (NEW.host_id, NEW.outcome, 1)
        ON CONFLICT DO UPDATE SET findings = findings + 1;
    INSERT INTO rule_tally
        VALUES ((SELECT municipality_id FROM host WHERE id = NEW.host_id), NEW.rule_id, NEW.outcome, 1)
        ON CONFLICT DO UPDATE SET findings = findings + 1;
END;

CREATE TRIGGER host_moved AFTER UPDATE OF municipality_id ON host
    WHEN OLD.municipality_id <> NEW.municipality_id
BEGIN
    UPDATE rule_tally SET findings = findings - (
        SELECT count(*) FROM finding f
         WHERE f.host_id = NEW.id AND f.rule_id = rule_tally.rule_id
           AND f.outcome = rule_tally.outcome)
     WHERE municipality_id = OLD.municipality_id;
    INSERT INTO rule_tally
        SELECT NEW.municipality_id, rule_id, outcome, count(*) FROM finding
         WHERE host_id = NEW.id GROUP BY rule_id, outcome
        ON CONFLICT DO UPDATE SET findings = findings + excluded.findings;
END;

-- What a list asks for, in its order, without the wide table itself.
DROP INDEX finding_counts;
CREATE INDEX finding_by_outcome ON finding (host_id, outcome, rule_id, subject);

-- The minute's work looks hosts up by their id; without this each look-up reads every key there is.
CREATE INDEX key_of_host ON host_key (host_id);
