/** The operator API: hosts, layout, health, invites, events. shoal's own; JSON with camelCase names. */
import { type Static, type TSchema, Type } from 'typebox';
import { route } from './route.ts';

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

export const LayoutMember = Type.Object({
  hostId: Type.String(),
  name: Type.String(),
  zone: Type.String(),
  capacityBytes: Type.Number(),
  partitions: Type.Number(),
});

/** What has yet to be copied; estimates. */
const Moving = Type.Object({
  rowsLeft: Type.Number(),
  bytesLeft: Type.Number(),
  /** At the pace of the last moments, of the slowest host; null: not known yet. */
  secondsLeft: Type.Union([Type.Number(), Type.Null()]),
});

export const Layout = Type.Object({
  newest: Type.Number(),
  oldest: Type.Number(),
  partitionBits: Type.Number(),
  /** Copies now, and as operators want it: fewer while fewer hosts store. */
  replicas: Type.Number(),
  replicasWanted: Type.Number(),
  /** Newest version's. */
  members: Type.Array(LayoutMember),
  /** Per host: the newest version it has acknowledged, fully holds, and knows all others to hold. */
  progress: Type.Array(
    Type.Object({ hostId: Type.String(), ack: Type.Number(), sync: Type.Number(), syncAck: Type.Number() }),
  ),
  settled: Type.Boolean(),
  /** Who paused it, and when; null while it runs. */
  paused: Type.Union([Type.Object({ by: Type.String(), atMs: Type.Number() }), Type.Null()]),
  /** Over all hosts that could be asked; null: nothing is being copied, or no host can tell yet. */
  moving: Type.Union([Moving, Type.Null()]),
});
export type Layout = Static<typeof Layout>;

export const LayoutPlan = Type.Object({
  /** The next version as it would be now; null while all is as it should be. */
  next: Type.Union([
    Type.Object({
      version: Type.Number(),
      reason: Type.String(),
      replicas: Type.Number(),
      members: Type.Array(
        Type.Object({
          hostId: Type.String(),
          name: Type.String(),
          partitionsNow: Type.Number(),
          partitions: Type.Number(),
        }),
      ),
      /** Pairs of partition and owner that are new, and about what they hold. */
      partitionsToMove: Type.Number(),
      rowsToMove: Type.Number(),
      bytesToMove: Type.Number(),
    }),
    Type.Null(),
  ]),
  /** Why it is not proposed now. */
  hold: Type.Union([Type.String(), Type.Null()]),
  /** Hosts that join or are given up when they have been alive, or dead, for long enough. */
  coming: Type.Array(
    Type.Object({
      hostId: Type.String(),
      name: Type.String(),
      change: Type.Union([Type.Literal('join'), Type.Literal('leave')]),
      dueInMs: Type.Number(),
    }),
  ),
});
export type LayoutPlan = Static<typeof LayoutPlan>;

export const LayoutVersion = Type.Object({
  version: Type.Number(),
  reason: Type.String(),
  /** When and by which host it was proposed. */
  atMs: Type.Number(),
  hostId: Type.String(),
  name: Type.String(),
  hosts: Type.Number(),
  replicas: Type.Number(),
  live: Type.Boolean(),
  forced: Type.Boolean(),
});
export type LayoutVersion = Static<typeof LayoutVersion>;

export const Health = Type.Object({
  /** green: everything is fully replicated; yellow: it works, something heals or is missing; red: some rows have no quorum. */
  status: Type.Union([Type.Literal('green'), Type.Literal('yellow'), Type.Literal('red')]),
  /** One sentence a finding, the worst first; empty when green. */
  findings: Type.Array(Type.String()),
  hosts: Type.Object({
    alive: Type.Number(),
    suspect: Type.Number(),
    dead: Type.Number(),
    total: Type.Number(),
  }),
  layout: Type.Object({ newest: Type.Number(), settled: Type.Boolean(), paused: Type.Boolean() }),
  /** As the answering host and those it could ask see it. */
  repair: Type.Object({ queued: Type.Number(), damaged: Type.Number() }),
});
export type Health = Static<typeof Health>;

/** What a host lacks and mends. */
export const RepairState = Type.Object({
  missing: Type.Number(),
  damaged: Type.Number(),
  /** The same chunks by the good copies that other owners have; the order of repair. */
  copies: Type.Object({
    one: Type.Number(),
    unknown: Type.Number(),
    several: Type.Number(),
    none: Type.Number(),
  }),
  /** About. */
  bytesLeft: Type.Number(),
  /** At the present pace; null: not known yet. */
  secondsLeft: Type.Union([Type.Number(), Type.Null()]),
  /** Since the agent's start. */
  repairedBytes: Type.Number(),
  rowsToHeal: Type.Number(),
});
export type RepairState = Static<typeof RepairState>;

const ScrubPass = {
  startedAtMs: Type.Number(),
  chunks: Type.Number(),
  bytes: Type.Number(),
  damaged: Type.Number(),
};
/** A walk of a host over all that it holds. */
export const ScrubState = Type.Object({
  ...ScrubPass,
  running: Type.Boolean(),
  /** 0 to 1. */
  position: Type.Number(),
  bytesPerSecond: Type.Number(),
  lastPass: Type.Union([Type.Object({ ...ScrubPass, endedAtMs: Type.Number() }), Type.Null()]),
});
export type ScrubState = Static<typeof ScrubState>;

/** Of each host; null where it did not answer. */
const ofHosts = <S extends TSchema>(state: S) =>
  Type.Object({
    hosts: Type.Array(
      Type.Object({ hostId: Type.String(), name: Type.String(), state: Type.Union([state, Type.Null()]) }),
    ),
  });

export const Event = Type.Object({
  atMs: Type.Number(),
  host: Type.String(),
  sequence: Type.Number(),
  requestId: Type.Union([Type.String(), Type.Null()]),
  actor: Type.Union([
    Type.Object({
      userId: Type.String(),
      userName: Type.String(),
      projectId: Type.Union([Type.String(), Type.Null()]),
    }),
    Type.Null(),
  ]),
  action: Type.String(),
  target: Type.String(),
  outcome: Type.String(),
  detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type Event = Static<typeof Event>;

export const clusterRoutes = {
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
  showLayout: route({
    api: 'cluster',
    name: 'showLayout',
    method: 'GET',
    path: '/v1/layout',
    policy: 'admin',
    answer: Type.Object({ layout: Layout }),
    status: 200,
  }),
  /** What the next version would be, and what it waits for. */
  planLayout: route({
    api: 'cluster',
    name: 'planLayout',
    method: 'GET',
    path: '/v1/layout/plan',
    policy: 'admin',
    answer: Type.Object({ plan: LayoutPlan }),
    status: 200,
  }),
  /** Newest first, as far back as the asked host keeps them. */
  listLayouts: route({
    api: 'cluster',
    name: 'listLayouts',
    method: 'GET',
    path: '/v1/layout/history',
    policy: 'admin',
    answer: Type.Object({ versions: Type.Array(LayoutVersion) }),
    status: 200,
  }),
  /** Absent parts stay as they are. Answered when a majority of the layout's voters has it on disk. */
  changeLayout: route({
    api: 'cluster',
    name: 'changeLayout',
    method: 'PATCH',
    path: '/v1/layout',
    policy: 'admin',
    body: Type.Object(
      {
        paused: Type.Optional(Type.Boolean()),
        replicas: Type.Optional(Type.Integer({ minimum: 1, maximum: 7 })),
      },
      { additionalProperties: false },
    ),
    status: 204,
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
  showHealth: route({
    api: 'cluster',
    name: 'showHealth',
    method: 'GET',
    path: '/v1/health',
    policy: 'admin',
    answer: Type.Object({ health: Health }),
    status: 200,
  }),
  showRepair: route({
    api: 'cluster',
    name: 'showRepair',
    method: 'GET',
    path: '/v1/repair',
    policy: 'admin',
    answer: ofHosts(RepairState),
    status: 200,
  }),
  /** All hosts that can be reached compare and mend now, what rests included. Answer: how many were told. */
  runRepair: route({
    api: 'cluster',
    name: 'runRepair',
    method: 'POST',
    path: '/v1/repair',
    policy: 'admin',
    answer: Type.Object({ hosts: Type.Number() }),
    status: 202,
  }),
  showScrub: route({
    api: 'cluster',
    name: 'showScrub',
    method: 'GET',
    path: '/v1/scrub',
    policy: 'admin',
    answer: ofHosts(ScrubState),
    status: 200,
  }),
  /** All hosts that can be reached and do not read already read all that they hold. Answer: how many were told. */
  runScrub: route({
    api: 'cluster',
    name: 'runScrub',
    method: 'POST',
    path: '/v1/scrub',
    policy: 'admin',
    answer: Type.Object({ hosts: Type.Number() }),
    status: 202,
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
  /** Newest `limit` without `after`; else what came after that cursor, waiting up to `waitSeconds` for the first. */
  listEvents: route({
    api: 'cluster',
    name: 'listEvents',
    method: 'GET',
    path: '/v1/events',
    policy: 'admin',
    query: Type.Object({
      after: Type.Optional(Type.String()),
      limit: Type.Optional(Type.String()),
      waitSeconds: Type.Optional(Type.String()),
    }),
    answer: Type.Object({ events: Type.Array(Event), next: Type.String() }),
    status: 200,
  }),
} as const;
