import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openClaims } from '../../agent/compute/claims.ts';
import { metaDataOf } from '../../agent/compute/config-drive.ts';
import { buildIso } from '../../agent/compute/hypervisor/iso9660.ts';
import type { Power } from '../../agent/compute/hypervisor/port.ts';
import { compilePattern } from '../../agent/compute/pattern.ts';
import { rankHosts } from '../../agent/compute/place/place.ts';
import { openPromises } from '../../agent/compute/place/promises.ts';
import type { Server } from '../../agent/compute/records.ts';
import { planServer } from '../../agent/compute/server-plan.ts';
import { hostNameOf } from '../../agent/compute/server-request.ts';
import { applyDelete, applyRequest, statusOf } from '../../agent/compute/server-state.ts';
import { generateKey, type KeyAlgorithm, parsePublicKey } from '../../agent/compute/ssh-key.ts';
import type { Member } from '../../agent/membership/port.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import type { HostId } from '../../proto/ids.ts';
import { aServer, aVitals } from './samples.ts';

const member = (hostId: string, changes: Partial<Member> = {}): Member => ({
  hostId: hostId as HostId,
  state: 'alive',
  incarnation: 1,
  vitals: aVitals(),
  ...changes,
});
const one = { vcpus: 1, memoryMiB: 128, diskGiB: 1, zone: null };
const rank = (
  members: readonly Member[],
  placement: Parameters<typeof rankHosts>[1] = one,
  promised = new Map(),
) => rankHosts(members, placement, promised, () => 0.5);

test('placement: the host with most free memory comes first', (t) => {
  const { candidates } = rank([
    member('full', { vitals: aVitals({ memoryClaimedMiB: 800 }) }),
    member('empty'),
    member('half', { vitals: aVitals({ memoryClaimedMiB: 500 }) }),
  ]);
  t.deepEqual(
    candidates.map(({ hostId }) => hostId),
    ['empty', 'half', 'full'],
  );
});

test('placement: a host that cannot is left out, and the reasons are counted', (t) => {
  const { candidates, reasons } = rank([
    member('dead', { state: 'dead' }),
    member('suspect', { state: 'suspect' }),
    member('draining', { state: 'draining' }),
    member('silent', { vitals: aVitals({ hypervisors: [], computeRefusal: 'qemu is missing' }) }),
    member('small', { vitals: aVitals({ memoryTotalMiB: 100 }) }),
    member('busy', { vitals: aVitals({ vcpusClaimed: 4 }) }),
    member('filled', { vitals: aVitals({ diskClaimedGiB: 10 }) }),
    { hostId: 'unheard' as HostId, state: 'alive', incarnation: 1 },
  ]);
  t.deepEqual(candidates, []);
  t.is(
    reasons,
    '3 of 8 hosts are not alive; 2 of 8 hosts have no hypervisor; 1 of 8 hosts lack memory; 1 of 8 hosts lack vCPUs; 1 of 8 hosts lack disk; qemu is missing',
  );
});

test('placement: a zone that is asked for is kept', (t) => {
  const card = (zone: string) => ({ card: { zone } as NonNullable<Member['card']> });
  const { candidates } = rank([member('a', card('z1')), member('b', card('z2'))], { ...one, zone: 'z2' });
  t.deepEqual(
    candidates.map(({ hostId }) => hostId),
    ['b'],
  );
});

test('placement: room promised since the last vitals counts as taken, and no longer once they tell of it', (t) => {
  let nowMs = 1_000;
  const vitals = { a: aVitals({ atMs: 500 }), b: aVitals({ atMs: 500, memoryClaimedMiB: 100 }) };
  const list = () => [member('a', { vitals: vitals.a }), member('b', { vitals: vitals.b })];
  const promises = openPromises({
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    members: {
      self: 'a' as HostId,
      list,
      get: () => undefined,
      isReachable: () => true,
      onChange: () => () => undefined,
    },
  });
  const first = () => rank(list(), one, promises.current() as Map<string, never>).candidates[0]?.hostId;
  t.is(first(), 'a' as HostId);
  promises.add('a', one);
  t.is(first(), 'b' as HostId);
  vitals.a = aVitals({ atMs: 2_000 });
  t.is(first(), 'a' as HostId);
  promises.add('b', one);
  nowMs += 60_000;
  t.is(promises.current().size, 0, 'a promise does not last');
});

test('claims: of many for the last room one wins, and it is on disk', async (t) => {
  const disk = memoryKeyValue();
  const claims = openClaims(disk);
  const capacity = { vcpus: 8, memoryMiB: 200, diskGiB: 10 };
  const ids = Array.from({ length: 10 }, () => crypto.randomUUID());
  const claim = (serverId: string) => claims.take({ serverId, projectId: 'p', ...one, atMs: 1 }, capacity);
  const results = await Promise.allSettled(ids.map(claim));
  t.is(results.filter(({ status }) => status === 'fulfilled').length, 1);
  const [lost] = results.filter((result) => result.status === 'rejected');
  t.regex(String(lost?.reason), /128 MiB of memory are wanted, 72 are free/);
  const [winner] = openClaims(disk).list();
  if (!winner) throw new Error('nobody won');
  await claim(winner.serverId);
  t.is(claims.list().length, 1, 'claiming twice is claiming once');
  await claims.release(winner.serverId);
  await claims.release(winner.serverId);
  t.deepEqual(claims.total(), { vcpus: 0, memoryMiB: 0, diskGiB: 0 });
});

const active: Partial<Server> = { host: 'me', vmState: 'active', taskState: null };
const plan = (changes: Partial<Server>, power: Power | undefined) =>
  planServer(aServer(changes), power, 'me');

test('keeper: wanted and actual lead to one step', (t) => {
  t.is(planServer(undefined, 'running', 'me').do, 'let go');
  t.is(plan({ ...active, host: 'other' }, 'running').do, 'let go');
  t.is(plan({ host: null }, undefined).do, 'let go');
  t.is(plan({ ...active, wanted: 'deleted' }, 'running').do, 'remove');
  t.is(plan({ ...active, vmState: 'error', wanted: 'deleted' }, undefined).do, 'remove');
  t.is(plan({ host: 'me', taskState: 'spawning' }, undefined).do, 'build');
  t.is(plan({ host: 'me', taskState: 'spawning' }, 'stopped').do, 'build');
  t.is(plan({ host: 'me', taskState: 'spawning' }, 'running').do, 'settle');
  t.is(plan(active, 'running').do, 'nothing');
  t.is(plan(active, 'stopped').do, 'restart');
  t.is(plan(active, 'off').do, 'accept off');
  t.is(plan(active, 'paused').do, 'resume');
  t.is(plan(active, undefined).do, 'fail');
  t.is(plan({ ...active, vmState: 'error' }, 'stopped').do, 'nothing');
  t.deepEqual(plan({ ...active, wanted: 'stopped', taskState: 'powering-off' }, 'running'), {
    do: 'stop',
    gently: true,
  });
  t.deepEqual(plan({ ...active, wanted: 'stopped', vmState: 'stopped' }, 'running'), {
    do: 'stop',
    gently: false,
  });
  t.deepEqual(plan({ ...active, wanted: 'stopped', taskState: 'powering-off' }, 'stopped'), {
    do: 'settle',
    vmState: 'stopped',
  });
  t.deepEqual(plan({ ...active, taskState: 'rebooting' }, 'running'), { do: 'reboot', gently: true });
  t.deepEqual(plan({ ...active, vmState: 'error', taskState: 'rebooting_hard' }, 'stopped'), {
    do: 'reboot',
    gently: false,
  });
  t.is(plan({ ...active, vmState: 'stopped', taskState: 'powering-on' }, 'stopped').do, 'start');
  t.is(plan({ ...active, wanted: 'paused', taskState: 'pausing' }, 'running').do, 'pause');
  t.is(plan({ ...active, wanted: 'paused', vmState: 'paused' }, 'stopped').do, 'accept off');
});

test('keeper: followed step by step, every wish is reached from every power and then rests', (t) => {
  const after: Record<string, Power> = {
    build: 'running',
    start: 'running',
    restart: 'running',
    resume: 'running',
    reboot: 'running',
    stop: 'stopped',
    pause: 'paused',
    'accept off': 'stopped',
  };
  const wishes: Partial<Server>[] = [
    { wanted: 'running', vmState: 'building', taskState: 'spawning' },
    { wanted: 'running', vmState: 'active', taskState: null },
    { wanted: 'stopped', vmState: 'active', taskState: 'powering-off' },
    { wanted: 'running', vmState: 'stopped', taskState: 'powering-on' },
    { wanted: 'running', vmState: 'active', taskState: 'rebooting_hard' },
    { wanted: 'paused', vmState: 'active', taskState: 'pausing' },
    { wanted: 'running', vmState: 'paused', taskState: 'unpausing' },
  ];
  for (const wish of wishes)
    for (const from of ['running', 'paused', 'off', 'stopped'] as const) {
      let server = aServer({ host: 'me', ...wish });
      let power: Power = from;
      let looks = 0;
      for (; looks < 10; looks += 1) {
        const step = planServer(server, power, 'me');
        if (step.do === 'nothing') break;
        power = after[step.do] ?? power;
        if (step.do === 'settle') server = { ...server, vmState: step.vmState, taskState: null };
        if (step.do === 'reboot') server = { ...server, vmState: 'active', taskState: null };
        if (step.do === 'accept off')
          server = { ...server, vmState: 'stopped', wanted: 'stopped', taskState: null };
      }
      t.true(looks < 5, `${JSON.stringify(wish)} from ${from}`);
    }
});

test('states: requests are refused while another task is set, a hard reboot interrupts', (t) => {
  const server = aServer(active);
  const stopping = applyRequest(server, 'stop', 5);
  t.like(stopping, { wanted: 'stopped', taskState: 'powering-off', updatedAtMs: 5 });
  t.throws(() => applyRequest(stopping, 'start', 6), { message: /Cannot 'start' .* vm_state active/ });
  t.throws(() => applyRequest(stopping, 'pause', 6), { message: /task_state powering-off/ });
  t.is(applyRequest(stopping, 'rebootHard', 6).taskState, 'rebooting_hard');
  const gone = applyDelete(server, 7);
  t.is(applyDelete(gone, 8), gone);
  t.throws(() => applyRequest(gone, 'rebootHard', 9), { message: /task_state deleting/ });
  t.throws(() => applyRequest(aServer({ vmState: 'error', taskState: null }), 'rebootHard', 1), {
    message: /not ready/,
  });
  t.is(statusOf({ vmState: 'active', taskState: 'rebooting' }), 'REBOOT');
  t.is(statusOf({ vmState: 'active', taskState: 'deleting' }), 'ACTIVE');
});

test("pattern: it finds what JavaScript's own expressions find", (t) => {
  const patterns = [
    '',
    'a',
    'ab',
    'a|b',
    '^a',
    'b$',
    '^$',
    'a*b',
    'a+b?',
    '(ab)+',
    '[a-c]x',
    '[^a]',
    'a.c',
    '\\.',
    '\\d+',
    '^(a|b)*$',
    '(a|)b',
    '[]a]',
    '[a-]',
    '()*',
    '(a*)*b',
  ];
  const texts = [
    '',
    'a',
    'b',
    'ab',
    'abab',
    'aab',
    'bx',
    'dx',
    'abc',
    'a.c',
    '12',
    'web-1',
    ']',
    '-',
    'aaaa',
  ];
  for (const pattern of patterns) {
    // "[]a]" is POSIX: a bracket first stands for itself. JavaScript writes it otherwise.
    const theirs = new RegExp(pattern === '[]a]' ? '[\\]a]' : pattern);
    for (const text of texts)
      t.is(compilePattern(pattern)(text), theirs.test(text), `${pattern} in "${text}"`);
  }
});

test('pattern: a hostile one ends in no time, a wrong one is refused', (t) => {
  const begun = performance.now();
  t.false(compilePattern('^(a+)+$')(`${'a'.repeat(250)}b`));
  t.false(compilePattern(`${'(a?)'.repeat(40)}${'a'.repeat(40)}b`)('a'.repeat(255)));
  t.true(performance.now() - begun < 2_000);
  for (const bad of ['(', ')', '[', '*', 'a|*', '\\', 'x'.repeat(256)])
    t.throws(() => compilePattern(bad), { message: /Cannot read the pattern/ }, bad);
});

test('names: a host name is what a name leaves of itself', (t) => {
  t.is(hostNameOf('My Server_1', 'id'), 'my-server-1');
  t.is(hostNameOf('-.web.-', 'id'), 'web');
  t.is(hostNameOf('Öffentlich', 'id'), 'offentlich');
  t.is(hostNameOf('日本', 'id'), 'server-id');
  t.is(hostNameOf('x'.repeat(200), 'id').length, 63);
});

test('ssh keys: made in each algorithm, they are read by OpenSSH and by ourselves', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-ssh-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const hasOpenSsh = spawnSync('ssh-keygen', ['-?']).error === undefined;
  if (!hasOpenSsh) t.log('skipped: ssh-keygen is missing (apt-get install openssh-client)');
  for (const algorithm of ['ed25519', 'ecdsa', 'rsa'] as KeyAlgorithm[]) {
    const { text, privateKey, fingerprint } = generateKey(algorithm, 'me@here', new Uint8Array([1, 2, 3, 4]));
    t.is(parsePublicKey(text).fingerprint, fingerprint);
    if (!hasOpenSsh) continue;
    const file = join(folder, algorithm);
    writeFileSync(file, privateKey, { mode: 0o600 });
    t.is(execFileSync('ssh-keygen', ['-y', '-f', file]).toString().trim(), text);
    writeFileSync(`${file}.pub`, text);
    const shown = execFileSync('ssh-keygen', ['-l', '-E', 'md5', '-f', `${file}.pub`]).toString();
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

test('config drive: isoinfo reads it too', (t) => {
  if (spawnSync('isoinfo', ['-version']).error) {
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
  const read = execFileSync('isoinfo', ['-J', '-x', '/openstack/latest/user_data', '-i', file]);
  t.is(createHash('md5').update(read).digest('hex'), createHash('md5').update(data).digest('hex'));
  t.regex(execFileSync('isoinfo', ['-d', '-i', file]).toString(), /Volume id: config-2/);
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
