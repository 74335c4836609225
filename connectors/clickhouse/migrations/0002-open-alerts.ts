import type { Migration } from './migration.ts';

/** The view `open_alerts`: the alerts that are firing, one row per rule and key. */
export const openAlerts: Migration = {
  id: 2,
  name: 'open-alerts',
  statements: (database) => [
    `CREATE VIEW IF NOT EXISTS ${database}.open_alerts AS
SELECT
    a.rule AS rule,
    a.key AS key,
    argMax(a.severity, (a.time, a.offset)) AS severity,
    argMax(a.device, (a.time, a.offset)) AS device,
    argMax(a.since, (a.time, a.offset)) AS since,
    argMax(a.message, (a.time, a.offset)) AS message
FROM ${database}.alerts AS a
GROUP BY a.rule, a.key
HAVING argMax(a.state, (a.time, a.offset)) = 'firing'`,
  ],
};
