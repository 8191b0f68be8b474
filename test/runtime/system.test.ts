import test from 'ava';
import { systemRuntime } from '../../agent/runtime/system/runtime.ts';
import { ShoalError } from '../../proto/error.ts';

const capture = (level: 'debug' | 'info' | 'warn' | 'error') => {
  const lines: string[] = [];
  const runtime = systemRuntime({ level, destination: { write: (line) => lines.push(line) } });
  return { ...runtime, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
};

test('log: one JSON line a record, with the fields of its part, from the level upwards', (t) => {
  const { log, records } = capture('info');
  const part = log.with({ part: 'ring', host: 'a' });
  part.debug('hidden');
  part.warn('slow', { host: 'b', level: 'debug' });
  const [record] = records();
  t.is(records().length, 1);
  t.like(record, { level: 'warn', message: 'slow', part: 'ring', host: 'b' });
  t.regex(String(record?.time), /^\d{4}-\d\d-\d\dT.*Z$/);
});

test('log: an error shows its code and causes, and no field can make a line fail', (t) => {
  const { log, records } = capture('debug');
  const cause = new RangeError('inside');
  log.error('trouble', { error: new ShoalError('TIMEOUT', 'outside', { cause, details: { need: 2 } }) });
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  log.info('loop', loop);
  log.info('big', { n: 1n, bytes: new Uint8Array(3), text: 'x'.repeat(100_000) });
  const [trouble, looped, big] = records();
  t.like(trouble, { error: { code: 'TIMEOUT', details: { need: 2 }, cause: { name: 'RangeError' } } });
  t.like(looped, { message: 'loop', level: 'info' });
  t.true(JSON.stringify(big).length < 40_000);
});

test('timers: a cancelled one does not run, a sleep ends with its signal', async (t) => {
  const { timers } = systemRuntime({ level: 'error' });
  timers.after(0, () => t.fail())();
  await timers.sleep(1);
  const stop = new AbortController();
  const sleep = timers.sleep(2 ** 40, stop.signal);
  stop.abort(new Error('why'));
  await t.throwsAsync(sleep, { message: 'why' });
  await t.throwsAsync(timers.sleep(1, stop.signal), { message: 'why' });
});

test('clock: monotonic time does not go back', (t) => {
  const { clock, chance } = systemRuntime({ level: 'error' });
  const before = clock.monotonicMs();
  t.true(clock.monotonicMs() >= before);
  t.is(chance.bytes(5).length, 5);
});
