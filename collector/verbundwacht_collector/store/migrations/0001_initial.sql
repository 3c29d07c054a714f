-- Tenants from the first day on: state -> alliance -> municipality -> host.
-- Times are Unix milliseconds, hashes and keys raw bytes. Never edit a migration; add one.
-- depends:

CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO schema_version (version) VALUES (1);

CREATE TABLE alliance (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL
);

CREATE TABLE municipality (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    alliance_id TEXT NOT NULL REFERENCES alliance (id),
    contact TEXT,
    created_at INTEGER NOT NULL
);

CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    agent BLOB NOT NULL UNIQUE,
    municipality_id TEXT NOT NULL REFERENCES municipality (id),
    name TEXT NOT NULL,
    os TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active',
    simulated INTEGER NOT NULL DEFAULT 0,
    binding TEXT NOT NULL,
    receipt BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen INTEGER,
    interval_s INTEGER NOT NULL,
    agent_version TEXT,
    facts_version INTEGER,
    applied_seq INTEGER NOT NULL DEFAULT 0,
    manifest BLOB,
    facts_unknown INTEGER NOT NULL DEFAULT 0,
    awaiting INTEGER NOT NULL DEFAULT 0,
    silent INTEGER NOT NULL DEFAULT 0,
    clock_skew_ms INTEGER NOT NULL DEFAULT 0,
    judged_by TEXT
);
CREATE INDEX host_of_municipality ON host (municipality_id);

CREATE TABLE host_key (
    kid BLOB PRIMARY KEY,
    host_id INTEGER NOT NULL REFERENCES host (id),
    spki BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'active',
    created_at INTEGER NOT NULL
);

CREATE TABLE chain (
    host_id INTEGER PRIMARY KEY REFERENCES host (id),
    genesis BLOB NOT NULL,
    hi INTEGER NOT NULL DEFAULT 0,
    head BLOB NOT NULL,
    upto INTEGER NOT NULL DEFAULT 0,
    upto_hash BLOB NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,
    boot BLOB NOT NULL DEFAULT x'',
    explained TEXT NOT NULL DEFAULT '[]',
    beat_n INTEGER NOT NULL DEFAULT 0,
    beat_hash BLOB NOT NULL DEFAULT x'',
    beat_at INTEGER NOT NULL DEFAULT 0,
    beat_frame BLOB
);

-- Journal and evidence in one: the signed frames as received. Beats have no sequence number.
CREATE TABLE envelope (
    id INTEGER PRIMARY KEY,
    host_id INTEGER NOT NULL REFERENCES host (id),
    seq INTEGER,
    hash BLOB NOT NULL,
    kind TEXT NOT NULL,
    code INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    cited INTEGER NOT NULL DEFAULT 0,
    frame BLOB NOT NULL
);
CREATE UNIQUE INDEX envelope_of_host ON envelope (host_id, seq);

-- One document per distinct (municipality, section, hash); never shared across municipalities.
CREATE TABLE body (
    municipality_id TEXT NOT NULL REFERENCES municipality (id),
    section TEXT NOT NULL,
    hash BLOB NOT NULL,
    doc BLOB NOT NULL,
    stored_at INTEGER NOT NULL,
    PRIMARY KEY (municipality_id, section, hash)
);

CREATE TABLE host_section (
    host_id INTEGER NOT NULL REFERENCES host (id),
    section TEXT NOT NULL,
    hash BLOB NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    reach TEXT NOT NULL,
    collected_at INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (host_id, section)
);

CREATE TABLE host_section_change (
    id INTEGER PRIMARY KEY,
    host_id INTEGER NOT NULL REFERENCES host (id),
    section TEXT NOT NULL,
    hash BLOB NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    seq INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
);

CREATE TABLE pack (
    name TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    files BLOB NOT NULL,
    installed_at INTEGER NOT NULL
);

CREATE TABLE finding (
    host_id INTEGER NOT NULL REFERENCES host (id),
    rule_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    since INTEGER NOT NULL,
    streak INTEGER NOT NULL,
    known INTEGER NOT NULL,
    baseline INTEGER NOT NULL,
    reason TEXT NOT NULL,
    readings TEXT NOT NULL,
    pack_digest TEXT NOT NULL,
    PRIMARY KEY (host_id, rule_id, subject)
);

CREATE TABLE finding_transition (
    id INTEGER PRIMARY KEY,
    host_id INTEGER NOT NULL REFERENCES host (id),
    rule_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    old TEXT,
    new TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    evidence BLOB NOT NULL,
    pack_digest TEXT NOT NULL
);
-- For counting: the table itself is wide, the counts need only these.
CREATE INDEX finding_counts ON finding (host_id, rule_id, outcome);

CREATE INDEX transition_of_finding ON finding_transition (host_id, rule_id, subject);

CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
);

CREATE TABLE "grant" (
    person_id INTEGER NOT NULL REFERENCES person (id),
    role TEXT NOT NULL CHECK (role IN ('municipal', 'soc')),
    municipality_id TEXT REFERENCES municipality (id),
    alliance_id TEXT REFERENCES alliance (id),
    UNIQUE (person_id, role, municipality_id, alliance_id),
    CHECK ((role = 'soc') = (alliance_id IS NOT NULL)),
    CHECK ((role = 'municipal') = (municipality_id IS NOT NULL))
);

CREATE TABLE session (
    token_hash BLOB PRIMARY KEY,
    person_id INTEGER NOT NULL REFERENCES person (id),
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);

CREATE TABLE alert (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    municipality_id TEXT NOT NULL REFERENCES municipality (id),
    host_id INTEGER NOT NULL REFERENCES host (id),
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
    version INTEGER NOT NULL DEFAULT 1
);
-- The first invariant, kept by the database itself: one open alert per fingerprint.
CREATE UNIQUE INDEX one_open_alert ON alert (fingerprint)
    WHERE state IN ('new', 'taken', 'fix_claimed');
CREATE INDEX alert_of_host ON alert (host_id, state);
CREATE INDEX alert_by_fingerprint ON alert (fingerprint, changed_at);
CREATE INDEX alert_of_municipality ON alert (municipality_id, state);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);

CREATE TABLE alert_event (
    id INTEGER PRIMARY KEY,
    alert_id INTEGER NOT NULL REFERENCES alert (id),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    text TEXT NOT NULL DEFAULT '',
    actor_id INTEGER REFERENCES person (id),
    evidence BLOB,
    audit_id INTEGER NOT NULL REFERENCES audit (id)
);
CREATE INDEX event_of_alert ON alert_event (alert_id);

CREATE TABLE channel (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    recipient TEXT NOT NULL,
    municipality_id TEXT REFERENCES municipality (id),
    alliance_id TEXT REFERENCES alliance (id),
    enabled INTEGER NOT NULL DEFAULT 1,
    UNIQUE (kind, recipient, municipality_id, alliance_id)
);

CREATE TABLE delivery (
    id TEXT PRIMARY KEY,
    event_id INTEGER NOT NULL REFERENCES alert_event (id),
    channel_id INTEGER NOT NULL REFERENCES channel (id),
    recipient TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sending', 'delivered', 'failed', 'superseded', 'expired')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL,
    response TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    done_at INTEGER,
    UNIQUE (event_id, recipient, channel_id)
);
CREATE INDEX delivery_due ON delivery (next_at) WHERE state IN ('waiting', 'sending');

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
);
