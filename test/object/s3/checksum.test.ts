import { createHash } from 'node:crypto';
import test from 'ava';
import {
  checksumBytes,
  checksumHeader,
  checksumNames,
  checksumOfHeader,
  isChecksumValue,
  openChecksum,
} from '../../../agent/object/s3/sign/checksum.ts';

const hex = (name: (typeof checksumNames)[number], ...parts: readonly Uint8Array[]): string => {
  const checksum = openChecksum(name);
  for (const part of parts) checksum.update(part);
  return Buffer.from(checksum.finish(), 'base64').toString('hex');
};

test('checksum: the check values of the catalogue of CRCs', (t) => {
  const digits = Buffer.from('123456789');
  t.is(hex('CRC32', digits), 'cbf43926');
  t.is(hex('CRC32C', digits), 'e3069283');
  t.is(hex('CRC64NVME', digits), 'ae8b14860a799888');
  t.is(hex('SHA1', digits), createHash('sha1').update(digits).digest('hex'));
  t.is(hex('SHA256', digits), createHash('sha256').update(digits).digest('hex'));
});

test('checksum: RFC 3720’s vectors of CRC32C', (t) => {
  // Bytes in the order of the wire there, the number here.
  t.is(hex('CRC32C', Buffer.alloc(32)), '8a9136aa');
  t.is(hex('CRC32C', Buffer.alloc(32, 0xff)), '62a8ab43');
  t.is(hex('CRC32C', Buffer.from(Array.from({ length: 32 }, (_, at) => at))), '46dd794e');
});

test('checksum: it does not matter how the bytes come', (t) => {
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, at) => (at * at * 31) & 0xff));
  for (const name of checksumNames) {
    const whole = hex(name, bytes);
    t.is(whole.length, 2 * checksumBytes[name]);
    for (const at of [0, 1, 7, 8, 9, 500, 999])
      t.is(hex(name, bytes.subarray(0, at), bytes.subarray(at)), whole, `${name} cut at ${at}`);
    t.not(hex(name, bytes.subarray(1)), whole);
  }
});

test('checksum: header names and values are known from others', (t) => {
  for (const name of checksumNames) t.is(checksumOfHeader(checksumHeader(name).toUpperCase()), name);
  t.is(checksumOfHeader('x-amz-checksum-md5'), undefined);
  t.true(isChecksumValue('CRC32', 'NhCmhg=='));
  t.false(isChecksumValue('CRC32', 'NhCmhg'));
  t.false(isChecksumValue('CRC64NVME', 'NhCmhg=='));
  t.false(isChecksumValue('CRC32', ''));
});
