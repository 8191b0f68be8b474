import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import * as disks from './disks.ts';
import { serveImages } from './serve.ts';

const run = promisify(execFile);

const has = async (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

const folderFor = async (t: ExecutionContext): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-image-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'good.qcow2'), disks.qcow2());
  await writeFile(join(folder, 'bad.qcow2'), disks.qcow2({ backing: true }));
  return folder;
};

test('clients: the openstack command creates, lists, changes, saves and deletes images', async (t) => {
  t.timeout(600_000, 'a client takes seconds to start, more on a busy machine');
  if (!(await has('openstack'))) {
    t.log('skipped: the openstack command is missing (apt-get install python3-openstackclient)');
    t.pass();
    return;
  }
  const { url } = await serveImages(t);
  const folder = await folderFor(t);
  const openstack = async (...args: string[]): Promise<string> => {
    const auth = ['--os-auth-type', 'admin_token', '--os-endpoint', `${url}/v2`, '--os-token', 'member:p1'];
    return (await run('openstack', [...auth, 'image', ...args], { cwd: folder })).stdout;
  };
  const formats = ['--disk-format', 'qcow2', '--container-format', 'bare'];
  await openstack('create', ...formats, '--file', 'good.qcow2', 'one');
  t.like(JSON.parse(await openstack('list', '-f', 'json'))[0], { Name: 'one', Status: 'active' });
  await openstack('set', '--property', 'colour=blue', '--tag', 'x', '--min-disk', '2', 'one');
  t.like(JSON.parse(await openstack('show', 'one', '-f', 'json')), {
    status: 'active',
    size: 65_536,
    virtual_size: 1_073_741_824,
    min_disk: 2,
    tags: ['x'],
  });
  await openstack('save', '--file', 'back.qcow2', 'one');
  t.true((await readFile(join(folder, 'back.qcow2'))).equals(Buffer.from(disks.qcow2())));
  await t.throwsAsync(() => openstack('create', ...formats, '--file', 'bad.qcow2', 'bad'), {
    message: /backing file|415/,
  });
  await openstack('delete', 'one');
  await t.throwsAsync(() => openstack('show', 'one'), { message: /No Image found/ });
});

test('clients: the glance command creates, lists, updates, downloads and deletes images', async (t) => {
  t.timeout(600_000, 'a client takes seconds to start, more on a busy machine');
  if (!(await has('glance'))) {
    t.log('skipped: the glance command is missing (apt-get install python3-glanceclient)');
    t.pass();
    return;
  }
  const { url } = await serveImages(t);
  const folder = await folderFor(t);
  const env = { ...process.env, HOME: folder };
  const glance = async (...args: string[]): Promise<string> => {
    const auth = ['--os-image-url', url, '--os-auth-token', 'member:p1'];
    return (await run('glance', [...auth, ...args], { cwd: folder, env })).stdout;
  };
  const formats = ['--disk-format', 'qcow2', '--container-format', 'bare'];
  const id = '11111111-2222-3333-4444-555555555555';
  const made = await glance('image-create', '--id', id, '--name', 'one', ...formats, '--file', 'good.qcow2');
  t.regex(made, /status +\| active/);
  t.regex(await glance('image-list'), /\| one/);
  t.regex(await glance('image-update', '--name', 'two', '--property', 'a=b', id), /name +\| two/);
  await glance('image-tag-update', id, 'tag');
  await glance('image-download', '--file', 'back.qcow2', id);
  t.true((await readFile(join(folder, 'back.qcow2'))).equals(Buffer.from(disks.qcow2())));
  await t.throwsAsync(() => glance('image-create', '--name', 'bad', ...formats, '--file', 'bad.qcow2'), {
    message: /backing file|415/,
  });
  await glance('image-delete', id);
  t.notRegex(await glance('image-list'), /two/);
});
