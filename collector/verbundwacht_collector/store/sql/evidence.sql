-- name: record
SELECT h.id, h.agent, h.municipality_id, h.name, h.receipt, k.spki, k.state, k.created_at
  FROM host h JOIN host_key k ON k.host_id = h.id JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope} AND h.agent = :agent

-- name: frames
-- The newest beat stands in the chain, and in the journal once it was cited or the day is over.
SELECT e.received_at, e.frame, e.id FROM envelope e WHERE e.host_id = :host_id
UNION ALL
SELECT c.beat_at, c.beat_frame, 9e15 FROM chain c
 WHERE c.host_id = :host_id AND c.beat_frame IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM envelope e
                    WHERE e.host_id = c.host_id AND e.hash = c.beat_hash AND e.seq IS NULL)
 ORDER BY 3

-- name: transitions
SELECT at, rule_id, subject, old, new, reason, evidence, pack_digest
  FROM finding_transition
 WHERE host_id = :host_id
   AND (:rule_id = '' OR rule_id = :rule_id AND (:whole OR subject = :subject))
 ORDER BY id

-- name: packs
SELECT digest, name, version, files FROM kept_pack ORDER BY digest

-- name: alert_proved
SELECT a.id, coalesce(h.agent, x''), a.number, a.fingerprint, a.rule_id, a.subject, a.severity,
       a.title, a.state, a.opened_at, a.changed_at, a.repeated
  FROM alert a JOIN municipality m ON m.id = a.municipality_id
  LEFT JOIN host h ON h.id = a.host_id
 WHERE {scope} AND a.number = :number

-- name: alert_steps
SELECT at, kind, reason, coalesce(evidence, x'') FROM alert_event
 WHERE alert_id = :alert_id ORDER BY id

-- name: town_body
SELECT b.doc, b.stored_at FROM body b JOIN municipality m ON m.id = b.municipality_id
 WHERE {scope} AND b.municipality_id = :town AND b.section = :section AND b.hash = :hash

-- name: audit
SELECT id, at, actor, action, object, detail, prev_hash, hash FROM audit ORDER BY id

-- name: audited_events
SELECT e.id, e.alert_id, e.at, e.kind, e.reason, e.text, e.audit_id FROM alert_event e ORDER BY e.id
