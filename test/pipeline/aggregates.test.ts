import { describe, expect, it } from 'vitest';
import { createScript, play, setUp } from './kit.ts';

/** Temperatures of one device, a second apart, in a window of ten seconds that the last reading closes. */
const TEMPS = [20, 22, 30, 41, 40, 20, 21, 23, 22, 21];

/** What the alert of a rule with these facts says. */
function factsOf(
  facts: object,
  message = '{{key}}',
): Readonly<Record<string, unknown>> & { readonly message: unknown } {
  const rule = {
    name: 'each',
    stream: 'sensors',
    per: [],
    window: { tumbling: '10s' },
    facts: { n: { count: true }, ...facts },
    conditions: { all: [{ fact: 'n', operator: 'greaterThan', value: 0 }] },
    event: { type: 'test', params: { message } },
  };
  const script = createScript();
  TEMPS.forEach((temp, i) => {
    script.now = i * 1_000;
    script.reading(`d${i % 3}`, { temp, door: temp > 25, mode: i < 5 ? 'on' : 'off' }, { site: i === 9 ? 's' : 'n' });
  });
  script.tickUntil(30_000);
  const [alert] = play(setUp([rule]), script).rows.alerts!;
  return { ...(alert!.facts as Record<string, unknown>), message: alert!.message };
}

describe('the facts of a window', () => {
  it('are the quantiles of its values', () => {
    const facts = factsOf({
      mid: { median: 'temp' },
      low: { percentile: 'temp', p: 10 },
      top: { percentile: 'temp', p: 100 },
    });
    expect(facts).toMatchObject({ mid: '22', low: '20', top: '41' });
  });

  it('are the numbers of different values of fields, labels and devices', () => {
    const facts = factsOf({
      temps: { distinct: 'temp' },
      doors: { distinct: 'door' },
      modes: { distinct: 'mode' },
      sites: { distinct: 'site' },
      devices: { distinct: 'device' },
    });
    expect(facts).toMatchObject({ temps: '7', doors: '2', modes: '2', sites: '2', devices: '3' });
  });

  it('are shares of its readings, by conditions over fields and labels', () => {
    const facts = factsOf({
      hot: { share: { all: [{ fact: 'temp', operator: 'greaterThanInclusive', value: 30 }] } },
      south: {
        share: {
          any: [
            { fact: 'site', operator: 'equal', value: 's' },
            { fact: 'device', operator: 'equal', value: 'd1' },
          ],
        },
      },
    });
    expect(facts).toMatchObject({ hot: '0.3', south: '0.4' });
  });

  it('are the mean over time and the slope', () => {
    const facts = factsOf({ held: { timeWeightedMean: 'temp' }, rise: { slope: 'temp', per: '1m' } });
    expect(Number(facts.held)).toBeCloseTo(239 / 9, 10);
    // Σ(t - 4.5)(temp - 26) / Σ(t - 4.5)² with t in seconds.
    const above = TEMPS.reduce((sum, temp, t) => sum + (t - 4.5) * (temp - 26), 0);
    expect(Number(facts.rise)).toBeCloseTo((above / 82.5) * 60, 10);
  });

  it('are the buckets of a histogram, each by its name', () => {
    const facts = factsOf({ h: { histogram: 'temp', bounds: [20, 30, 40] } }, '{{h.0}} cold, {{h.3}} hot');
    expect(facts).toMatchObject({ 'h.0': '2', 'h.1': '6', 'h.2': '1', 'h.3': '1', message: '2 cold, 1 hot' });
    expect(facts).not.toHaveProperty('h');
  });

  it('can be used by calculations', () => {
    const facts = factsOf({
      h: { histogram: 'temp', bounds: [20, 30, 40] },
      p: { percentile: 'temp', p: 90 },
      ratio: { divide: ['h.1', 'n'] },
      spread: { subtract: ['p', 'mid'] },
      mid: { median: 'temp' },
    });
    expect(facts).toMatchObject({ ratio: '0.6' });
    expect(Number(facts.spread)).toBeCloseTo(40.1 - 22, 10);
  });
});
