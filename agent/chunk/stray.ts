/**
 * Chunks here that no live layout version gives to this host. Each is dropped when every owner has it, and one of them
 * has just read its copy and found it good: a name may be that of a rotten copy, and this one the last that is good. An
 * owner that lacks it is told first, and fetches it from here. While an older version lives its owners still own, so
 * nothing is dropped under a move.
 */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import type { Ring } from '../ring/port.ts';
import type { Log } from '../runtime/ports.ts';
import type { Ask } from './ask.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { idsPerMessageMax, strayVerifyMax } from './limits.ts';
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
  /** Those that an owner answered for with yes; what it lacks it is told. */
  const heldBy = async (host: HostId, ids: readonly ChunkId[], verified: boolean): Promise<ChunkId[]> => {
    const answer = await ask(host, 'have', { ids: [...ids], verified }, signal).catch(() => undefined);
    const absent = ids.filter((_, index) => !answer?.have[index]);
    if (answer && absent.length > 0) await tells.add(host, absent);
    return ids.filter((id) => !absent.includes(id));
  };
  const grouped = (ids: readonly ChunkId[], hosts: (id: ChunkId) => readonly HostId[]) => {
    const byHost = new Map<HostId, ChunkId[]>();
    for (const id of ids) for (const host of hosts(id)) byHost.set(host, (byHost.get(host) ?? []).concat(id));
    return byHost;
  };

  const drop = async (ids: readonly ChunkId[]): Promise<void> => {
    let named = new Set(ids);
    for (const [host, asked] of grouped(ids, owners)) {
      const held = new Set(await heldBy(host, asked, false));
      named = named.difference(new Set(asked).difference(held));
    }
    counts.kept += ids.length - named.size;
    for (const [host, asked] of grouped([...named], (id) => owners(id).slice(0, 1)))
      for (let at = 0; at < asked.length; at += strayVerifyMax) {
        const slice = asked.slice(at, at + strayVerifyMax);
        const good = await heldBy(host, slice, true);
        counts.kept += slice.length - good.length;
        // Asked again under the chunk's lock: a newer layout may have made this host an owner meanwhile.
        for (const id of good) if (await files.remove(id, () => isStray(id))) counts.dropped += 1;
      }
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
