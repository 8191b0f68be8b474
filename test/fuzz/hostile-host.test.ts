/**
 * Three real agents, one of which is then replaced by a liar: its own key, on the roster, an owner of everything. It
 * serves bytes that are not the chunk's, forgets every row, makes up layouts. The others go on, and say so.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { initHost, joinHost } from '../../agent/compose/host.ts';
import { portsOf, readConfig } from '../../agent/compose/host-config.ts';
import { type Agent, startAgent } from '../../agent/compose.ts';
import { openMembers } from '../../agent/membership/members.ts';
import { loopbackSettings } from '../../agent/membership/settings.ts';
import { readClusterFile } from '../../agent/peer/cluster-file.ts';
import { verifySignature } from '../../agent/peer/host-key.ts';
import { openPeer } from '../../agent/peer/open-peer.ts';
import { openKeyValue } from '../../agent/store/lmdb-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import type { HostId } from '../../proto/ids.ts';
import type { LayoutTale } from '../../proto/message/layout.ts';
import { type CloudUser, openUser } from '../chaos/client.ts';
import { recordingRuntime } from '../peer/cluster.ts';
import { takePorts } from '../ports.ts';
import { until } from '../until.ts';

interface Host {
  readonly name: string;
  readonly directory: string;
  readonly apiUrl: string;
  readonly lines: ReturnType<typeof recordingRuntime>['lines'];
  agent: Agent;
}

const startThree = async (t: ExecutionContext) => {
  const port = await takePorts(30);
  const hosts: Host[] = [];
  const optionsOf = async (index: number) => ({
    data: await mkdtemp(join(tmpdir(), 'shoal-hostile-')),
    hostName: `host-${index}`,
    zone: undefined,
    address: '127.0.0.1',
    port: String(port + 10 * index),
    capacity: String(2 ** 34),
    profile: 'rehearsal',
    chunks: undefined,
  });
  let user: CloudUser | undefined;
  for (let index = 0; index < 3; index++) {
    const options = await optionsOf(index);
    t.teardown(() => rm(options.data, { recursive: true, force: true }));
    const { runtime, lines } = recordingRuntime();
    if (!user) {
      await initHost({ runtime }, options, 'reef');
      user = openUser(join(options.data, 'clouds.yaml'));
    } else {
      const [first] = hosts as [Host];
      const answer = await user.call(first, 'POST', '/cluster/v1/invites', {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ expiresInSeconds: 300 }),
      });
      const { invite } = JSON.parse(answer.body.toString()) as { invite: { token: string } };
      await joinHost({ runtime }, invite.token, options);
    }
    const agent = await startAgent({ runtime }, options.data);
    const host: Host = {
      name: options.hostName,
      directory: options.data,
      apiUrl: agent.apiUrl,
      lines,
      agent,
    };
    t.teardown(() => host.agent.stop().catch(() => {}));
    hosts.push(host);
    const asked = user;
    await until('the agent is ready', async () => (await asked.token(host).catch(() => '')) !== '');
  }
  if (!user) throw new Error('no user');
  return { hosts: hosts as [Host, Host, Host], user };
};

const content = (index: number, bytes: number): Buffer => {
  const seed = createHash('sha256').update(`${index}`).digest();
  return Buffer.alloc(bytes, seed);
};

/** What an owner answers that has forgotten everything and takes nothing. */
const forgetful = (operation: {
  do: string;
  request?: { kind: string; ballot?: unknown; accepted?: { ballot: unknown } };
}) => {
  switch (operation.do) {
    case 'put':
      return { kind: 'held' };
    case 'register': {
      const { request } = operation;
      if (request?.kind === 'read') return { kind: 'state', accepted: null };
      if (request?.kind === 'prepare') return { kind: 'promise', ballot: request.ballot, accepted: null };
      return { kind: 'accepted', ballot: request?.accepted?.ballot, next: null };
    }
    case 'range':
      return { rows: [], complete: true };
    case 'tally':
      return { rows: 0, weight: 0, digest: new Uint8Array(16) };
    case 'roots':
      return [];
    case 'nodes':
      return new Uint8Array(1024);
    case 'leaf':
      return { rows: new Uint8Array(), complete: true };
    case 'fetch':
      return { rows: [], taken: 1 };
    case 'push':
      return { refused: [] };
    case 'change':
      return { kind: 'whatever', value: null };
    default:
      return null;
  }
};

/** Takes the place of the agent: the same key, the same addresses, and its own idea of the truth. */
const becomeLiar = async (t: ExecutionContext, host: Host) => {
  const config = readConfig(host.directory);
  const cluster = await readClusterFile(host.directory);
  if (!cluster) throw new Error('no cluster');
  await host.agent.stop();
  const ports = portsOf(config);
  const { runtime } = recordingRuntime();
  const peer = await openPeer(
    { runtime },
    {
      ...{ directory: host.directory, cluster, listen: [`/ip4/127.0.0.1/tcp/${ports.peer}`] },
      bulk: { host: '127.0.0.1', port: ports.bulk },
    },
  );
  const { rpc, gossip, roster, bulk, key } = peer;
  const keyValue = openKeyValue({ directory: join(host.directory, 'rows') });
  const card = {
    ...{ name: config.name, zone: config.zone, apiUrl: host.apiUrl, s3Url: null, version: '0.1.0' },
    ...{
      peerAddresses: peer.addresses().peer,
      bulkAddress: peer.addresses().bulk,
      capacityBytes: config.capacityBytes,
    },
  };
  const members = await openMembers(
    {
      ...{ runtime, rpc, gossip, roster, keyValue: sub(keyValue, 'members') },
      signer: { sign: key.sign, verify: verifySignature },
    },
    { card, swim: loopbackSettings },
  );
  t.teardown(async () => {
    members.stop();
    await peer.stop();
    await keyValue.close();
  });
  const counts = { rows: 0, chunks: 0 };
  rpc.handle('table.ask', (_from, body) => {
    counts.rows++;
    const { operations } = body as { operations: Parameters<typeof forgetful>[0][] };
    return { answers: operations.map((operation) => ({ value: forgetful(operation) })) };
  });
  rpc.handle('chunk.have', (_from, body) => ({ have: (body as { ids: string[] }).ids.map(() => true) }));
  rpc.handle('chunk.keep', (_from, body) => ({ kept: (body as { ids: string[] }).ids.map(() => true) }));
  rpc.handle('chunk.check', () => ({ queued: 0 }));
  rpc.handle('chunk.differ', () => ({ partitions: [] }));
  rpc.handle('chunk.list', () => ({ ids: [], more: false }));
  bulk.serve('chunk', async ({ method, body }) => {
    if (method === 'PUT') {
      for await (const _ of body) {
        // Thrown away, and acknowledged.
      }
      return {};
    }
    counts.chunks++;
    // Of the right length, of another one, nothing at all.
    const lies = [Buffer.alloc(100_000, counts.chunks), Buffer.alloc(5, 1), new Uint8Array()];
    return { body: lies[counts.chunks % lies.length] ?? new Uint8Array() };
  });
  return { peer, counts };
};

const objects = 12;

test('hostile host: an owner of everything that lies about chunks, rows and layouts is believed by nobody', async (t) => {
  t.timeout(600_000);
  const { hosts, user } = await startThree(t);
  const [a, b, c] = hosts;
  const layoutOf = async (host: Host) =>
    (
      JSON.parse((await user.call(host, 'GET', '/cluster/v1/layout')).body.toString()) as {
        layout: { newest: number; settled: boolean; members: { hostId: HostId }[] };
      }
    ).layout;
  await until(
    'all three are in the layout',
    async () => {
      const all = await Promise.all(hosts.map(layoutOf));
      return all.every(({ members, settled }) => members.length === 3 && settled);
    },
    60_000,
  );
  t.is((await user.object(a, 'PUT', 'c')).status, 201);
  const put = (host: Host, index: number) =>
    user.object(host, 'PUT', `c/o${index}`, { body: content(index, index % 2 ? 100_000 : 900) });
  const readRight = async (host: Host, index: number): Promise<boolean> => {
    const { status, body } = await user.object(host, 'GET', `c/o${index}`);
    return status === 200 && body.equals(content(index, index % 2 ? 100_000 : 900));
  };
  for (let index = 0; index < objects; index++) t.is((await put(a, index)).status, 201);
  await until('all copies are made', async () => {
    const { body } = await user.call(a, 'GET', '/cluster/v1/health');
    return (JSON.parse(body.toString()) as { health: { status: string } }).health.status === 'green';
  });
  const { newest } = await layoutOf(a);
  const { peer, counts } = await becomeLiar(t, c);
  const said = (host: Host, message: string): boolean => host.lines.some((line) => line.message === message);

  // Host a loses its chunks: what it reads now comes from the other two, the liar among them.
  const chunks = join(a.directory, 'chunks');
  for (const folder of await readdir(chunks, { recursive: true }))
    if (/[0-9a-f]{64}$/.test(folder)) await rm(join(chunks, folder));
  for (let round = 0; round < 3; round++)
    for (let index = 0; index < objects; index++) {
      t.true(await readRight(a, index), `o${index} at a`);
      t.true(await readRight(b, index), `o${index} at b`);
    }

  // New ones are written and read while it acknowledges what it throws away.
  for (let index = objects; index < 2 * objects; index++)
    t.is((await put(index % 2 ? a : b, index)).status, 201);
  for (let index = objects; index < 2 * objects; index++)
    for (const host of [a, b]) t.true(await readRight(host, index), `o${index} at ${host.name}`);
  const listed = await user.object(b, 'GET', 'c?format=plain');
  t.is(listed.body.toString().trim().split('\n').length, 2 * objects);
  t.true(counts.rows > 0, 'it was asked for rows');

  // A layout of its own, by every way that there is.
  const tale = (await peer.rpc.request(
    JSON.parse((await user.call(a, 'GET', '/cluster/v1/hosts')).body.toString()).hosts.find(
      ({ name }: { name: string }) => name === a.name,
    ).hostId,
    'layout.fetch',
    { after: 0 },
  )) as LayoutTale;
  const current = tale.layouts.at(-1);
  if (!current) return t.fail();
  const own = {
    ...current,
    version: current.version + 1,
    members: current.members.filter(({ hostId }) => hostId === peer.self),
    replicas: 1,
    reason: 'mine',
    by: peer.self,
  };
  const { proof: _, ...unproven } = own;
  const { digestOf } = await import('../../agent/ring/layout.ts');
  const next = { ...unproven, previous: digestOf(current) };
  const far = { ...next, version: current.version + 500 };
  for (const host of [a, b]) {
    const hostId = readConfig(host.directory).hostId as HostId;
    for (const layouts of [[next], [{ ...next, proof: current.proof }], [far]])
      await peer.rpc
        .request(hostId, 'layout.push', { ...tale, oldest: far.version, layouts: layouts.filter(Boolean) })
        .catch(() => {});
  }
  peer.gossip.publish('layout', {
    ...{
      newest: next.version,
      digest: digestOf(next),
      progress: tale.progress,
      wishesDigest: '',
      layout: next,
    },
  });
  await until('a refusal is in both logs', () =>
    [a, b].every((host) => said(host, 'layout refused: no majority has voted for it')),
  );
  for (const host of [a, b]) t.is((await layoutOf(host)).newest, newest);
  t.true(await readRight(a, 0));
  if (counts.chunks > 0) t.true(said(a, 'a chunk came damaged'), 'its bytes were seen to be wrong');
  t.log(`asked ${counts.rows} times for rows, ${counts.chunks} times for chunks`);
});
