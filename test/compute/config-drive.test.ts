import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { metaDataOf } from '../../agent/compute/config-drive.ts';
import { buildIso } from '../../agent/compute/hypervisor/iso9660.ts';
import { aServer } from './samples.ts';

/** A reader of its own: finds files by walking the Joliet tree. */
const readIso = (image: Uint8Array): Map<string, string> => {
  const bytes = Buffer.from(image);
  const found = new Map<string, string>();
  const walk = (sector: number, length: number, path: string): void => {
    for (let at = sector * 2048; at < sector * 2048 + length; ) {
      const size = bytes[at] ?? 0;
      if (size === 0) {
        at = (Math.floor(at / 2048) + 1) * 2048;
        continue;
      }
      const name = Buffer.from(bytes.subarray(at + 33, at + 33 + (bytes[at + 32] ?? 0)));
      const [to, bytesLong] = [bytes.readUInt32LE(at + 2), bytes.readUInt32LE(at + 10)];
      if (name.length > 1) {
        const full = `${path}/${name.swap16().toString('utf16le')}`;
        if ((bytes[at + 25] ?? 0) & 2) walk(to, bytesLong, full);
        else found.set(full, bytes.subarray(to * 2048, to * 2048 + bytesLong).toString());
      }
      at += size;
    }
  };
  const joliet = 17 * 2048;
  walk(bytes.readUInt32LE(joliet + 158), bytes.readUInt32LE(joliet + 166), '');
  return found;
};

test('config drive: its files come back byte for byte, in many folders, also across sectors', (t) => {
  const files = Array.from({ length: 120 }, (_, n) => ({
    path: `openstack/${n % 3 === 0 ? 'latest' : 'other'}/file-number-${n}.json`,
    bytes: Buffer.from('x'.repeat(n * 37)),
  }));
  const image = buildIso('config-2', files, Date.UTC(2026, 0, 2, 3, 4, 5));
  const read = readIso(image);
  t.is(read.size, files.length);
  for (const { path, bytes } of files) t.is(read.get(`/${path}`), bytes.toString());
  t.is(Buffer.from(image).toString('latin1', 16 * 2048 + 40, 16 * 2048 + 48), 'config-2');
  t.is(image.length % 2048, 0);
});

/** Of Debian's genisoimage. */
const isoReader = 'isoinfo';

test('config drive: isoinfo reads it too', (t) => {
  if (spawnSync(isoReader, ['-version']).error) {
    t.pass('skipped: isoinfo is missing (apt-get install genisoimage)');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'shoal-iso-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'config.iso');
  const data = Buffer.from('#!/bin/sh\n'.repeat(5000));
  writeFileSync(
    file,
    buildIso('config-2', [{ path: 'openstack/latest/user_data', bytes: data }], Date.now()),
  );
  const read = execFileSync(isoReader, ['-J', '-x', '/openstack/latest/user_data', '-i', file]);
  t.is(createHash('md5').update(read).digest('hex'), createHash('md5').update(data).digest('hex'));
  t.regex(execFileSync(isoReader, ['-d', '-i', file]).toString(), /Volume id: config-2/);
});

test('config drive: metadata holds name, keys and properties as Nova writes them', (t) => {
  const server = aServer({
    name: 'Web 1',
    hostName: 'web-1',
    key: { name: 'k', publicKey: 'ssh-ed25519 AAAA c' },
    metadata: { role: 'db' },
  });
  const data = metaDataOf(server, { userData: null, adminPassword: 'pw' }, new Uint8Array(3));
  t.like(data, {
    uuid: server.id,
    name: 'Web 1',
    hostname: 'web-1',
    public_keys: { k: 'ssh-ed25519 AAAA c' },
    keys: [{ name: 'k', type: 'ssh', data: 'ssh-ed25519 AAAA c' }],
    meta: { role: 'db' },
    admin_pass: 'pw',
    random_seed: 'AAAA',
  });
});
