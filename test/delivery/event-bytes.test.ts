import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createEventReader, createEventWriter } from '../../engine/delivery/event-bytes.ts';
import type { EventOutput } from '../../engine/model/output.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const body = fc.oneof(
  text,
  fc.nat(100_000).map((length) => 'é'.repeat(length)),
);
const event: fc.Arbitrary<EventOutput> = fc
  .record(
    {
      kind: fc.constant('event' as const),
      id: text,
      offset: fc.nat(Number.MAX_SAFE_INTEGER),
      subject: text,
      body,
      stream: fc.constantFrom(
        'WEIR_ALERTS' as const,
        'WEIR_DEVICES' as const,
        'WEIR_FACTS' as const,
        'WEIR_GAPS' as const,
      ),
      quiet: fc.boolean(),
      kv: fc.record({
        bucket: fc.constantFrom('weir_alerts_open' as const, 'weir_devices' as const),
        key: text,
        value: fc.option(text),
      }),
    },
    { requiredKeys: ['kind', 'id', 'offset', 'subject', 'body'] },
  )
  .chain((made) =>
    fc.constantFrom(made, made.kv === undefined ? made : { ...made, kv: { ...made.kv, value: made.body } }),
  );

it('reads the same events that were written, in their order', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 20 }), (events) => {
      const writer = createEventWriter();
      for (const each of events) writer.add(each);
      const bytes = writer.take();
      expect(bytes).toHaveLength(writer.byteLength);
      const next = createEventReader(bytes);
      expect(events.map(() => next())).toEqual(events);
      expect(next()).toBeUndefined();
    }),
  );
});
