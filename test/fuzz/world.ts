/**
 * The ground rooms of one host on a peer layer that is a table of handlers: what another rostered host sends goes
 * straight in. No timer fires and no keeper wakes up to look again, so whatever changes came from an input.
 */
import { openMembers } from '../../agent/membership/members.ts';
import { verifySignature } from '../../agent/peer/host-key.ts';
import type { Gossip, Rpc, RpcHandler } from '../../agent/peer/port.ts';
import { backoffCapMs } from '../../agent/register/limits.ts';
import { openRing } from '../../agent/ring/open-ring.ts';
import type { Log, Runtime, Timers } from '../../agent/runtime/ports.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import { openTables } from '../../agent/table/tables.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { prng } from '../sim/prng.ts';
import { card, nowMs, other, own } from './samples.ts';

const silent = (): void => {};
/** What was logged as an error last: an operation that ended with INTERNAL says there why. */
let lastError: unknown;
export const lastLoggedError = (): unknown => lastError;
const mute: Log = {
  debug: silent,
  info: silent,
  warn: silent,
  error(_message, fields) {
    lastError = fields?.error;
  },
  with: () => mute,
};

/**
 * Who tries again within a call goes on in the next turn; who rests between two looks does so until it is stopped. Never in
 * this turn: a loop of looks and rests would let nothing else run.
 */
const sleep: Timers['sleep'] = (delayMs, signal) =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (delayMs > backoffCapMs) return;
    setImmediate(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
  });

export const stillRuntime = (): Runtime => {
  const chance = prng(1);
  return {
    clock: { wallMs: () => nowMs, monotonicMs: () => 1_000 },
    timers: { after: () => silent, sleep },
    chance: { random: chance.random, bytes: (length) => Uint8Array.from({ length }, () => chance.int(256)) },
    log: mute,
  };
};

/** Counts what was put on disk: transactions that changed nothing count as well, so it is asked only after refusals. */
const counted = (inner: KeyValue): { readonly keyValue: KeyValue; readonly count: () => number } => {
  let count = 0;
  return {
    count: () => count,
    keyValue: {
      ...inner,
      async transact(work) {
        let wrote = false;
        const result = await inner.transact((writer) =>
          work({
            ...writer,
            put(key, value) {
              wrote = true;
              writer.put(key, value);
            },
            delete(key) {
              wrote = true;
              writer.delete(key);
            },
          }),
        );
        if (wrote) count++;
        return result;
      },
    },
  };
};

export interface GroundWorld {
  /** As the other host. */
  call(method: string, body: unknown): Promise<unknown>;
  gossip(topic: string, body: unknown): void;
  state(): string;
  stop(): Promise<void>;
}

export const openGround = async (): Promise<GroundWorld> => {
  const handlers = new Map<string, RpcHandler>();
  const topics = new Map<string, (from: HostId, body: unknown) => void>();
  const runtime = stillRuntime();
  const { signal } = new AbortController();
  const handle = (method: string): RpcHandler => {
    const found = handlers.get(method);
    if (!found) throw new Error(`no handler of ${method}`);
    return found;
  };
  const rpc: Rpc = {
    self: own.hostId,
    async request(to, method, body) {
      if (to === own.hostId) return handle(method)(to, body, signal);
      throw new ShoalError('UNREACHABLE', `Cannot reach ${to}: it is not there`);
    },
    notify: silent,
    handle: (method, handler) => void handlers.set(method, handler),
  };
  const gossip: Gossip = {
    publish: silent,
    subscribe: (topic, handler) => void topics.set(topic, handler),
  };
  const listed = [{ hostId: own.hostId }];
  const roster = {
    list: () => listed,
    has: (host: HostId) => listed.some(({ hostId }) => hostId === host),
    onChange: () => silent,
  };
  const store = counted(memoryKeyValue());
  const signer = { sign: own.sign, verify: verifySignature };
  const world = { runtime, rpc, gossip, roster, signer, keyValue: store.keyValue };
  const members = await openMembers(world, { card: { ...card, name: 'host-1' } });
  const ring = openRing({ ...world, members }, { isFounder: true, partitionBits: 4 });
  ring.start();
  while (ring.newest === 0) await new Promise(setImmediate);
  listed.push({ hostId: other.hostId });
  const tables = openTables({ runtime, rpc, ring, members, keyValue: sub(store.keyValue, 'tables') });
  tables.start();
  while (!tables.status().whole) await new Promise(setImmediate);
  return {
    call: async (method, body) => handle(method)(other.hostId, body, signal),
    gossip: (topic, body) => topics.get(topic)?.(other.hostId, body),
    state: () =>
      [
        store.count(),
        ring.newest,
        members
          .list()
          .map(
            ({ hostId, state, incarnation, card: told }) => `${hostId} ${state} ${incarnation} ${told?.name}`,
          )
          .join(),
      ].join('\n'),
    async stop() {
      members.stop();
      ring.stop();
      await tables.stop();
    },
  };
};
