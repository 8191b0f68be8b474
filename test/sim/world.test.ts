import test from 'ava';
import type { HostId } from '../../proto/ids.ts';
import { disk } from './disk.ts';
import { eventQueue } from './event-queue.ts';
import { fairWeather, network } from './network.ts';
import { type Host, node } from './node.ts';
import { prng } from './prng.ts';
import { membershipScenario } from './scenario/membership.ts';
import { registerScenario } from './scenario/register.ts';
import { ringScenario } from './scenario/ring.ts';
import { runSeed } from './scenario.ts';
import { world } from './world.ts';

for (const scenario of [membershipScenario(), ringScenario(), registerScenario()])
  test(`simulator: the same seed gives the same run of ${scenario.name}, another seed another one`, async (t) => {
    const first = await runSeed(scenario, 3);
    t.deepEqual(await runSeed(scenario, 3), first);
    t.not((await runSeed(scenario, 4)).hash, first.hash);
    t.is(first.violation, undefined);
    t.true(first.operations > 0);
  });

test('event queue: events come by time, and in order of scheduling within one moment', (t) => {
  const random = prng(1);
  const queue = eventQueue();
  const seen: [number, number][] = [];
  for (let order = 0; order < 500; order++) {
    const atMs = random.int(50);
    queue.push(atMs, () => seen.push([atMs, order]));
  }
  while (queue.size > 0) queue.pop()?.();
  t.is(seen.length, 500);
  t.deepEqual(
    seen,
    seen.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
  );
});

test('chance: neighbouring seeds differ, a draw is even, a sample has no repeats', (t) => {
  t.not(prng(1).random(), prng(2).random());
  const random = prng(7);
  const counts = [0, 0, 0, 0];
  for (let draw = 0; draw < 4000; draw++) {
    const at = random.int(4);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  for (const times of counts) t.true(times > 850 && times < 1150);
  t.is(new Set(random.sample([1, 2, 3, 4, 5], 4)).size, 4);
});

test('disk: what was synced survives a crash, what was not may be lost or torn', async (t) => {
  let survived = 0;
  for (let seed = 0; seed < 60; seed++) {
    const virtual = world(seed);
    const files = disk(virtual, virtual.random, { min: 1, max: 2 });
    files.write('a', Uint8Array.of(1, 1, 1, 1));
    files.sync(() => files.write('a', Uint8Array.of(2, 2, 2, 2)));
    await virtual.run(10);
    files.crash();
    const left = [...(files.read('a') ?? [])].join('');
    t.regex(left, /^2*1*$/);
    t.is(left.length, 4);
    if (left === '2222') survived++;
  }
  t.true(survived > 10 && survived < 50);
});

test('node: a crash ends timers and messages of that life, a pause keeps them', async (t) => {
  const virtual = world(1);
  const net = network(virtual, fairWeather);
  const heard: string[] = [];
  const one = node({ world: virtual, network: net }, 'a' as HostId, (host) => {
    host.after(10, () => heard.push('timer'));
    return { handleMessage: (_from, message) => void heard.push(String(message)) };
  });
  one.start();
  one.crash();
  await virtual.run(20);
  t.deepEqual(heard, []);
  one.start();
  one.pause();
  net.send('b' as HostId, 'a' as HostId, 'hello');
  await virtual.run(40);
  t.deepEqual(heard, []);
  one.resume();
  t.deepEqual(heard, ['hello', 'timer']);
});

test('node: an old life that something outside still calls writes nothing', (t) => {
  const virtual = world(1);
  const lives: Host[] = [];
  const one = node({ world: virtual, network: network(virtual, fairWeather) }, 'a' as HostId, (host) => {
    lives.push(host);
    return { handleMessage: () => {} };
  });
  one.start();
  one.crash();
  one.start();
  const [old, present] = lives;
  present?.disk.write('log', Uint8Array.of(2));
  old?.disk.write('log', Uint8Array.of(1));
  old?.disk.rename('log', 'gone');
  t.deepEqual(one.disk.read('log'), Uint8Array.of(2));
});

test('network: a cut works one way', async (t) => {
  const virtual = world(1);
  const net = network(virtual, fairWeather);
  const [a, b] = ['a', 'b'] as HostId[] as [HostId, HostId];
  const heard: string[] = [];
  for (const host of [a, b]) net.attach(host, (from) => void heard.push(`${from}>${host}`));
  const mend = net.cut(a, b);
  net.send(a, b, 1);
  net.send(b, a, 1);
  await virtual.run(10);
  t.deepEqual(heard, ['b>a']);
  mend();
  net.send(a, b, 1);
  await virtual.run(20);
  t.deepEqual(heard, ['b>a', 'a>b']);
});
