/**
 * Objects whose list of chunks would not fit their row. Their parts stay the rows that they came as, under the upload's id,
 * and each lists its own chunks; the object's row has only what it takes to find the part in which a byte lies:
 *
 *   object row    { upload, numbers, bytes, ids }        30 bytes a part: 10,000 are below 300 KB
 *   object-part   upload / number part                   up to 1,280 chunks each
 *
 * So nothing is written twice, and who reads a range fetches the lists of the parts that it touches, one at a time.
 */
import { ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import type { ContentStore, ReadOptions } from '../chunk/port.ts';
import { type ObjectPart, type ObjectRow, partKey, type Records } from './records.ts';

export interface LongParts {
  /** The upload that the parts came with. */
  readonly upload: Uuid;
  readonly numbers: readonly number[];
  /** Of each part. */
  readonly bytes: readonly number[];
  /** Of each part its own upload's id, 16 bytes. */
  readonly ids: Uint8Array;
}

type Part = Pick<ObjectPart, 'number' | 'upload' | 'bytes'>;

const idBytes = 16;

export const packParts = (upload: Uuid, parts: readonly Part[]): LongParts => ({
  upload,
  numbers: parts.map((part) => part.number),
  bytes: parts.map((part) => part.bytes),
  ids: new Uint8Array(
    Buffer.concat(parts.map((part) => Buffer.from(part.upload.replaceAll('-', ''), 'hex'))),
  ),
});

const uuidAt = (ids: Uint8Array, at: number): Uuid => {
  const hex = Buffer.from(ids.subarray(at * idBytes, (at + 1) * idBytes)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as Uuid;
};

const unpackParts = ({ numbers, bytes, ids }: LongParts): readonly Part[] =>
  numbers.map((number, at) => ({ number, bytes: bytes[at] ?? 0, upload: uuidAt(ids, at) }));

/** Of an object that came in parts, whichever way its row has them. */
export const partsOf = ({
  parts,
  long,
}: Pick<ObjectRow, 'parts' | 'long'>): readonly (Part & Pick<ObjectPart, 'checksum'>)[] | undefined =>
  parts ?? (long && unpackParts(long));

/** One part's list of chunks after the other. Throws NOT_FOUND where the object was replaced meanwhile. */
export async function* readLong(
  { parts, content }: Pick<Records, 'parts'> & { readonly content: ContentStore },
  long: LongParts,
  { start = 0, end = Number.POSITIVE_INFINITY, ...options }: ReadOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  for (const { number, upload, bytes } of unpackParts(long)) {
    const [from, to] = [Math.max(start - at, 0), Math.min(end - at, bytes)];
    at += bytes;
    if (from >= to) continue;
    const found = await parts.get(long.upload, partKey(number, upload));
    if (!found)
      throw new ShoalError('NOT_FOUND', `Part ${number} is gone: the object was replaced meanwhile`);
    yield* content.read(found.content, { ...options, start: from, end: to });
  }
}
