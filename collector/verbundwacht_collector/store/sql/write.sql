-- name: host_by_kid
-- One indexed read gives everything the checks before the signature need.
SELECT h.id, h.agent, h.municipality_id, h.name, h.state, k.spki, k.state, h.last_seen,
       h.interval_s, h.applied_seq, h.manifest, h.facts_unknown, h.awaiting, h.silent, h.judged_by,
       h.absent_until,
       c.genesis, c.hi, c.head, c.upto, c.upto_hash, c.epoch, c.boot, c.explained,
       c.beat_n, c.beat_hash, c.beat_at
  FROM host_key k JOIN host h ON h.id = k.host_id JOIN chain c ON c.host_id = h.id
 WHERE k.kid = :kid

-- name: host_by_id
SELECT h.id, h.agent, h.municipality_id, h.name, h.state, k.spki, k.state, h.last_seen,
       h.interval_s, h.applied_seq, h.manifest, h.facts_unknown, h.awaiting, h.silent, h.judged_by,
       h.absent_until,
       c.genesis, c.hi, c.head, c.upto, c.upto_hash, c.epoch, c.boot, c.explained,
       c.beat_n, c.beat_hash, c.beat_at
  FROM host h JOIN host_key k ON k.host_id = h.id JOIN chain c ON c.host_id = h.id
 WHERE h.id = :id

-- name: envelope_at
SELECT hash, frame FROM envelope WHERE host_id = :host_id AND seq = :seq

-- name: seqs_after
SELECT seq, hash FROM envelope WHERE host_id = :host_id AND seq > :seq ORDER BY seq

-- name: add_envelope
INSERT INTO envelope (host_id, seq, hash, kind, code, received_at, frame)
VALUES (:host_id, :seq, :hash, :kind, :code, :received_at, :frame)

-- name: cite
UPDATE envelope SET cited = 1 WHERE host_id = :host_id AND hash = :hash

-- name: move_chain
-- Compare-and-set: a head that moved meanwhile leaves no row changed.
UPDATE chain SET hi = :hi, head = :head, upto = :upto, upto_hash = :upto_hash,
                 epoch = :epoch, boot = :boot, explained = :explained,
                 beat_n = :beat_n, beat_hash = :beat_hash
 WHERE host_id = :host_id AND hi = :old_hi AND head = :old_head

-- name: put_beat
UPDATE chain SET beat_n = :n, beat_hash = :hash, beat_at = :received_at, beat_frame = :frame
 WHERE host_id = :host_id

-- name: keep_beat
INSERT INTO envelope (host_id, seq, hash, kind, code, received_at, frame)
SELECT host_id, NULL, beat_hash, 'vw-beat/1', 0, beat_at, beat_frame
  FROM chain
 WHERE host_id = :host_id AND beat_frame IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM envelope e
                    WHERE e.host_id = chain.host_id AND e.hash = chain.beat_hash AND e.seq IS NULL)

-- name: seen
UPDATE host SET last_seen = :last_seen, interval_s = :interval_s, clock_skew_ms = 0,
                agent_version = :agent_version, facts_version = :facts_version
 WHERE id = :host_id

-- name: set_flags
UPDATE host SET awaiting = :awaiting, silent = :silent, facts_unknown = :facts_unknown
 WHERE id = :host_id

-- name: set_skew
UPDATE host SET clock_skew_ms = :skew WHERE id = :host_id

-- name: applied
UPDATE host SET applied_seq = :seq, manifest = :manifest, facts_unknown = 0 WHERE id = :host_id

-- name: judged
UPDATE host SET judged_by = :digest WHERE id = :host_id

-- name: has_body
SELECT 1 FROM body WHERE municipality_id = :municipality_id AND section = :section AND hash = :hash

-- name: put_body
INSERT INTO body (municipality_id, section, hash, doc, stored_at)
VALUES (:municipality_id, :section, :hash, :doc, :stored_at)
ON CONFLICT DO NOTHING

-- name: body
SELECT doc FROM body WHERE municipality_id = :municipality_id AND section = :section AND hash = :hash

-- name: sections
SELECT section, hash, status, reason, reach, collected_at, since
  FROM host_section WHERE host_id = :host_id

-- name: put_section
INSERT INTO host_section (host_id, section, hash, status, reason, reach, collected_at, since)
VALUES (:host_id, :section, :hash, :status, :reason, :reach, :collected_at, :since)
ON CONFLICT (host_id, section) DO UPDATE SET
    hash = excluded.hash, status = excluded.status, reason = excluded.reason,
    reach = excluded.reach, collected_at = excluded.collected_at, since = excluded.since

-- name: drop_section
DELETE FROM host_section WHERE host_id = :host_id AND section = :section

-- name: add_section_change
INSERT INTO host_section_change (host_id, section, hash, status, reason, seq, changed_at)
VALUES (:host_id, :section, :hash, :status, :reason, :seq, :changed_at)

-- name: findings
SELECT rule_id, subject, outcome, since, streak, known, baseline, reason, readings, pack_digest
  FROM finding WHERE host_id = :host_id

-- name: put_finding
INSERT INTO finding (host_id, rule_id, subject, outcome, since, streak, known, baseline, reason,
                     readings, pack_digest)
VALUES (:host_id, :rule_id, :subject, :outcome, :since, :streak, :known, :baseline, :reason,
        :readings, :pack_digest)
ON CONFLICT (host_id, rule_id, subject) DO UPDATE SET
    outcome = excluded.outcome, since = excluded.since, streak = excluded.streak,
    known = excluded.known, baseline = excluded.baseline, reason = excluded.reason,
    readings = excluded.readings, pack_digest = excluded.pack_digest

-- name: drop_finding
DELETE FROM finding WHERE host_id = :host_id AND rule_id = :rule_id AND subject = :subject

-- name: add_transition
INSERT INTO finding_transition
       (host_id, rule_id, subject, old, new, reason, at, evidence, pack_digest)
VALUES (:host_id, :rule_id, :subject, :old, :outcome, :reason, :at, :evidence, :pack_digest)

-- name: open_alerts
SELECT id, number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title, state,
       opened_at, changed_at, evidence, claimed_at, assignee_id, repeated, version
  FROM alert WHERE host_id = :host_id AND state IN ('new', 'taken', 'fix_claimed')

-- name: last_alert
SELECT id, number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title, state,
       opened_at, changed_at, evidence, claimed_at, assignee_id, repeated, version
  FROM alert WHERE fingerprint = :fingerprint ORDER BY id DESC LIMIT 1

-- name: alert_by_number
SELECT id, number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title, state,
       opened_at, changed_at, evidence, claimed_at, assignee_id, repeated, version
  FROM alert WHERE number = :number

-- name: add_alert
INSERT INTO alert (number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title,
                   state, opened_at, changed_at, evidence, predecessor_id)
VALUES (:number, :fingerprint, :municipality_id, :host_id, :rule_id, :subject, :severity, :title,
        :state, :opened_at, :changed_at, :evidence, :predecessor_id)

-- name: set_alert
UPDATE alert SET state = :state, changed_at = :changed_at, severity = :severity, title = :title,
                 evidence = :evidence, resolved_by = :resolved_by, claimed_at = :claimed_at,
                 assignee_id = :assignee_id, repeated = :repeated, version = version + 1
 WHERE id = :id AND version = :version

-- name: touch_alert
UPDATE alert SET version = version + 1, changed_at = :changed_at WHERE id = :id

-- name: add_event
INSERT INTO alert_event (alert_id, at, kind, reason, text, actor_id, evidence, audit_id)
VALUES (:alert_id, :at, :kind, :reason, :text, :actor_id, :evidence, :audit_id)

-- name: last_audit
SELECT hash FROM audit ORDER BY id DESC LIMIT 1

-- name: add_audit
INSERT INTO audit (at, actor, action, object, detail, prev_hash, hash)
VALUES (:at, :actor, :action, :object, :detail, :prev_hash, :hash)

-- name: channels_for
SELECT id, kind, recipient FROM channel
 WHERE enabled = 1
   AND (municipality_id = :municipality_id
        OR alliance_id = (SELECT alliance_id FROM municipality WHERE id = :municipality_id))
 ORDER BY id

-- name: told_channels
-- Who believes that this alert is open, and may therefore be told how it ended: the last
-- message that went out, may have, or is going out now, said so.
SELECT channel_id FROM (
    SELECT d.channel_id, e.kind,
           row_number() OVER (PARTITION BY d.channel_id ORDER BY e.id DESC) AS nth
      FROM alert_event e JOIN delivery d ON d.event_id = e.id
     WHERE e.alert_id = :alert_id AND (d.state IN ('delivered', 'sending') OR d.held = 2))
 WHERE nth = 1 AND kind NOT IN ('resolved', 'closed')

-- name: supersede
-- Something newer is to be said about this alert; what cannot have arrived yet need not.
UPDATE delivery SET state = 'superseded', done_at = :now
 WHERE state = 'waiting' AND held <> 2
   AND event_id IN (SELECT id FROM alert_event WHERE alert_id = :alert_id)

-- name: add_delivery
INSERT INTO delivery (id, event_id, channel_id, recipient, next_at, expires_at, created_at)
VALUES (:id, :event_id, :channel_id, :recipient, :now, :expires_at, :now)

-- name: count
INSERT INTO counter (name, value) VALUES (:name, :by)
ON CONFLICT (name) DO UPDATE SET value = value + excluded.value

-- name: set_counter
INSERT INTO counter (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: counter
SELECT value FROM counter WHERE name = :name

-- name: overdue_hosts
-- Silent by the interval the host itself last reported, not counting time before serve ran.
SELECT id FROM host
 WHERE state = 'active' AND silent = 0
   AND max(coalesce(last_seen, created_at + :grace), :serving_since) + 3 * interval_s * 1000 < :now
 ORDER BY id

-- name: hosts_to_judge
SELECT id FROM host WHERE applied_seq > 0 AND (judged_by IS NULL OR judged_by <> :digest)
 ORDER BY id LIMIT :limit

-- name: hosts_in_slot
SELECT id FROM host WHERE applied_seq > 0 AND state = 'active' AND id % 60 = :slot

-- name: overlays
SELECT id, kind, municipality_id, host_id, fingerprint, starts_at, ends_at, weekly_until, reason,
       created_at, created_by, evidence, ended_at, ended_by
  FROM overlay
 WHERE municipality_id = :municipality_id
   AND min(coalesce(weekly_until, ends_at), coalesce(ended_at, 9e15)) > :since

-- name: overlay
SELECT id, kind, municipality_id, host_id, fingerprint, starts_at, ends_at, weekly_until, reason,
       created_at, created_by, evidence, ended_at, ended_by
  FROM overlay WHERE id = :id

-- name: add_overlay
INSERT INTO overlay (kind, municipality_id, host_id, fingerprint, starts_at, ends_at, weekly_until,
                     reason, created_at, created_by, evidence, ended_at, ended_by)
VALUES (:kind, :municipality_id, :host_id, :fingerprint, :starts_at, :ends_at, :weekly_until,
        :reason, :created_at, :created_by, :evidence, :ended_at, :ended_by)

-- name: end_overlay
UPDATE overlay SET ended_at = :at, ended_by = :person_id WHERE id = :id AND ended_at IS NULL

-- name: set_absent
UPDATE host SET absent_until = :until WHERE id = :host_id

-- name: set_held
UPDATE alert SET held = :held WHERE id = :id AND held <> :held

-- name: held_alerts
SELECT id, number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title, state,
       opened_at, changed_at, evidence, claimed_at, assignee_id, repeated, version
  FROM alert WHERE held = 1 ORDER BY id

-- name: open_alerts_of
SELECT id, number, fingerprint, municipality_id, host_id, rule_id, subject, severity, title, state,
       opened_at, changed_at, evidence, claimed_at, assignee_id, repeated, version
  FROM alert WHERE rule_id = :rule_id AND state IN ('new', 'taken', 'fix_claimed') ORDER BY id

-- name: began_at
SELECT max(at) FROM alert_event WHERE alert_id = :alert_id AND kind IN ('opened', 'reopened')

-- name: heard
-- Since when it is silent, also if somebody closed the alert about that.
SELECT h.id, h.last_seen, h.interval_s * 1000,
       CASE WHEN h.silent THEN
       (SELECT max(e.at) FROM alert a JOIN alert_event e ON e.alert_id = a.id
         WHERE a.host_id = h.id AND a.rule_id = 'system.host-silent'
           AND e.kind IN ('opened', 'reopened')) END,
       h.absent_until
  FROM host h
 WHERE h.municipality_id = :municipality_id AND h.state = 'active' AND h.last_seen IS NOT NULL

-- name: newest_message
SELECT max(at), hash FROM (
    SELECT e.received_at AS at, e.hash AS hash
      FROM envelope e JOIN host h ON h.id = e.host_id
     WHERE h.municipality_id = :municipality_id
       AND e.seq = (SELECT hi FROM chain c WHERE c.host_id = e.host_id)
    UNION ALL
    SELECT c.beat_at, c.beat_hash FROM chain c JOIN host h ON h.id = c.host_id
     WHERE h.municipality_id = :municipality_id AND c.beat_at > 0)
 HAVING max(at) IS NOT NULL
