/** A cloud of identity for tests: any number of hosts over one set of fake tables, real HTTP, real signatures. */
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import { openHttp } from '../../agent/http/server.ts';
import { hostIdOf } from '../../agent/identity/base58.ts';
import { type Identity, type IdentitySettings, openIdentity } from '../../agent/identity/open-identity.ts';
import type { Signer } from '../../agent/identity/token.ts';
import type { JournalEvent } from '../../agent/journal/port.ts';
import type { Gossip } from '../../agent/peer/port.ts';
import type { Clock } from '../../agent/runtime/ports.ts';
import type { Tables } from '../../agent/table/port.ts';
import type { HostId } from '../../proto/ids.ts';
import { fakeRuntime } from '../fake/http.ts';
import { steadyClock } from '../fake/steady-time.ts';
import { fakeTables } from '../fake/tables.ts';
import { sharedTables } from './hooked-tables.ts';

export const adminPassword = 'first light';

/** One roster for all signers of a test; a host can be taken off it. */
export const fakeRoster = () => {
  const keys = new Map<HostId, ReturnType<typeof generateKeyPairSync>>();
  return {
    remove: (host: HostId) => void keys.delete(host),
    signer(): Signer {
      const pair = generateKeyPairSync('ed25519');
      const { x } = pair.publicKey.export({ format: 'jwk' });
      const hostId = hostIdOf(Uint8Array.from(Buffer.from(x ?? '', 'base64url')));
      keys.set(hostId, pair);
      return {
        hostId,
        sign: (bytes) => sign(null, bytes, pair.privateKey),
        verify(host, bytes, signature) {
          const known = keys.get(host);
          return known !== undefined && verify(null, bytes, known.publicKey, signature);
        },
        isHost: (host) => keys.has(host),
      };
    },
  };
};

/** Delivers to the others at once, or not at all. */
export const fakeGossip = () => {
  const ears: { owner: object; topic: string; hear: (from: HostId, body: unknown) => void }[] = [];
  const air = { lossy: false };
  return {
    air,
    join(hostId: HostId): Gossip {
      const owner = {};
      return {
        publish(topic, body) {
          if (!air.lossy)
            for (const ear of ears) if (ear.owner !== owner && ear.topic === topic) ear.hear(hostId, body);
        },
        subscribe: (topic, hear) => void ears.push({ owner, topic, hear }),
      };
    },
  };
};

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}
// Tests read answers freely; a wrong path fails the assertion that uses it.
export interface Json {
  readonly [field: string]: Json;
}

/** Some answers of OAuth are forms. */
const bodyOf = (text: string): Json =>
  text.startsWith('{')
    ? JSON.parse(text)
    : (Object.fromEntries(new URLSearchParams(text)) as unknown as Json);

/** What is a list in an answer. */
export const itemsOf = <Item = Record<string, string>>(list: Json | undefined): readonly Item[] =>
  (list ?? []) as unknown as readonly Item[];

export interface Host {
  readonly url: string;
  readonly identity: Identity;
  readonly signer: Signer;
  /** `aheadMs` moves its clocks; at `stopsAtMs` its wall clock stands still. */
  readonly runtime: Omit<ReturnType<typeof fakeRuntime>, 'clock'> & {
    aheadMs: number;
    stopsAtMs: number | undefined;
  };
  call(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** A token by name and password in the default domain, scoped to a project by name if given. */
  login(user: string, password: string, project?: string): Promise<string>;
}

export interface World {
  readonly tables: Tables;
  readonly events: Omit<JournalEvent, 'atMs' | 'host'>[];
  readonly gossip: ReturnType<typeof fakeGossip>;
  readonly roster: ReturnType<typeof fakeRoster>;
  host(settings?: Partial<IdentitySettings>): Promise<Host>;
}

export const openWorld = (t: ExecutionContext, inner: Tables = fakeTables()): World => {
  const tables = sharedTables(inner);
  const events: World['events'] = [];
  const gossip = fakeGossip();
  const roster = fakeRoster();
  return {
    tables,
    events,
    gossip,
    roster,
    async host(settings = {}) {
      const runtime: Host['runtime'] & { clock: Clock } = {
        ...fakeRuntime(),
        ...{ aheadMs: 0, stopsAtMs: undefined },
      };
      runtime.clock = {
        wallMs: () => (runtime.stopsAtMs ?? Date.now()) + runtime.aheadMs,
        monotonicMs: () => steadyClock.monotonicMs() + runtime.aheadMs,
      };
      const http = openHttp({ runtime }, { listen: '127.0.0.1:0' });
      const signer = roster.signer();
      const identity = await openIdentity(
        {
          runtime,
          tables,
          gossip: gossip.join(signer.hostId),
          signer,
          journal: {
            append: (event) => void events.push(event),
            read: async () => ({ records: [], next: {} }),
          },
          http,
        },
        { services: ['identity', 'compute', 'image', 'object-store', 'shoal-cluster'], ...settings },
      );
      await identity.bootstrap({ adminPassword });
      const { url } = await http.start();
      t.teardown(() => http.stop());
      const call: Host['call'] = async (method, path, { token, body, headers = {} } = {}) => {
        const answer = await fetch(`${url}/identity${path}`, {
          method,
          redirect: 'manual',
          headers: {
            ...(token && { 'X-Auth-Token': token }),
            ...(body !== undefined && { 'Content-Type': 'application/json' }),
            ...headers,
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        return { status: answer.status, headers: answer.headers, body: bodyOf(text) };
      };
      return {
        url,
        identity,
        signer,
        runtime,
        call,
        async login(user, password, project) {
          const { status, headers } = await call('POST', '/v3/auth/tokens', {
            body: passwordAuth(
              user,
              password,
              project && { project: { name: project, domain: { id: 'default' } } },
            ),
          });
          const token = headers.get('x-subject-token');
          if (status !== 201 || !token) throw new Error(`login of ${user}: ${status}`);
          return token;
        },
      };
    },
  };
};

export const passwordAuth = (user: string, password: string, scope?: unknown) => ({
  auth: {
    identity: {
      methods: ['password'],
      password: { user: { name: user, domain: { id: 'default' }, password } },
    },
    ...(scope ? { scope } : {}),
  },
});

export const tokenAuth = (id: string, scope?: unknown) => ({
  auth: { identity: { methods: ['token'], token: { id } }, ...(scope ? { scope } : {}) },
});

/** What many tests begin with. */
export const openHost = async (t: ExecutionContext, settings: Partial<IdentitySettings> = {}) => {
  const world = openWorld(t);
  const host = await world.host(settings);
  const admin = await host.login('admin', adminPassword, 'admin');
  const as = (token: string) => (method: string, path: string, body?: unknown) =>
    host.call(method, path, { token, ...(body !== undefined && { body }) });
  return { world, host, admin, as, asAdmin: as(admin) };
};

export type Opened = Awaited<ReturnType<typeof openHost>>;

/** A user with a role on a new project. */
export const addMember = async (
  { asAdmin }: Pick<Opened, 'asAdmin'>,
  name: string,
  role = 'member',
): Promise<{ readonly userId: string; readonly projectId: string; readonly roleId: string }> => {
  const project = await asAdmin('POST', '/v3/projects', { project: { name: `${name}-project` } });
  const user = await asAdmin('POST', '/v3/users', { user: { name, password: 'secret' } });
  const roles = await asAdmin('GET', `/v3/roles?name=${role}`);
  const ids = {
    userId: String(user.body.user?.id),
    projectId: String(project.body.project?.id),
    roleId: String(itemsOf(roles.body.roles)[0]?.id),
  };
  await asAdmin('PUT', `/v3/projects/${ids.projectId}/users/${ids.userId}/roles/${ids.roleId}`);
  return ids;
};
