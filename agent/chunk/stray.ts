/**
 * Chunks here that no live layout version gives to this host. Each is dropped when every owner has it; an owner
 * that lacks it is told first, and fetches it from here. While an older version lives its owners still own, so
 * nothing is dropped under a move.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { Ring } from '../ring/port.ts';
import type { Log } from '../runtime/ports.ts';
import type { Ask } from './ask.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { idsPerMessageMax } from './limits.ts';
import type { Tells } from './tell.ts';

export const dropStrays = async (
  {
    ring,
    files,
    ask,
    tells,
    log,
  }: {
    readonly ring: Ring;
    readonly files: ChunkFiles;
    readonly ask: Ask;
    readonly tells: Tells;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<{ readonly kept: number }> => {
  const owners = (id: ChunkId): readonly HostId[] => ring.owners(ring.partitionOf(id));
  const isStray = (id: ChunkId): boolean => owners(id).length > 0 && !owners(id).includes(ring.self);

  const counts = { dropped: 0, kept: 0 };
  const drop = async (ids: readonly ChunkId[]): Promise<void> => {
    const byOwner = new Map<HostId, ChunkId[]>();
    for (const id of ids)
      for (const host of owners(id)) byOwner.set(host, (byOwner.get(host) ?? []).concat(id));
    const kept = new Set<ChunkId>();
    for (const [host, asked] of byOwner) {
      const answer = await ask(host, 'have', { ids: asked }, signal).catch(() => undefined);
      const absent = asked.filter((_, index) => !answer?.have[index]);
      for (const id of absent) kept.add(id);
      if (answer && absent.length > 0) await tells.add(host, absent);
    }
    counts.kept += kept.size;
    // Asked again under the chunk's lock: a newer layout may have made this host an owner meanwhile.
    for (const id of ids)
      if (!kept.has(id) && (await files.remove(id, () => isStray(id)))) counts.dropped += 1;
  };

  let page: ChunkId[] = [];
  for await (const id of files.list()) {
    signal.throwIfAborted();
    if (isStray(id)) page.push(id);
    if (page.length < idsPerMessageMax) continue;
    await drop(page);
    page = [];
  }
  if (page.length > 0) await drop(page);
  if (counts.dropped > 0) log.info('chunks that other hosts own now were dropped', counts);
  return counts;
};
