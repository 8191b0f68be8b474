/** Health, and what hosts do for it: repair and scrub. */
import { type Static, type TSchema, Type } from 'typebox';
import { route } from '../route.ts';

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

export const upkeepRoutes = {
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
} as const;
