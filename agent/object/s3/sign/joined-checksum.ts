/**
 * The checksum of an object in parts, from those of its parts:
 *
 *     FULL_OBJECT   what its bytes would have had in one piece; only CRCs can be joined so
 *     COMPOSITE     the checksum of the parts' checksums one after the other, `-` and their number behind
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
 */
import { s3Error } from '../s3-error.ts';
import {
  type ChecksumName,
  checksumBytes,
  checksumNames,
  isChecksumValue,
  openChecksum,
} from './checksum.ts';
import { fields, joinCrcs } from './crc-join.ts';

export const checksumKinds = ['COMPOSITE', 'FULL_OBJECT'] as const;
export type ChecksumKind = (typeof checksumKinds)[number];

/** Kinds that a name has; the first where none is asked for. */
const kindsOf: Readonly<Record<ChecksumName, readonly ChecksumKind[]>> = {
  CRC32: ['COMPOSITE', 'FULL_OBJECT'],
  CRC32C: ['COMPOSITE', 'FULL_OBJECT'],
  CRC64NVME: ['FULL_OBJECT'],
  SHA1: ['COMPOSITE'],
  SHA256: ['COMPOSITE'],
};

/** `x-amz-checksum-algorithm`. Throws InvalidRequest. */
export const parseChecksumName = (text: string): ChecksumName => {
  const name = checksumNames.find((one) => one === text.trim().toUpperCase());
  if (!name)
    throw s3Error(
      'InvalidRequest',
      `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${checksumNames.join(', ')}]`,
    );
  return name;
};

/** `x-amz-checksum-type`. Throws InvalidRequest on a kind that the name does not have. */
export const checksumKind = (name: ChecksumName, asked: string | undefined): ChecksumKind => {
  const kinds = kindsOf[name];
  const kind = asked === undefined ? kinds[0] : kinds.find((one) => one === asked.trim().toUpperCase());
  if (!kind)
    throw s3Error(
      'InvalidRequest',
      `The ${asked} checksum type cannot be used with the ${name.toLowerCase()} checksum algorithm.`,
    );
  return kind;
};

/** Of a value as it is kept. */
export const kindOfValue = (value: string): ChecksumKind =>
  value.includes('-') ? 'COMPOSITE' : 'FULL_OBJECT';

export interface PartChecksum {
  /** Base64. */
  readonly value: string;
  readonly bytes: number;
}

const hasField = (name: ChecksumName): name is keyof typeof fields => Object.hasOwn(fields, name);

/** Throws InvalidPart where a part has no such checksum. */
export const joinChecksums = (
  name: ChecksumName,
  kind: ChecksumKind,
  parts: readonly PartChecksum[],
): string => {
  if (!parts.every(({ value }) => isChecksumValue(name, value))) throw s3Error('InvalidPart');
  if (kind === 'COMPOSITE') {
    const checksum = openChecksum(name);
    for (const { value } of parts) checksum.update(Buffer.from(value, 'base64'));
    return `${checksum.finish()}-${parts.length}`;
  }
  if (!hasField(name)) throw s3Error('InvalidRequest');
  const crc = joinCrcs(
    fields[name],
    parts.map(({ value, bytes }) => ({
      crc: BigInt(`0x${Buffer.from(value, 'base64').toString('hex')}`),
      bytes,
    })),
  );
  const digits = crc.toString(16).padStart(2 * checksumBytes[name], '0');
  return Buffer.from(digits, 'hex').toString('base64');
};

/** The same bytes; `done` is told their checksum before the end. */
export async function* checksummed(
  source: AsyncIterable<Uint8Array>,
  name: ChecksumName,
  done: (value: string) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const checksum = openChecksum(name);
  for await (const piece of source) {
    checksum.update(piece);
    yield piece;
  }
  done(checksum.finish());
}
