-- Messages that are about no single alert event (bundle, digest, test), and what the cap on
-- messages per hour needs to know of each delivery.
-- depends: 0001_initial

INSERT INTO schema_version (version) VALUES (3);

ALTER TABLE channel ADD COLUMN created_at INTEGER DEFAULT 0;
-- A channel that is there already gets its first digest on the morning after.
UPDATE channel SET created_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;

-- period: what makes it the only one of its kind for a channel; the digest's is its day.
CREATE TABLE notice (
    id TEXT PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel (id),
    kind TEXT NOT NULL CHECK (kind IN ('bundle', 'digest', 'test')),
    period TEXT NOT NULL,
    content TEXT NOT NULL,
    actor_id INTEGER REFERENCES person (id),
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN
        ('waiting', 'sending', 'delivered', 'failed', 'superseded', 'expired', 'calm')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL,
    response TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    tried_at INTEGER,
    done_at INTEGER,
    UNIQUE (channel_id, kind, period)
);
CREATE INDEX notice_due ON notice (next_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX notice_delivered ON notice (channel_id, done_at) WHERE state = 'delivered';
CREATE INDEX notice_failed ON notice (channel_id, tried_at) WHERE state <> 'delivered';
CREATE INDEX notice_newest ON notice (channel_id, kind, created_at);

-- held: above the cap, waits for the next bundle. notice_id: the bundle that carries it.
ALTER TABLE delivery ADD COLUMN held INTEGER DEFAULT 0;
ALTER TABLE delivery ADD COLUMN notice_id TEXT REFERENCES notice (id);
ALTER TABLE delivery ADD COLUMN tried_at INTEGER;
UPDATE delivery SET tried_at = coalesce(done_at, next_at) WHERE attempts > 0;

CREATE INDEX delivery_direct ON delivery (channel_id, done_at)
    WHERE state = 'delivered' AND notice_id IS NULL;
CREATE INDEX delivery_open ON delivery (channel_id, state, held)
    WHERE state IN ('waiting', 'sending') AND notice_id IS NULL;
CREATE INDEX delivery_failed ON delivery (channel_id, tried_at) WHERE state <> 'delivered';
CREATE INDEX delivery_of_notice ON delivery (notice_id) WHERE notice_id IS NOT NULL;
