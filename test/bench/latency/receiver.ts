import { connect } from 'nats';
import { sharedNow } from './clock.ts';
import { alertOf, alertsOf, type Instants, type Load, type LoadRequest } from './load.ts';

/**
 * Subscribes to the alerts on NATS, and keeps when each arrived. Argument: the URL. It sends `ready` to its parent, and answers each
 * `LoadRequest`; `take` as soon as all alerts of the load have arrived.
 */
const [servers = ''] = process.argv.slice(2);
let load: Load = { first: 0, count: 0, perSecond: 0, alertEvery: 0 };
let arrivedAt: Instants = new Float64Array(0);
let missing = 0;
let onComplete: () => void = () => undefined;

const nc = await connect({ servers });
nc.subscribe('weir.alerts.>', {
  callback: (_error, { data }) => {
    const at = sharedNow();
    const [, n] = /"n":(\d+)/.exec(Buffer.from(data).toString('latin1')) ?? [];
    const alert = alertOf(load, Number(n));
    if (alert === undefined || arrivedAt[alert] !== 0) return;
    arrivedAt[alert] = at;
    missing -= 1;
    if (missing === 0) onComplete();
  },
});
await nc.flush();
process.on('message', (request: LoadRequest) => {
  if (request === 'take') {
    onComplete = () => process.send?.(arrivedAt);
    if (missing === 0) onComplete();
    return;
  }
  load = request.begin;
  missing = alertsOf(load);
  arrivedAt = new Float64Array(missing);
  onComplete = () => undefined;
  process.send?.('begun');
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
