/**
 * References that no row stands for any more, whatever became of who should have given them back: a host that never comes back, an
 * agent that died between replacing a row and releasing what it held, two hosts that overwrote one name within the same moment.
 *
 * Each reference says where its row will stand, and who makes it. Who leads the chunk's references looks whether it does:
 *
 *     walk: named? --no--> is its maker still at it? --no--> candidate --(two ages later)--> judged for good --no row--> given back
 *             | yes                  | yes, or silent           (memory)                           | a row, or not yet
 *             '----------------------'----- next walk -----------------------------------------------'
 *
 *  - A user is made once. Who is not at it any more never will be, so nothing that comes after the question is news; what was sent
 *    before it is older, by whichever clock, than what the judge puts in its way an age later (`object/judge-upload.ts`).
 *  - A maker that is slow, stopped or cut off is silent, and is waited for. One that is off the roster is no maker.
 *  - References of earlier builds say nothing, and are left alone.
 *
 * Debts (`debt.ts`) do the same within minutes where the host comes back; this takes days, and misses nothing.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import type { Clock, Log } from '../runtime/ports.ts';
import type { Ask } from './ask.ts';
import { orphanCandidatesMax } from './limits.ts';
import type { Claim, Judges } from './port.ts';
import type { Reference, References } from './reference.ts';
import type { Throttle } from './throttle.ts';

interface Candidate {
  readonly id: ChunkId;
  readonly user: string;
  readonly claim: Claim;
  readonly by: HostId;
  readonly sinceMs: number;
}

export interface Orphans {
  /** Looks at the references that this host leads, also of chunks whose bytes never came. */
  walk(signal: AbortSignal): Promise<void>;
  /** Judges the candidates whose time has come. */
  settle(signal: AbortSignal): Promise<void>;
}

export const orphans = (
  {
    clock,
    log,
    self,
    members,
    references,
    judges,
    uploads,
    ask,
    isOff,
    throttle,
  }: {
    readonly clock: Clock;
    readonly log: Log;
    readonly self: HostId;
    readonly members: Pick<Members, 'isReachable'>;
    readonly references: References;
    readonly judges: Judges;
    /** Users that this host is at. */
    readonly uploads: ReadonlySet<string>;
    /** Of the room as a whole: users have chunks of all kinds. */
    readonly ask: Ask;
    /** No host of the cluster any more. */
    isOff(host: HostId): boolean;
    /** Of references. */
    readonly throttle: Throttle;
  },
  settings: { readonly ageMs: number },
): Orphans => {
  const candidates = new Map<string, Candidate>();

  const isOver = async (maker: HostId, user: string, signal: AbortSignal): Promise<boolean> => {
    if (maker === self) return !uploads.has(user);
    if (isOff(maker)) return true;
    if (!members.isReachable(maker)) return false;
    return ask(maker, 'uploads', { users: [user] }, signal).then(
      ({ underWay }) => underWay[0] === false,
      () => false,
    );
  };

  const look = async (
    id: ChunkId,
    user: string,
    { claim, by }: Reference,
    signal: AbortSignal,
  ): Promise<void> => {
    const judge = claim && judges.get(claim.of);
    if (!claim || !by || !judge) return;
    const key = `${id} ${user}`;
    if (candidates.has(key) || candidates.size >= orphanCandidatesMax) return;
    if ((await judge(claim, user, null)) || !(await isOver(by, user, signal))) return;
    candidates.set(key, { id, user, claim, by, sinceMs: clock.monotonicMs() });
  };

  const lookAt = async (id: ChunkId, signal: AbortSignal): Promise<void> => {
    for await (const [user, reference] of references.of(id)) {
      await throttle.take(1, signal);
      await look(id, user, reference, signal);
    }
  };

  const settle = async (key: string, signal: AbortSignal): Promise<void> => {
    const candidate = candidates.get(key);
    if (!candidate || clock.monotonicMs() - candidate.sinceMs < 2 * settings.ageMs) return;
    const { id, user, claim, by } = candidate;
    // Once more: who seemed to be off the roster may be one that this host had not heard of yet.
    if (!(await isOver(by, user, signal))) return;
    const stands = await judges.get(claim.of)?.(claim, user, clock.wallMs() - settings.ageMs);
    if (stands === undefined) return;
    if (!stands) await references.remove([id], user);
    candidates.delete(key);
    if (!stands) log.info('a reference that no row stands for was given back', { chunk: id, user });
  };

  /** What cannot be asked now must not hide what comes after it: the next turn begins at the same place. */
  const tried = (chunk: string, signal: AbortSignal, work: Promise<void>): Promise<void> =>
    work.catch((thrown: unknown) => {
      if (signal.aborted) throw thrown;
      log.info('references are looked at again next time', { chunk, thrown });
    });

  return {
    async walk(signal) {
      for await (const id of references.led()) {
        if (signal.aborted) return;
        await tried(id, signal, lookAt(id, signal));
      }
    },
    async settle(signal) {
      for (const [key, { id }] of candidates) {
        if (signal.aborted) return;
        await tried(id, signal, settle(key, signal));
      }
    },
  };
};
