/**
 * The roof: the only file that knows all parts. It opens them from the ground up, each with just the parts below
 * it that it uses, and closes them the other way round.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterId } from '../proto/ids.ts';
import { fromBase64Url } from './base/bytes.ts';
import { openChunks } from './chunk/chunks.ts';
import { serveState } from './cluster/host-state.ts';
import { serveOperator } from './cluster/operator.ts';
import { readAdminPassword } from './compose/credentials.ts';
import { lockData } from './compose/data-lock.ts';
import { openFirstLife } from './compose/first-life.ts';
import { apiUrlOf, s3UrlOf } from './compose/host.ts';
import { portsOf, readConfig } from './compose/host-config.ts';
import { openInviteBook } from './compose/invites.ts';
import { profiles } from './compose/profiles.ts';
import { retryUntilDone } from './compose/retry.ts';
import { stateOf } from './compose/state.ts';
import { version } from './compose/version.ts';
import { openCompute } from './compute/open-compute.ts';
import { openSagas } from './flow/sagas.ts';
import { openHttp } from './http/server.ts';
import { openIdentity } from './identity/open-identity.ts';
import { openImages } from './image/open-images.ts';
import { openJournal } from './journal/open-journal.ts';
import { openMembers } from './membership/members.ts';
import type { MemberCard } from './membership/port.ts';
import { openAccessLog } from './object/access-log/open-access-log.ts';
import { openObjects } from './object/open-objects.ts';
import { openS3 } from './object/s3/door.ts';
import { openSignForm } from './object/s3/sign/form.ts';
import { openSignIn } from './object/s3/sign-in.ts';
import { openPanel } from './panel/serve.ts';
import { readClusterFile } from './peer/cluster-file.ts';
import { verifySignature } from './peer/host-key.ts';
import { openPeer } from './peer/open-peer.ts';
import { openRing } from './ring/open-ring.ts';
import type { Runtime } from './runtime/ports.ts';
import { openKeyValue } from './store/lmdb-key-value.ts';
import { sub } from './store/namespace.ts';
import { openTables } from './table/tables.ts';

/** How often the agent looks at its own load; what others hear of it is decided in membership. */
const vitalsEveryMs = 2_000;

export interface Agent {
  readonly apiUrl: string;
  /** Machines stay; all else ends in order. */
  stop(): Promise<void>;
}

export const startAgent = async (
  { runtime }: { readonly runtime: Runtime },
  directory: string,
): Promise<Agent> => {
  await using parts = new AsyncDisposableStack();
  /** What was opened last closes first; how long each takes is in the debug log. */
  const closing = (part: string, close: () => unknown): void =>
    parts.defer(async () => {
      const start = runtime.clock.monotonicMs();
      await close();
      runtime.log.debug('closed', { part, ms: Math.round(runtime.clock.monotonicMs() - start) });
    });
  const config = readConfig(directory);
  const profile = profiles[config.profile];
  const ports = portsOf(config);
  const apiUrl = apiUrlOf(config);
  closing('lock', lockData(directory));
  const cluster = await readClusterFile(directory);
  if (!cluster) throw new Error(`${directory} has a config but no cluster`);
  const stopping = new AbortController();

  const keyValue = openKeyValue({ directory: join(directory, 'rows') });
  closing('rows', () => keyValue.close());

  const peer = await openPeer(
    { runtime },
    {
      directory,
      cluster,
      listen: [`/${config.address.includes(':') ? 'ip6' : 'ip4'}/${config.address}/tcp/${ports.peer}`],
      bulk: { host: config.address, port: ports.bulk },
      mdns: profile.mdns,
      seeds: config.seeds ?? [],
      discovery: {
        host: config.address,
        port: ports.discovery,
        bootstrap: config.bootstrap ?? [],
        publicDht: config.publicDht ?? false,
      },
    },
  );
  closing('peer', () => peer.stop());
  const { rpc, gossip, bulk, roster, key } = peer;

  const card: MemberCard = {
    name: config.name,
    zone: config.zone,
    peerAddresses: peer.addresses().peer,
    bulkAddress: peer.addresses().bulk,
    apiUrl,
    s3Url: s3UrlOf(config),
    capacityBytes: config.capacityBytes,
    version,
  };
  const hostSigner = { sign: key.sign, verify: verifySignature };
  const members = await openMembers(
    { runtime, rpc, gossip, roster, signer: hostSigner, keyValue: sub(keyValue, 'members') },
    { card, swim: profile.swim },
  );
  closing('members', () => members.stop());
  members.onChange(({ hostId, card: told }) => {
    if (told && hostId !== members.self)
      peer.setAddresses(hostId, { peer: told.peerAddresses, bulk: told.bulkAddress });
  });

  const ring = openRing(
    { runtime, rpc, gossip, roster, members, signer: hostSigner, keyValue: sub(keyValue, 'ring') },
    {
      ...profile.ring,
      isFounder: cluster.founder === peer.self,
      life: openFirstLife(directory),
      draining: members.setDraining,
    },
  );
  closing('ring', () => ring.stop());
  roster.setNeeded((host, isLeft) => ring.needOf(host, isLeft) !== undefined);
  const tables = openTables({ runtime, rpc, ring, members, keyValue: sub(keyValue, 'tables') });
  closing('tables', () => tables.stop());
  const ownChunks = join(directory, 'chunks');
  await mkdir(ownChunks, { recursive: true, mode: 0o700 });
  const chunks = await openChunks({
    ...{ runtime, rpc, bulk, ring, members, tables },
    isOff: (host) => !roster.has(host),
    keyValue: sub(keyValue, 'chunks'),
    directories: config.chunkDirectories ?? [ownChunks],
  });
  closing('chunks', () => chunks.stop());
  const { content } = chunks;
  const journal = await openJournal(
    { runtime, key, rpc, roster, discovery: peer.discovery },
    { directory, clusterId: cluster.clusterId as ClusterId },
  );
  closing('journal', () => journal.stop());
  // Each change once: by the host that signed it.
  roster.onChange((fresh) => {
    for (const { by, version, forced, change } of fresh)
      if (by === peer.self)
        journal.append({
          ...{ requestId: null, actor: null, target: change.hostId, outcome: 'done' },
          action: `roster.${change.kind}`,
          detail: { version, forced, ...('name' in change && { name: change.name }) },
        });
  });
  const sagas = openSagas({ runtime, keyValue: sub(keyValue, 'sagas') });
  closing('sagas', () => sagas.stop());

  const http = openHttp({ runtime }, { listen: `${config.address}:${ports.api}` });
  const signer = {
    hostId: peer.self,
    sign: key.sign,
    verify: verifySignature,
    isHost: roster.has,
  };
  const identity = await openIdentity(
    { runtime, tables, gossip, signer, journal, http },
    {
      ...profile.identity,
      region: config.region,
      services: ['identity', 'object-store', 'image', 'compute', 'shoal-cluster'],
    },
  );
  const sealSecret = fromBase64Url(cluster.secret);
  const objects = openObjects(
    {
      ...{ runtime, tables, content, journal, http, sealSecret },
      domainOf: identity.domainOf,
      signIn: identity.signIn,
    },
    config,
  );
  closing('objects', () => objects.stop());
  const keys = { clock: runtime.clock, secretOf: identity.ec2Secret };
  const accessLog = openAccessLog(objects, sub(keyValue, 'access-log'), {
    region: config.region,
    ...profile.accessLog,
  });
  closing('access log', () => accessLog.stop());
  const s3 = openS3(
    objects,
    { signIn: openSignIn(keys), signForm: openSignForm(keys), accessLog },
    { listen: `${config.address}:${ports.s3}`, domains: config.s3Domains ?? [] },
  );
  const images = openImages({ runtime, tables, content, journal, http });
  const compute = await openCompute(
    {
      runtime,
      tables,
      rpc,
      members,
      images,
      content,
      sagas,
      keyValue: sub(keyValue, 'compute'),
      journal,
      http,
    },
    { directory },
  );
  closing('compute', () => compute.stop());

  let isReady = false;
  const invites = openInviteBook({ tables, clock: runtime.clock });
  const health = { rpc, state: stateOf({ ring, tables, chunks, clock: runtime.clock }) };
  serveState(health);
  serveOperator({
    ...{ http, members, journal, health },
    upkeep: {
      rpc,
      state() {
        const { repair, scrub } = chunks.upkeep();
        return { repair: { ...repair, rowsToHeal: tables.status().rowsToHeal }, scrub };
      },
      run(what) {
        chunks.run(what);
        if (what === 'repair') tables.heal();
      },
    },
    layout: ring,
    roster,
    clock: runtime.clock,
    events: { journal, runtime },
    isReady: () => isReady,
    async createInvite(expiresInSeconds, hostExpiresInSeconds) {
      const invite = peer.invites.issue({ lifeMs: expiresInSeconds * 1_000 });
      await invites.keep(invite, hostExpiresInSeconds && hostExpiresInSeconds * 1_000);
      return invite;
    },
  });
  const panel = openPanel();
  http.serveRaw('/', async ({ path, headers }) => panel(path, headers['if-none-match']));

  ring.start();
  tables.start();
  chunks.start();
  peer.invites.serve({ consume: invites.consume, welcome: async () => null });
  closing('background work', () => stopping.abort());
  const vitals = setInterval(() => {
    const { usedBytes, freeBytes } = chunks.status();
    members.setVitals({
      ...compute.vitals(),
      atMs: runtime.clock.wallMs(),
      storageUsedBytes: usedBytes,
      storageFreeBytes: freeBytes,
    });
  }, vitalsEveryMs);
  closing('vitals', () => clearInterval(vitals));
  // After the API has ended and before anything else does: from then on nobody asks this host.
  closing('membership', () => members.leave());
  await s3.start();
  closing('s3', () => s3.stop());
  await http.start();
  closing('http', () => http.stop());

  const adminPassword = await readAdminPassword(directory);
  void retryUntilDone(
    { runtime, what: 'the first start of the cluster', signal: stopping.signal },
    async () => {
      if (adminPassword !== undefined) await identity.bootstrap({ adminPassword });
      await compute.bootstrap();
      isReady = true;
      runtime.log.info('ready', { host: peer.self, api: apiUrl });
      await sagas.resume();
      compute.start();
    },
  );
  void identity.tend(stopping.signal);

  const running = parts.move();
  return { apiUrl, stop: () => running.disposeAsync() };
};

/** Until SIGTERM or SIGINT; a second one ends the process at once. */
export const runAgent = async (world: { readonly runtime: Runtime }, directory: string): Promise<void> => {
  const agent = await startAgent(world, directory);
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  world.runtime.log.info('stopping');
  await agent.stop();
};
