/**
 * The real key-value store: one lmdb environment a host.
 *
 * lmdb-js by default makes a transaction visible when it is committed, and flushes it afterwards
 * (`overlappingSync`): a reader could then see, and tell another host, what a power cut takes back. So it is off:
 * a commit is data pages, fdatasync, then the meta page through an O_DSYNC descriptor (seen with strace), and
 * only then is it visible and resolved. What this costs in overlap, `group-commit.ts` gives back.
 *
 * `eventTurnBatching` is off as well: the groups are ours, and with it on a failed commit leaves a rejected
 * promise that nobody holds, which ends the process just when the disk is full.
 */
import { mkdirSync, statfsSync } from 'node:fs';
import { open } from 'lmdb';
import { ShoalError } from '../../proto/error.ts';
import { groupCommit } from './group-commit.ts';
import type { KeyRange, KeyValue, KeyValueWriter } from './key-value.ts';
import { checkKey } from './layer.ts';
import { fullDiskBytes, mapBytes } from './limits.ts';

/** The folder is made when it is not there. Throws DISK_FULL or INTERNAL. */
export const openKeyValue = (options: { readonly directory: string }): KeyValue => {
  const { directory } = options;
  const database = openDatabase(directory);

  const reader = {
    get(key: Uint8Array): Uint8Array | undefined {
      return database.getBinary(checkKey(key));
    },
    *range({ from, to, reverse = false, limit }: KeyRange) {
      const bounds = reverse
        ? { start: to, end: from, exclusiveStart: to !== undefined, inclusiveEnd: true }
        : { start: from, end: to };
      const given = Object.fromEntries(Object.entries(bounds).filter(([, bound]) => bound !== undefined));
      for (const { key, value } of database.getRange({
        ...given,
        reverse,
        ...(limit === undefined ? {} : { limit }),
      }))
        yield { key: key as Uint8Array, value: value as Uint8Array };
    },
  };
  const writer: KeyValueWriter = {
    ...reader,
    put: (key, value) => void database.put(checkKey(key), value),
    delete: (key) => void database.remove(checkKey(key)),
  };
  const group = groupCommit(async (apply) => {
    try {
      await database.transaction(() => apply(writer));
    } catch (thrown) {
      throw await commitError(directory, thrown);
    }
  });
  return {
    ...reader,
    transact: group.transact,
    async close() {
      await group.close();
      await database.close();
    },
  };
};

const openDatabase = (directory: string) => {
  try {
    mkdirSync(directory, { recursive: true });
    return open<Uint8Array, Uint8Array>({
      path: directory,
      keyEncoding: 'binary',
      encoding: 'binary',
      overlappingSync: false,
      eventTurnBatching: false,
      mapSize: mapBytes,
      maxDbs: 1,
    });
  } catch (cause) {
    throw new ShoalError(
      isFull(cause, directory) ? 'DISK_FULL' : 'INTERNAL',
      `Cannot open the store in ${JSON.stringify(directory)}`,
      { cause },
    );
  }
};

/** lmdb-js rejects with a general error whose `commitError` is a promise that rejects with the true one. */
const commitError = async (directory: string, thrown: unknown): Promise<ShoalError> => {
  let cause = thrown;
  if (thrown instanceof Error && 'commitError' in thrown)
    try {
      await thrown.commitError;
    } catch (inner) {
      cause = inner;
    }
  return new ShoalError(
    isFull(cause, directory) ? 'DISK_FULL' : 'INTERNAL',
    `Cannot write to the store in ${JSON.stringify(directory)}: ${cause instanceof Error ? cause.message : cause}`,
    { cause },
  );
};

const [eio, enospc, edquot, mapFull] = [5, 28, 122, -30_792];

/** A write that was cut short by a full disk is an I/O error to lmdb; the free space tells the two apart. */
const isFull = (cause: unknown, directory: string): boolean => {
  if (!(cause instanceof Error && 'code' in cause)) return false;
  if (cause.code === eio) {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize < fullDiskBytes;
  }
  return ([enospc, edquot, mapFull, 'ENOSPC', 'EDQUOT'] as unknown[]).includes(cause.code);
};
