-- name: matching
WITH seen AS MATERIALIZED (
    SELECT h.id, h.agent, h.name, h.municipality_id, m.name AS municipality,
           is_stale(h.last_seen, h.interval_s, h.silent, h.facts_unknown) AS stale,
           {named} AS named
      FROM host h JOIN municipality m ON m.id = h.municipality_id
     WHERE {scope} AND h.state = 'active')
SELECT {columns}
  FROM seen CROSS JOIN finding f ON f.host_id = seen.id
 WHERE {filter}

-- name: tallied
WITH away AS MATERIALIZED (
    SELECT h.id, h.municipality_id, h.state = 'active' AS active
      FROM host h JOIN municipality m ON m.id = h.municipality_id
     WHERE {scope}
       AND (h.state <> 'active'
            OR is_stale(h.last_seen, h.interval_s, h.silent, h.facts_unknown))),
unseen AS MATERIALIZED (
    SELECT away.municipality_id, f.rule_id, f.outcome, away.active, count(*) AS findings
      FROM away CROSS JOIN finding f ON f.host_id = away.id
     GROUP BY 1, 2, 3, 4),
tally AS (
    SELECT t.municipality_id, t.rule_id, t.outcome AS shown, t.findings
      FROM rule_tally t JOIN municipality m ON m.id = t.municipality_id
     WHERE {scope}
    UNION ALL
    SELECT municipality_id, rule_id, outcome, -findings FROM unseen
    UNION ALL
    SELECT municipality_id, rule_id, 'stale', findings FROM unseen WHERE active)
SELECT {columns}
  FROM tally
 WHERE {filter}

-- name: lanes
WITH seen AS MATERIALIZED (
    SELECT h.id, h.name, m.name AS municipality,
           is_stale(h.last_seen, h.interval_s, h.silent, h.facts_unknown) AS stale
      FROM host h JOIN municipality m ON m.id = h.municipality_id
     WHERE {scope} AND h.state = 'active')
SELECT seen.id, CASE WHEN seen.stale THEN 'stale' ELSE t.outcome END AS shown, sum(t.findings)
  FROM seen JOIN host_tally t ON t.host_id = seen.id
 WHERE t.findings > 0
 GROUP BY 1, 2
 ORDER BY {order}, seen.municipality, seen.name, seen.id

-- name: unjudged_hosts
SELECT h.municipality_id, count(*)
  FROM host h JOIN municipality m ON m.id = h.municipality_id
 WHERE {scope} AND h.state = 'active'
   AND NOT EXISTS (SELECT 1 FROM host_tally t WHERE t.host_id = h.id AND t.findings > 0)
 GROUP BY h.municipality_id
