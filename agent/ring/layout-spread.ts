/**
 * How layouts and progress get around: each host tells where it stands by gossip; who hears of a newer version
 * fetches it from whoever told; who is seen to lag is sent it at once. Now and then two random hosts compare all
 * they know of everyone's progress, for gossip may be lost.
 */
import { asShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import {
  type Layout,
  LayoutFetch,
  LayoutNews,
  LayoutTale,
  type Progress,
  type Wishes,
} from '../../proto/message/layout.ts';
import { checker } from '../peer/check.ts';
import type { Gossip, Rpc } from '../peer/port.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { digestOf } from './layout.ts';
import { type History, newestOf } from './layout-history.ts';
import type { LayoutStore } from './layout-store.ts';
import { bootstrapAskedMax, pushPeriodMsMin } from './limits.ts';
import { mostKnown } from './most-known.ts';
import { digestOfWishes } from './wishes.ts';

export interface SpreadWorld {
  readonly runtime: Pick<Runtime, 'clock' | 'chance'>;
  readonly log: Log;
  readonly rpc: Rpc;
  readonly gossip: Gossip;
  readonly store: LayoutStore;
  history(): History;
  wishes(): Wishes;
  /** Others worth asking. */
  reachable(): readonly HostId[];
  /** Those of them whose word a layout still waits for. */
  lagging(): readonly HostId[];
  /** What another host told; `isTrusted`: and most others with it. */
  hear(from: HostId, tale: LayoutTale, isTrusted?: boolean): void;
}

const checkNews = checker('layout news', LayoutNews);
const checkTale = checker('layouts', LayoutTale);
const checkFetch = checker('layout request', LayoutFetch);

export const layoutSpread = (world: SpreadWorld) => {
  const { rpc, gossip, store, log, runtime } = world;
  const pushedAtMs = new Map<HostId, number>();
  const fetching = new Set<HostId>();
  const newestVersion = (): number => newestOf(world.history())?.version ?? 0;

  const tale = (after: number): LayoutTale => {
    const { live, progress } = world.history();
    const chain = (after > 0 && store.chainAfter(after)) || live.filter((layout) => layout.version > after);
    return { oldest: live[0]?.version ?? 0, layouts: [...chain], progress, wishes: world.wishes() };
  };

  const ask = async (from: HostId, after = newestVersion()): Promise<LayoutTale | undefined> => {
    try {
      return checkTale(await rpc.request(from, 'layout.fetch', { after }));
    } catch (error) {
      log.debug('layouts not fetched', { from, error: asShoalError(error).message });
      return undefined;
    }
  };

  const fetch = async (from: HostId): Promise<void> => {
    if (from === rpc.self || fetching.has(from)) return;
    fetching.add(from);
    const heard = await ask(from);
    fetching.delete(from);
    if (heard) world.hear(from, heard);
  };

  const push = (to: HostId, newestThere: number): void => {
    const now = runtime.clock.monotonicMs();
    if (to === rpc.self || now - (pushedAtMs.get(to) ?? -Infinity) < pushPeriodMsMin) return;
    pushedAtMs.set(to, now);
    rpc.notify(to, 'layout.push', tale(newestThere));
  };

  const differs = (host: HostId, newestThere: number): void => {
    if (newestThere > newestVersion()) void fetch(host);
    else if (newestThere < newestVersion()) push(host, newestThere);
  };

  rpc.handle('layout.fetch', (from, body) => {
    const { after } = checkFetch(body);
    if (after > newestVersion()) void fetch(from);
    return tale(after);
  });
  rpc.handle('layout.push', (from, body) => {
    world.hear(from, checkTale(body));
    return null;
  });
  gossip.subscribe('layout', (from, body) => {
    if (from === rpc.self) return;
    try {
      const news = checkNews(body);
      const newest = newestOf(world.history());
      if (newest?.version === news.newest && digestOf(newest) !== news.digest)
        log.error('layout fork: another host has a different layout of the same version', {
          version: news.newest,
          from,
        });
      const layouts = news.layout ? [news.layout] : [];
      world.hear(from, { oldest: 0, layouts, progress: news.progress, wishes: news.wishes ?? {} });
      if (news.wishesDigest !== digestOfWishes(world.wishes())) push(from, news.newest);
      if (news.newest > newestVersion() && news.layout?.version !== newestVersion() + 1) void fetch(from);
    } catch (error) {
      log.warn('layout gossip dropped', { from, error: asShoalError(error).message });
    }
  });

  return {
    differs,
    tell: (host: HostId): void => push(host, newestVersion()),
    /** Where this host stands; with the layout that was agreed just now, or the wishes that are new. */
    publish(fresh: { readonly layout?: Layout; readonly wishes?: Wishes } = {}): void {
      const history = world.history();
      const newest = newestOf(history);
      const only = (numbers: Progress['ack']) => ({ [rpc.self]: numbers[rpc.self] ?? 0 });
      const { ack, sync, syncAck } = history.progress;
      gossip.publish('layout', {
        newest: newest?.version ?? 0,
        digest: newest ? digestOf(newest) : null,
        progress: { ack: only(ack), sync: only(sync), syncAck: only(syncAck) },
        wishesDigest: digestOfWishes(world.wishes()),
        ...fresh,
      });
    },
    /** All that a random host knows; one that is waited for, where there is any: nobody else can speak for it. */
    async compare(): Promise<void> {
      const lagging = world.lagging();
      const others = lagging.length > 0 ? lagging : world.reachable();
      const other = others[Math.floor(runtime.chance.random() * others.length)];
      if (other !== undefined) await fetch(other);
    },
    /** For a host that knows no layout, or has lost the thread: the newest that most of several others know. */
    async bootstrap(): Promise<void> {
      const asked = world.reachable().slice(0, bootstrapAskedMax);
      const answers = await Promise.all(asked.map(async (from) => ({ from, tale: await ask(from, 0) })));
      const found = mostKnown(answers.flatMap(({ from, tale }) => (tale ? [{ from, tale }] : [])));
      if (found) world.hear(found.from, found.tale, true);
    },
    /** Its connection state is forgotten with it. */
    forget: (host: HostId): void => void pushedAtMs.delete(host),
  };
};
