import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type HostKey, newHostKey } from '../../agent/peer/host-key.ts';
import { openRoster, type Roster } from '../../agent/peer/roster.ts';
import {
  entryId,
  foldRoster,
  rosterDigest,
  rosterEntryBytes,
  verifyEntry,
} from '../../agent/peer/roster-set.ts';
import { type ClusterId, newClusterId } from '../../proto/ids.ts';
import type { RosterEntry } from '../../proto/message/peer.ts';
import { recordingRuntime, tempDirectory } from './cluster.ts';

const clusterId = newClusterId();
const keys = Array.from({ length: 5 }, newHostKey);
const [f, a, b, c, d] = keys as [HostKey, HostKey, HostKey, HostKey, HostKey];

const entry = (
  by: HostKey,
  about: HostKey,
  state: RosterEntry['state'],
  wallMs: number,
  keeps: readonly RosterEntry[] = [],
): RosterEntry => {
  const unsigned = {
    hostId: about.hostId,
    name: `host-${keys.indexOf(about)}`,
    state,
    stamp: { wallMs, count: 0, host: by.hostId },
    keeps: keeps.map(entryId),
  };
  return {
    ...unsigned,
    signature: Buffer.from(by.sign(rosterEntryBytes(clusterId, unsigned))).toString('base64url'),
  };
};

const genesis = entry(f, f, 'in', 1);
const letters = (entries: readonly RosterEntry[]): string =>
  [...foldRoster(f.hostId, entries).members.keys()]
    .map((hostId) => 'fabcd'[keys.findIndex((key) => key.hostId === hostId)])
    .sort()
    .join('');

test('roster: a chain of signatures to the founder lets a host in, nothing else does', (t) => {
  t.is(letters([genesis, entry(f, a, 'in', 2), entry(a, b, 'in', 3)]), 'abf');
  t.is(letters([genesis, entry(a, b, 'in', 3)]), 'f');
  t.is(letters([entry(a, a, 'in', 1)]), '');
  t.is(letters([genesis, entry(d, d, 'in', 2)]), 'f');
});

test('roster: the same entries give the same roster in every order', (t) => {
  const addA = entry(f, a, 'in', 2);
  const addB = entry(a, b, 'in', 3);
  const entries = [
    genesis,
    addA,
    addB,
    entry(b, c, 'in', 4),
    entry(f, a, 'removed', 5, [addB]),
    entry(c, a, 'in', 6),
  ];
  const digest = rosterDigest(foldRoster(f.hostId, entries));
  for (let n = 0; n < 50; n++) {
    const shuffled = entries.toSorted(() => Math.random() - 0.5);
    t.is(rosterDigest(foldRoster(f.hostId, shuffled)), digest);
  }
});

test('roster: what a removed host signs later does not count, what it signed before does', (t) => {
  const addB = entry(a, b, 'in', 3);
  const removal = entry(f, a, 'removed', 5, [addB]);
  t.is(letters([genesis, entry(f, a, 'in', 2), addB, removal, entry(a, c, 'in', 6)]), 'bf');
});

test('roster: a removed host cannot let others in by signing with an old time', (t) => {
  const addB = entry(a, b, 'in', 3);
  const removal = entry(f, a, 'removed', 5, [addB]);
  t.is(
    letters([genesis, entry(f, a, 'in', 2), addB, removal, entry(a, c, 'in', 4), entry(c, d, 'in', 5)]),
    'bf',
  );
});

test('roster: a removal wins over an admission of the same moment', (t) => {
  const entries = [
    genesis,
    entry(f, a, 'in', 2),
    entry(f, b, 'in', 3),
    entry(a, b, 'in', 7),
    entry(f, b, 'removed', 7),
  ];
  t.is(letters(entries), 'af');
});

test('roster: a removed host that is invited again is in', (t) => {
  t.is(letters([genesis, entry(f, a, 'in', 2), entry(f, a, 'removed', 3), entry(f, a, 'in', 4)]), 'af');
});

test('roster: the founder may leave, and those that it let in stay', (t) => {
  const addA = entry(f, a, 'in', 2);
  t.is(letters([genesis, addA, entry(a, f, 'removed', 3, [genesis, addA])]), 'a');
});

test('roster: an entry of another cluster does not verify', (t) => {
  t.true(verifyEntry(clusterId, genesis));
  t.false(verifyEntry(newClusterId(), genesis));
  t.false(verifyEntry(clusterId, { ...genesis, name: 'other' }));
});

const open = async (t: ExecutionContext, key: HostKey, directory?: string): Promise<Roster> =>
  openRoster(
    { runtime: recordingRuntime().runtime, key },
    {
      directory: directory ?? (await tempDirectory(t)),
      clusterId: clusterId as ClusterId,
      founder: f.hostId,
    },
  );

test('roster: two hosts that change it at once agree after they have merged', async (t) => {
  const ours = await open(t, f);
  await ours.add(f.hostId, 'host-0');
  await ours.add(a.hostId, 'host-1');
  const theirs = await open(t, a);
  await theirs.merge(ours.entries());
  await Promise.all([ours.add(b.hostId, 'host-2'), theirs.add(c.hostId, 'host-3'), ours.remove(c.hostId)]);
  await ours.merge(theirs.entries());
  await theirs.merge(ours.entries());
  t.is(ours.digest(), theirs.digest());
  const hosts = ours.list().map((member) => member.hostId);
  t.deepEqual(hosts.sort(), [f, a, b, c].map((key) => key.hostId).sort());
});

test('roster: it is read again after a restart', async (t) => {
  const directory = await tempDirectory(t);
  const roster = await open(t, f, directory);
  await roster.add(f.hostId, 'host-0');
  await roster.add(a.hostId, 'host-1');
  await roster.remove(a.hostId);
  await roster.add(b.hostId, 'host-2');
  const again = await open(t, f, directory);
  t.is(again.digest(), roster.digest());
  t.deepEqual(
    again.list().map((member) => member.hostId),
    [f.hostId, b.hostId],
  );
});

test('roster: a host that is not on it cannot change it', async (t) => {
  const roster = await open(t, d);
  await roster.merge([genesis]);
  await t.throwsAsync(roster.add(d.hostId, 'host-4'), { message: /not on it itself/ });
});

test('roster: hostile entries are refused and change nothing', async (t) => {
  const roster = await open(t, f);
  await roster.add(f.hostId, 'host-0');
  const digest = roster.digest();
  const forged = { ...entry(d, d, 'in', 5), stamp: { wallMs: 5, count: 0, host: f.hostId } };
  const farAhead = entry(f, d, 'in', Date.now() + 10 * 365 * 86_400_000);
  t.deepEqual(await roster.merge([forged, farAhead]), []);
  for (const value of [
    null,
    7,
    'x',
    {},
    [null],
    [{ ...genesis, extra: 1 }],
    [{ ...genesis, name: '../x' }],
    [[]],
  ])
    await t.throwsAsync(roster.merge(value), { message: /^Cannot read roster/ });
  t.is(roster.digest(), digest);
});

test('roster: a file that cannot be read stops the start with a clear word', async (t) => {
  const directory = await tempDirectory(t);
  await writeFile(join(directory, 'roster.json'), '[{');
  await t.throwsAsync(open(t, f, directory), { message: /Cannot read roster/ });
});
