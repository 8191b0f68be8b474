/**
 * The whole way of a newcomer with the real clients: a cloud of three hosts, accounts, objects, an image, a server;
 * hosts that die in between. One cloud serves all tests, in order.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { open, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import anyTest, { type TestFn } from 'ava';
import { errorTable } from '../../proto/error.ts';
import { ownTime } from '../own-time.ts';
import { takePorts } from '../ports.ts';
import {
  clientsMissing,
  eventually,
  patienceMs,
  qemuMissing,
  run,
  shoalBin,
  startCloud,
  type TestCloud,
} from './cloud.ts';

const test = anyTest as TestFn<{ cloud: TestCloud }>;
const absent = clientsMissing();
const withClients = absent ? test.serial.skip : test.serial;
const withMachines = absent || qemuMissing() ? test.serial.skip : test.serial;
if (absent)
  console.log(
    `first light: ${absent} is missing (apt-get install python3-openstackclient python3-swiftclient), tests with real clients are skipped`,
  );
else if (qemuMissing())
  console.log(
    'first light: qemu is missing (apt-get install qemu-system-x86 qemu-utils), tests with servers are skipped',
  );

const hostNames = ['shoal-1', 'shoal-2', 'shoal-3'];
const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const writeBackMs = 15_000;

let cloud: TestCloud;
test.before(async (t) => {
  t.timeout(600_000);
  cloud = await startCloud(3);
});
test.after.always(async (t) => {
  t.timeout(600_000);
  await cloud?.stop();
});

const put = async (host: string, path: string, body: Uint8Array): Promise<number> => {
  const { token, storageUrl } = await cloud.token(host);
  const response = await fetch(`${storageUrl}/${path}`, {
    method: 'PUT',
    headers: { 'x-auth-token': token },
    body: new Uint8Array(body),
  });
  await response.arrayBuffer();
  return response.status;
};
const get = async (host: string, path: string): Promise<{ status: number; body: Buffer }> => {
  const { token, storageUrl } = await cloud.token(host);
  const response = await fetch(`${storageUrl}/${path}`, { headers: { 'x-auth-token': token } });
  return { status: response.status, body: Buffer.from(await response.arrayBuffer()) };
};
const isGreen = async (): Promise<boolean> => (await cloud.health()).status === 'green';

test.serial('dev status: three hosts are alive, each with its own process and identity', async (t) => {
  const hosts = await cloud.hosts();
  t.deepEqual(
    hosts.map((host) => host.state),
    ['alive', 'alive', 'alive'],
  );
  t.is(new Set(hosts.map((host) => host.pid)).size, 3);
  t.is(new Set(hosts.map((host) => host.hostId)).size, 3);
});

withClients('identity: accounts made through one host are known on every other', async (t) => {
  t.timeout(600_000);
  await cloud.openstack('shoal-1', 'project', 'create', 'reef');
  await cloud.openstack('shoal-2', 'user', 'create', 'nemo', '--project', 'reef', '--password', 'anemone');
  await cloud.openstack('shoal-3', 'role', 'add', '--project', 'reef', '--user', 'nemo', 'member');
  for (const host of hostNames) {
    t.regex(await cloud.openstack(host, 'token', 'issue', '-f', 'value', '-c', 'id'), /\S/);
    const [user] = JSON.parse(
      await cloud.openstack(host, 'user', 'list', '--project', 'reef', '-f', 'json'),
    ) as { Name: string }[];
    t.is(user?.Name, 'nemo');
  }
});

withClients('objects: what goes in through one host comes out of every other, byte for byte', async (t) => {
  t.timeout(600_000);
  await cloud.openstack('shoal-1', 'container', 'create', 'sizes');
  const sizes = { one: 1, small: 100_000, middle: 20_000_000, large: 300_000_000 };
  const sums: Record<string, string> = {};
  for (const [name, size] of Object.entries(sizes)) {
    const bytes = randomBytes(size);
    sums[name] = md5(bytes);
    await writeFile(join(cloud.directory, name), bytes);
    await cloud.openstack('shoal-1', 'object', 'create', 'sizes', name);
  }
  for (const host of hostNames) {
    const listed = JSON.parse(
      await cloud.openstack(host, 'object', 'list', 'sizes', '--long', '-f', 'json'),
    ) as { Name: string; Bytes: number; Hash: string }[];
    t.deepEqual(
      Object.fromEntries(listed.map((row) => [row.Name, [row.Bytes, row.Hash]])),
      Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, [size, sums[name]]])),
    );
    for (const name of Object.keys(sizes)) {
      await cloud.openstack(host, 'object', 'save', 'sizes', name, '--file', `${name}.out`);
      t.is(
        md5(await readFile(join(cloud.directory, `${name}.out`))),
        sums[name] ?? '',
        `${name} through ${host}`,
      );
    }
  }
});

withClients('objects: the swift client uploads, lists, shows and downloads', async (t) => {
  t.timeout(600_000);
  await writeFile(join(cloud.directory, 'note.txt'), 'small fish');
  await cloud.swift('shoal-2', 'upload', 'notes', 'note.txt');
  t.regex(await cloud.swift('shoal-3', 'stat', 'notes', 'note.txt'), /Content Length: 10\n/);
  t.regex(await cloud.swift('shoal-1', 'stat', 'notes'), /Objects: 1\n[\s\S]*Bytes: 10\n/);
  await cloud.swift('shoal-1', 'download', 'notes', 'note.txt', '-o', 'note.out');
  t.is(await readFile(join(cloud.directory, 'note.out'), 'utf8'), 'small fish');
});

withMachines(
  'servers: a guest boots from an uploaded image, and its console tells its name and key',
  async (t) => {
    t.timeout(600_000);
    const built = await run(process.execPath, [fileURLToPath(new URL('../guest/build.ts', import.meta.url))]);
    t.is(built.status, 0, built.err);
    const disk = built.out.trim().split('\n').at(-1) ?? '';
    await cloud.openstack(
      'shoal-1',
      'image',
      'create',
      'guest',
      '--file',
      disk,
      '--disk-format',
      'qcow2',
      '--container-format',
      'bare',
      '--public',
    );
    await run('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      'nemo@reef',
      '-f',
      join(cloud.directory, 'id'),
    ]);
    await cloud.openstack('shoal-2', 'keypair', 'create', '--public-key', 'id.pub', 'nemo');
    await cloud.openstack(
      'shoal-2',
      'flavor',
      'create',
      'e2e',
      '--ram',
      '128',
      '--disk',
      '1',
      '--vcpus',
      '1',
    );
    await cloud.openstack(
      'shoal-3',
      'server',
      'create',
      'dory',
      '--image',
      'guest',
      '--flavor',
      'e2e',
      '--key-name',
      'nemo',
      '--config-drive',
      'True',
    );
    const show = async (field: string): Promise<string> =>
      (await cloud.openstack('shoal-1', 'server', 'show', 'dory', '-f', 'value', '-c', field)).trim();
    await eventually('dory is ACTIVE', patienceMs, async () => (await show('status')) === 'ACTIVE');
    await eventually('dory greets on its console', patienceMs, async () =>
      /shoal-guest: ready \S+ dory/.test(await cloud.openstack('shoal-2', 'console', 'log', 'show', 'dory')),
    );
    const key = readFileSync(join(cloud.directory, 'id.pub'), 'utf8').split(' ')[1] ?? '?';
    t.true(
      (await cloud.openstack('shoal-1', 'console', 'log', 'show', 'dory')).includes(key.slice(-20)),
      'the key arrived',
    );
  },
);

withMachines(
  'servers: kill -9 of the agent leaves the machine running, and the next agent finds it',
  async (t) => {
    t.timeout(600_000);
    const row = JSON.parse(
      await cloud.openstack('shoal-1', 'server', 'show', 'dory', '-f', 'json'),
    ) as Record<string, string>;
    const { id = '?' } = row;
    const name = hostNames.find((host) => row['OS-EXT-SRV-ATTR:host'] === host);
    if (!name) return t.fail(`no host of dory: ${JSON.stringify(row)}`);
    const machine = async (): Promise<string> =>
      (await run('pgrep', ['-f', `qemu-system.*${id}`])).out.trim();
    const before = await machine();
    t.regex(before, /^\d+$/);
    await cloud.shoalOk('dev', 'kill', name);
    t.is(await machine(), before);
    await cloud.shoalOk('dev', 'start', name);
    await eventually(
      'dory is ACTIVE again',
      patienceMs,
      async () =>
        (await cloud.openstack(name, 'server', 'show', 'dory', '-f', 'value', '-c', 'status')).trim() ===
        'ACTIVE',
    );
    t.is(await machine(), before, 'the same process, and only one');
    await cloud.openstack(name, 'server', 'delete', 'dory', '--wait');
    await eventually('the machine is gone', patienceMs, async () => (await machine()) === '');
  },
);

test.serial(
  'a host is killed: reads go on at once, writes within 15 s, and it heals when it returns',
  async (t) => {
    t.timeout(600_000);
    await eventually('healthy before', patienceMs, isGreen);
    const bytes = randomBytes(3_000_000);
    await put('shoal-1', 'before', new Uint8Array());
    t.is(await put('shoal-1', 'before/it', bytes), 201);
    await cloud.shoalOk('dev', 'kill', 'shoal-1');
    const read = await get('shoal-2', 'before/it');
    t.is(read.status, 200);
    t.true(read.body.equals(bytes));
    using lived = ownTime((await cloud.host('shoal-2')).apiUrl, (await cloud.host('shoal-3')).apiUrl);
    await eventually(
      'writes work without shoal-1',
      writeBackMs,
      async () => (await put('shoal-3', 'before/later', bytes)) === 201,
      lived.ms,
    );
    t.not((await cloud.health()).status, 'green');
    await cloud.shoalOk('dev', 'start', 'shoal-1');
    await eventually('healthy after', patienceMs, isGreen);
    t.true((await get('shoal-1', 'before/later')).body.equals(bytes));
  },
);

test.serial(
  '200 uploads at 16 in flight while a host dies: all that was acknowledged reads back intact',
  async (t) => {
    t.timeout(600_000);
    await put('shoal-1', 'storm', new Uint8Array());
    const { token, storageUrl } = await cloud.token('shoal-1');
    const acknowledged = new Map<string, string>();
    let next = 0;
    let killed: Promise<string> | undefined;
    const upload = async (): Promise<void> => {
      for (let at = next++; at < 200; at = next++) {
        if (at === 60) killed = cloud.shoalOk('dev', 'kill', 'shoal-3');
        const bytes = randomBytes(1_000_000);
        const response = await fetch(`${storageUrl}/storm/${at}`, {
          method: 'PUT',
          headers: { 'x-auth-token': token },
          body: bytes,
        }).catch(() => undefined);
        await response?.arrayBuffer();
        if (response?.status === 201) acknowledged.set(String(at), md5(bytes));
      }
    };
    await Promise.all(Array.from({ length: 16 }, upload));
    await killed;
    t.true(acknowledged.size >= 150, `${acknowledged.size} acknowledged`);
    for (const [name, sum] of acknowledged)
      t.is(md5((await get('shoal-2', `storm/${name}`)).body), sum, `storm/${name}`);
    await cloud.shoalOk('dev', 'start', 'shoal-3');
    await eventually('healthy after', patienceMs, isGreen);
    for (const [name, sum] of acknowledged)
      t.is(
        md5((await get('shoal-3', `storm/${name}`)).body),
        sum,
        `storm/${name} through the host that was away`,
      );
  },
);

test.serial('a damaged chunk file: the read is right and the copy is mended', async (t) => {
  t.timeout(600_000);
  const bytes = randomBytes(1_500_000);
  await put('shoal-1', 'rot', new Uint8Array());
  t.is(await put('shoal-1', 'rot/apple', bytes), 201);
  const { dataDir } = await cloud.host('shoal-2');
  const chunkFile = async (): Promise<string | undefined> => {
    for (const file of globSync(`${dataDir}/chunks/**/*`)) {
      const found = await stat(file).catch(() => undefined);
      if (found?.isFile() && found.size === bytes.length && (await readFile(file)).equals(bytes)) return file;
    }
    return undefined;
  };
  await eventually('shoal-2 holds the chunk', patienceMs, async () => (await chunkFile()) !== undefined);
  const file = (await chunkFile()) ?? '';
  const handle = await open(file, 'r+');
  await handle.write(randomBytes(4_096), 0, 4_096, 700_000);
  await handle.close();
  t.true((await get('shoal-2', 'rot/apple')).body.equals(bytes));
  await eventually('the copy is mended', patienceMs, async () => (await chunkFile()) !== undefined);
});

test.serial(
  'strangers: a used invite, an expired one and a host off the roster are refused, and both sides say so',
  async (t) => {
    t.timeout(600_000);
    const at = (name: string): string => join(cloud.directory, name);
    const join2 = async (token: string, name: string) =>
      run(process.execPath, [
        shoalBin,
        'join',
        token,
        '--data',
        at(name),
        '--host-name',
        name,
        '--port',
        String(await takePorts(10)),
        '--output',
        'json',
      ]);
    const said = async (pattern: RegExp): Promise<boolean> => {
      const logs = await Promise.all(
        (await cloud.hosts()).map((host) => readFile(join(host.dataDir, 'agent.log'), 'utf8')),
      );
      return logs.some((log) => pattern.test(log));
    };
    const token = (await cloud.shoalOk('invite')).trim();
    const first = await join2(token, 'first');
    t.is(first.status, 0, first.err);
    const { hostId } = JSON.parse(first.out) as { hostId: string };

    const second = await join2(token, 'second');
    t.is(second.status, errorTable.INVITE_REFUSED.exit);
    t.regex(second.err, /^shoal: Cannot use invite \S+: host \S+ has used it\n$/);
    t.true(await said(/"join refused".*has used it/));

    const brief = (await cloud.shoalOk('invite', '--expires', '1')).trim();
    await sleep(1_100);
    const late = await join2(brief, 'late');
    t.is(late.status, errorTable.INVITE_REFUSED.exit);
    t.regex(late.err, /^shoal: Cannot join with this invite: it expired/);
    t.true(await said(/"join refused".*it expired/));

    await cloud.shoalOk('host', 'remove', hostId);
    const stranger = spawn(process.execPath, [shoalBin, 'agent', '--data', at('first')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    stranger.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
    try {
      await eventually('the stranger is told', patienceMs, async () =>
        /"refused by host".*is not on the roster/.test(words),
      );
      await eventually('the cluster says so too', patienceMs, () =>
        said(new RegExp(`"host refused: it is not on the roster".*${hostId}`)),
      );
    } finally {
      const gone = new Promise((resolve) => stranger.once('exit', resolve));
      stranger.kill('SIGTERM');
      await gone;
    }
    t.deepEqual(
      (await cloud.hosts()).map((host) => host.state),
      ['alive', 'alive', 'alive'],
    );
  },
);
