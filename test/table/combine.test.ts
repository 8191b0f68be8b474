import test from 'ava';
import { combine } from '../../agent/table/combine.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('combine: who comes during a round goes along in the next one, in the order of asking', async (t) => {
  const rounds: string[][] = [];
  const open: (() => void)[] = [];
  const { add } = combine<string, number>('a row', 10, async (waiting, left = 0) => {
    rounds.push([String(left), ...waiting.splice(0)]);
    await new Promise<void>((resolve) => open.push(resolve));
    return left + 1;
  });
  for (const caller of ['a', 'b', 'c']) add('row', caller);
  add('other', 'x');
  open.shift()?.();
  open.shift()?.();
  await tick();
  add('row', 'd');
  open.shift()?.();
  await tick();
  open.shift()?.();
  await tick();
  add('row', 'e');
  t.deepEqual(rounds, [
    ['0', 'a'],
    ['0', 'x'],
    ['1', 'b', 'c'],
    ['2', 'd'],
    ['0', 'e'],
  ]);
});

test('combine: more than the bound is refused at once', async (t) => {
  const { add } = combine<string, null>('a row', 2, () => new Promise(() => {}));
  add('row', 'a');
  add('row', 'b');
  t.throws(() => add('row', 'c'), { code: 'BUSY' });
});
