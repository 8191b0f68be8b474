/**
 * Reads every chunk here, slowly, so that damage is found while good copies are left; carries on after a restart.
 *
 *   walk ── a chunk ── read and hash it ── throttle ── every 64: the position ── ... ── the end: what the pass saw
 */
import { codec } from '../../proto/codec.ts';
import { hasCode } from '../../proto/error.ts';
import type { ChunkId } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { scrubStoreEvery } from './limits.ts';
import type { Throttle } from './throttle.ts';

export interface Pass {
  /** Wall clock. */
  readonly startedAtMs: number;
  readonly chunks: number;
  readonly bytes: number;
  readonly damaged: number;
}
interface Position extends Pass {
  readonly after: ChunkId;
}

export interface ScrubStatus extends Pass {
  readonly running: boolean;
  /** How far the pass is, 0 to 1: ids are hashes, so the place of an id is the share of the work. */
  readonly position: number;
  /** Of this pass since this process took it up. */
  readonly bytesPerSecond: number;
  readonly lastPass: (Pass & { readonly endedAtMs: number }) | null;
}

export interface Scrub {
  /** One walk from the stored position to the end. Damage goes the files' own way: quarantine and repair. */
  walk(signal: AbortSignal): Promise<void>;
  status(): ScrubStatus;
}

const noPass = { startedAtMs: 0, chunks: 0, bytes: 0, damaged: 0 };
const positionCodec = codec<Position>('scrub position', [
  (old: { readonly after: ChunkId }) => ({ ...noPass, ...old }),
]);
const lastPassCodec = codec<NonNullable<ScrubStatus['lastPass']>>('scrub pass');
const keyOf = (name: string): Uint8Array => new TextEncoder().encode(name);
const [positionKey, lastPassKey] = [keyOf('position'), keyOf('last')];

export const openScrub = ({
  clock,
  files,
  store,
  throttle,
}: {
  readonly clock: Clock;
  readonly files: ChunkFiles;
  readonly store: KeyValue;
  readonly throttle: Throttle;
}): Scrub => {
  const read = <T>(key: Uint8Array, { decode }: { decode(bytes: Uint8Array): T }): T | undefined => {
    const bytes = store.get(key);
    try {
      return bytes && decode(bytes);
    } catch {
      // Where a pass was is not worth an agent that does not start.
      return undefined;
    }
  };
  const stored = read(positionKey, positionCodec);
  let after = stored?.after;
  let pass: Pass = stored ?? noPass;
  let lastPass = read(lastPassKey, lastPassCodec) ?? null;
  let running = false;
  let [walkedMs, walkedBytes] = [0, 0];

  const see = async (id: ChunkId): Promise<number> => {
    try {
      return (await files.read(id))?.length ?? 0;
    } catch (thrown) {
      if (hasCode(thrown, 'DAMAGED')) pass = { ...pass, damaged: pass.damaged + 1 };
      return 0;
    }
  };
  const walk = async (signal: AbortSignal): Promise<void> => {
    const sinceMs = clock.monotonicMs();
    [walkedMs, walkedBytes] = [0, 0];
    if (after === undefined) pass = { ...noPass, startedAtMs: clock.wallMs() };
    for await (const id of files.list(after)) {
      const bytes = await see(id);
      await throttle.take(bytes, signal);
      pass = { ...pass, chunks: pass.chunks + 1, bytes: pass.bytes + bytes };
      after = id;
      [walkedMs, walkedBytes] = [clock.monotonicMs() - sinceMs, walkedBytes + bytes];
      if (pass.chunks % scrubStoreEvery === 0) {
        const position = positionCodec.encode({ ...pass, after });
        await store.transact((writer) => writer.put(positionKey, position));
      }
    }
    const ended = { ...pass, endedAtMs: clock.wallMs() };
    await store.transact((writer) => {
      writer.delete(positionKey);
      writer.put(lastPassKey, lastPassCodec.encode(ended));
    });
    [after, lastPass] = [undefined, ended];
  };

  return {
    async walk(signal) {
      running = true;
      try {
        await walk(signal);
      } finally {
        running = false;
      }
    },
    status: () => ({
      ...{ startedAtMs: pass.startedAtMs, chunks: pass.chunks, bytes: pass.bytes, damaged: pass.damaged },
      running,
      position: after === undefined ? 0 : Number.parseInt(after.slice(0, 8), 16) / 2 ** 32,
      bytesPerSecond: walkedMs > 0 ? (walkedBytes * 1_000) / walkedMs : 0,
      lastPass,
    }),
  };
};
