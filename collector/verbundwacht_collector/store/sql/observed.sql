-- name: own_counters
-- Refusals and when each was last seen; per-host counts have names of their own.
SELECT name, value FROM counter
 WHERE name GLOB 'code:*' OR name GLOB 'at:*' OR name = 'report_set_aside'

-- name: heard_of
SELECT h.last_seen, h.interval_s, h.silent, h.facts_unknown
  FROM host h JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope} AND h.state = 'active'

-- name: odd_hosts
SELECT h.agent, h.name, m.name, coalesce(f.value, 0), coalesce(g.value, 0), coalesce(k.value, 0),
       h.clock_skew_ms
  FROM host h JOIN municipality m ON m.id = h.municipality_id
  LEFT JOIN counter f ON f.name = 'host:' || h.id || ':' || :fork
  LEFT JOIN counter g ON g.name = 'host:' || h.id || ':' || :gap
  LEFT JOIN counter k ON k.name = 'host:' || h.id || ':' || :clock
 WHERE {scope} AND h.state = 'active'
   AND (f.value > 0 OR g.value > 0 OR k.value > 0 OR h.clock_skew_ms <> 0)
 ORDER BY coalesce(f.value, 0) DESC, coalesce(g.value, 0) + coalesce(k.value, 0) DESC, h.name
 LIMIT 100

-- name: open_by_severity
SELECT a.severity, count(*) FROM alert a JOIN municipality m ON m.id = a.municipality_id
 WHERE {scope} AND a.state IN ('new', 'taken', 'fix_claimed') GROUP BY a.severity

-- name: outbox_states
SELECT d.state, count(*), min(d.created_at)
  FROM delivery d JOIN alert_event e ON e.id = d.event_id JOIN alert a ON a.id = e.alert_id
  JOIN municipality m ON m.id = a.municipality_id
 WHERE {scope} AND (d.state IN ('waiting', 'sending')
                    OR (d.state IN ('failed', 'expired') AND d.done_at > :since))
 GROUP BY d.state

-- name: open_channels
SELECT count(*) FROM channel c
 WHERE c.enabled = 1
   AND EXISTS (SELECT 1 FROM municipality m
                WHERE {scope} AND (m.id = c.municipality_id OR m.alliance_id = c.alliance_id))
