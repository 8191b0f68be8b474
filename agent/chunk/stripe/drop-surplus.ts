/**
 * Fragments here that no live layout version gives to this host: left by a layout change. One is dropped when each host that
 * should have it has just read its share over and found it good. A host that lacks its share is told, and fetches
 * this fragment from here.
 */
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import type { Log } from '../../runtime/ports.ts';
import type { Ask } from '../ask.ts';
import type { ChunkFiles } from '../chunk-files.ts';
import { strayVerifyMax } from '../limits.ts';
import type { Tells } from '../tell.ts';
import type { StripeFiles } from './files.ts';
import { fragmentName } from './name.ts';
import type { StripeRing } from './place.ts';

interface Surplus {
  readonly stripe: ChunkId;
  readonly index: number;
}

export const dropSurplus = async (
  {
    ring,
    files,
    fragments,
    ask,
    tells,
    log,
  }: {
    readonly ring: StripeRing;
    readonly files: StripeFiles;
    readonly fragments: ChunkFiles;
    readonly ask: Ask;
    readonly tells: Tells;
    readonly log: Log;
  },
  signal: AbortSignal,
): Promise<{ readonly kept: number }> => {
  const counts = { dropped: 0, kept: 0 };
  const isSurplus = ({ stripe, index }: Surplus): boolean => {
    const holders = ring.holders(stripe, index);
    return holders.length > 0 && !holders.includes(ring.self);
  };
  const areGood = async (host: HostId, stripes: readonly ChunkId[]): Promise<Set<ChunkId>> => {
    const ids = [...new Set(stripes)];
    const answer = await ask(host, 'have', { ids, verified: true }, signal).catch(() => undefined);
    const absent = answer ? ids.filter((_, at) => !answer.have[at]) : [];
    if (absent.length > 0) await tells.add(host, absent);
    return new Set(ids.filter((_, at) => answer?.have[at]));
  };
  const drop = async (page: readonly Surplus[]): Promise<void> => {
    const byHost = new Map<HostId, ChunkId[]>();
    for (const { stripe, index } of page)
      for (const host of ring.holders(stripe, index))
        byHost.set(host, (byHost.get(host) ?? []).concat(stripe));
    const good = new Map<HostId, Set<ChunkId>>();
    for (const [host, stripes] of byHost) good.set(host, await areGood(host, stripes));
    for (const fragment of page) {
      const { stripe, index } = fragment;
      // Asked under the fragment's lock: a newer layout may have given it to this host meanwhile, or to another.
      const isElsewhere = (): boolean =>
        isSurplus(fragment) && ring.holders(stripe, index).every((host) => good.get(host)?.has(stripe));
      if (await fragments.remove(fragmentName(stripe, index), isElsewhere)) counts.dropped += 1;
      else counts.kept += 1;
    }
  };

  let page: Surplus[] = [];
  for await (const fragment of files.surplus()) {
    signal.throwIfAborted();
    if (isSurplus(fragment)) page.push(fragment);
    if (page.length < strayVerifyMax) continue;
    await drop(page);
    page = [];
  }
  if (page.length > 0) await drop(page);
  if (counts.dropped > 0) log.info('fragments that other hosts hold now were dropped', counts);
  return counts;
};
