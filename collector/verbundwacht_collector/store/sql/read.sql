-- name: alerts
SELECT a.number, a.state, a.severity, a.rule_id, a.subject, a.title, a.municipality_id, m.name,
       coalesce(h.agent, x''), coalesce(h.name, ''), coalesce(h.simulated, 0), a.opened_at,
       a.changed_at, p.name, h.last_seen, h.interval_s, a.repeated, a.version, a.id, a.host_id,
       h.silent, a.assignee_id, a.fingerprint, a.held
  FROM alert a JOIN municipality m ON m.id = a.municipality_id
  LEFT JOIN host h ON h.id = a.host_id LEFT JOIN person p ON p.id = a.assignee_id
 WHERE {scope}

-- name: events
SELECT e.at, e.kind, p.name, e.text, e.reason, e.evidence
  FROM alert_event e LEFT JOIN person p ON p.id = e.actor_id
 WHERE e.alert_id = :alert_id ORDER BY e.id

-- name: evidence
SELECT e.seq, e.hash, e.kind, e.received_at, k.kid
  FROM envelope e JOIN host_key k ON k.host_id = e.host_id
 WHERE e.host_id = :host_id AND e.hash = :hash
UNION ALL
SELECT NULL, c.beat_hash, 'vw-beat/1', c.beat_at, k.kid
  FROM chain c JOIN host_key k ON k.host_id = c.host_id
 WHERE c.host_id = :host_id AND c.beat_hash = :hash
 LIMIT 1

-- name: finding
SELECT rule_id, subject, outcome, since, reason, readings, pack_digest, baseline
  FROM finding WHERE host_id = :host_id AND rule_id = :rule_id AND subject = :subject

-- name: predecessors
SELECT number, opened_at, state, changed_at FROM alert
 WHERE fingerprint = (SELECT fingerprint FROM alert WHERE id = :alert_id) AND id < :alert_id
 ORDER BY id DESC LIMIT 3

-- name: hosts
SELECT h.id, h.agent, h.name, h.municipality_id, m.name, h.os, h.last_seen, h.interval_s,
       h.simulated, h.state, h.agent_version, h.facts_unknown, h.clock_skew_ms,
       (SELECT count(*) FROM alert a WHERE a.host_id = h.id
           AND a.state IN ('new', 'taken', 'fix_claimed')), h.silent
  FROM host h JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope}
 ORDER BY m.name, h.name, h.id

-- name: outcomes
SELECT t.host_id, t.outcome, t.findings FROM host_tally t JOIN host h ON h.id = t.host_id
  JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope} AND t.findings > 0

-- name: sections
SELECT s.section, s.status, s.reason, s.reach, s.collected_at, s.since, b.doc
  FROM host_section s JOIN host h ON h.id = s.host_id
  LEFT JOIN body b ON b.municipality_id = h.municipality_id AND b.section = s.section
                  AND b.hash = s.hash
 WHERE s.host_id = :host_id

-- name: findings
SELECT h.agent, h.name, h.municipality_id, h.last_seen, h.interval_s, f.rule_id, f.subject,
       f.outcome, f.since, f.reason, f.readings, f.baseline, h.facts_unknown, h.silent,
       f.pack_digest
  FROM finding f JOIN host h ON h.id = f.host_id JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope}
 ORDER BY m.name, h.name, f.rule_id, f.subject

-- name: chain
SELECT c.hi, c.head, c.upto, c.beat_n, c.beat_at, k.kid, k.created_at
  FROM chain c JOIN host_key k ON k.host_id = c.host_id WHERE c.host_id = :host_id

-- name: municipalities
SELECT m.id, m.name, m.alliance_id, a.name, m.contact,
       (SELECT count(*) FROM host h WHERE h.municipality_id = m.id AND h.state = 'active'),
       (SELECT count(*) FROM alert x WHERE x.municipality_id = m.id
           AND x.state IN ('new', 'taken', 'fix_claimed'))
  FROM municipality m JOIN alliance a ON a.id = m.alliance_id
 WHERE {scope} ORDER BY m.name

-- name: serving_since
SELECT value FROM counter WHERE name = 'serving_since'

-- name: person_by_login
SELECT id, login, name, password_hash, disabled, language FROM person WHERE login = :login

-- name: person_by_id
SELECT id, login, name, password_hash, disabled, language FROM person WHERE id = :id

-- name: grants
SELECT role, municipality_id, alliance_id FROM "grant" WHERE person_id = :person_id
 ORDER BY role DESC

-- name: session
SELECT person_id, created_at, seen_at FROM session WHERE token_hash = :token_hash

-- name: frame
SELECT e.frame FROM envelope e JOIN host h ON h.id = e.host_id
  JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope} AND e.hash = :hash

-- name: newest_event
SELECT coalesce(max(id), 0) FROM alert_event

-- name: newest_event_of
SELECT e.id FROM alert_event e JOIN alert a ON a.id = e.alert_id
  JOIN municipality m ON m.id = a.municipality_id
 WHERE {scope} ORDER BY e.id DESC LIMIT 1

-- name: news
SELECT e.id, e.kind, a.number FROM alert_event e JOIN alert a ON a.id = e.alert_id
  JOIN municipality m ON m.id = a.municipality_id
 WHERE {scope} AND e.id > :after ORDER BY e.id LIMIT :limit

-- name: package_bodies
SELECT h.agent, h.name, h.municipality_id, b.hash,
       h.last_seen, h.interval_s, h.silent, h.facts_unknown
  FROM host_section s JOIN host h ON h.id = s.host_id
  JOIN municipality m ON m.id = h.municipality_id
  JOIN body b ON b.municipality_id = h.municipality_id AND b.section = s.section
             AND b.hash = s.hash
 WHERE {scope} AND s.section = 'packages' AND h.state = 'active'
 ORDER BY h.name, h.id

-- name: package_body
SELECT doc FROM body WHERE municipality_id = :town AND section = 'packages' AND hash = :hash

-- name: overlays
SELECT o.id, o.kind, o.municipality_id, o.host_id, o.fingerprint, o.starts_at, o.ends_at,
       o.weekly_until, o.reason, o.created_at, o.created_by, o.evidence, o.ended_at, o.ended_by,
       m.name, coalesce(h.agent, x''), coalesce(h.name, ''), coalesce(p.name, ''),
       (SELECT a.number FROM alert a WHERE a.fingerprint = o.fingerprint
         ORDER BY a.id DESC LIMIT 1)
  FROM overlay o JOIN municipality m ON m.id = o.municipality_id
  LEFT JOIN host h ON h.id = o.host_id LEFT JOIN person p ON p.id = o.created_by
 WHERE {scope} AND min(coalesce(o.weekly_until, o.ends_at), coalesce(o.ended_at, 9e15)) > :since
 ORDER BY o.starts_at, o.id

-- name: broken_lines
SELECT DISTINCT a.municipality_id FROM alert a JOIN municipality m ON m.id = a.municipality_id
 WHERE {scope} AND a.rule_id = 'system.municipality-silent'
   AND a.state IN ('new', 'taken', 'fix_claimed')
