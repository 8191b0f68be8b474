import test from 'ava';
import { prng } from '../prng.ts';
import { checkLinearizable, type Operation, type RegisterValue } from './linearizability.ts';

const op = (callMs: number, returnMs: number, ...[kind, ...args]: readonly (string | null)[]): Operation => ({
  callMs,
  returnMs,
  action:
    kind === 'cas'
      ? { kind, expected: args[0] ?? null, value: args[1] ?? null }
      : { kind: kind as 'read' | 'write', value: args[0] ?? null },
});

const histories: readonly [title: string, linearizable: boolean, history: readonly Operation[]][] = [
  ['nothing happened', true, []],
  ['a read sees the write before it', true, [op(0, 1, 'write', 'x'), op(2, 3, 'read', 'x')]],
  ['a read misses the write before it', false, [op(0, 1, 'write', 'x'), op(2, 3, 'read', null)]],
  ['a read during a write may see old', true, [op(0, 5, 'write', 'x'), op(2, 3, 'read', null)]],
  ['a read during a write may see new', true, [op(0, 5, 'write', 'x'), op(2, 3, 'read', 'x')]],
  ['new, then old again', false, [op(0, 9, 'write', 'x'), op(1, 2, 'read', 'x'), op(3, 4, 'read', null)]],
  [
    'two swaps of one value',
    false,
    [op(0, 1, 'write', 'x'), op(2, 9, 'cas', 'x', 'y'), op(2, 9, 'cas', 'x', 'z')],
  ],
  ['an unknown write may never happen', true, [op(0, Infinity, 'write', 'x'), op(5, 6, 'read', null)]],
  [
    'an unknown write may happen late',
    true,
    [op(0, Infinity, 'write', 'x'), op(5, 6, 'read', null), op(7, 8, 'read', 'x')],
  ],
  [
    'an unknown write happens once',
    false,
    [
      op(0, Infinity, 'write', 'x'),
      op(1, 2, 'read', 'x'),
      op(3, 4, 'write', 'y'),
      op(5, 6, 'read', 'y'),
      op(7, 8, 'read', 'x'),
    ],
  ],
  ['a value from nowhere', false, [op(0, 1, 'read', 'x')]],
  ['a value before its write was called', false, [op(0, 1, 'read', 'x'), op(2, 3, 'write', 'x')]],
];

for (const [title, linearizable, history] of histories)
  test(`linearizability: ${title}: ${linearizable ? 'yes' : 'no'}`, (t) =>
    t.is(checkLinearizable(history).ok, linearizable));

/** By definition: some order of all that returned and some of the unknown, in real-time order, explains each result. */
const byDefinition = (left: readonly Operation[], value: RegisterValue): boolean => {
  if (left.every(({ returnMs }) => returnMs === Infinity)) return true;
  return left.some((operation) => {
    if (left.some((other) => other.returnMs < operation.callMs)) return false;
    const { action } = operation;
    if (action.kind === 'read' && action.value !== value) return false;
    if (action.kind === 'cas' && action.expected !== value) return false;
    return byDefinition(
      left.filter((other) => other !== operation),
      action.value,
    );
  });
};

test('linearizability: on small random histories the checker agrees with the definition', (t) => {
  const random = prng(5);
  const values: RegisterValue[] = [null, 'x', 'y', 'z'];
  let yes = 0;
  for (let round = 0; round < 3000; round++) {
    const history = Array.from({ length: 1 + random.int(6) }, (): Operation => {
      const callMs = random.int(20);
      const kind = random.pick(['read', 'write', 'cas'] as const);
      const returnMs = kind !== 'read' && random.chance(0.2) ? Infinity : callMs + 1 + random.int(8);
      return op(callMs, returnMs, kind, random.pick(values), random.pick(values));
    });
    const expected = byDefinition(history, null);
    if (expected) yes++;
    t.is(checkLinearizable(history).ok, expected, JSON.stringify(history));
  }
  t.true(yes > 300 && yes < 2700);
});
