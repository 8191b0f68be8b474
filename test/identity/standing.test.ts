import test from 'ava';
import { standingMs, standingsKeptMax } from '../../agent/identity/limits.ts';
import { openStandings } from '../../agent/identity/standing.ts';

const open = () => {
  const world = { nowMs: 0, changes: 0, loads: 0 };
  let meanwhile = (): void => {};
  const standingOf = openStandings<string>(
    { clock: { monotonicMs: () => world.nowMs }, changes: () => world.changes },
    async (key) => {
      world.loads += 1;
      const number = world.loads;
      meanwhile();
      meanwhile = () => {};
      if (key === 'refused') throw new Error('no');
      return key === 'nobody' ? undefined : `${key} ${number}`;
    },
  );
  const during = (work: () => void): void => {
    meanwhile = work;
  };
  return { world, standingOf, during };
};

test('standing: it is put together once for all requests of a moment', async (t) => {
  const { world, standingOf } = open();
  t.is(await standingOf('ann'), 'ann 1');
  world.nowMs = standingMs - 1;
  t.is(await standingOf('ann'), 'ann 1');
  t.is(await standingOf('bob'), 'bob 2');
  world.nowMs = standingMs;
  t.is(await standingOf('ann'), 'ann 3');
});

test('standing: a word that anything changed ends it, also one that came while it was put together', async (t) => {
  const { world, standingOf, during } = open();
  await standingOf('ann');
  world.changes += 1;
  during(() => {
    world.changes += 1;
  });
  t.is(await standingOf('ann'), 'ann 2');
  t.is(await standingOf('ann'), 'ann 3');
  t.is(await standingOf('ann'), 'ann 3');
});

test('standing: a refusal is asked for each time, and memory is bounded', async (t) => {
  const { world, standingOf } = open();
  for (const key of ['nobody', 'nobody']) t.is(await standingOf(key), undefined);
  for (const key of ['refused', 'refused']) await t.throwsAsync(standingOf(key), { message: 'no' });
  t.is(world.loads, 4);
  await standingOf('first');
  for (let at = 0; at < standingsKeptMax; at++) await standingOf(`other ${at}`);
  const { loads } = world;
  await standingOf('first');
  t.is(world.loads, loads + 1);
});
