import test from 'ava';
import { hostPool } from '../../agent/membership/host-pool.ts';
import { hostNamed, seeded } from './swim-world.ts';

test('host pool: each host comes once a round', (t) => {
  const pool = hostPool();
  const random = seeded(1);
  for (let index = 0; index < 20; index++) pool.add(hostNamed(index), random());
  for (let round = 0; round < 3; round++) {
    const drawn = Array.from({ length: 20 }, () => pool.next(random));
    t.is(new Set(drawn).size, 20);
  }
});

test('host pool: whoever comes and goes, nobody waits longer than two rounds', (t) => {
  const pool = hostPool();
  const random = seeded(2);
  const waited = new Map<string, number>();
  const size = 30;
  for (let index = 0; index < size; index++) pool.add(hostNamed(index), random());
  for (let index = 0; index < size; index++) waited.set(hostNamed(index), 0);
  let next = size;
  for (let draw = 0; draw < 5_000; draw++) {
    if (draw % 7 === 0) {
      const gone = pool.pick(1, random)[0];
      if (gone) {
        pool.delete(gone);
        waited.delete(gone);
      }
      pool.add(hostNamed(next), random());
      waited.set(hostNamed(next++), 0);
    }
    const host = pool.next(random);
    if (!host || !pool.has(host)) throw new Error('a host that is gone was drawn');
    for (const [name, draws] of waited) waited.set(name, name === host ? 0 : draws + 1);
  }
  t.is(pool.size, size);
  t.true(Math.max(...waited.values()) <= 2 * size);
});

test('host pool: a pick has different hosts and spares the one named', (t) => {
  const pool = hostPool();
  const random = seeded(3);
  for (let index = 0; index < 4; index++) pool.add(hostNamed(index), random());
  for (let draw = 0; draw < 100; draw++) {
    const picked = pool.pick(3, random, hostNamed(0));
    t.is(new Set(picked).size, picked.length);
    t.false(picked.includes(hostNamed(0)));
  }
});

test('host pool: an empty one draws nobody', (t) => {
  const pool = hostPool();
  t.is(pool.next(Math.random), undefined);
  t.deepEqual(pool.pick(3, Math.random), []);
  pool.add(hostNamed(1), 0);
  pool.next(Math.random);
  pool.delete(hostNamed(1));
  t.is(pool.next(Math.random), undefined);
});
