import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { Judge } from '../../agent/chunk/port.ts';
import { ShoalError } from '../../proto/error.ts';
import { KiB, MiB } from '../../proto/units.ts';
import { pieces } from '../conform/content.ts';
import { until } from '../until.ts';
import { startCluster, type TestCluster } from './cluster.ts';

const settings = { claimAgeMs: 100, orphansEveryMs: 50, orphansPerSecond: 1e4 };
const options = { bytesMax: 9 * MiB, inlineBytesMax: 0, digests: [] } as const;
const claim = { of: 'thing', id: 'c', name: 'n' };

/** Hosts whose judges know of rows that name those users, and cannot be asked about `odd`. */
const open = async (named: ReadonlySet<string>) => {
  const cluster = await startCluster(3, { settings });
  const judged = new Set<string>();
  const looks = { count: 0 };
  const judge: Judge = async (_claim, user, endedMs) => {
    if (user === 'odd') throw new ShoalError('DAMAGED', 'its row');
    if (endedMs === null) looks.count += 1;
    else judged.add(user);
    return named.has(user) || (endedMs === null ? undefined : false);
  };
  for (const { chunks } of cluster.hosts) chunks.content.judgeBy('thing', judge);
  const looksOn = async (): Promise<void> => {
    const before = looks.count;
    await until('they look on', () => looks.count > before + 8);
  };
  return { cluster, judged, looksOn };
};
const write = (cluster: TestCluster, user: string, kept = claim) =>
  cluster.host(0).chunks.content.write(pieces(randomBytes(40 * KiB)), { ...options, user, claim: kept });
const goes = (cluster: TestCluster, user: string) =>
  until(`${user} goes`, async () => (await cluster.tables.usedBy(user)).length === 0);

test('orphans: what a host leaves that never comes back is given back, where no row names it', async (t) => {
  const { cluster, judged, looksOn } = await open(new Set(['named']));
  await using _ = cluster;
  for (const user of ['lost', 'named']) await write(cluster, user);
  cluster.setDown(0, true);
  await looksOn();
  t.is(judged.size, 0, 'it may only be slow');
  cluster.off.add(cluster.host(0).id);
  await goes(cluster, 'lost');
  await looksOn();
  t.is((await cluster.tables.usedBy('named')).length, 1);
  t.deepEqual([...judged], ['lost']);
});

test('orphans: an upload that is under way is waited for, however long it takes', async (t) => {
  const named = new Set<string>();
  const { cluster, judged, looksOn } = await open(named);
  await using _ = cluster;
  const { promise: goOn, resolve } = Promise.withResolvers<void>();
  const slowly = async function* () {
    yield randomBytes(5 * MiB);
    await goOn;
    yield randomBytes(KiB);
  };
  const { content } = cluster.host(0).chunks;
  const writing = content.write(slowly(), { ...options, user: 'slow', claim });
  await until('it has begun', async () => (await cluster.tables.usedBy('slow')).length > 0);
  await looksOn();
  resolve();
  await writing;
  await looksOn();
  t.is(judged.size, 0, 'nor does it end with its last byte');
  named.add('slow');
  await content.keep('slow');
  await looksOn();
  t.is(judged.size, 0);
  t.is((await cluster.tables.usedBy('slow')).length, 2);
});

test('orphans: what a host forgot to give back is given back, of whoever is at it no more', async (t) => {
  const named = new Set(['replaced']);
  const { cluster, looksOn } = await open(named);
  await using _ = cluster;
  for (const user of ['given-up', 'replaced']) await write(cluster, user);
  const { content } = cluster.host(0).chunks;
  await content.keep('replaced');
  await looksOn();
  content.end('given-up');
  await goes(cluster, 'given-up');
  const stripe = { ...options, user: 'stripe', claim, code: { data: 2, parity: 1 } };
  await content.write(pieces(randomBytes(300 * KiB)), stripe);
  t.is((await cluster.tables.usedBy('stripe')).length, 1);
  content.end('stripe');
  await goes(cluster, 'stripe');
  t.is((await cluster.tables.usedBy('replaced')).length, 1);
  // Two overwrote it at once, and neither saw it.
  named.clear();
  await goes(cluster, 'replaced');
});

test('orphans: one that cannot be asked about holds up no other', async (t) => {
  const { cluster } = await open(new Set());
  await using _ = cluster;
  for (const user of ['odd', 'lost']) {
    await write(cluster, user);
    cluster.host(0).chunks.content.end(user);
  }
  await goes(cluster, 'lost');
  t.is((await cluster.tables.usedBy('odd')).length, 1);
});

test('orphans: who says nothing of where its row stands is left alone', async (t) => {
  const { cluster, looksOn } = await open(new Set());
  await using _ = cluster;
  const { content } = cluster.host(0).chunks;
  await content.write(pieces(randomBytes(40 * KiB)), { ...options, user: 'silent' });
  await write(cluster, 'unknown', { ...claim, of: 'another' });
  await write(cluster, 'lost');
  content.end('unknown');
  content.end('lost');
  await goes(cluster, 'lost');
  for (const user of ['silent', 'unknown']) t.is((await cluster.tables.usedBy(user)).length, 1);
  t.truthy(looksOn);
});
