/**
 * Lines of logs that wait on this host: in memory for a moment, then in its own store, by bucket and day, until they are
 * delivered.
 *
 *   incarnation / day / time and count   ->   whose, and lines
 *
 * A clean stop writes what is in memory; a host that is cut off loses the lines of its last `accessLogWriteMs`. Their own
 * place and not a table: each GET would cost a write on three hosts, for what Amazon too calls best effort.
 */
import type { KeyValue } from '../../store/key-value.ts';
import { accessLogBucketBytesMax, accessLogKeptBytesMax, accessLogPendingBytesMax } from '../limits.ts';

/** Lines of a day's requests to one bucket. */
export interface Log {
  /** Of the bucket's container. */
  readonly id: string;
  readonly project: string;
  readonly bucket: string;
  readonly day: string;
}

interface Stored extends Log {
  readonly version: 1;
  readonly text: string;
}

/** What waits of a log. */
export interface Waiting {
  readonly log: Log;
  /** When the oldest of it came. */
  readonly sinceMs: number;
  readonly bytes: number;
}

interface Kept {
  readonly log: Log;
  sinceMs: number;
  bytes: number;
}

const nameOf = ({ id, day }: Log): string => `${id}/${day}/`;
const keyBytes = (text: string): Uint8Array => new TextEncoder().encode(text);
/** In the order in which they came. */
const batchKey = (name: string, atMs: number, count: number): string =>
  `${name}${String(atMs).padStart(15, '0')}-${String(count).padStart(9, '0')}`;
const timeOfKey = (key: string): number => Number(key.split('/').at(-1)?.split('-')[0]);

export const openSpool = (keyValue: KeyValue) => {
  const kept = new Map<string, Kept>();
  let pending = new Map<string, { readonly log: Log; lines: string[] }>();
  let pendingBytes = 0;
  let keptBytes = 0;
  let count = 0;

  const grow = (log: Log, bytes: number, atMs: number): Waiting => {
    keptBytes += bytes;
    const known = kept.get(nameOf(log)) ?? { log, sinceMs: atMs, bytes: 0 };
    kept.set(nameOf(log), known);
    known.bytes += bytes;
    known.sinceMs = Math.min(known.sinceMs, atMs);
    return known;
  };

  for (const { key, value } of keyValue.range({})) {
    const { version: _one, text, ...log } = JSON.parse(Buffer.from(value).toString()) as Stored;
    grow(log, Buffer.byteLength(text), timeOfKey(Buffer.from(key).toString()));
  }

  return {
    /** Undefined: there is no room, the line is lost. */
    add(log: Log, line: string, atMs: number): Waiting | undefined {
      const bytes = Buffer.byteLength(line) + 1;
      const isFull =
        pendingBytes + bytes > accessLogPendingBytesMax ||
        keptBytes + bytes > accessLogKeptBytesMax ||
        (kept.get(nameOf(log))?.bytes ?? 0) + bytes > accessLogBucketBytesMax;
      if (isFull) return undefined;
      const name = nameOf(log);
      const known = pending.get(name);
      if (known) known.lines.push(line);
      else pending.set(name, { log, lines: [line] });
      pendingBytes += bytes;
      return grow(log, bytes, atMs);
    },

    /** All that is in memory goes to disk. Throws DISK_FULL; the lines stay then. */
    async write(atMs: number): Promise<void> {
      const [taken, takenBytes] = [pending, pendingBytes];
      if (taken.size === 0) return;
      pending = new Map();
      pendingBytes = 0;
      try {
        await keyValue.transact((writer) => {
          for (const [name, { log, lines }] of taken) {
            const stored: Stored = { version: 1, ...log, text: `${lines.join('\n')}\n` };
            writer.put(keyBytes(batchKey(name, atMs, count++)), Buffer.from(JSON.stringify(stored)));
          }
        });
      } catch (thrown) {
        for (const [name, { log, lines }] of pending) {
          const older = taken.get(name);
          if (older) older.lines.push(...lines);
          else taken.set(name, { log, lines });
        }
        pending = taken;
        pendingBytes += takenBytes;
        throw thrown;
      }
    },

    waiting: (): readonly Waiting[] => [...kept.values()],

    /** The oldest of what is on disk, at most `bytesMax` but for a first batch that is larger. */
    read(log: Log, bytesMax: number): { readonly keys: readonly string[]; readonly text: string } {
      const name = nameOf(log);
      const keys: string[] = [];
      const texts: string[] = [];
      let bytes = 0;
      for (const { key, value } of keyValue.range({ from: keyBytes(name), to: keyBytes(`${name}~`) })) {
        const { text } = JSON.parse(Buffer.from(value).toString()) as Stored;
        bytes += Buffer.byteLength(text);
        if (keys.length > 0 && bytes > bytesMax) break;
        keys.push(Buffer.from(key).toString());
        texts.push(text);
      }
      return { keys, text: texts.join('') };
    },

    /** They were delivered, or nobody wants them. What came meanwhile has its own time. */
    async drop(log: Log, keys: readonly string[], text: string, atMs: number): Promise<void> {
      await keyValue.transact((writer) => {
        for (const key of keys) writer.delete(keyBytes(key));
      });
      const name = nameOf(log);
      const known = kept.get(name);
      if (!known) return;
      const bytes = Buffer.byteLength(text);
      keptBytes -= bytes;
      known.bytes -= bytes;
      const [oldest] = keyValue.range({ from: keyBytes(name), to: keyBytes(`${name}~`), limit: 1 });
      if (oldest) known.sinceMs = timeOfKey(Buffer.from(oldest.key).toString());
      else if (known.bytes > 0) known.sinceMs = atMs;
      else kept.delete(name);
    },
  };
};
