import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { serveObjects } from './serve.ts';

const run = promisify(execFile);

const has = async (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

const folderFor = async (t: ExecutionContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-object-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

test('clients: the swift command uploads, lists, changes, copies, downloads and deletes', async (t) => {
  t.timeout(600_000, 'a client takes seconds to start, more on a busy machine');
  if (!(await has('swift'))) {
    t.log('skipped: the swift command is missing (apt-get install python3-swiftclient)');
    t.pass();
    return;
  }
  const { storage } = await serveObjects(t);
  const folder = await folderFor(t);
  const swift = async (...args: string[]): Promise<string> =>
    (
      await run('swift', ['--os-storage-url', storage, '--os-auth-token', 'member:p1', ...args], {
        cwd: folder,
      })
    ).stdout;
  const bytes = randomBytes(300_000);
  await writeFile(join(folder, 'file.bin'), bytes);
  await swift('post', 'cont', '-m', 'colour:blue', '-r', '.r:*');
  await swift('upload', 'cont', 'file.bin', '--object-name', 'dir/ö.bin');
  t.is(await swift('list', 'cont'), 'dir/ö.bin\n');
  t.is(await swift('list', 'cont', '-d', '/'), 'dir/\n');
  t.regex(await swift('stat', 'cont'), /Objects: 1\n.*Bytes: 300000\n.*Read ACL: \.r:\*/s);
  await swift('post', 'cont', 'dir/ö.bin', '-m', 'shape:round');
  t.regex(await swift('stat', 'cont', 'dir/ö.bin'), /Meta Shape: round/);
  await swift('copy', 'cont', 'dir/ö.bin', '-d', '/cont/copy.bin');
  await swift('download', 'cont', 'copy.bin', '-o', 'back.bin');
  t.deepEqual(await readFile(join(folder, 'back.bin')), bytes);
  t.regex(await swift('list', '--lh'), /cont/);
  t.regex(await swift('capabilities'), /max_file_size/);
  t.regex(await swift('stat'), /Containers: 1\n/);
  await swift('delete', 'cont');
  t.is(await swift('list'), '');
  await t.throwsAsync(() => swift('stat', 'cont'), { message: /404|not found/i });
});

test('clients: the swift command makes large objects of both kinds, signed addresses and versions', async (t) => {
  t.timeout(600_000, 'a client takes seconds to start, more on a busy machine');
  if (!(await has('swift'))) {
    t.log('skipped: the swift command is missing (apt-get install python3-swiftclient)');
    t.pass();
    return;
  }
  const { storage, api } = await serveObjects(t);
  const folder = await folderFor(t);
  const swift = async (...args: string[]): Promise<string> =>
    (
      await run('swift', ['--os-storage-url', storage, '--os-auth-token', 'member:p1', ...args], {
        cwd: folder,
      })
    ).stdout;
  const bytes = randomBytes(300_000);
  await writeFile(join(folder, 'big.bin'), bytes);
  for (const [kind, flags] of [
    ['slo', ['--use-slo']],
    ['dlo', []],
  ] as const) {
    await swift('upload', kind, 'big.bin', '--segment-size', '100000', ...flags);
    await swift('download', kind, 'big.bin', '-o', `${kind}.bin`);
    t.deepEqual(await readFile(join(folder, `${kind}.bin`)), bytes, kind);
  }
  t.is((await swift('list', 'slo_segments')).trim().split('\n').length, 3);
  await swift('delete', 'slo', 'big.bin');
  t.is(await swift('list', 'slo_segments'), '', 'its segments went with it');
  await swift('post', '-m', 'Temp-URL-Key:secret');
  const signed = (await swift('tempurl', 'GET', '60', '/v1/AUTH_p1/dlo/big.bin', 'secret')).trim();
  const got = await fetch(`${api.url}/object-store${signed}`);
  t.is(Buffer.compare(Buffer.from(await got.arrayBuffer()), bytes), 0);
});

test('clients: the openstack command stores and lists objects', async (t) => {
  t.timeout(600_000, 'a client takes seconds to start, more on a busy machine');
  if (!(await has('openstack'))) {
    t.log('skipped: the openstack command is missing (apt-get install python3-openstackclient)');
    t.pass();
    return;
  }
  const { storage } = await serveObjects(t);
  const folder = await folderFor(t);
  const openstack = async (...args: string[]): Promise<string> => {
    const auth = ['--os-auth-type', 'admin_token', '--os-endpoint', storage, '--os-token', 'member:p1'];
    return (await run('openstack', [...auth, ...args], { cwd: folder })).stdout;
  };
  await writeFile(join(folder, 'a.txt'), 'hello');
  await openstack('container', 'create', 'cont');
  await openstack('object', 'create', 'cont', 'a.txt');
  t.like(JSON.parse(await openstack('object', 'list', 'cont', '--long', '-f', 'json'))[0], {
    Name: 'a.txt',
    Bytes: 5,
  });
  await openstack('object', 'set', '--property', 'colour=blue', 'cont', 'a.txt');
  t.regex(await openstack('object', 'show', 'cont', 'a.txt'), /colour|Colour/);
  await openstack('object', 'save', 'cont', 'a.txt', '--file', 'back.txt');
  t.is(await readFile(join(folder, 'back.txt'), 'utf8'), 'hello');
  t.is(JSON.parse(await openstack('object', 'store', 'account', 'show', '-f', 'json')).Objects, '1');
  await openstack('container', 'delete', '--recursive', 'cont');
  t.is(await openstack('container', 'list', '-f', 'value'), '');
});
