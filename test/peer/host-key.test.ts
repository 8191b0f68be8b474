import { X509Certificate } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { certificateOf, hostIdOfCertificate } from '../../agent/peer/certificate.ts';
import {
  hostIdOfPublicKey,
  newHostKey,
  openHostKey,
  publicKeyOf,
  verifySignature,
} from '../../agent/peer/host-key.ts';
import type { HostId } from '../../proto/ids.ts';
import { tempDirectory } from './cluster.ts';

test('host key: it is made once, for its owner only, and found again', async (t) => {
  const directory = await tempDirectory(t);
  const key = await openHostKey(directory);
  t.is((await stat(join(directory, 'key'))).mode & 0o777, 0o600);
  t.is((await openHostKey(directory)).hostId, key.hostId);
  t.regex(key.hostId, /^12D3Koo/);
  t.is(hostIdOfPublicKey(publicKeyOf(key.hostId)), key.hostId);
  t.is(key.libp2pKey.publicKey.toString(), key.hostId);
});

test('host key: a damaged file is an error, never a new identity', async (t) => {
  const directory = await tempDirectory(t);
  await openHostKey(directory);
  const pem = await readFile(join(directory, 'key'), 'utf8');
  await writeFile(join(directory, 'key'), pem.slice(0, 60));
  await t.throwsAsync(openHostKey(directory), { message: /Cannot read host key/ });
});

test('host key: a signature holds for its bytes and its host only', (t) => {
  const [a, b] = [newHostKey(), newHostKey()];
  const bytes = Buffer.from('shoal test\nhello');
  const signature = a.sign(bytes);
  t.true(verifySignature(a.hostId, bytes, signature));
  t.false(verifySignature(b.hostId, bytes, signature));
  t.false(verifySignature(a.hostId, Buffer.from('shoal test\nhellO'), signature));
  t.false(verifySignature(a.hostId, bytes, signature.subarray(1)));
  t.false(verifySignature(`12D3Koo${'1'.repeat(45)}` as HostId, bytes, signature));
});

test('certificate: its key is the host key, and it verifies', (t) => {
  const key = newHostKey();
  const pem = certificateOf(key);
  const certificate = new X509Certificate(pem);
  t.true(certificate.verify(certificate.publicKey));
  t.is(hostIdOfCertificate(certificate), key.hostId);
  t.is(certificateOf(key), pem);
});
