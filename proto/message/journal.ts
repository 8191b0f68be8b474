/** What hosts tell each other of their journals, and what a log's blocks hold. */
import { type Static, Type } from 'typebox';

const HostId = Type.String({ pattern: '^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$' });

/** A host begins a new log, with a new epoch, when it has lost the old one: a continued one would contradict copies of it. */
export const LogName = Type.Object({
  host: HostId,
  /** Wall time of its beginning, ms. */
  epoch: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  /** By its host: nobody makes up logs of others, which are passed on by all. base64url. */
  signature: Type.String({ pattern: '^[A-Za-z0-9_-]{86}$' }),
});
export type LogName = Static<typeof LogName>;

/** Answer of rpc `journal.logs`. */
export const LogNames = Type.Array(LogName, { maxItems: 512 });

/** A block: `codec('journal block')` of a list of these. `host` is the log's own. */
export const StoredEvent = Type.Object({
  atMs: Type.Number(),
  requestId: Type.Union([Type.String({ maxLength: 128 }), Type.Null()]),
  actor: Type.Union([
    Type.Object({
      userId: Type.String({ maxLength: 256 }),
      userName: Type.String({ maxLength: 1024 }),
      projectId: Type.Union([Type.String({ maxLength: 256 }), Type.Null()]),
    }),
    Type.Null(),
  ]),
  action: Type.String({ maxLength: 256 }),
  target: Type.String({ maxLength: 4096 }),
  outcome: Type.Union([
    Type.Literal('accepted'),
    Type.Literal('done'),
    Type.Literal('failed'),
    Type.Literal('refused'),
  ]),
  detail: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
});
export type StoredEvent = Static<typeof StoredEvent>;
