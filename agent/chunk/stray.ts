/**
 * Chunks here that no live layout version gives to this host. Each is dropped when every owner has it; an owner
 * that lacks it is told first. While an older version lives its owners own, so nothing is dropped under a move.
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
): Promise<void> => {
  const owners = (id: ChunkId): readonly HostId[] => ring.owners(ring.partitionOf(id));
  const isStray = (id: ChunkId): boolean => owners(id).length > 0 && !owners(id).includes(ring.self);

  const drop = async (ids: readonly ChunkId[]): Promise<number> => {
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
    let dropped = 0;
    // Asked again under the chunk's lock: a newer layout may have made this host an owner meanwhile.
    for (const id of ids) if (!kept.has(id) && (await files.remove(id, () => isStray(id)))) dropped += 1;
    return dropped;
  };

  let page: ChunkId[] = [];
  let dropped = 0;
  for await (const id of files.list()) {
    signal.throwIfAborted();
    if (isStray(id)) page.push(id);
    if (page.length < idsPerMessageMax) continue;
    dropped += await drop(page);
    page = [];
  }
  if (page.length > 0) dropped += await drop(page);
  if (dropped > 0) log.info('chunks that other hosts own now were dropped', { dropped });
};
