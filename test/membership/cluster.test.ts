import test from 'ava';
import type { HostId } from '../../proto/ids.ts';
import { secondMs } from '../../proto/units.ts';
import { hostNamed, seeded, swimWorld } from './swim-world.ts';

/** Does everyone who lives hold the same of everyone? */
const converged = (world: ReturnType<typeof swimWorld>, living: readonly HostId[]): boolean =>
  new Set(living.map((host) => world.core(host).digest)).size === 1;
const deaths = (world: ReturnType<typeof swimWorld>): HostId[] =>
  world.events.filter(({ event }) => event.fact.state === 'dead').map(({ event }) => event.fact.host);

test('cluster: hosts that know one other host each come to know all', (t) => {
  const world = swimWorld({ hosts: 50, seed: 4 });
  world.hosts.forEach((host, index) => {
    world.start(host, [hostNamed(Math.max(0, index - 1)), hostNamed(0)]);
    world.run(50);
  });
  world.run(20 * secondMs);
  t.true(converged(world, world.hosts));
  t.true(world.hosts.every((host) => world.seen(host).every((state) => state === 'alive')));
});

test('cluster: 1,000 hosts learn of a join within 2.2 s and of a death within 2.2 s of its discovery', (t) => {
  const world = swimWorld({ hosts: 1_000, seed: 5 });
  world.startTogether();
  const joinedMs = world.nowMs;
  world.start(hostNamed(1_000), [hostNamed(17)]);
  world.run(2.2 * secondMs);
  const told = world.events.filter(({ event }) => event.fact.host === hostNamed(1_000) && !event.own);
  t.is(
    told.length,
    1_000,
    `all knew after ${told.at(-1) ? (told.at(-1)?.atMs ?? 0) - joinedMs : 'never'} ms`,
  );
  world.events.length = 0;
  world.kill(hostNamed(3));
  world.run(25 * secondMs);
  const dead = world.events.filter(({ event }) => event.fact.state === 'dead');
  t.is(dead.length, 1_000);
  t.true((dead.at(-1)?.atMs ?? Infinity) - (dead[0]?.atMs ?? 0) < 2.2 * secondMs);
});

test('cluster: what a host sends in quiet times does not grow with the cluster', (t) => {
  const rates = [10, 100, 500].map((hosts) => {
    const world = swimWorld({ hosts, seed: 6 });
    world.startTogether();
    world.sent.clear();
    world.run(60 * secondMs);
    return [...world.sent.values()].reduce((sum, sent) => sum + sent, 0) / hosts / 60;
  });
  t.true(
    rates.every((rate) => rate < 2.2),
    `messages a second and host: ${rates}`,
  );
});

test('cluster: 15 % loss kills nobody', (t) => {
  const world = swimWorld({ hosts: 50, seed: 7, loss: 0.15 });
  world.startTogether();
  world.run(300 * secondMs);
  t.deepEqual(deaths(world), []);
});

test('cluster: a host that most others cannot reach stays alive through helpers', (t) => {
  const world = swimWorld({ hosts: 20, seed: 8 });
  world.startTogether();
  const [lonely, ...others] = world.hosts;
  const friends = new Set(others.slice(0, 12));
  world.cut((a, b) => (a === lonely && !friends.has(b)) || (b === lonely && !friends.has(a)));
  world.run(300 * secondMs);
  t.deepEqual(deaths(world), []);
});

test('cluster: two halves call each other dead and are one again when the cut heals', (t) => {
  const world = swimWorld({ hosts: 30, seed: 9 });
  world.startTogether();
  const left = new Set(world.hosts.slice(0, 15));
  world.cut((a, b) => left.has(a) !== left.has(b));
  world.run(120 * secondMs);
  t.is(world.seen(hostNamed(20)).filter((state) => state === 'dead').length, 15);
  world.cut(() => false);
  world.run(60 * secondMs);
  t.true(world.hosts.every((host) => world.seen(host).every((state) => state === 'alive')));
  t.true(converged(world, world.hosts));
});

test('cluster: hosts that sleep and wake all the time make plain SWIM kill healthy ones, Lifeguard none', (t) => {
  const falseDeaths = (lifeguard: boolean): number => {
    const world = swimWorld({ hosts: 64, seed: 10, settings: { lifeguard } });
    world.startTogether();
    const random = seeded(11);
    const sick = world.hosts
      .slice(0, 8)
      .map((host) => ({ host, atMs: world.nowMs + random() * 16 * secondMs }));
    const endMs = world.nowMs + 180 * secondMs;
    while (world.nowMs < endMs) {
      for (const sleeper of sick)
        if (world.nowMs >= sleeper.atMs) {
          world.pause(sleeper.host, 16 * secondMs);
          sleeper.atMs = world.nowMs + 20 * secondMs;
        }
      world.run(100);
    }
    const healthy = new Set(world.hosts.slice(8));
    return deaths(world).filter((host) => healthy.has(host)).length;
  };
  const [plain, guarded] = [falseDeaths(false), falseDeaths(true)];
  t.true(plain >= 50, `plain SWIM: ${plain}`);
  t.true(guarded * 50 <= plain, `Lifeguard: ${guarded}, plain SWIM: ${plain}`);
});

test('cluster: the same seed gives the same history', (t) => {
  const history = () => {
    const world = swimWorld({ hosts: 20, seed: 12, loss: 0.2 });
    world.startTogether();
    world.kill(hostNamed(4));
    world.run(60 * secondMs);
    return world.events.map(({ atMs, at, event }) => `${atMs} ${at} ${event.fact.host} ${event.fact.state}`);
  };
  t.deepEqual(history(), history());
});
