/** Events: what the journals of all hosts tell. */
import { type Static, Type } from 'typebox';
import { route } from '../route.ts';

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

export const eventRoutes = {
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
