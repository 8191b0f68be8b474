/**
 * References that must be given back, on disk before they are taken. An upload owes its references until `write`
 * resolves; a release owes them until they are deleted. An agent that dies between finds its debts when it starts,
 * and a release that finds no quorum is tried again: neither leaves a chunk that nobody can ever collect.
 *
 * Where the caller says where its row will stand (a claim), they are owed until that stands. The next life of the agent cannot
 * know whether it does, and asks who owns such rows, when nothing that the earlier life has sent can be news any more.
 *
 * Key: BLAKE3 of the user and the chunk's id, both raw (a user's name may be long, keys may not). Value: the user, or more.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import { concatBytes, fromHex, toHex } from '../base/bytes.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import { chunkIdOf } from './chunk-name.ts';
import { claimAgeMs, debtsWaitingMax } from './limits.ts';
import type { Claim, Judges } from './port.ts';
import type { References } from './reference.ts';

interface Owed {
  readonly user: string;
  readonly claim: Claim;
  readonly atMs: number;
}
const owedCodec = codec<string | Owed>('debt');
const idBytes = 32;

export interface Debts {
  /** While held, `settle` leaves the user's debts alone. */
  hold(user: string): void;
  add(user: string, ids: readonly ChunkId[], claim?: Claim): Promise<void>;
  /** Of all that the user owes. */
  claim(user: string, claim: Claim): Promise<void>;
  /** The references stay: nothing is owed any more. */
  forgive(user: string): Promise<void>;
  /** Deletes the references. Throws what the tables throw; the debt then stands for `settle`. */
  pay(user: string): Promise<void>;
  letGo(user: string): void;
  /** Pays all debts that nobody holds, and that no row stands for. */
  settle(signal: AbortSignal): Promise<void>;
  /** Users whose debts could be neither paid nor forgiven when they were last looked at, and for how long the oldest of them waits. */
  readonly waiting: { readonly users: number; readonly forMs: number };
}

export const debts = (
  {
    store,
    references,
    judges,
    clock,
    log,
  }: {
    readonly store: KeyValue;
    readonly references: Pick<References, 'remove'>;
    readonly judges: Judges;
    readonly clock: Clock;
    readonly log: Log;
  },
  settings: { readonly claimAgeMs?: number | undefined } = {},
): Debts => {
  const ageMs = settings.claimAgeMs ?? claimAgeMs;
  const held = new Set<string>();
  /** Those that are to be given back, whatever their claims say. */
  const due = new Set<string>();
  /** Since when, on the monotonic clock of this life. */
  let waiting = new Map<string, number>();
  const opened = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  const prefixOf = (user: string): Uint8Array => fromHex(chunkIdOf(Buffer.from(user)));
  const rangeOf = (user: string) => ({
    from: concatBytes(prefixOf(user), new Uint8Array(idBytes)),
    to: concatBytes(prefixOf(user), new Uint8Array(idBytes + 1).fill(0xff)),
  });
  const idsOf = (user: string): ChunkId[] =>
    Array.from(store.range(rangeOf(user)), ({ key }) => toHex(key.subarray(idBytes)) as ChunkId);

  const keysOf = (reader: Pick<KeyValue, 'range'>, user: string): Uint8Array[] =>
    Array.from(reader.range(rangeOf(user)), ({ key }) => Uint8Array.from(key));
  /** No commit where there is nothing: content has debts of one kind, and most of it none. */
  const owes = (user: string): boolean => [...store.range({ ...rangeOf(user), limit: 1 })].length > 0;
  const owedBy = (user: string, claim: Claim | undefined): Uint8Array =>
    owedCodec.encode(claim ? { user, claim, atMs: clock.wallMs() } : user);

  const forgive = async (user: string): Promise<void> => {
    if (!owes(user)) return;
    await store.transact((writer) => {
      for (const key of keysOf(writer, user)) writer.delete(key);
    });
  };
  const pay = async (user: string): Promise<void> => {
    due.add(user);
    await references.remove(idsOf(user), user);
    await forgive(user);
    due.delete(user);
  };
  /** One of this life is known to who made it, or may still be on its way. */
  const judge = async ({ user, claim, atMs }: Owed): Promise<void> => {
    if (atMs >= opened.wallMs || clock.monotonicMs() - opened.monotonicMs < ageMs) return;
    const stands = await judges.get(claim.of)?.(claim, user, clock.wallMs() - ageMs);
    if (stands) await forgive(user);
    if (stands === false) await pay(user);
    if (stands === undefined) throw new ShoalError('BUSY', `It cannot be told yet whether ${user} is named`);
  };
  return {
    hold: (user) => void held.add(user),
    letGo: (user) => void held.delete(user),
    async claim(user, claim) {
      if (!owes(user)) return;
      const value = owedBy(user, claim);
      await store.transact((writer) => {
        for (const key of keysOf(writer, user)) writer.put(key, value);
      });
    },
    async add(user, ids, claim) {
      const [prefix, value] = [prefixOf(user), owedBy(user, claim)];
      await store.transact((writer) => {
        for (const id of ids) writer.put(concatBytes(prefix, fromHex(id)), value);
      });
    },
    forgive,
    pay,
    async settle(signal) {
      // One look a user: an upload of terabytes owes a million references while it is under way.
      const left = new Map<string, number>();
      for (let from: Uint8Array = new Uint8Array(); !signal.aborted; ) {
        const [first] = store.range({ from, limit: 1 });
        if (!first) break;
        const owed = owedCodec.decode(first.value);
        const user = typeof owed === 'string' ? owed : owed.user;
        from = rangeOf(user).to;
        if (held.has(user)) continue;
        const settling = typeof owed === 'string' || due.has(user) ? pay(user) : judge(owed);
        await settling.catch((thrown: unknown) => {
          if (left.size < debtsWaitingMax) left.set(user, waiting.get(user) ?? clock.monotonicMs());
          log.info('references could not be given back yet', { user, thrown });
        });
      }
      if (!signal.aborted) waiting = left;
    },
    get waiting() {
      const oldestMs = Math.min(clock.monotonicMs(), ...waiting.values());
      return { users: waiting.size, forMs: clock.monotonicMs() - oldestMs };
    },
  };
};
