import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { generateKey, type KeyAlgorithm, parsePublicKey } from '../../agent/compute/ssh-key.ts';

/** Of Debian's openssh-client. */
const openSsh = 'ssh-keygen';

test('ssh keys: made in each algorithm, they are read by OpenSSH and by ourselves', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-ssh-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const hasOpenSsh = spawnSync(openSsh, ['-?']).error === undefined;
  if (!hasOpenSsh) t.log('skipped: ssh-keygen is missing (apt-get install openssh-client)');
  for (const algorithm of ['ed25519', 'ecdsa', 'rsa'] as KeyAlgorithm[]) {
    const { text, privateKey, fingerprint } = generateKey(algorithm, 'me@here', new Uint8Array([1, 2, 3, 4]));
    t.is(parsePublicKey(text).fingerprint, fingerprint);
    if (!hasOpenSsh) continue;
    const file = join(folder, algorithm);
    writeFileSync(file, privateKey, { mode: 0o600 });
    t.is(execFileSync(openSsh, ['-y', '-f', file]).toString().trim(), text);
    writeFileSync(`${file}.pub`, text);
    const shown = execFileSync(openSsh, ['-l', '-E', 'md5', '-f', `${file}.pub`]).toString();
    t.true(shown.includes(`MD5:${fingerprint}`));
  }
});

test('ssh keys: what is no public key is refused', (t) => {
  const good = generateKey('ed25519', 'c', new Uint8Array(4)).text;
  t.is(parsePublicKey(`${good}\n`).text, good);
  for (const bad of [
    '',
    'ssh-rsa',
    'ssh-rsa AAAA',
    `ssh-rsa ${good.split(' ')[1]} x`,
    `${good}\n${good}`,
    'x y z',
    'ssh-ed25519 !!!! c',
  ])
    t.throws(() => parsePublicKey(bad), { message: /Keypair data is invalid/ });
});
