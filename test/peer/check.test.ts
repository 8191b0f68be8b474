import test from 'ava';
import { Type } from 'typebox';
import { checker } from '../../agent/peer/check.ts';
import { cpuMs } from '../cpu-time.ts';

const Numbers = Type.Object(
  {
    by: Type.Record(Type.String({ maxLength: 64 }), Type.Integer()),
    list: Type.Array(Type.Integer(), { maxItems: 9 }),
  },
  { additionalProperties: false },
);
const check = checker('numbers', Numbers);
const good = { by: { a: 1 }, list: [1] };
const quickMs = 500;

test('check: what is wrong is named with its place', (t) => {
  t.is(check(good), good);
  t.throws(() => check({ ...good, list: [1, 'x'] }), { code: 'BAD_REQUEST', message: /numbers\/list\/1/ });
});

test('check: eight million bytes in the place of a record hold nobody up', (t) => {
  const bytes = new Uint8Array(8 * 1024 * 1024);
  for (const value of [bytes, { ...good, by: bytes }, { ...good, list: [bytes] }]) {
    const ms = cpuMs(() => t.throws(() => check(value), { code: 'BAD_REQUEST', message: /no bytes/ }));
    t.true(ms < quickMs, `${ms} ms`);
  }
});

test('check: a list of millions is refused without a look for each fault', (t) => {
  const list = new Array<null>(4_000_000).fill(null);
  const ms = cpuMs(() => t.throws(() => check({ ...good, list }), { code: 'BAD_REQUEST' }));
  t.true(ms < quickMs, `${ms} ms`);
});

test('check: where bytes belong they are let through', (t) => {
  const withBytes = checker('vote', Type.Object({ value: Type.Unknown() }), { bytes: true });
  t.notThrows(() => withBytes({ value: new Uint8Array(9) }));
});
