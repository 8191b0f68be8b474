/**
 * What one host knows of the chain: the live versions and how far everyone is. Pure.
 *
 *   learn v+1 --> ack --> (owners of v acked by quorum) --> sync --> (all synced) --> syncAck --> (all acked) --> v retires
 *
 *  - ack: I know of v+1 and refuse writes from who does not.
 *  - sync: I hold everything that I own under v+1.
 *  - syncAck: I know that all do, and read from v+1 alone from now on. Writes go on to both.
 *  - When all have said syncAck nobody reads from v any more, so nobody needs to write there: it retires.
 *
 * Who counts: the members of the newest version, also those that are not on the roster here. One that was taken off is
 * left out by the next version; and one that was let in may be in a version of which this host hears before it hears
 * that: to go on without it would leave it reading where nobody writes any more. Members of older versions need not be
 * waited for: a quorum of every old owner set has acked before anything was copied, so those that are left cannot
 * make a quorum among themselves, and hosts that are not in the newest version read from all live ones.
 */

import { mergeMax } from '../../proto/crdt/max-map.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout, Progress } from '../../proto/message/layout.ts';
import { digestOf, faultOf, hostIdsOf, isMember } from './layout.ts';

export interface History {
  /** Oldest first; empty until this host has heard of a layout. */
  readonly live: readonly Layout[];
  readonly progress: Progress;
}

export const emptyHistory: History = { live: [], progress: { ack: {}, sync: {}, syncAck: {} } };

export const newestOf = (history: History): Layout | undefined => history.live.at(-1);

export type Learned =
  | { readonly kind: 'new'; readonly history: History }
  | { readonly kind: 'known' }
  /** Versions before it are missing. */
  | { readonly kind: 'gap' }
  /** It contradicts the chain: never taken over, always worth a loud word. */
  | { readonly kind: 'fork'; readonly fault: string };

export const learnLayout = (history: History, layout: Layout): Learned => {
  const newest = newestOf(history);
  if (!newest || layout.version > newest.version + 1) return { kind: 'gap' };
  if (layout.version === newest.version + 1) {
    const fault = faultOf(newest, layout);
    if (fault) return { kind: 'fork', fault };
    return { kind: 'new', history: { ...history, live: [...history.live, layout] } };
  }
  const held = history.live.find(({ version }) => version === layout.version);
  if (!held || digestOf(held) === digestOf(layout)) return { kind: 'known' };
  return { kind: 'fork', fault: `another version ${layout.version} is live here` };
};

export const mergeProgress = (history: History, progress: Progress): History => ({
  ...history,
  progress: {
    ack: mergeMax(history.progress.ack, progress.ack),
    sync: mergeMax(history.progress.sync, progress.sync),
    syncAck: mergeMax(history.progress.syncAck, progress.syncAck),
  },
});

type Stage = keyof Progress;

/** Those of a version's members, the newest one's by default, who have not come so far. */
export const waitedFor = (history: History, stage: Stage, layout = newestOf(history)): readonly HostId[] =>
  layout ? hostIdsOf(layout).filter((host) => (history.progress[stage][host] ?? 0) < layout.version) : [];

/**
 * Drops all versions before one from which everyone who counts there reads. That may be one before the newest: it came to its end
 * elsewhere while this host was away, and there nobody answers for what is older.
 */
export const retireOld = (history: History): History => {
  const from = history.live.findLastIndex((layout) => waitedFor(history, 'syncAck', layout).length === 0);
  return from <= 0 ? history : { ...history, live: history.live.slice(from) };
};

/**
 * The version that may be read alone: the newest of those up to which this host has said syncAck, else the oldest live one,
 * as long as it cannot have retired elsewhere. That waits for the members of each later version: where this host is in
 * all of them for its own word as well, where it is missing in one there is no such version.
 */
export const completeVersion = (history: History, self: HostId): number | undefined => {
  const said = history.progress.syncAck[self] ?? 0;
  const [oldest, ...later] = history.live;
  const read = later.findLast(({ version }) => version <= said) ?? oldest;
  const isWaitedFor = later.every((layout) => layout.version <= said || isMember(layout, self));
  return isWaitedFor ? read?.version : undefined;
};

/** Hosts that later live versions removed by force: older owner sets count without them. */
export const forcedOut = (history: History, version: number): readonly string[] =>
  history.live.filter((layout) => layout.version > version).flatMap((layout) => layout.forced);
