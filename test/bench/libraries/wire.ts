import { generate } from 'mqtt-packet';
import { createPublishTap } from '../../../connectors/mqtt/publish-tap.ts';
import { cloudEvent } from '../../../engine/delivery/cloud-event.ts';
import { createRowEncoder } from '../../../engine/delivery/row-binary.ts';
import type { Table } from '../../../engine/model/table.ts';
import { type Comparison, countRight, cpuRatio } from './measure.ts';

/** Our events, parsed by the SDK with its checks of external input. */
export const compareCloudEvents: Comparison = async (candidates) => {
  type Sdk = { CloudEvent: new (event: object, strict: boolean) => { toJSON: () => object } };
  const { CloudEvent } = await candidates.load<Sdk>('cloudevents');
  const event = {
    id: '1-fired',
    instance: 'plant 7/ä',
    type: 'weir.alert.firing',
    subject: 'dev-1',
    time: Date.UTC(2026, 0, 1) + 0.5,
    data: { rule: 'overheating', severity: 'critical', message: 'dev-1 averages 61 °C', facts: { meanTemp: 61, n: 4 } },
  };
  const variants = [
    event,
    { ...event, subject: '' },
    { ...event, instance: '\ud800' },
    { ...event, time: 8.64e15 },
    { ...event, data: { text: 'x'.repeat(100_000) } },
  ];
  const accepted = countRight(
    variants,
    (each) => new CloudEvent(JSON.parse(cloudEvent(each)) as object, true) !== undefined,
  );
  const envelope = JSON.parse(cloudEvent(event)) as object;
  return [
    {
      thing: 'CloudEvents',
      candidate: 'cloudevents',
      right: { of: 'our events, which the SDK takes', ours: accepted, theirs: accepted, total: variants.length },
      cpu: cpuRatio(
        () => cloudEvent(event),
        () => JSON.stringify(new CloudEvent(envelope, true)),
      ),
    },
  ];
};

/** The rows of a table, compared with the JSON that the ClickHouse client would write. */
export const compareRows: Comparison = async () => {
  const table: Table = {
    name: 't',
    orderBy: [],
    columns: [
      { name: 'time', type: 'DateTime64(6)' },
      { name: 'device', type: 'String' },
      { name: 'temp', type: 'Nullable(Float64)' },
      { name: 'late', type: 'Bool' },
      { name: 'offset', type: 'UInt64' },
    ],
  };
  const encoder = createRowEncoder(table);
  const rows = Array.from({ length: 1_000 }, (_, i) => [1_770_000_000_000 + i, `dev-${i}`, i / 7, false, i]);
  const encode = () => {
    for (const row of rows) encoder.encodeRow(row, 1);
    return encoder.take().bytes.length;
  };
  const toJson = () =>
    rows.map(([time, device, temp, late, offset]) => JSON.stringify({ time, device, temp, late, offset })).join('\n')
      .length;
  return [
    {
      thing: 'RowBinary',
      candidate: '@clickhouse/client (JSONEachRow)',
      cpu: cpuRatio(encode, toJson),
      note: `${toJson()} bytes for ${rows.length} rows, ours ${encode()}`,
    },
  ];
};

/** A chunk of a socket with QoS 1 messages. */
export const comparePackets: Comparison = async (candidates) => {
  type Parser = { on: (event: 'packet', listener: (packet: unknown) => void) => void; parse: (chunk: Buffer) => void };
  const { parser } = (await candidates.load<{ default: { parser: (options: object) => Parser } }>('mqtt-packet'))
    .default;
  const connack = generate({ cmd: 'connack', sessionPresent: false, returnCode: 0 });
  const messages = Array.from({ length: 500 }, (_, i) =>
    generate({
      cmd: 'publish',
      topic: `plant/home/dev-${i}/data`,
      payload: JSON.stringify({ temp: i / 3 }),
      qos: 1,
      messageId: i + 1,
      dup: false,
      retain: false,
    }),
  );
  const chunk = Buffer.concat([connack, ...messages]);
  const ours = () => createPublishTap({ version: 4, maxPacketBytes: 1_000_000 }).read(chunk).publishes.length;
  const theirs = () => {
    let publishes = -1;
    const parse = parser({ protocolVersion: 4 });
    parse.on('packet', () => publishes++);
    parse.parse(chunk);
    return publishes;
  };
  const total = messages.length;
  return [
    {
      thing: 'MQTT packets',
      candidate: 'mqtt-packet',
      right: { of: 'messages', ours: ours(), theirs: theirs(), total },
      cpu: cpuRatio(ours, theirs),
    },
  ];
};
