/**
 * Which of the tales of several hosts to believe, for one that cannot check them: it knows no layout that leads there.
 * The newest version that more than half of them know alike; what came after it is learned link by link, with proofs.
 */
import type { HostId } from '../../proto/ids.ts';
import type { LayoutTale } from '../../proto/message/layout.ts';
import { digestOf } from './layout.ts';

interface Told {
  readonly from: HostId;
  readonly tale: LayoutTale;
}

/** Undefined: none of them knows a layout, or they do not agree. */
export const mostKnown = (all: readonly Told[]): Told | undefined => {
  const told = all.filter(({ tale }) => tale.layouts.length > 0);
  const known = told.map(({ tale }) => new Set(tale.layouts.map(digestOf)));
  const isCommon = (digest: string): boolean =>
    known.filter((digests) => digests.has(digest)).length * 2 > told.length;
  let best: Told | undefined;
  for (const { from, tale } of told) {
    const layouts = [...tale.layouts];
    while (layouts.length > 0 && !isCommon(digestOf(layouts.at(-1) as LayoutTale['layouts'][number])))
      layouts.pop();
    const newest = layouts.at(-1)?.version ?? 0;
    if (newest >= tale.oldest && newest > (best?.tale.layouts.at(-1)?.version ?? 0))
      best = { from, tale: { ...tale, layouts } };
  }
  return best;
};
