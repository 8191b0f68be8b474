/**
 * The key-value port on a virtual disk, with the real store's meaning: transactions are grouped, and visible and
 * resolved only when they are durable. A log of records, each with its checksum: after a crash the first damaged or
 * missing record ends it, as nothing behind it was ever acknowledged.
 */
import { crc32 } from 'node:zlib';
import { groupCommit } from '../../agent/store/group-commit.ts';
import type { KeyValue, KeyValueWriter } from '../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { codec } from '../../proto/codec.ts';
import { ShoalError } from '../../proto/error.ts';
import type { Host } from './node.ts';

interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

const record = codec<readonly Change[]>('simulated log record');
const sumLength = 4;

const seal = (body: Uint8Array): Uint8Array => {
  const sealed = Buffer.alloc(sumLength + body.length);
  sealed.writeUInt32LE(crc32(body));
  sealed.set(body, sumLength);
  return sealed;
};

/** Undefined: damaged. An empty file is no record, though its checksum would fit. */
const unseal = (bytes: Uint8Array): Uint8Array | undefined => {
  const body = bytes.subarray(sumLength);
  if (body.length === 0) return undefined;
  const sum = Buffer.from(bytes.buffer, bytes.byteOffset, sumLength).readUInt32LE();
  return sum === crc32(body) ? body : undefined;
};

const recording = (writer: KeyValueWriter, changes: Change[]): KeyValueWriter => ({
  ...writer,
  put(key, value) {
    changes.push({ key: Uint8Array.from(key), value: Uint8Array.from(value) });
    writer.put(key, value);
  },
  delete(key) {
    changes.push({ key: Uint8Array.from(key), value: null });
    writer.delete(key);
  },
});

const replay = (writer: KeyValueWriter, changes: readonly Change[]): void => {
  for (const { key, value } of changes)
    if (value) writer.put(key, value);
    else writer.delete(key);
};

/** Resolves when all that was written before is durable. */
export const flush = (host: Host): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  host.disk.sync(() => {
    host.world.wake();
    resolve();
  });
  return promise;
};

/** Recovers what the disk holds. `wait`: what stands between writing and acknowledging; tests plant bugs there. */
export const simKeyValue = (host: Host, wait: (host: Host) => Promise<void> = flush): KeyValue => {
  const visible = memoryKeyValue();
  /** Ahead of `visible` by the group that is being committed. */
  const staging = memoryKeyValue();
  let records = 0;

  const apply = async (changes: readonly Change[], ...stores: readonly KeyValue[]): Promise<void> => {
    for (const store of stores) await store.transact((writer) => replay(writer, changes));
  };

  const recover = (): Change[] => {
    const changes: Change[] = [];
    for (;;) {
      const bytes = host.disk.read(`log ${records}`);
      const body = bytes && unseal(bytes);
      if (!body) break;
      changes.push(...record.decode(body));
      records++;
    }
    // A whole record behind the first bad one would come back to life once the gap is filled.
    for (const name of host.disk.names())
      if (name.startsWith('log ') && Number(name.slice(4)) >= records) host.disk.write(name, undefined);
    return changes;
  };
  const recovered = apply(recover(), staging, visible);
  host.world.wake();

  const group = groupCommit(async (work) => {
    await recovered;
    if (host.disk.full) throw new ShoalError('DISK_FULL', 'Cannot write to the store: the disk is full');
    const changes: Change[] = [];
    await staging.transact((writer) => work(recording(writer, changes)));
    if (changes.length > 0) {
      host.disk.write(`log ${records++}`, seal(record.encode(changes)));
      await wait(host);
    }
    await apply(changes, visible);
  });
  return {
    get: visible.get,
    range: visible.range,
    async transact(work) {
      host.world.wake();
      return await group.transact(work);
    },
    close: group.close,
  };
};
