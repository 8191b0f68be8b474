import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { type ChecksumName, openChecksum } from '../../../agent/object/s3/sign/checksum.ts';
import {
  checksumKind,
  checksummed,
  joinChecksums,
  kindOfValue,
  parseChecksumName,
} from '../../../agent/object/s3/sign/joined-checksum.ts';
import { cpuMs } from '../../cpu-time.ts';
import { isRefused, pieces, read } from './sign.ts';

const of = (name: ChecksumName, bytes: Uint8Array): string => {
  const checksum = openChecksum(name);
  checksum.update(bytes);
  return checksum.finish();
};

test('joined checksum: a full object’s is that of its bytes in one piece, however they were cut', (t) => {
  const bytes = randomBytes(20_000);
  for (const name of ['CRC32', 'CRC32C', 'CRC64NVME'] as const)
    for (const size of [7, 4096, 5000, 20_000, 30_000]) {
      const parts = [];
      for (let at = 0; at < bytes.length; at += size) {
        const part = bytes.subarray(at, at + size);
        parts.push({ value: of(name, part), bytes: part.length });
      }
      t.is(joinChecksums(name, 'FULL_OBJECT', parts), of(name, bytes), `${name} in parts of ${size}`);
      t.is(
        joinChecksums(name, 'FULL_OBJECT', [...parts, { value: of(name, Buffer.alloc(0)), bytes: 0 }]),
        of(name, bytes),
        'an empty part adds nothing',
      );
    }
});

test('joined checksum: a composite is that of the parts’ checksums, with their number', (t) => {
  const parts = [Buffer.from('a'), Buffer.from('b')];
  const hashes = parts.map((part) => createHash('sha256').update(part).digest());
  const expected = createHash('sha256').update(Buffer.concat(hashes)).digest('base64');
  const joined = joinChecksums(
    'SHA256',
    'COMPOSITE',
    hashes.map((hash) => ({ value: hash.toString('base64'), bytes: 1 })),
  );
  t.is(joined, `${expected}-2`);
  t.is(kindOfValue(joined), 'COMPOSITE');
  t.is(kindOfValue(expected), 'FULL_OBJECT');
});

test('joined checksum: ten thousand parts take no long time', (t) => {
  const value = of('CRC64NVME', Buffer.from('x'));
  const parts = Array.from({ length: 10_000 }, () => ({ value, bytes: 8 * 1024 * 1024 }));
  const tookMs = cpuMs(() => t.is(joinChecksums('CRC64NVME', 'FULL_OBJECT', parts).length, 12));
  t.true(tookMs < 5000, `${tookMs}`);
});

test('joined checksum: each algorithm has its kinds; others are refused', async (t) => {
  t.is(checksumKind('CRC32', undefined), 'COMPOSITE');
  t.is(checksumKind('CRC32', 'FULL_OBJECT'), 'FULL_OBJECT');
  t.is(checksumKind('CRC64NVME', undefined), 'FULL_OBJECT');
  t.is(parseChecksumName('crc32c'), 'CRC32C');
  await isRefused(t, 'InvalidRequest', async () => checksumKind('SHA256', 'FULL_OBJECT'));
  await isRefused(t, 'InvalidRequest', async () => checksumKind('CRC64NVME', 'COMPOSITE'));
  await isRefused(t, 'InvalidRequest', async () => parseChecksumName('MD5'));
  await isRefused(t, 'InvalidPart', async () =>
    joinChecksums('SHA1', 'COMPOSITE', [{ value: 'NhCmhg==', bytes: 5 }]),
  );
});

test('joined checksum: bytes pass by and their checksum is told', async (t) => {
  let told = '';
  const whole = await read(
    checksummed(pieces('hello', 2), 'CRC32', (value) => {
      told = value;
    }),
  );
  t.is(whole.toString(), 'hello');
  t.is(told, 'NhCmhg==');
});
