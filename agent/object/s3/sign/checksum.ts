/**
 * The checksums that clients send beside their bytes, in base64, big end first, and get back with them.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { type Crc64, crc32c, crc64nvme } from './crc.ts';

export const checksumNames = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumName = (typeof checksumNames)[number];

export interface Checksum {
  update(bytes: Uint8Array): void;
  /** Base64. Once. */
  finish(): string;
}

export const checksumBytes: Readonly<Record<ChecksumName, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

/** `x-amz-checksum-crc32`, as header and as trailer. */
export const checksumHeader = (name: ChecksumName): string => `x-amz-checksum-${name.toLowerCase()}`;

export const checksumOfHeader = (header: string): ChecksumName | undefined =>
  checksumNames.find((name) => checksumHeader(name) === header.trim().toLowerCase());

export const isChecksumValue = (name: ChecksumName, value: string): boolean => {
  const bytes = Buffer.from(value, 'base64');
  return bytes.length === checksumBytes[name] && bytes.toString('base64') === value;
};

const words = (...values: readonly number[]): string => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [at, value] of values.entries()) bytes.writeUInt32BE(value, 4 * at);
  return bytes.toString('base64');
};

const running = <Value>(
  step: (bytes: Uint8Array, before: Value | undefined) => Value,
  text: (value: Value) => string,
): Checksum => {
  let value: Value | undefined;
  return {
    update(bytes) {
      value = step(bytes, value);
    },
    finish: () => text(value ?? step(new Uint8Array(), undefined)),
  };
};

const hashed = (algorithm: 'sha1' | 'sha256'): Checksum => {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), finish: () => hash.digest('base64') };
};

const makers: Readonly<Record<ChecksumName, () => Checksum>> = {
  CRC32: () => running(crc32, words),
  CRC32C: () => running(crc32c, words),
  CRC64NVME: () => running<Crc64>(crc64nvme, ({ high, low }) => words(high, low)),
  SHA1: () => hashed('sha1'),
  SHA256: () => hashed('sha256'),
};

export const openChecksum = (name: ChecksumName): Checksum => makers[name]();
