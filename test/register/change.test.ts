import test from 'ava';
import { type AcceptorState, emptyState, handleRequest } from '../../agent/register/acceptor.ts';
import { ballotSource } from '../../agent/register/ballot.ts';
import { changeRegister, type RegisterWorld, readRegister } from '../../agent/register/change.ts';
import { changeAttemptsMax } from '../../agent/register/limits.ts';
import type { Reply, Request, Value } from '../../agent/register/message.ts';
import type { HostId } from '../../proto/ids.ts';
import { until } from '../until.ts';
import { bytes, host, majority, text } from './make.ts';

/** Acceptors in memory; `meddle` sees each request first and may fail it or answer itself. */
const cluster = (
  names: string,
  meddle: (to: HostId, request: Request) => Promise<Reply | undefined> | Reply | undefined = () => undefined,
) => {
  const states = new Map<HostId, AcceptorState>();
  const handle = (to: HostId, request: Request): Reply => {
    const { state, reply } = handleRequest(states.get(to) ?? emptyState, request);
    states.set(to, state);
    return reply;
  };
  const asked: Request['kind'][] = [];
  const world = (name: string): RegisterWorld => ({
    async ask(to, request) {
      asked.push(request.kind);
      return (await meddle(to, request)) ?? handle(to, request);
    },
    ballots: ballotSource(host(name), Math.random),
    timers: { sleep: () => new Promise((resolve) => setImmediate(resolve)) },
    clock: { monotonicMs: () => performance.now() },
    chance: { random: Math.random },
  });
  return { world, handle, states, asked, access: { name: 'row', sets: () => [majority(names)] } };
};

const add = (current: Value): Value => bytes(String(Number(text(current) ?? '0') + 1));

test('change: callers that race are all counted exactly once', async (t) => {
  const { world, access } = cluster(
    'abc',
    () => new Promise((resolve) => setTimeout(resolve, Math.random() * 3)),
  );
  const callers = ['p', 'q', 'r'].map(world);
  const outcomes = await Promise.allSettled(
    callers.flatMap((caller) => [0, 1].map(() => changeRegister(caller, { ...access, next: add }))),
  );
  const lost = outcomes.filter((outcome) => outcome.status === 'rejected');
  const held = await readRegister(world('z'), access);
  t.true(Number(text(held?.value ?? null)) >= 6 - lost.length);
  if (lost.length === 0) t.is(text(held?.value ?? null), '6');
});

test('change: one that was picked up by its rival is not made twice', async (t) => {
  let meddled = false;
  const { world, access, handle } = cluster('abc', async (to, request) => {
    if (request.kind !== 'accept' || meddled || request.accepted.ballot.host !== 'p') return undefined;
    // The first accept reaches one owner; a rival finishes the value it finds there before the others hear of it.
    meddled = true;
    const reply = handle(to, request);
    await changeRegister(world('q'), { ...access, next: add });
    return reply;
  });
  const { accepted } = await changeRegister(world('p'), { ...access, next: add });
  t.is(text(accepted?.value ?? null), '2');
});

test('change: one that another host has run is found done, though others changed the register since', async (t) => {
  const { world, access } = cluster('abc');
  const shared = { id: 7, replaces: null, base: null };
  await changeRegister(world('p'), { ...access, next: add, shared });
  await changeRegister(world('q'), { ...access, next: add });
  const { accepted } = await changeRegister(world('r'), { ...access, next: add, shared });
  t.is(text(accepted?.value ?? null), '2');
});

test('change: a promise kept from the last one spares a round trip', async (t) => {
  const { world, access, asked } = cluster('abc');
  const p = world('p');
  const { promised } = await changeRegister(p, { ...access, next: add, keepPromise: true });
  asked.length = 0;
  await changeRegister(p, { ...access, next: add, promised });
  t.deepEqual(asked, ['accept', 'accept', 'accept']);
});

test('change: a promise that is stale or used up costs a round trip and does no harm', async (t) => {
  const { world, access } = cluster('abc');
  const p = world('p');
  const { promised } = await changeRegister(p, { ...access, next: add, keepPromise: true });
  await changeRegister(world('q'), { ...access, next: add });
  await changeRegister(p, { ...access, next: add, promised });
  const { accepted } = await changeRegister(p, { ...access, next: add, promised });
  t.is(text(accepted?.value ?? null), '4');
});

test('change: what `next` throws comes out and changes nothing', async (t) => {
  const { world, access } = cluster('abc');
  await changeRegister(world('p'), { ...access, next: add });
  const refuse = () => {
    throw new Error('taken');
  };
  await t.throwsAsync(changeRegister(world('q'), { ...access, next: refuse }), { message: 'taken' });
  const held = await readRegister(world('r'), access);
  t.is(text(held?.value ?? null), '1');
});

test('change: with one of three owners gone it goes on, with two gone it says QUORUM_MISSED', async (t) => {
  const gone = new Set<HostId>([host('c')]);
  const { world, access } = cluster('abc', (to) => {
    if (gone.has(to)) throw new Error('gone');
    return undefined;
  });
  await changeRegister(world('p'), { ...access, next: add });
  t.is(text((await readRegister(world('q'), access))?.value ?? null), '1');
  gone.add(host('b'));
  await t.throwsAsync(changeRegister(world('p'), { ...access, next: add }), { code: 'QUORUM_MISSED' });
  await t.throwsAsync(readRegister(world('p'), access), { code: 'QUORUM_MISSED' });
});

test('change: refused before any value was sent it is CONTENDED, after that it is unknown', async (t) => {
  const refusing = (kind: Request['kind']) =>
    cluster('abc', (_to, request) => {
      if (request.kind === 'read' || request.kind !== kind) return undefined;
      const ballot = request.kind === 'prepare' ? request.ballot : request.accepted.ballot;
      return { kind: 'conflict', ballot, promised: { ...ballot, round: ballot.round + 1 } };
    });
  const early = refusing('prepare');
  await t.throwsAsync(changeRegister(early.world('p'), { ...early.access, next: add }), {
    code: 'CONTENDED',
  });
  t.is(early.asked.length, 3 * changeAttemptsMax);
  const late = refusing('accept');
  await t.throwsAsync(changeRegister(late.world('p'), { ...late.access, next: add }), {
    code: 'QUORUM_MISSED',
  });
});

test('read: owners that agree are only read, owners that do not are brought together first', async (t) => {
  const { world, access, asked, handle } = cluster('abc');
  await changeRegister(world('p'), { ...access, next: add });
  asked.length = 0;
  await readRegister(world('q'), access);
  t.deepEqual(new Set(asked), new Set(['read']));
  const ballot = ballotSource(host('r'), Math.random).next({ round: 50, host: host('r'), run: 0 });
  handle(host('a'), { kind: 'accept', accepted: { ballot, value: bytes('9'), lineage: [1] }, next: null });
  const seen = text((await readRegister(world('q'), access))?.value ?? null);
  t.is(text((await readRegister(world('s'), access))?.value ?? null), seen);
});

test('change: an owner that has promised more than it holds gets what the others agree on, however slow it is', async (t) => {
  let isCut = true;
  const { world, access, handle, states } = cluster('abc', async (to) => {
    if (to !== host('c')) return undefined;
    if (isCut) throw new Error('cut off');
    await new Promise((resolve) => setTimeout(resolve, 5));
    return undefined;
  });
  const { accepted } = await changeRegister(world('p'), { ...access, next: add });
  const above = { round: 50, host: host('r'), run: 0 };
  handle(host('c'), { kind: 'prepare', ballot: above });
  isCut = false;
  await changeRegister(world('q'), { ...access, next: (current) => current, everywhere: true, above });
  await until('it has it', () => states.get(host('c'))?.accepted?.lineage[0] === accepted?.lineage[0]);
  t.is(text(states.get(host('c'))?.accepted?.value ?? null), '1');
});

/** What no owner says: one that keeps no rule, or a bug of this host. */
const nonsense = { kind: 'state', accepted: { ballot: null } } as unknown as Reply;

test('read: an answer that nothing can be made of, or an ask that throws, ends that read and nothing else', async (t) => {
  const odd = cluster('abc', () => nonsense);
  await t.throwsAsync(readRegister(odd.world('p'), odd.access), { instanceOf: TypeError });
  const { world, access } = cluster('abc');
  const ask = () => {
    throw new Error('no way to ask');
  };
  await t.throwsAsync(readRegister({ ...world('p'), ask }, access), { message: 'no way to ask' });
  await t.throwsAsync(changeRegister({ ...world('p'), ask }, { ...access, next: add }), {
    message: 'no way to ask',
  });
});

test('change: a caller that goes away gets its own reason', async (t) => {
  const { world, access } = cluster('abc', () => new Promise(() => {}));
  const stop = new AbortController();
  const call = changeRegister(world('p'), { ...access, next: add, signal: stop.signal });
  stop.abort(new Error('gone away'));
  await t.throwsAsync(call, { message: 'gone away' });
});
