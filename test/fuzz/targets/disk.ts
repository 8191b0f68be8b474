/** What lies on this host's disk and may be damaged, or was put there by hand; and what QEMU says on its socket. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repairQueue } from '../../../agent/chunk/repair-queue.ts';
import { readAdminPassword } from '../../../agent/compose/credentials.ts';
import { readConfig } from '../../../agent/compose/host-config.ts';
import { openQmp } from '../../../agent/compute/hypervisor/qmp.ts';
import { openSagaStore } from '../../../agent/flow/saga-store.ts';
import { memberStore } from '../../../agent/membership/member-store.ts';
import { readClusterFile, readWelcome } from '../../../agent/peer/cluster-file.ts';
import { openHostKey } from '../../../agent/peer/host-key.ts';
import { openRoster } from '../../../agent/peer/roster.ts';
import { layoutStore } from '../../../agent/ring/layout-store.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../../agent/store/memory-key-value.ts';
import { digest } from '../../../agent/table/keys.ts';
import { decodeRow, encodeRow, isLive, markOf, presenceOfBytes } from '../../../agent/table/row.ts';
import { readGroup } from '../../../agent/table/row-store.ts';
import { readCloud } from '../../../cli/clouds.ts';
import { card, cluster, clusterId, nowMs, other, own, rosterTale } from '../samples.ts';
import { bytesTarget, jsonTarget, packedTarget, type Target, textTarget, withoutValid } from '../target.ts';
import { stillRuntime } from '../world.ts';

const config = {
  version: 1,
  hostId: own.hostId,
  name: 'host-1',
  zone: 'z1',
  address: '127.0.0.1',
  port: 9700,
  capacityBytes: 1e12,
  profile: 'lan',
  region: 'RegionOne',
};
const clouds =
  'clouds:\n  shoal:\n    auth:\n      auth_url: http://127.0.0.1:9700/identity/v3\n      username: admin\n      password: "x"\n      project_name: admin\n';

/** A store that answers every question with these bytes. */
const always = (bytes: Uint8Array, hasRange = true): KeyValue => {
  const inner = memoryKeyValue();
  const reader = {
    get: () => bytes,
    range: () => (hasRange ? [{ key: new Uint8Array(32), value: bytes }] : []),
  };
  return {
    ...inner,
    ...reader,
    transact: async (work) => work({ ...reader, put: () => {}, delete: () => {} }),
  };
};

const stamp = { wallMs: nowMs, count: 0, host: other.hostId };
const ballot = { round: 5, host: other.hostId, run: 1 };
const states = [
  { kind: 'lww', stamp, weight: 1, value: Uint8Array.of(1, 2) },
  { kind: 'register', promised: ballot, accepted: { ballot, value: Uint8Array.of(1, 0, 0), lineage: [1] } },
] as const;

/** QEMU's monitor is a local process, but one that a guest may have taken over. */
const qmpTarget = async (directory: string): Promise<Target> => {
  let bytes: Uint8Array = new Uint8Array();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end(bytes);
  });
  server.listen(join(directory, 'qmp'));
  await once(server, 'listening');
  const lines = [
    { QMP: { version: {}, capabilities: [] } },
    { return: {}, id: 0 },
    { event: 'SHUTDOWN', data: { guest: true } },
    { error: { class: 'GenericError', desc: 'no' }, id: 0 },
  ];
  return withoutValid(
    bytesTarget(
      {
        name: 'qmp',
        refusals: ['UNREACHABLE', 'INTERNAL'],
        async run(given) {
          bytes = given;
          const qmp = await openQmp({ folder: directory, name: 'qmp' }, ({ event }) => void event.length);
          await qmp.closed;
        },
        async close() {
          server.close();
          await rm(directory, { recursive: true, force: true });
        },
      },
      [Buffer.from(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(''))],
    ),
  );
};

export const diskTargets = async (): Promise<readonly Target[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-fuzz-'));
  const file = (name: string) => (content: string | Uint8Array) =>
    writeFileSync(join(directory, name), content);
  const files = {
    config: file('config.json'),
    cluster: file('cluster.json'),
    roster: file('roster.json'),
    clouds: file('clouds.yaml'),
    key: file('key'),
    welcome: file('welcome'),
  };
  const { log } = stillRuntime();
  const pem = own.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const sealedRows = states.map((state) =>
    encodeRow({ state, mark: markOf(digest(Buffer.from('k')), state) }),
  );
  // Those of an earlier build as well: nothing behind a checksum is reached by chance.
  const bareRows = sealedRows.map((row) =>
    Buffer.concat([row.subarray(0, 16), Uint8Array.of(presenceOfBytes(row)), row.subarray(21)]),
  );
  const rowBytes = [...sealedRows, ...bareRows];
  return [
    jsonTarget(
      {
        name: 'config.json',
        refusals: ['DAMAGED'],
        run(text) {
          files.config(text);
          readConfig(directory);
        },
      },
      [config],
    ),
    jsonTarget(
      {
        name: 'cluster.json',
        refusals: ['DAMAGED'],
        run(text) {
          files.cluster(text);
          return readClusterFile(directory);
        },
      },
      [cluster],
    ),
    jsonTarget(
      {
        name: 'roster.json',
        refusals: ['DAMAGED'],
        run(text) {
          files.roster(text);
          return openRoster({ runtime: stillRuntime(), self: own.hostId }, { directory, clusterId });
        },
      },
      [
        { host: own.hostId, ...rosterTale, vote: null },
        {
          ...{ host: own.hostId, ...rosterTale },
          vote: { promised: ballot, accepted: { ballot, value: 'AAAA', lineage: [1] } },
        },
      ],
    ),
    textTarget(
      {
        name: 'clouds.yaml',
        refusals: ['DAMAGED', 'BAD_REQUEST'],
        async run(text) {
          files.clouds(text);
          await readAdminPassword(directory);
          readCloud({ data: directory });
        },
      },
      [clouds],
    ),
    textTarget(
      {
        name: 'host key',
        refusals: ['DAMAGED'],
        run(text) {
          files.key(text);
          return openHostKey(directory);
        },
      },
      [pem],
    ),
    packedTarget(
      {
        name: 'welcome',
        refusals: ['DAMAGED'],
        run(bytes) {
          files.welcome(bytes);
          return readWelcome(directory);
        },
      },
      [{ any: ['thing'] }],
    ),
    bytesTarget(
      {
        name: 'table row',
        refusals: ['DAMAGED'],
        run(bytes) {
          const { state } = decodeRow(bytes);
          isLive(state);
        },
      },
      rowBytes,
    ),
    packedTarget(
      {
        name: 'table group',
        refusals: ['DAMAGED', 'BAD_REQUEST'],
        run: (bytes) =>
          readGroup(always(bytes), {
            table: 'thing',
            partitionKey: 'p',
            partition: 1,
            group: new Uint8Array(16),
          }),
      },
      [{ table: 'thing', partitionKey: 'p', rows: 1, weight: 1, digest: new Uint8Array(16) }],
    ),
    packedTarget(
      { name: 'member card', refusals: ['DAMAGED'], run: (bytes) => memberStore(always(bytes), log).cards() },
      [{ host: other.hostId, incarnation: 2, card }],
    ),
    packedTarget(
      {
        name: 'layout store',
        refusals: ['DAMAGED', 'BAD_REQUEST'],
        run: (bytes) => layoutStore(always(bytes, false), own.hostId).load(),
      },
      [{ oldest: 1, sync: 1, syncAck: 1, votesFrom: 0 }],
    ),
    packedTarget(
      { name: 'saga', refusals: ['DAMAGED'], run: (bytes) => openSagaStore(always(bytes)).list() },
      [{ kind: 'create', state: {}, phase: 'acting', step: 0, finishedAtMs: 0 }],
    ),
    packedTarget(
      {
        name: 'repair entry',
        refusals: [],
        run: (bytes) => repairQueue({ store: always(bytes), runtime: stillRuntime() }),
      },
      [{ why: 'missing', sinceMs: nowMs }],
    ),
    await qmpTarget(directory),
  ];
};
