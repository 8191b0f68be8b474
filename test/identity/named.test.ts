import test from 'ava';
import { type NamedRecords, openNamed } from '../../agent/identity/named.ts';
import type { Runtime } from '../../agent/runtime/ports.ts';
import type { Tables } from '../../agent/table/port.ts';
import { ShoalError } from '../../proto/error.ts';
import { fakeRuntime } from '../fake/http.ts';
import { fakeTables } from '../fake/tables.ts';
import { type Hook, hookedTables, sharedTables } from './hooked-tables.ts';

interface Thing {
  readonly id: string;
  readonly name: string;
  readonly size?: number;
}

/** Patience counts in table operations here, not in seconds. */
const impatient: Runtime = {
  ...fakeRuntime(),
  timers: { after: () => () => {}, sleep: () => new Promise((resolve) => setImmediate(resolve)) },
};

const openThings = (tables: Tables, runtime: Runtime = impatient): NamedRecords<Thing> =>
  openNamed<Thing>(
    { runtime, tables },
    { kind: 'thing', taken: ({ name }) => new ShoalError('CONFLICT', name) },
  );

/** Two hosts over the same rows; the first one's operations pass the hook. */
const twoHosts = (hook: Hook) => {
  const tables = sharedTables(fakeTables());
  return [openThings(hookedTables(tables, hook)), openThings(tables)] as const;
};

class Killed extends Error {}

/** Counts changes and kills the host at the n-th. */
const killAt = (n: number): Hook => {
  let count = 0;
  return ({ verb }) => {
    if (verb === 'get' || verb === 'range') return undefined;
    if (count >= n) throw new Killed();
    count += 1;
    return undefined;
  };
};

test('names: taken in any case, free again after a delete or a rename', async (t) => {
  const things = openThings(fakeTables());
  await things.create('s', { id: '1', name: 'Demo' });
  await t.throwsAsync(things.create('s', { id: '2', name: 'dEMO' }), { message: 'dEMO' });
  await things.create('other', { id: '3', name: 'demo' });
  t.like(await things.find('s', 'DEMO'), { id: '1' });
  await things.change('s', '1', (row) => ({ ...row, name: 'new' }));
  t.is(await things.find('s', 'demo'), undefined);
  await things.create('s', { id: '2', name: 'demo' });
  await things.delete('s', '2');
  await things.create('s', { id: '4', name: 'DEMO' });
  t.is(await things.scopeOf('3'), 'other');
  t.is(await things.scopeOf('2'), undefined);
});

test('names: a change of case alone is no rename', async (t) => {
  const things = openThings(fakeTables());
  await things.create('s', { id: '1', name: 'demo' });
  t.like(await things.change('s', '1', (row) => ({ ...row, name: 'DEMO' })), { name: 'DEMO' });
  t.like(await things.find('s', 'demo'), { name: 'DEMO' });
});

test('names: what a change throws comes out and changes nothing', async (t) => {
  const things = openThings(fakeTables());
  await things.create('s', { id: '1', name: 'demo' });
  await t.throwsAsync(
    things.change('s', '1', () => {
      throw new ShoalError('FORBIDDEN', 'no');
    }),
    { message: 'no' },
  );
  t.deepEqual(await things.get('s', '1'), { id: '1', name: 'demo' });
});

for (const step of [0, 1, 2, 3])
  test(`names: a creator killed before its change ${step + 1} blocks the name for nobody`, async (t) => {
    const [doomed, other] = twoHosts(killAt(step));
    const born = await doomed.create('s', { id: '1', name: 'demo' }).then(
      () => true,
      () => false,
    );
    t.is(born, step === 3);
    if (born) await t.throwsAsync(other.create('s', { id: '2', name: 'demo' }));
    else {
      await other.create('s', { id: '2', name: 'demo' });
      t.deepEqual(
        (await other.list('s')).map(({ id }) => id),
        ['2'],
      );
    }
  });

for (const step of [0, 1, 2, 3])
  test(`names: a renamer killed before its change ${step + 1} blocks neither name for ever`, async (t) => {
    const hook: { run: Hook } = { run: () => undefined };
    const [doomed, other] = twoHosts((operation) => hook.run(operation));
    await doomed.create('s', { id: '1', name: 'old' });
    hook.run = killAt(step);
    await doomed.change('s', '1', (row) => ({ ...row, name: 'new' })).catch(() => {});
    const name = (await other.get('s', '1'))?.name;
    t.is(name, step < 2 ? 'old' : 'new');
    await other.create('s', { id: '2', name: name === 'old' ? 'new' : 'old' });
    await t.throwsAsync(other.create('s', { id: '3', name: name ?? '' }));
    t.like(await other.find('s', 'old'), { id: name === 'old' ? '1' : '2' });
    t.like(await other.find('s', 'new'), { id: name === 'new' ? '1' : '2' });
  });

for (const step of [0, 1, 2])
  test(`names: a deleter killed before its change ${step + 1} leaves the record or a free name`, async (t) => {
    const hook: { run: Hook } = { run: () => undefined };
    const [doomed, other] = twoHosts((operation) => hook.run(operation));
    await doomed.create('s', { id: '1', name: 'demo' });
    hook.run = killAt(step);
    await doomed.delete('s', '1').catch(() => {});
    if (step === 0) t.like(await other.find('s', 'demo'), { id: '1' });
    else {
      t.is(await other.find('s', 'demo'), undefined);
      await other.create('s', { id: '2', name: 'demo' });
    }
  });

/** Falls asleep before its next change of a record; `reached` says when. */
const sleeper = () => {
  const reached = Promise.withResolvers<void>();
  const woken = Promise.withResolvers<void>();
  const state = { armed: false };
  const hook: Hook = async ({ table, verb }) => {
    if (!state.armed || table !== 'identity.thing' || verb !== 'change') return undefined;
    state.armed = false;
    reached.resolve();
    await woken.promise;
    return undefined;
  };
  return { state, hook, reached: reached.promise, wake: woken.resolve };
};

test('names: a creator that wakes up after its claim was taken is refused', async (t) => {
  const { state, hook, reached, wake } = sleeper();
  const [slow, other] = twoHosts(hook);
  state.armed = true;
  const late = slow.create('s', { id: '1', name: 'demo' });
  await reached;
  await other.create('s', { id: '2', name: 'demo' });
  wake();
  await t.throwsAsync(late, { message: 'demo' });
  t.deepEqual(
    (await other.list('s')).map(({ id }) => id),
    ['2'],
  );
});

test('names: a renamer that wakes up after its claim was taken is refused', async (t) => {
  const { state, hook, reached, wake } = sleeper();
  const [slow, other] = twoHosts(hook);
  await slow.create('s', { id: '1', name: 'old' });
  state.armed = true;
  const late = slow.change('s', '1', (row) => ({ ...row, name: 'demo' }));
  await reached;
  await other.create('s', { id: '2', name: 'demo' });
  wake();
  await t.throwsAsync(late, { message: 'demo' });
  t.like(await other.get('s', '1'), { name: 'old' });
});

test('names: a renamer that was slow only, with nobody asking, gets its name', async (t) => {
  const { state, hook, reached, wake } = sleeper();
  const [slow, other] = twoHosts(hook);
  await slow.create('s', { id: '1', name: 'old' });
  state.armed = true;
  const late = slow.change('s', '1', (row) => ({ ...row, name: 'demo' }));
  await reached;
  await other.change('s', '1', (row) => ({ ...row, size: 7 }));
  wake();
  t.deepEqual(await late, { id: '1', name: 'demo', size: 7 });
});

/** Small and seeded: a failure replays. */
const chanceOf = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 12)) >>> 0) % below;
  };
};

test('names: whatever four hosts do at once and however they die, a name is borne once', async (t) => {
  const bornOf: number[] = [];
  for (let seed = 1; seed <= 60; seed += 1) {
    const draw = chanceOf(seed);
    const tables = sharedTables(fakeTables());
    const host = () =>
      openThings(
        hookedTables(tables, async ({ verb }) => {
          for (let turns = draw(4); turns > 0; turns -= 1)
            await new Promise((resolve) => setImmediate(resolve));
          const fate = verb === 'change' ? draw(24) : -1;
          if (fate === 0) throw new Killed();
          if (fate === 1)
            return () => {
              throw new Killed();
            };
          return undefined;
        }),
      );
    const names = ['a', 'b', 'A'];
    const life = async (things: NamedRecords<Thing>, who: number): Promise<void> => {
      for (let i = 0; i < 6; i += 1) {
        const id = `${who}-${i}`;
        const name = names[draw(3)] ?? 'a';
        const known = (await things.list('s').catch(() => []))[0];
        const act = draw(4);
        if (known && act === 0) await things.delete('s', known.id).catch(() => {});
        else if (known && act === 1)
          await things.change('s', known.id, (row) => ({ ...row, name })).catch(() => {});
        else await things.create('s', { id, name }).catch(() => {});
        const bearers = new Map<string, string[]>();
        for (const row of await openThings(tables).list('s')) {
          const key = row.name.toLowerCase();
          bearers.set(key, [...(bearers.get(key) ?? []), row.id]);
        }
        for (const [key, ids] of bearers) t.is(ids.length, 1, `seed ${seed}: ${key} is borne by ${ids}`);
      }
    };
    await Promise.all([1, 2, 3, 4].map((who) => life(host(), who)));
    // Nothing blocks a name: each is borne or can be taken by a host that nobody kills.
    const calm = openThings(tables);
    for (const name of ['a', 'b'])
      if (!(await calm.find('s', name))) await calm.create('s', { id: `calm-${name}`, name });
    bornOf.push((await calm.list('s')).length);
  }
  t.true(bornOf.every((count) => count === 2));
});

test('names: many hosts that ask for one name at once get one owner and plain refusals', async (t) => {
  const tables = sharedTables(fakeTables());
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, (_, i) =>
      openThings(
        hookedTables(tables, () => new Promise((resolve) => setImmediate(() => resolve(undefined)))),
        // Patient enough for the first to finish.
        { ...impatient, timers: { ...impatient.timers, sleep: () => new Promise((r) => setTimeout(r, 50)) } },
      ).create('s', { id: String(i), name: 'demo' }),
    ),
  );
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') t.is((outcome.reason as ShoalError).code, 'CONFLICT');
});
