import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openClaims } from '../../agent/compute/claims.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import { proveHypervisor } from '../conform/hypervisor.ts';
import { type FakeDisk, fakeHypervisor } from '../fake/hypervisor.ts';
import { until } from '../until.ts';
import { createServer, startCloud, untilGone, untilStatus } from './cloud.ts';
import { aServer } from './samples.ts';

const disks = new Map<string, FakeDisk>();
proveHypervisor(test, 'fake', async () => ({
  open: (folder) => {
    const disk: FakeDisk = disks.get(folder) ?? new Map();
    disks.set(folder, disk);
    return fakeHypervisor(disk);
  },
  directory: (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'shoal-fake-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  },
  baseFile: import.meta.filename,
}));

const room = { vcpus: 1, memoryMiB: 128, diskGiB: 1 };

test('keeper: a claim whose server is gone, elsewhere or never came is let go; one on its way gets its time', async (t) => {
  const cloud = await startCloud(t);
  const keyValue = memoryKeyValue();
  const claims = openClaims(sub(keyValue, 'compute'));
  const rows = {
    elsewhere: aServer({ host: 'another-host', vmState: 'active', taskState: null }),
    stale: aServer(),
    coming: aServer(),
    gone: aServer(),
  };
  for (const [name, server] of Object.entries(rows)) {
    if (name !== 'gone') await cloud.records.servers.change(server.projectId, server.id, () => server);
    const atMs = name === 'stale' ? Date.now() - 3_600_000 : Date.now();
    await claims.take(
      { serverId: server.id, projectId: server.projectId, ...room, atMs },
      { vcpus: 9, memoryMiB: 9999, diskGiB: 99 },
    );
  }
  await cloud.addHost('one', { keyValue });
  await until('only the one on its way left', async () => claims.list().length === 1);
  t.is(claims.list()[0]?.serverId, rows.coming.id);
});

test('keeper: a machine that nobody wants is removed, one that the record lost to another host too', async (t) => {
  const cloud = await startCloud(t);
  const host = await cloud.addHost('one');
  const id = await createServer(host, cloud);
  await untilStatus(host, id, 'ACTIVE');
  await host.kill();
  await cloud.records.servers.change(
    'p1',
    id,
    (server) => server && { ...server, host: 'successor', epoch: server.epoch + 1 },
  );
  const back = await cloud.addHost('one', host);
  await until('let go', async () => back.hypervisor.disk.size === 0 && back.compute.vitals().machines === 0);
  t.like(await cloud.records.servers.get('p1', id), { host: 'successor', vmState: 'active' });
});

test('keeper: a host that lost its disk says so of its servers and keeps nothing for them to hang on', async (t) => {
  const cloud = await startCloud(t);
  const host = await cloud.addHost('one');
  const id = await createServer(host, cloud);
  await untilStatus(host, id, 'ACTIVE');
  await host.kill();
  const empty = await cloud.addHost('one');
  const server = await untilStatus(empty, id, 'ERROR');
  t.regex(server.fault?.message ?? '', /disk of the server is gone/);
  await empty.call('DELETE', `/v2.1/servers/${id}`);
  await untilGone(empty, id);
});

test('keeper: an agent killed in the middle of a build finishes it when it is back, with one machine', async (t) => {
  const cloud = await startCloud(t);
  const host = await cloud.addHost('one');
  const death = Promise.withResolvers<void>();
  host.hypervisor.onStep = (step) => (step === 'running' ? death.promise : undefined);
  const id = await createServer(host, cloud);
  await until('its disk made', async () => host.hypervisor.disk.size === 1);
  // The dead agent's work hangs for ever, as it would: only its disk and its store are left.
  const back = await cloud.addHost('one', { ...host, hypervisor: fakeHypervisor(host.hypervisor.disk) });
  await untilStatus(back, id, 'ACTIVE');
  t.is(back.hypervisor.disk.get(id)?.starts, 1);
  death.reject(new Error('dead'));
});

test('keeper: a trouble that may pass is waited out while the server stays in BUILD', async (t) => {
  const cloud = await startCloud(t);
  const host = await cloud.addHost('one');
  const chunks = new Map(cloud.content.chunks);
  cloud.content.chunks.clear();
  const id = await createServer(host, cloud);
  await until('a try', async () => (await cloud.records.byHost.get(host.id, id)) !== undefined);
  t.is((await host.call('GET', `/v2.1/servers/${id}`)).text.includes('"status":"BUILD"'), true);
  for (const [name, bytes] of chunks) cloud.content.chunks.set(name, bytes);
  await until('the next try', async () => {
    host.hypervisor.guestTurns(id, 'stopped');
    return (await host.call('GET', `/v2.1/servers/${id}`)).text.includes('"status":"ACTIVE"');
  });
  t.pass();
});
