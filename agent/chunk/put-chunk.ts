/**
 * Puts a chunk on its owners, all at once. It is durable when a quorum of the owners in each live layout version
 * has it on disk; what the others do then is no longer the upload's business:
 *
 *     sent --> on disk --(the reference stands)--> still there? --> acknowledged
 *      |  \--> failed ----------> told later (`tell.ts`)
 *      \-----> straggler (`straggler.ts`): may go on for a while; then told later
 *
 * Bytes and reference are written side by side, and an owner counts when it had the chunk after the reference stood: it
 * is asked again if its bytes were there first. So no collector takes the chunk, whose last question came before the
 * reference (`collect.ts`).
 *
 * A long chunk that this host has already, or that it would not have, is offered first: an owner that has just read its own copy
 * and found it good needs no bytes, only to keep it.
 *
 * Owners that gossip calls unreachable are not waited for: they are tried only when the rest makes no quorum.
 * The owner sets are read again after each answer, so a version that became live meanwhile is served as well.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import type { Ring } from '../ring/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Ask } from './ask.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { abortReason } from './cut.ts';
import { offerBytesMin, staleLayoutRetriesMax, staleLayoutWaitMs } from './limits.ts';
import { stragglers } from './straggler.ts';
import type { Transfer } from './transfer.ts';

/**
 * Resolves when durable. Throws DISK_FULL when that is why there is no quorum, QUORUM_MISSED otherwise; some
 * owners may then hold the chunk, and the collector takes it. The bytes must not change before `released` is
 * called, which may be after that.
 */
export type PutChunk = (
  id: ChunkId,
  bytes: Uint8Array,
  signal: AbortSignal,
  /** Resolves when a reference to the chunk stands. Its failure is the put's. */
  referred: Promise<void>,
  released: () => void,
) => Promise<void>;

interface Wanted {
  readonly id: ChunkId;
  readonly bytes: Uint8Array;
  readonly reference: { readonly referred: Promise<void>; readonly stands: boolean };
  /** Others may well have it. */
  readonly isKnown: Promise<boolean>;
}

export const putChunk = ({
  runtime,
  ring,
  members,
  files,
  transfer,
  ask,
  missed,
  shareOf = () => '',
}: {
  readonly runtime: Pick<Runtime, 'clock' | 'timers'>;
  readonly ring: Ring;
  readonly members: Members;
  readonly files: ChunkFiles;
  readonly transfer: Pick<Transfer, 'send'>;
  readonly ask: Ask;
  missed(host: HostId, id: ChunkId): void;
  /** What of it the host should hold now. Who was sent another share is sent this one. Default the same always. */
  shareOf?(id: ChunkId, host: HostId): string;
}): PutChunk => {
  const late = stragglers(runtime);

  const keep = async (host: HostId, id: ChunkId, signal: AbortSignal): Promise<boolean> => {
    if (host === ring.self) return files.keep(id);
    const { kept } = await ask(host, 'keep', { ids: [id], layout: ring.newest }, signal);
    return kept[0] === true;
  };

  const isTaken = async (host: HostId, { id, isKnown }: Wanted, signal: AbortSignal): Promise<boolean> => {
    if (host === ring.self || !(await isKnown)) return false;
    // Whatever went wrong there, the bytes may still be taken.
    const answer = await ask(host, 'have', { ids: [id], verified: true }, signal).catch(() => undefined);
    signal.throwIfAborted();
    return answer?.have[0] === true;
  };

  const send = async (host: HostId, wanted: Wanted, signal: AbortSignal): Promise<void> => {
    const { id, bytes, reference } = wanted;
    for (let attempt = 0; ; attempt++)
      try {
        const isAfter = reference.stands;
        const isThere = attempt === 0 && (await isTaken(host, wanted, signal));
        if (host === ring.self) await files.put(id, bytes, signal);
        else if (!isThere) await transfer.send(host, id, bytes, signal);
        if (isAfter && !isThere) return;
        await reference.referred;
        if (await keep(host, id, signal)) return;
      } catch (thrown) {
        // A connection that was kept may have died unnoticed, as after a restart of the other host: once more.
        if (hasCode(thrown, 'UNREACHABLE') && attempt === 0 && members.isReachable(host)) continue;
        if (!hasCode(thrown, 'STALE_LAYOUT') || attempt >= staleLayoutRetriesMax) throw thrown;
        await runtime.timers.sleep(staleLayoutWaitMs, signal);
      }
  };

  return (id, bytes, signal, referred, released) => {
    const reference = { referred, stands: false };
    referred.then(
      () => {
        reference.stands = true;
      },
      () => {},
    );
    const partition = ring.partitionOf(id);
    // Asked before this host puts it itself.
    const isKnown =
      bytes.length < offerBytesMin
        ? Promise.resolve(false)
        : ring.owners(partition).includes(ring.self)
          ? files.has(id).catch(() => false)
          : Promise.resolve(true);
    const sending = new Map<HostId, { readonly stop: AbortController; readonly ended: Promise<void> }>();
    const shares = new Map<HostId, string>();
    const acknowledged = new Set<HostId>();
    const failed = new Map<HostId, unknown>();
    const outcome = Promise.withResolvers<void>();
    let over = false;
    let durable = false;

    const finish = (failure?: unknown): void => {
      if (over) return;
      over = true;
      signal.removeEventListener('abort', abort);
      void Promise.all([...sending.values()].map(({ ended }) => ended)).then(released);
      if (failure) {
        for (const { stop } of sending.values()) stop.abort(failure);
        outcome.reject(failure);
        return;
      }
      durable = true;
      const lagging = [...sending].filter(([host]) => !acknowledged.has(host) && !failed.has(host));
      const tolerated = lagging.map(([host, { ended, stop }]) => late.tolerate(host, ended, stop));
      // Those never sent to, and those that failed before; a straggler speaks for itself when it fails.
      for (const host of ring.owners(partition)) if (failed.has(host) || !sending.has(host)) missed(host, id);
      void Promise.all(tolerated).then(() => outcome.resolve());
    };
    const abort = (): void => finish(abortReason(signal));

    const start = (host: HostId): void => {
      const share = shareOf(id, host);
      if (shares.get(host) === share) return;
      shares.set(host, share);
      acknowledged.delete(host);
      const stop = new AbortController();
      const ended = send(host, { id, bytes, reference, isKnown }, stop.signal).then(
        () => void (shares.get(host) === share && acknowledged.add(host)),
        (thrown: unknown) => {
          failed.set(host, thrown);
          if (durable) missed(host, id);
        },
      );
      sending.set(host, { stop, ended });
      void ended.then(judge);
    };

    const judge = (): void => {
      if (over) return;
      const sets = ring.ownerSets(partition);
      const count = (owners: readonly HostId[], has: (host: HostId) => boolean): number =>
        owners.filter(has).length;
      for (const { owners, quorum } of sets) {
        const willing = (host: HostId): boolean =>
          !failed.has(host) && (host === ring.self || sending.has(host) || members.isReachable(host));
        const enough = count(owners, willing) >= quorum;
        for (const host of owners) if (willing(host) || (!enough && !failed.has(host))) start(host);
      }
      if (
        sets.length > 0 &&
        sets.every(({ owners, quorum }) => count(owners, (h) => acknowledged.has(h)) >= quorum)
      )
        finish();
      const lost = sets.find(({ owners, quorum }) => count(owners, (host) => !failed.has(host)) < quorum);
      if (lost || sets.length === 0) finish(refusal(id, lost, failed, acknowledged));
    };

    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    else judge();
    return outcome.promise;
  };
};

const refusal = (
  id: ChunkId,
  set: { readonly owners: readonly HostId[]; readonly quorum: number } | undefined,
  failed: ReadonlyMap<HostId, unknown>,
  acknowledged: ReadonlySet<HostId>,
): ShoalError => {
  const causes = [...failed.values()];
  const full = causes.find((cause) => hasCode(cause, 'DISK_FULL'));
  if (full && causes.every((cause) => hasCode(cause, 'DISK_FULL')))
    return new ShoalError('DISK_FULL', `Cannot store chunk ${id}: the disks of its owners are full`, {
      cause: full,
    });
  const got = set?.owners.filter((host) => acknowledged.has(host)).length ?? 0;
  return new ShoalError(
    'QUORUM_MISSED',
    `Cannot store chunk ${id}: ${got} of ${set?.owners.length ?? 0} owners have it, ${set?.quorum ?? 1} must`,
    { details: { got, need: set?.quorum ?? 1 }, cause: causes[0] },
  );
};
