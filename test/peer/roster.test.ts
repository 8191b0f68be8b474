import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { newHostKey } from '../../agent/peer/host-key.ts';
import { openRoster } from '../../agent/peer/roster.ts';
import { isVoted, signRosterVote, signStep } from '../../agent/peer/roster-chain.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { newClusterId } from '../../proto/ids.ts';
import type { RosterChange, RosterStep } from '../../proto/message/roster.ts';
import { recordingRuntime, tempDirectory } from './cluster.ts';
import { names, openTown, type Townsman } from './roster-town.ts';

type Town = Awaited<ReturnType<typeof openTown>>;

/** A step as this host would sign it where it stands, with the votes of these; it asks nobody. */
const made = (
  town: Town,
  by: Townsman,
  change: RosterChange,
  voters: readonly Townsman[],
  { forced = false, atMs = Date.now() } = {},
): RosterStep => {
  const { version, digest } = by.roster.position();
  const step = signStep(by.key, town.clusterId(), {
    ...{ version: version + 1, previous: digest, change, forced, atMs },
  });
  const ballot = { round: 1, host: by.self, run: 1 };
  const votes = voters.map((voter) => ({
    host: voter.self,
    signature: signRosterVote(voter.key, town.clusterId(), step, ballot),
  }));
  return votes.length > 0 ? { ...step, proof: { ballot, votes } } : step;
};
const here = async (): Promise<boolean> => false;
const gone = async (): Promise<boolean> => true;

const startThree = async (town: Town) => {
  const a = await town.found();
  const b = await town.join(a, 'host-2');
  const c = await town.join(a, 'host-3');
  await town.meet(a, b, c);
  return [a, b, c] as const;
};

test('roster: hosts come and go by votes, and all come to the same', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  t.deepEqual(a.roster.state().voters, [a.self, b.self, c.self]);
  await b.roster.remove(c.self);
  await town.meet(a, b, c);
  for (const man of [a, b, c]) t.is(names(man), '1 2');
  t.deepEqual(a.roster.position(), c.roster.position());
  t.deepEqual(a.roster.state().voters, [a.self, b.self]);
});

test('roster: of two removals at once the later one is asked whether the rest may be left without both', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const check = (isLeft: (host: HostId) => boolean): void => {
    if ([a, b, c].filter(({ self }) => isLeft(self)).length < 2)
      throw new ShoalError('CONFLICT', 'one is too few');
  };
  const ended = await Promise.allSettled([
    a.roster.remove(b.self, { check }),
    c.roster.remove(a.self, { check }),
  ]);
  await town.meet(a, b, c);
  t.is(ended.filter(({ status }) => status === 'fulfilled').length, 1);
  t.is(c.roster.state().members.size, 2);
});

test('roster: two operators at once are both obeyed, in one order', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const [d, e, f] = [newHostKey().hostId, newHostKey().hostId, newHostKey().hostId];
  await a.roster.add(f, 'host-6');
  await town.meet(a, b, c);
  await Promise.all([
    a.roster.add(d, 'host-4'),
    b.roster.add(e, 'host-5'),
    c.roster.expire(b.self, Date.now() + 3_600_000),
    b.roster.remove(f),
  ]);
  await town.meet(a, b, c);
  for (const man of [a, b, c]) t.is(names(man), '1 2 3 4 5');
  t.deepEqual(b.roster.position(), c.roster.position());
});

test('roster: of two hosts with one name that join at once at two hosts one is let in', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const outcomes = await Promise.allSettled([a, b].map((by) => by.roster.add(newHostKey().hostId, 'host-4')));
  t.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  for (const outcome of outcomes)
    if (outcome.status === 'rejected') t.like(outcome.reason, { code: 'CONFLICT' });
  await town.meet(a, b, c);
  t.is(names(c), '1 2 3 4');
});

test('roster: two hosts that remove each other at once leave one of them', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  await Promise.allSettled([a.roster.remove(b.self), b.roster.remove(a.self)]);
  await town.meet(a, b, c);
  t.is(c.roster.list().length, 2);
  t.true(c.roster.has(c.self));
});

test('roster: no clock has a word in it', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  town.aheadMs.set(b.self, 10 * 365 * 86_400_000);
  await b.roster.remove(c.self);
  town.aheadMs.set(a.self, -10 * 365 * 86_400_000);
  await town.meet(a, b);
  await a.roster.add(c.self, 'host-3');
  await town.meet(a, b);
  for (const man of [a, b]) t.is(names(man), '1 2 3');
});

test('roster: a minority changes nothing, and goes on to know who is let in', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  town.cut(a, c);
  town.cut(b, c);
  await t.throwsAsync(c.roster.remove(a.self), { code: 'QUORUM_MISSED' });
  t.is(names(c), '1 2 3');
  await a.roster.remove(b.self);
  town.heal();
  await town.meet(a, c);
  t.is(names(c), '1 3');
});

test('roster: a removed host that comes back with its old roster changes nothing', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const old = await readFile(join(c.directory, 'roster.json'));
  const oldTale = c.roster.tale();
  await a.roster.remove(c.self);
  await town.meet(a, b);
  const after = a.roster.position();
  await writeFile(join(c.directory, 'roster.json'), old);
  await c.restart();
  t.is(names(c), '1 2 3', 'it believes in it');
  for (const man of [a, b]) await man.roster.learn(oldTale.steps, here);
  // Each old step by itself, and all of them as if they came next.
  for (const step of oldTale.steps) {
    await a.roster.learn([step], here);
    await a.roster.learn([{ ...step, version: after.version + 1 }], here);
    await a.roster.learn([{ ...step, version: after.version + 1, previous: after.digest }], here);
  }
  t.deepEqual(a.roster.position(), after);
  // Nobody votes on what it stands at; the first that it asks tells it why.
  await t.throwsAsync(c.roster.add(newHostKey().hostId, 'host-9'), { code: 'FORBIDDEN' });
  await town.meet(a, b, c);
  for (const man of [a, b, c]) t.is(names(man), '1 2');
});

test('roster: a removed host cannot undo it by an older word to one that has not heard', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  // What it signs with yesterday's time, on the version before its removal.
  const undo = made(town, c, { kind: 'remove', hostId: a.self }, [c], { atMs: Date.now() - 86_400_000 });
  await a.roster.remove(c.self);
  await b.roster.learn([undo], here);
  t.is(names(b), '1 2 3', 'one vote of three is no majority');
  await town.meet(a, b);
  await b.roster.learn([undo], here);
  for (const man of [a, b]) t.is(names(man), '1 2');
  t.true(b.lines.some((line) => line.message === 'roster step refused'));
});

test('roster: what one host makes up alone is refused: steps without votes, with its own, forged, of others', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const change = { kind: 'remove', hostId: b.self } as const;
  const good = made(town, c, change, [a, b, c]);
  const at = a.roster.position();
  const stranger = { ...c, key: newHostKey() };
  const forged = {
    ...good,
    proof: { ballot: { round: 2, host: c.self, run: 1 }, votes: good.proof?.votes ?? [] },
  };
  const sameTwice = made(town, c, change, [c]);
  const votes = sameTwice.proof?.votes ?? [];
  for (const step of [
    made(town, c, change, []),
    sameTwice,
    {
      ...sameTwice,
      proof: { ballot: { round: 1, host: c.self, run: 1 }, votes: [...votes, ...votes, ...votes] },
    },
    forged,
    { ...good, atMs: good.atMs + 1 },
    { ...good, change: { ...change, hostId: a.self } },
    made(town, { ...stranger, self: stranger.key.hostId } as Townsman, change, [a, b, c]),
    made(town, c, { kind: 'voter', hostId: b.self, instead: null }, [a, b, c]),
    made(town, c, { kind: 'add', hostId: newHostKey().hostId, name: 'host-1', expiresAtMs: null }, [a, b, c]),
    made(town, c, change, [], { forced: true }),
  ])
    t.deepEqual((await a.roster.learn([step], here)).fresh, []);
  t.deepEqual(a.roster.position(), at);
  t.is((await a.roster.learn([good], here)).fresh.length, 1, 'with the votes of all three it counts');
});

test('roster: a step of another cluster means nothing here', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const step = made(town, c, { kind: 'remove', hostId: b.self }, [a, b, c]);
  t.true(isVoted(town.clusterId(), a.roster.state(), step));
  t.false(isVoted(newClusterId(), a.roster.state(), step));
});

test('roster: a voter that was killed remembers what it took', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  // c's proposal reaches a alone; then a and b decide without c, and must find it.
  town.cut(b, c);
  const [d, e] = [newHostKey().hostId, newHostKey().hostId];
  const first = c.roster.add(d, 'host-4');
  await first;
  await a.restart();
  town.cut(a, c);
  await b.roster.add(e, 'host-5');
  town.heal();
  await town.meet(a, b, c);
  for (const man of [a, b, c]) t.is(names(man), '1 2 3 4 5');
});

test('roster: a file of another host brings its knowledge, not its votes', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  await writeFile(join(c.directory, 'roster.json'), await readFile(join(b.directory, 'roster.json')));
  await c.restart();
  t.is(names(c), '1 2 3');
  town.cut(a, b);
  await t.throwsAsync(a.roster.remove(b.self), { code: 'QUORUM_MISSED' });
});

test('roster: one that is left of three gives up the others by force; who still sees them does not', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const d = await town.join(a, 'host-4', { isVoter: false });
  for (const man of [a, d]) for (const dead of [b, c]) town.cut(man, dead);
  await t.throwsAsync(a.roster.remove(b.self), { code: 'QUORUM_MISSED', message: /by force/ });
  await a.roster.remove(b.self, { force: true });
  await a.roster.remove(c.self, { force: true });
  t.is(names(a), '1 4');
  const steps = a.roster.stepsAfter(d.roster.position());
  await d.roster.learn(steps, here);
  t.is(names(d), '1 2 3 4', 'it has both at hand');
  await d.roster.learn(steps, gone);
  t.is(names(d), '1 4');
  await a.roster.add(newHostKey().hostId, 'host-5');
  t.is(names(a), '1 4 5', 'its vote is enough now');
});

test('roster: a host that is there takes the place of a voter that is gone, and of no other', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const d = await town.join(a, 'host-4', { isVoter: false });
  await town.meet(a, b, c, d);
  for (const man of [a, d]) town.cut(man, c);
  const attempt = d.becomeVoter(c.self);
  await t.throwsAsync(attempt, { code: 'QUORUM_MISSED' }, 'b sees it still');
  town.cut(b, c);
  await d.becomeVoter(c.self);
  await town.meet(a, b, d);
  t.deepEqual(a.roster.state().voters, [a.self, b.self, d.self]);
  town.heal();
  await town.meet(a, c);
  t.deepEqual(c.roster.state().voters, [a.self, b.self, d.self]);
  t.is(names(c), '1 2 3 4', 'it lost its vote, not its place');
});

test('roster: what a majority decided replaces what was forced meanwhile on the other side', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  town.cut(a, c);
  town.cut(b, c);
  await c.roster.remove(a.self, { force: true });
  await c.roster.remove(b.self, { force: true });
  t.is(names(c), '3');
  await a.roster.add(newHostKey().hostId, 'host-4');
  town.heal();
  await town.meet(a, b, c);
  for (const man of [a, b, c]) t.is(names(man), '1 2 3 4');
  t.true(c.lines.some((line) => line.message.startsWith('a forced roster step is given up')));
});

test('roster: of two forced steps on one version all hosts take the same', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const steps = [a, b].map((by) => made(town, by, { kind: 'remove', hostId: c.self }, [], { forced: true }));
  for (const [man, order] of [
    [a, steps],
    [b, steps.toReversed()],
  ] as const)
    for (const step of order) await man.roster.learn([step], gone);
  t.deepEqual(a.roster.position(), b.roster.position());
  t.is(names(a), '1 2');
});

test('roster: a host whose time has run out is out on every clock that says so, and taken off by votes', async (t) => {
  const town = await openTown(t);
  const a = await town.found();
  const b = await town.join(a, 'host-2', { isVoter: false, expiresAtMs: Date.now() + 3_600_000 });
  t.true(a.roster.has(b.self));
  const changed = new Promise<void>((resolve) => a.roster.onChange(() => resolve()));
  town.aheadMs.set(a.self, 3_600_001);
  t.false(a.roster.has(b.self), 'at once');
  t.is(names(a), '1');
  await changed;
  await t.throwsAsync(b.roster.add(newHostKey().hostId, 'host-3'), { code: 'QUORUM_MISSED' });
  town.aheadMs.delete(a.self);
  await a.roster.expire(b.self, null);
  town.aheadMs.set(a.self, 3_600_001);
  t.true(a.roster.has(b.self), 'renewed');
});

test('roster: a host whose time has run out stays while it is needed, one at a time, and goes then', async (t) => {
  const town = await openTown(t);
  const a = await town.found();
  const expiresAtMs = Date.now() + 3_600_000;
  const b = await town.join(a, 'host-2', { isVoter: false, expiresAtMs });
  const c = await town.join(a, 'host-3', { isVoter: false, expiresAtMs: expiresAtMs + 1 });
  const needed = new Set([b.self, c.self]);
  // Of the two one is enough.
  a.roster.setNeeded((host, isLeft) => needed.has(host) && ![...needed].some((other) => isLeft(other)));
  town.aheadMs.set(a.self, 3_700_000);
  t.false(a.roster.has(b.self), 'the first to go may go');
  t.true(a.roster.has(c.self));
  t.true(a.roster.isOver(c.self), 'its time is over all the same');
  t.is(names(a), '1 3');
  await a.roster.add(c.self, 'host-3', Date.now() + 9_000_000);
  t.false(a.roster.isOver(c.self), 'invited again');
  await a.roster.expire(c.self, expiresAtMs);
  const changed = new Promise<void>((resolve) => a.roster.onChange(() => resolve()));
  needed.clear();
  await changed;
  t.false(a.roster.has(c.self));
});

test('roster: a host that was away for longer than the chain is kept is told so', async (t) => {
  const town = await openTown(t);
  const [a, b, c] = await startThree(town);
  const tale = a.roster.tale();
  t.is(tale.base.version, 0);
  const later = made(town, a, { kind: 'remove', hostId: c.self }, [a, b]);
  const { isBehind, fresh } = await b.roster.learn([{ ...later, version: later.version + 1 }], here);
  t.true(isBehind);
  t.deepEqual(fresh, []);
});

test('roster: a host that is not on it cannot change it', async (t) => {
  const town = await openTown(t);
  const [a, , c] = await startThree(town);
  await a.roster.remove(c.self);
  await town.meet(a, c);
  await t.throwsAsync(c.roster.add(newHostKey().hostId, 'host-4'), { message: /not on it itself/ });
});

test('roster: hostile messages are refused and change nothing', async (t) => {
  const town = await openTown(t);
  const a = await town.found();
  const [genesis] = a.roster.tale().steps;
  const at = a.roster.position();
  for (const value of [
    null,
    7,
    'x',
    {},
    [null],
    [{ ...genesis, extra: 1 }],
    [{ ...genesis, change: { ...genesis?.change, name: '../x' } }],
    [[]],
    [genesis, genesis],
  ])
    await t.throwsAsync(a.roster.learn(value, here), { message: /^Cannot read roster/ });
  t.deepEqual(a.roster.position(), at);
});

test('roster: a file that cannot be read, and none at all, stop the start with a clear word', async (t) => {
  const directory = await tempDirectory(t);
  const { runtime } = recordingRuntime();
  const open = () =>
    openRoster({ runtime, self: newHostKey().hostId }, { directory, clusterId: newClusterId() });
  await t.throwsAsync(open(), { message: /Cannot read roster/ });
  await writeFile(join(directory, 'roster.json'), '[{');
  await t.throwsAsync(open(), { message: /Cannot read roster/ });
});
