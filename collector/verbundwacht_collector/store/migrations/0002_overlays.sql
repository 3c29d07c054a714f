-- Pause, maintenance and announced absence: rows with an end, never states of an alert.
-- An alert may be about a municipality as a whole (many hosts fell silent at once).
-- depends: 0001_initial

INSERT INTO schema_version (version) VALUES (2);

CREATE TABLE overlay (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('pause', 'maintenance', 'absence')),
    municipality_id TEXT NOT NULL REFERENCES municipality (id),
    host_id INTEGER REFERENCES host (id),
    fingerprint BLOB,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    weekly_until INTEGER,
    reason TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by INTEGER REFERENCES person (id),
    evidence BLOB,
    ended_at INTEGER,
    ended_by INTEGER REFERENCES person (id),
    CHECK (ends_at > starts_at),
    CHECK ((kind = 'pause') = (fingerprint IS NOT NULL)),
    CHECK (kind <> 'absence' OR host_id IS NOT NULL),
    CHECK (weekly_until IS NULL OR kind = 'maintenance')
);
CREATE INDEX overlay_of_municipality ON overlay (municipality_id);

ALTER TABLE host ADD COLUMN absent_until INTEGER;

-- host_id may be empty from now on. SQLite changes a column only with the table.
CREATE TABLE alert_of_2 (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    municipality_id TEXT NOT NULL REFERENCES municipality (id),
    host_id INTEGER REFERENCES host (id),
    rule_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'taken', 'fix_claimed', 'resolved', 'closed')),
    opened_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    evidence BLOB NOT NULL,
    resolved_by BLOB,
    claimed_at INTEGER,
    assignee_id INTEGER REFERENCES person (id),
    predecessor_id INTEGER REFERENCES alert (id),
    repeated INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    held INTEGER NOT NULL DEFAULT 0
);
INSERT INTO alert_of_2
SELECT id, number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title, state,
       opened_at, changed_at, evidence, resolved_by, claimed_at, assignee_id, predecessor_id,
       repeated, version, 0
  FROM alert;
DROP TABLE alert;
ALTER TABLE alert_of_2 RENAME TO alert;
CREATE UNIQUE INDEX one_open_alert ON alert (fingerprint)
    WHERE state IN ('new', 'taken', 'fix_claimed');
CREATE INDEX alert_of_host ON alert (host_id, state);
CREATE INDEX alert_by_fingerprint ON alert (fingerprint, changed_at);
CREATE INDEX alert_of_municipality ON alert (municipality_id, state);
CREATE INDEX held_alert ON alert (municipality_id) WHERE held = 1;
