/**
 * The ring's memory on disk: the newest piece of the chain, how far this host is, and what it voted. Whatever it
 * tells others is here first.
 */
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout, Progress, Wishes } from '../../proto/message/layout.ts';
import type { AcceptorState } from '../register/acceptor.ts';
import type { Lives } from '../register/lives.ts';
import type { KeyValue, KeyValueWriter } from '../store/key-value.ts';
import { sub } from '../store/namespace.ts';
import { decodeLayout, layoutCodec } from './layout.ts';
import { emptyHistory, type History, newestOf } from './layout-history.ts';
import { layoutsKeptMax } from './limits.ts';

interface Own {
  /** Oldest version that was live. */
  readonly oldest: number;
  readonly sync: number;
  readonly syncAck: number;
  /**
   * From this version on it knows all that it ever voted: 0 for a host in its first life, `votesUnknown` for one that
   * came back without its disk and has not recalled anything yet (`rebirth.ts`).
   */
  readonly votesFrom: number;
  /** See `Ring.life`. Absent: 0. */
  readonly life?: number;
}

/** What a store's life has to do with votes. */
export type Memory = Required<Pick<Own, 'votesFrom' | 'life'>>;

export const votesUnknown = Number.MAX_SAFE_INTEGER;

/** What this host promised and took in the vote on one version. */
export interface Vote extends AcceptorState {
  /** Hosts that were reborn during this vote, and how often (agent/register/lives.ts); this one as well. */
  readonly lives?: Lives;
}

const ownCodec = codec<Own>('ring progress');
const voteCodec = codec<Vote>('layout vote');
const wishesCodec = codec<Wishes>('layout wishes');
const utf8 = new TextEncoder();
const ownKey = utf8.encode('own');
const wishesKey = utf8.encode('wishes');
/** Numbers in 16 digits sort as text. */
const numbered = (kind: string, version: number): Uint8Array =>
  utf8.encode(`${kind}/${String(version).padStart(16, '0')}`);

export const layoutStore = (keyValue: KeyValue, self: HostId) => {
  const store = sub(keyValue, 'ring');

  const readAll = (from: number): Layout[] => {
    const range = { from: numbered('layout', from), to: numbered('layout', Number.MAX_SAFE_INTEGER) };
    return Array.from(store.range(range), ({ value }) => decodeLayout(value));
  };

  return {
    /** Throws DAMAGED. */
    load(): { readonly history: History; readonly memory: Memory } {
      const bytes = store.get(ownKey);
      if (!bytes) return { history: emptyHistory, memory: { votesFrom: 0, life: 0 } };
      const own = ownCodec.decode(bytes) as Own | null | undefined;
      if (!own) throw new ShoalError('DAMAGED', 'Cannot read how far this host is with its layouts');
      const live = readAll(own.oldest);
      const progress: Progress = {
        ack: { [self]: live.at(-1)?.version ?? 0 },
        sync: { [self]: own.sync },
        syncAck: { [self]: own.syncAck },
      };
      const { votesFrom, life = 0 } = own;
      return { history: { live, progress }, memory: { votesFrom, life } };
    },

    /** On disk when it resolves. Throws DISK_FULL. */
    async save(history: History, memory: Memory): Promise<void> {
      const newest = newestOf(history)?.version ?? 0;
      await store.transact((writer) => {
        for (const layout of history.live)
          writer.put(numbered('layout', layout.version), layoutCodec.encode(layout));
        const own: Own = {
          oldest: history.live[0]?.version ?? 0,
          sync: history.progress.sync[self] ?? 0,
          syncAck: history.progress.syncAck[self] ?? 0,
          ...memory,
        };
        writer.put(ownKey, ownCodec.encode(own));
        const first = Math.min(own.oldest, newest - layoutsKeptMax);
        if (first > 0) prune(writer, 'layout', first);
        // Known is decided: nobody is answered about it any more. One version stays, for a request that came just
        // before this version did must not meet an empty memory.
        prune(writer, 'vote', newest);
      });
    },

    /** Throws DAMAGED. */
    loadWishes(): Wishes {
      const bytes = store.get(wishesKey);
      return bytes ? wishesCodec.decode(bytes) : {};
    },
    /** On disk when it resolves. Throws DISK_FULL. */
    saveWishes: (wishes: Wishes): Promise<void> =>
      store.transact((writer) => writer.put(wishesKey, wishesCodec.encode(wishes))),

    /** All that is kept of the chain, oldest first. */
    kept: (): readonly Layout[] => readAll(0),

    /** The chain after a version as far as it is kept: ascending, without gaps; undefined when its start is gone. */
    chainAfter(version: number): readonly Layout[] | undefined {
      const layouts = readAll(version + 1);
      return layouts.length === 0 || layouts[0]?.version === version + 1 ? layouts : undefined;
    },

    /** Decides on what was voted on this version before; the new state is on disk when it resolves. */
    vote<T extends { readonly state: Vote }>(
      version: number,
      decide: (state: Vote | undefined) => T,
    ): Promise<T> {
      return store.transact((writer) => {
        const key = numbered('vote', version);
        const bytes = writer.get(key);
        const state = bytes && voteCodec.decode(bytes);
        const answer = decide(state);
        if (answer.state !== state) writer.put(key, voteCodec.encode(answer.state));
        return answer;
      });
    },
  };
};

const prune = (writer: KeyValueWriter, kind: string, before: number): void => {
  const range = { from: numbered(kind, 0), to: numbered(kind, before) };
  for (const { key } of [...writer.range(range)]) writer.delete(Uint8Array.from(key));
};

export type LayoutStore = ReturnType<typeof layoutStore>;
