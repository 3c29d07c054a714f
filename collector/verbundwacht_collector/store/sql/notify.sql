-- name: due_deliveries
-- The last two: an earlier message about this alert is not through yet; the last one that is.
SELECT d.id, c.kind, d.recipient, d.attempts, d.expires_at, d.created_at, e.kind, e.reason, e.at,
       a.id, a.number, a.severity, a.title, a.rule_id, a.subject, coalesce(h.name, ''), m.name,
       coalesce(h.simulated, 0), d.channel_id,
       d.state = 'sending' OR (d.held = 2 AND coalesce(d.tried_at, 0) > :since), d.held,
       EXISTS (SELECT 1 FROM alert_event oe JOIN delivery o ON o.event_id = oe.id
                WHERE oe.alert_id = a.id AND oe.id < e.id AND o.channel_id = d.channel_id
                  AND o.state IN ('waiting', 'sending')),
       (SELECT oe.kind FROM alert_event oe JOIN delivery o ON o.event_id = oe.id
         WHERE oe.alert_id = a.id AND oe.id < e.id AND o.channel_id = d.channel_id
           AND (o.state = 'delivered' OR o.held = 2)
         ORDER BY oe.id DESC LIMIT 1)
  FROM delivery d JOIN alert_event e ON e.id = d.event_id JOIN alert a ON a.id = e.alert_id
  JOIN channel c ON c.id = d.channel_id JOIN municipality m ON m.id = a.municipality_id
  LEFT JOIN host h ON h.id = a.host_id
 WHERE d.state IN ('waiting', 'sending') AND d.next_at <= :now AND d.lease_until <= :now
   AND d.notice_id IS NULL
 ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
          d.next_at, d.id
 LIMIT :limit

-- name: claim_delivery
-- 2: a try whose end nobody saw, since its sender died; the message may have arrived.
UPDATE delivery SET state = 'sending', lease_until = :lease_until, attempts = attempts + 1,
                    held = CASE WHEN state = 'sending' THEN 2 ELSE held END
 WHERE id = :id AND state IN ('waiting', 'sending') AND lease_until <= :now

-- name: finish_delivery
-- Who lost the lease may still say that it went out, but not that it did not.
UPDATE delivery SET state = :state, next_at = :next_at, lease_until = 0, response = :response,
                    tried_at = :tried_at, done_at = :done_at
 WHERE id = :id AND state IN ('waiting', 'sending')
   AND (lease_until = :lease_until OR :state = 'delivered')

-- name: drop_delivery
UPDATE delivery SET state = :state, response = :response, lease_until = 0, done_at = :now,
                    tried_at = CASE WHEN state = 'sending' THEN :now ELSE tried_at END,
                    held = CASE WHEN state = 'sending' THEN 2 ELSE held END
 WHERE id = :id AND state IN ('waiting', 'sending') AND lease_until <= :now

-- name: postpone_delivery
UPDATE delivery SET next_at = :next_at WHERE id = :id AND state IN ('waiting', 'sending')

-- name: overtaken
-- Something newer is to be said about the same alert, and this cannot have arrived.
SELECT EXISTS (SELECT 1 FROM alert_event n JOIN alert_event e ON e.alert_id = n.alert_id
                 JOIN delivery d ON d.event_id = e.id
                WHERE d.id = :id AND d.held <> 2 AND n.id > e.id
                  AND n.kind IN ('opened', 'reopened', 'raised', 'cover_ended', 'resolved', 'closed'))

-- name: direct_in_hour
SELECT count(*), min(done_at) FROM delivery
 WHERE channel_id = :channel_id AND state = 'delivered' AND notice_id IS NULL
   AND done_at > :since AND done_at <= :now

-- name: being_sent
SELECT count(*) FROM delivery
 WHERE channel_id = :channel_id AND state IN ('waiting', 'sending') AND notice_id IS NULL
   AND state = 'sending'

-- name: perhaps_in_hour
SELECT count(*) FROM delivery
 WHERE channel_id = :channel_id AND state <> 'delivered' AND tried_at > :since
   AND tried_at <= :now AND held = 2 AND state <> 'sending' AND notice_id IS NULL

-- name: held_until
SELECT min(next_at) FROM delivery
 WHERE channel_id = :channel_id AND state IN ('waiting', 'sending') AND notice_id IS NULL
   AND state = 'waiting' AND held = 1

-- name: last_bundle
SELECT state, next_at, lease_until, done_at, attempts FROM notice
 WHERE channel_id = :channel_id AND kind = 'bundle' ORDER BY created_at DESC LIMIT 1

-- name: hold_delivery
UPDATE delivery SET held = 1, next_at = :next_at WHERE id = :id AND state = 'waiting'

-- name: hold_until
UPDATE delivery SET next_at = :next_at
 WHERE channel_id = :channel_id AND state IN ('waiting', 'sending') AND notice_id IS NULL
   AND state = 'waiting' AND held = 1

-- name: bundle
-- next_at leads out of the way: from now on the bundle decides when.
UPDATE delivery SET notice_id = :notice_id, next_at = :expires_at
 WHERE channel_id = :channel_id AND state IN ('waiting', 'sending') AND notice_id IS NULL
   AND state = 'waiting' AND held = 1 AND expires_at > :now

-- name: bundled
SELECT e.kind, e.reason, e.at, a.number, a.severity, a.title, a.rule_id, a.subject,
       coalesce(h.name, ''), m.name, coalesce(h.simulated, 0)
  FROM delivery d JOIN alert_event e ON e.id = d.event_id JOIN alert a ON a.id = e.alert_id
  JOIN municipality m ON m.id = a.municipality_id LEFT JOIN host h ON h.id = a.host_id
 WHERE d.notice_id = :notice_id AND d.state IN ('waiting', 'sending')
 ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
          e.id

-- name: claim_bundled
UPDATE delivery SET state = 'sending', attempts = attempts + 1,
                    held = CASE WHEN state = 'sending' THEN 2 ELSE held END
 WHERE notice_id = :notice_id AND state IN ('waiting', 'sending')

-- name: return_bundled
-- Not sent: what was overtaken meanwhile is not told any more, the rest waits on.
WITH gone AS MATERIALIZED (
    SELECT d.id FROM delivery d JOIN alert_event e ON e.id = d.event_id
     WHERE d.notice_id = :notice_id AND d.held <> 2 AND EXISTS (
           SELECT 1 FROM alert_event n WHERE n.alert_id = e.alert_id AND n.id > e.id
              AND n.kind IN ('opened', 'reopened', 'raised', 'cover_ended', 'resolved', 'closed')))
UPDATE delivery
   SET response = :response,
       state = CASE WHEN id IN (SELECT id FROM gone) THEN 'superseded' ELSE 'waiting' END,
       done_at = CASE WHEN id IN (SELECT id FROM gone) THEN :now END
 WHERE notice_id = :notice_id AND state = 'sending'

-- name: finish_bundled
UPDATE delivery SET state = :state, response = :response, done_at = :now
 WHERE notice_id = :notice_id AND state IN ('waiting', 'sending')

-- name: add_notice
INSERT INTO notice (id, channel_id, kind, period, content, actor_id, state, next_at, expires_at,
                    created_at)
VALUES (:id, :channel_id, :kind, :period, :content, :actor_id, :state, :now, :expires_at, :now)
ON CONFLICT DO NOTHING

-- name: due_notices
SELECT n.id, n.kind, n.channel_id, c.kind, c.recipient, n.content, n.attempts, n.expires_at,
       n.created_at, coalesce(p.name, '')
  FROM notice n JOIN channel c ON c.id = n.channel_id LEFT JOIN person p ON p.id = n.actor_id
 WHERE n.state IN ('waiting', 'sending') AND n.next_at <= :now AND n.lease_until <= :now
 ORDER BY n.next_at, n.id LIMIT :limit

-- name: claim_notice
UPDATE notice SET state = 'sending', lease_until = :lease_until, attempts = attempts + 1
 WHERE id = :id AND state IN ('waiting', 'sending') AND lease_until <= :now

-- name: finish_notice
UPDATE notice SET state = :state, next_at = :next_at, lease_until = 0, response = :response,
                  tried_at = :tried_at, done_at = :done_at
 WHERE id = :id AND state IN ('waiting', 'sending')
   AND (lease_until = :lease_until OR :state = 'delivered')

-- name: drop_notice
UPDATE notice SET state = :state, response = :response, lease_until = 0, done_at = :now
 WHERE id = :id AND state IN ('waiting', 'sending') AND lease_until <= :now

-- name: disable_channel
UPDATE channel SET enabled = 0 WHERE id = :channel_id

-- name: channels_without_digest
SELECT c.id, c.municipality_id, c.alliance_id FROM channel c
 WHERE c.enabled = 1 AND c.kind = 'mail' AND coalesce(c.created_at, 0) <= :due_at
   AND NOT EXISTS (SELECT 1 FROM notice n WHERE n.channel_id = c.id AND n.kind = 'digest'
                      AND n.period = :day)
 ORDER BY c.id

-- name: channels
SELECT c.id, c.kind, c.recipient, c.enabled, coalesce(m.name, l.name),
       (SELECT max(done_at) FROM delivery WHERE channel_id = c.id AND state = 'delivered'
           AND notice_id IS NULL),
       (SELECT max(done_at) FROM notice WHERE channel_id = c.id AND state = 'delivered')
  FROM channel c LEFT JOIN municipality m ON m.id = c.municipality_id
  LEFT JOIN alliance l ON l.id = c.alliance_id
 WHERE {own}
 ORDER BY c.enabled DESC, coalesce(m.name, ''), c.kind, c.recipient, c.id

-- name: failures
-- The newest ones are enough: nobody counts beyond them. Tries before the last success of a
-- message that is older than it are not counted.
SELECT * FROM (
    SELECT tried_at, response,
           CASE WHEN created_at > :since THEN max(attempts - (state = 'sending'), 1) ELSE 1 END
      FROM delivery WHERE channel_id = :channel_id AND state <> 'delivered' AND tried_at > :since
     ORDER BY tried_at DESC LIMIT :limit)
UNION ALL
SELECT * FROM (
    SELECT tried_at, response,
           CASE WHEN created_at > :since THEN max(attempts - (state = 'sending'), 1) ELSE 1 END
      FROM notice WHERE channel_id = :channel_id AND state <> 'delivered' AND tried_at > :since
     ORDER BY tried_at DESC LIMIT :limit)

-- name: last_test
SELECT n.state, n.created_at, n.done_at, n.response, coalesce(p.name, '')
  FROM notice n LEFT JOIN person p ON p.id = n.actor_id
 WHERE n.channel_id = :channel_id AND n.kind = 'test' ORDER BY n.created_at DESC LIMIT 1

-- name: tests_since
SELECT count(*), coalesce(sum(state IN ('waiting', 'sending') AND expires_at > :now), 0)
  FROM notice WHERE channel_id = :channel_id AND kind = 'test' AND created_at > :since

-- name: digest_counts
SELECT a.severity, count(*), sum(a.opened_at > :since)
  FROM alert a JOIN municipality m ON m.id = a.municipality_id
 WHERE {scope} AND a.state IN ('new', 'taken', 'fix_claimed')
 GROUP BY a.severity

-- name: digest_alerts
SELECT a.number, a.severity, a.state, a.title, a.subject, a.rule_id, m.name, coalesce(h.name, ''),
       coalesce(h.simulated, 0), a.opened_at, a.opened_at > :since
  FROM alert a JOIN municipality m ON m.id = a.municipality_id LEFT JOIN host h ON h.id = a.host_id
 WHERE {scope} AND a.state IN ('new', 'taken', 'fix_claimed')
 ORDER BY CASE a.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END,
          a.opened_at, a.id
 LIMIT :limit

-- name: digest_overlays
SELECT o.kind, m.name, coalesce(h.name, ''),
       coalesce((SELECT a.number FROM alert a WHERE a.fingerprint = o.fingerprint
                  ORDER BY a.changed_at DESC LIMIT 1), ''),
       coalesce(o.weekly_until, o.ends_at), o.reason
  FROM overlay o JOIN municipality m ON m.id = o.municipality_id LEFT JOIN host h ON h.id = o.host_id
 WHERE {scope} AND o.ended_at IS NULL AND o.starts_at <= :now
   AND coalesce(o.weekly_until, o.ends_at) > :now AND coalesce(o.weekly_until, o.ends_at) <= :until
 ORDER BY coalesce(o.weekly_until, o.ends_at), o.id LIMIT :limit

-- name: digest_undelivered
SELECT c.kind, c.recipient, count(*),
       coalesce((SELECT l.response FROM delivery l
                  WHERE l.channel_id = c.id AND l.state <> 'delivered' AND l.tried_at IS NOT NULL
                  ORDER BY l.tried_at DESC LIMIT 1), '')
  FROM channel c JOIN delivery d ON d.channel_id = c.id
 WHERE {own} AND d.state <> 'delivered' AND d.state IN ('failed', 'expired') AND d.done_at > :since
 GROUP BY c.id ORDER BY c.id

-- name: deliveries
-- An address that belongs to others is not told, nor what their server answered.
SELECT c.kind, CASE WHEN {own} THEN d.recipient ELSE '' END, d.state, d.attempts, d.created_at,
       d.done_at, CASE WHEN {own} THEN d.response ELSE '' END, e.kind,
       CASE WHEN d.state = 'waiting' THEN coalesce(n.next_at, d.next_at) END,
       coalesce(n.tried_at, d.tried_at), d.held = 1 OR d.notice_id IS NOT NULL
  FROM delivery d JOIN channel c ON c.id = d.channel_id JOIN alert_event e ON e.id = d.event_id
  JOIN alert a ON a.id = e.alert_id JOIN municipality m ON m.id = a.municipality_id
  LEFT JOIN municipality cm ON cm.id = c.municipality_id LEFT JOIN notice n ON n.id = d.notice_id
 WHERE {scope} AND e.alert_id = :alert_id ORDER BY d.created_at, d.id
