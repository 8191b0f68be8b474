import test from 'ava';
import { Packr, pack } from 'msgpackr';
import { codec } from '../../proto/codec.ts';
import { plainDepthMax } from '../../proto/plain.ts';

const anything = codec<unknown>('thing');
const versioned = (bytes: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(1), bytes]);

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 ? { value } : [value];
  return value;
};

test('codec: plain data comes back as it was', (t) => {
  const values: unknown[] = [
    ...[null, true, false, 0, -1, 127, 128, -32, -33, 255, 65_536, 2 ** 32, 2 ** 53, -(2 ** 31), 1.5, 1e300],
    ...['', 'a'.repeat(31), 'é'.repeat(40), 'x'.repeat(300), '\u{1f600}'.repeat(20_000)],
    ...[Uint8Array.of(1, 2), new Uint8Array(300), new Uint8Array(70_000)],
    ...[[], Array.from({ length: 20 }, (_, at) => at), Array.from({ length: 70_000 }, () => null)],
    ...[{}, { a: { b: [{ c: Uint8Array.of(9) }] }, gone: undefined }, nested(plainDepthMax - 1)],
    Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`k${at}`, at])),
  ];
  for (const value of values) {
    const back = anything.decode(anything.encode(value));
    if (value instanceof Uint8Array) t.deepEqual(Buffer.from(back as Uint8Array), Buffer.from(value));
    else t.deepEqual(back, value);
  }
});

test('codec: fields that share a name with a method are data', (t) => {
  const value = { toJSON: 'a', constructor: 'b', hasOwnProperty: 'c', toString: 1 };
  t.deepEqual(anything.decode(anything.encode(value)), value);
});

const cyclic: unknown[] = [];
cyclic.push(cyclic);
const clone = (value: unknown): Uint8Array => new Packr({ structuredClone: true }).pack(value);
const foreign: Readonly<Record<string, Uint8Array>> = {
  'a date': pack(new Date(0)),
  'a big integer': new Packr({ useBigIntExtension: true }).pack(2n ** 80n),
  'a regular expression': clone(/(a+)+$/),
  'a set': clone(new Set([1])),
  'an error': clone(new Error('x')),
  'a cycle': clone(cyclic),
  'a record definition': new Packr({ structures: [] }).pack([{ a: 1 }, { a: 2 }]),
  'typed numbers': clone(new Float64Array(3)),
  'a byte that msgpack does not use': Uint8Array.of(0xc1),
  'two values': Uint8Array.of(1, 2),
  nothing: new Uint8Array(),
  'an array without its items': Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff),
  'a map without its values': Uint8Array.of(0x81, 0xa1, 0x61),
  'text beyond the end': Uint8Array.of(0xdb, 0xff, 0xff, 0xff, 0xff, 0x61),
  'arrays in arrays without end': new Uint8Array(100_000).fill(0x91),
};
for (const [what, bytes] of Object.entries(foreign))
  test(`codec: ${what} is DAMAGED, not data`, (t) => {
    t.throws(() => anything.decode(versioned(bytes)), { code: 'DAMAGED' });
  });

test('codec: a version that nobody wrote is DAMAGED', (t) => {
  for (const version of [0, 2, 255])
    t.throws(() => anything.decode(Uint8Array.of(version, 0x90)), { code: 'DAMAGED' });
});
