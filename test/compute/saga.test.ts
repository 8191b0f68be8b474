import test from 'ava';
import { type Claims, openClaims } from '../../agent/compute/claims.ts';
import { type CreateState, createSaga } from '../../agent/compute/create-saga.ts';
import type { HostCalls } from '../../agent/compute/host-calls.ts';
import { openPromises } from '../../agent/compute/place/promises.ts';
import { bootKey, indexPartition, openRecords } from '../../agent/compute/records.ts';
import type { Members } from '../../agent/membership/port.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { fakeTables } from '../fake/tables.ts';
import { impatient, proveSaga, type SagaSubject } from '../flow/saga-proof.ts';
import { aServer, aVitals } from './samples.ts';

const room = { vcpus: 4, memoryMiB: 1024, diskGiB: 10 };

/** Two hosts with books of their own; the first may refuse. */
const fresh = async (options: { readonly isFull?: boolean; readonly isGone?: boolean } = {}) => {
  const records = openRecords(fakeTables());
  const books = new Map<string, Claims>(['a', 'b'].map((host) => [host, openClaims(memoryKeyValue())]));
  const book = (host: string): Claims => {
    const found = books.get(host);
    if (!found) throw new ShoalError('UNREACHABLE', `no host ${host}`);
    return found;
  };
  const pokes: string[] = [];
  const hosts: HostCalls = {
    async claim(host, request) {
      if (options.isFull) throw new ShoalError('NO_CAPACITY', 'Cannot take it: full');
      await book(host).take({ ...request, atMs: 1 }, room);
    },
    release: (host, id) => book(host).release(id),
    poke: (host) => void pokes.push(host),
    console: async () => new Uint8Array(),
  };
  const members: Members = {
    self: 'a' as HostId,
    list: () =>
      ['a', 'b'].map((host) => ({
        hostId: host as HostId,
        name: host,
        state: 'alive',
        incarnation: 1,
        vitals: aVitals(),
      })),
    get: () => undefined,
    isReachable: () => true,
    onChange: () => () => undefined,
  };
  const server = aServer();
  const kind = createSaga({
    runtime: impatient,
    records,
    members,
    hosts,
    promises: openPromises({ clock: impatient.clock, members }),
    recorded: () => undefined,
  });
  const state: CreateState = {
    server,
    boot: { userData: null, adminPassword: 'x' },
    isRecorded: false,
    candidates: [],
    reasons: '',
    host: null,
  };
  const rowOf = () => records.servers.get(server.projectId, server.id);
  return { records, books, pokes, server, kind, state, rowOf };
};

type World = Awaited<ReturnType<typeof fresh>>;

/** Room that is held, and whether a host has the server: what must never leak. */
const subject = async (): Promise<SagaSubject<CreateState>> => {
  const world: World = await fresh();
  let host: string | null = null;
  const follow = async (): Promise<void> => {
    host = (await world.rowOf())?.host ?? null;
  };
  const steps = world.kind.steps.map((step) => ({
    ...step,
    async act(state: CreateState, signal: AbortSignal) {
      const next = await step.act(state, signal);
      await follow();
      return next;
    },
    async undo(state: CreateState, signal: AbortSignal) {
      await step.undo?.(state, signal);
      await follow();
    },
  }));
  return {
    kind: { ...world.kind, steps },
    state: world.state,
    trace: () => ({
      host: host === null ? 0 : 1,
      claims: [...world.books.values()].flatMap((one) => one.list()).length,
    }),
  };
};

proveSaga(test, 'create', subject, (t, trace) => t.deepEqual(trace, { host: 1, claims: 1 }));

const signal = new AbortController().signal;
const step = (world: World, name: string) => {
  const found = world.kind.steps.find((one) => one.name === name);
  if (!found) throw new Error(`no step ${name}`);
  return found;
};

test('create: undone before its record was told of it leaves no row at all', async (t) => {
  const world = await fresh();
  await step(world, 'record').act(world.state, signal);
  t.truthy(await world.rowOf());
  await step(world, 'record').undo?.(world.state, signal);
  t.is(await world.rowOf(), undefined);
  t.is(await world.records.boots.get(world.server.id, bootKey), undefined);
  t.is(await world.records.index.get(indexPartition(world.server.id), world.server.id), undefined);
});

test('create: undone later it stays as a server in ERROR', async (t) => {
  const world = await fresh();
  let state = world.state;
  for (const one of world.kind.steps) state = await one.act(state, signal);
  for (const one of [...world.kind.steps].reverse()) await one.undo?.(state, signal);
  t.like(await world.rowOf(), { vmState: 'error', host: null });
});

test('create: deleted while it was on its way, it does not come back and gives its room up', async (t) => {
  const world = await fresh();
  let state = world.state;
  for (const name of ['record', 'choose', 'claim']) state = await step(world, name).act(state, signal);
  await world.records.servers.change(world.server.projectId, world.server.id, () => undefined);
  await step(world, 'assign').act(state, signal);
  t.is(await world.rowOf(), undefined);
  t.deepEqual(
    [...world.books.values()].flatMap((one) => one.list()),
    [],
  );
});

test('create: hosts that refuse are passed over, and the fault tells what they said', async (t) => {
  const world = await fresh({ isFull: true });
  let state = world.state;
  for (const one of world.kind.steps) state = await one.act(state, signal);
  const row = await world.rowOf();
  t.is(row?.vmState, 'error');
  t.regex(
    row?.fault?.message ?? '',
    /^No valid host was found\. Cannot take it: full; Cannot take it: full\.$/,
  );
});
