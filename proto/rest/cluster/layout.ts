/** The layout: what stands, what would come next, what has been. */
import { type Static, Type } from 'typebox';
import { route } from '../route.ts';

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

export const layoutRoutes = {
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
} as const;
