/** The values of a Prometheus text page by metric name; series with labels are skipped. */
export function parseMetrics(page: string): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of page.split('\n')) {
    const gap = line.indexOf(' ');
    if (gap <= 0 || line.startsWith('#') || line[gap - 1] === '}') continue;
    values.set(line.slice(0, gap), Number(line.slice(gap + 1)));
  }
  return values;
}
