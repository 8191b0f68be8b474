/** Hosts: listed, shown, drained, removed, and invites for new ones. */
import { type Static, Type } from 'typebox';
import { route } from '../route.ts';

const Vitals = Type.Object({
  atMs: Type.Number(),
  storageUsedBytes: Type.Number(),
  storageFreeBytes: Type.Number(),
  memoryTotalMiB: Type.Number(),
  memoryClaimedMiB: Type.Number(),
  vcpusTotal: Type.Number(),
  vcpusClaimed: Type.Number(),
  diskTotalGiB: Type.Number(),
  diskClaimedGiB: Type.Number(),
  machines: Type.Number(),
  load: Type.Number(),
  hypervisors: Type.Array(Type.String()),
  computeRefusal: Type.Union([Type.String(), Type.Null()]),
});

export const Host = Type.Object({
  hostId: Type.String(),
  name: Type.String(),
  zone: Type.String(),
  /** alive, suspect, dead, left, draining. */
  state: Type.String(),
  incarnation: Type.Number(),
  version: Type.String(),
  apiUrl: Type.String(),
  s3Url: Type.Union([Type.String(), Type.Null()]),
  bulkAddress: Type.String(),
  capacityBytes: Type.Number(),
  /** Partitions it owns under the newest layout. */
  partitions: Type.Number(),
  /** Is this the host that answered? */
  self: Type.Boolean(),
  vitals: Type.Union([Vitals, Type.Null()]),
});
export type Host = Static<typeof Host>;

/** Ten years: longer is for ever. */
const hostSeconds = Type.Integer({ minimum: 1, maximum: 315_360_000 });

export const hostRoutes = {
  /** Is an agent there? Tells nothing else to strangers. */
  ping: route({
    api: 'cluster',
    name: 'ping',
    method: 'GET',
    path: '/v1/ping',
    policy: 'public',
    answer: Type.Object({ ready: Type.Boolean() }),
    status: 200,
  }),
  listHosts: route({
    api: 'cluster',
    name: 'listHosts',
    method: 'GET',
    path: '/v1/hosts',
    policy: 'admin',
    answer: Type.Object({ hosts: Type.Array(Host) }),
    status: 200,
  }),
  /** By host id or name. */
  showHost: route({
    api: 'cluster',
    name: 'showHost',
    method: 'GET',
    path: '/v1/hosts/:host',
    policy: 'admin',
    answer: Type.Object({ host: Host }),
    status: 200,
  }),
  /**
   * `drained`: it takes no new load and leaves the next layout, and serves on. `expiresInSeconds`: it is off the roster
   * then, by each host's own clock; null: it stays until it is removed.
   */
  changeHost: route({
    api: 'cluster',
    name: 'changeHost',
    method: 'PATCH',
    path: '/v1/hosts/:host',
    policy: 'admin',
    body: Type.Object(
      {
        drained: Type.Optional(Type.Boolean()),
        expiresInSeconds: Type.Optional(Type.Union([hostSeconds, Type.Null()])),
      },
      { additionalProperties: false },
    ),
    status: 204,
  }),
  /** Takes it off the roster and out of the next layout. `?force=true`: also when too few layout acceptors are left to agree. */
  removeHost: route({
    api: 'cluster',
    name: 'removeHost',
    method: 'DELETE',
    path: '/v1/hosts/:host',
    policy: 'admin',
    query: Type.Object({ force: Type.Optional(Type.String()) }),
    status: 204,
  }),
  createInvite: route({
    api: 'cluster',
    name: 'createInvite',
    method: 'POST',
    path: '/v1/invites',
    policy: 'admin',
    body: Type.Object(
      {
        expiresInSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 604800 })),
        /** How long the host that uses it is let in; absent: until it is removed. */
        hostExpiresInSeconds: Type.Optional(hostSeconds),
      },
      { additionalProperties: false },
    ),
    answer: Type.Object({ invite: Type.Object({ token: Type.String(), expiresAtMs: Type.Number() }) }),
    status: 201,
  }),
} as const;
