/** A cloud of compute in one process: hosts that talk by function calls, tables and images in memory, real HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Content } from '../../agent/chunk/port.ts';
import type { Room } from '../../agent/compute/claims.ts';
import type { Hypervisor } from '../../agent/compute/hypervisor/port.ts';
import type { BootImage, BootImages } from '../../agent/compute/image-files.ts';
import { type Compute, openCompute } from '../../agent/compute/open-compute.ts';
import { openRecords, type Records } from '../../agent/compute/records.ts';
import { openSagas, type RunningSagas } from '../../agent/flow/sagas.ts';
import type { Member, MemberState, Members } from '../../agent/membership/port.ts';
import type { Rpc, RpcHandler } from '../../agent/peer/port.ts';
import type { KeyValue } from '../../agent/store/key-value.ts';
import { memoryKeyValue } from '../../agent/store/memory-key-value.ts';
import { sub } from '../../agent/store/namespace.ts';
import type { Tables } from '../../agent/table/port.ts';
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { fakeContent } from '../fake/content.ts';
import { fakeRuntime, startApi } from '../fake/http.ts';
import { type FakeHypervisor, fakeHypervisor } from '../fake/hypervisor.ts';
import { fakeTables } from '../fake/tables.ts';
import { until } from '../until.ts';

/** All hosts open the same tables. */
const sharedTables = (): Tables => {
  const inner = fakeTables();
  const opened = new Map<string, unknown>();
  const once = <T>(name: string, open: () => T): T => {
    if (!opened.has(name)) opened.set(name, open());
    return opened.get(name) as T;
  };
  return {
    rows: (schema) => once(schema.name, () => inner.rows(schema)),
    registers: (schema) => once(schema.name, () => inner.registers(schema)),
  };
};

export interface FakeHost {
  readonly id: HostId;
  readonly url: string;
  readonly compute: Compute;
  readonly sagas: RunningSagas;
  readonly keyValue: KeyValue;
  readonly directory: string;
  readonly hypervisor: FakeHypervisor;
  /** Like kill -9: nobody hears of it, what it had under way goes nowhere. */
  kill(): Promise<void>;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  readonly token?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, never> & { readonly [name: string]: unknown };
  readonly text: string;
}

export interface FakeCloud {
  readonly records: Records;
  readonly image: BootImage;
  readonly content: ReturnType<typeof fakeContent>;
  addImage(image: Partial<BootImage>, bytes: Uint8Array): Promise<BootImage>;
  addHost(name: string, options?: HostOptions): Promise<FakeHost>;
  setState(id: HostId, state: MemberState): void;
}

export interface HostOptions {
  readonly hypervisor?: Hypervisor | { readonly refusal: string };
  readonly capacity?: Room;
  readonly zone?: string;
  /** Of a host that was here before. */
  readonly keyValue?: KeyValue;
  readonly directory?: string;
  /** Default: started. */
  readonly isIdle?: boolean;
}

const hostIdOf = (name: string): HostId =>
  `12D3Koo${name.replace(/[^1-9A-HJ-NP-Za-km-z]/g, 'x').padEnd(45, 'x')}` as HostId;

export const startCloud = async (t: ExecutionContext): Promise<FakeCloud> => {
  const tables = sharedTables();
  const root = mkdtempSync(join(tmpdir(), 'shoal-compute-'));
  t.teardown(() => rmSync(root, { recursive: true, force: true }));
  const content = fakeContent();
  const images = new Map<string, { record: BootImage; content: Content }>();
  const hosts = new Map<HostId, { handlers: Map<string, RpcHandler>; compute?: Compute; member: Member }>();

  const bootImages: BootImages = {
    async get(_principal, id) {
      const found = images.get(id);
      if (!found) throw new ShoalError('NOT_FOUND', `No image ${id}`);
      return found.record;
    },
    async open(id) {
      const found = images.get(id);
      if (!found) throw new ShoalError('NOT_FOUND', `No image ${id}`);
      return found;
    },
  };

  const members = (self: HostId): Members => ({
    self,
    list: () =>
      [...hosts.values()].map(({ member, compute }) => ({
        ...member,
        ...(compute && {
          vitals: { ...compute.vitals(), atMs: Date.now(), storageUsedBytes: 0, storageFreeBytes: 0 },
        }),
      })),
    get: (id) => hosts.get(id)?.member,
    isReachable: (id) => hosts.get(id)?.member.state === 'alive',
    onChange: () => () => undefined,
  });

  const rpc = (self: HostId, handlers: Map<string, RpcHandler>): Rpc => {
    const request: Rpc['request'] = async (to, method, body) => {
      const host = hosts.get(to);
      const handler = host?.member.state === 'alive' ? host.handlers.get(method) : undefined;
      if (!handler) throw new ShoalError('UNREACHABLE', `Cannot reach ${to}`);
      return handler(self, structuredClone(body), new AbortController().signal);
    };
    return {
      self,
      request,
      notify: (to, method, body) => void request(to, method, body).catch(() => undefined),
      handle: (method, handler) => void handlers.set(method, handler),
    };
  };

  const addImage: FakeCloud['addImage'] = async (image, bytes) => {
    const source = (async function* () {
      yield bytes;
    })();
    const written = await content.write(source, { user: 'image', bytesMax: 2 ** 40, digests: ['sha512'] });
    const record: BootImage = {
      id: crypto.randomUUID(),
      name: 'guest',
      status: 'active',
      diskFormat: 'raw',
      minDiskGiB: 0,
      minRamMiB: 0,
      data: { bytes: written.length, sha512: written.digests.sha512 ?? '', virtualBytes: written.length },
      ...image,
    };
    images.set(record.id, { record, content: written.content });
    return record;
  };

  const addHost: FakeCloud['addHost'] = async (name, options = {}) => {
    const id = hostIdOf(name);
    const keyValue = options.keyValue ?? memoryKeyValue();
    const directory = options.directory ?? join(root, name);
    const hypervisor = options.hypervisor ?? fakeHypervisor();
    const handlers = new Map<string, RpcHandler>();
    const member: Member = {
      hostId: id,
      name,
      state: 'alive',
      incarnation: 1,
      card: {
        name,
        zone: options.zone ?? 'zone-1',
        peerAddresses: [],
        bulkAddress: '',
        apiUrl: 'http://127.0.0.1:1',
        s3Url: null,
        capacityBytes: 1,
        version: '0',
      },
    };
    const host: { handlers: Map<string, RpcHandler>; compute?: Compute; member: Member } = {
      handlers,
      member,
    };
    hosts.set(id, host);
    const runtime = fakeRuntime();
    const sagas = openSagas({ keyValue: sub(keyValue, 'flow'), runtime });
    let compute: Compute | undefined;
    const api = await startApi(async (http) => {
      compute = await openCompute(
        {
          runtime,
          tables,
          rpc: rpc(id, handlers),
          members: members(id),
          images: bootImages,
          content,
          sagas,
          keyValue: sub(keyValue, 'compute'),
          journal: { append: () => undefined, read: async () => ({ records: [], next: {} }) },
          http,
        },
        {
          directory,
          hypervisor,
          accel: 'tcg',
          capacity: options.capacity ?? { vcpus: 8, memoryMiB: 4096, diskGiB: 100 },
        },
      );
    });
    if (!compute) throw new Error('compute did not open');
    const opened = compute;
    host.compute = opened;
    await opened.bootstrap();
    if (!options.isIdle) {
      await sagas.resume();
      opened.start();
    }
    let isStopped = false;
    const kill = async (): Promise<void> => {
      if (isStopped) return;
      isStopped = true;
      if (hosts.get(id) === host) hosts.set(id, { ...host, member: { ...host.member, state: 'dead' } });
      await Promise.all([sagas.stop(), opened.stop(), api.stop()]);
    };
    t.teardown(kill);
    return {
      id,
      url: api.url,
      compute: opened,
      sagas,
      keyValue,
      directory,
      hypervisor: hypervisor as FakeHypervisor,
      kill,
      call: (method, path, call) => callApi(`${api.url}/compute${path}`, method, call),
    };
  };

  const guest = new TextEncoder().encode('a disk image of a guest '.repeat(2000));
  return {
    records: openRecords(tables),
    image: await addImage({}, guest),
    content,
    addImage,
    addHost,
    setState(id, state) {
      const host = hosts.get(id);
      if (host) hosts.set(id, { ...host, member: { ...host.member, state } });
    },
  };
};

const callApi = async (url: string, method: string, options: CallOptions = {}): Promise<Answer> => {
  const { token = 'member:p1', body, headers } = options;
  const answer = await fetch(url, {
    method,
    headers: {
      ...(token && { 'x-auth-token': token }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: text.startsWith('{') ? JSON.parse(text) : {},
  };
};

export interface SeenServer {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly fault?: { readonly message: string; readonly code: number };
  readonly [field: string]: unknown;
}

export const showServer = async (
  host: FakeHost,
  id: string,
  token = 'member:p1',
): Promise<SeenServer | undefined> => {
  const { status, body } = await host.call('GET', `/v2.1/servers/${id}`, { token });
  return status === 200 ? (body.server as unknown as SeenServer) : undefined;
};

export const untilStatus = (
  host: FakeHost,
  id: string,
  status: string,
  token?: string,
): Promise<SeenServer> =>
  until(`server ${id} ${status}`, async () => {
    const server = await showServer(host, id, token);
    return server?.status === status && server['OS-EXT-STS:task_state'] === null && server;
  });

export const untilGone = (host: FakeHost, id: string): Promise<true> =>
  until(`server ${id} gone`, async () => (await showServer(host, id)) === undefined);

/** Posts a server and gives its id. */
export const createServer = async (
  host: FakeHost,
  cloud: FakeCloud,
  extra: Readonly<Record<string, unknown>> = {},
  token = 'member:p1',
): Promise<string> => {
  const answer = await host.call('POST', '/v2.1/servers', {
    token,
    body: { server: { name: 'one', imageRef: cloud.image.id, flavorRef: '42', ...extra } },
  });
  if (answer.status !== 202) throw new Error(`create answered ${answer.status}: ${answer.text}`);
  return (answer.body.server as unknown as { id: string }).id;
};
