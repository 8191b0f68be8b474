/**
 * What chunk owners say to each other. Bytes travel on the bulk channel: `PUT chunk/ID` and `GET chunk/ID`, fragments as
 * `fragment/ID.INDEX`, with the sender's layout version in `layoutHeader`; the small questions below travel as rpc.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Check } from 'typebox/value';
import { ShoalError } from '../error.ts';
import type { ChunkId } from '../ids.ts';

export const layoutHeader = 'x-shoal-layout';
/** Of a GET: `START-END`, bytes of the file as it lies there. A host that does not know it sends the whole. */
export const partHeader = 'x-shoal-part';

const Id = Type.Unsafe<ChunkId>(Type.String({ pattern: '^[0-9a-f]{64}$' }));
const Ids = Type.Array(Id, { maxItems: 1024 });
const Partitions = Type.Array(Type.Integer({ minimum: 0 }), { maxItems: 65536 });

/** Which of these does the receiver hold? A name on its disk; with `verified` a copy that it has just read and found good. */
const HaveRequest = Type.Object({ ids: Ids, verified: Type.Optional(Type.Boolean()) });
const HaveAnswer = Type.Object({ have: Type.Array(Type.Boolean()) });

/**
 * Of chunks that were put on the receiver: are they still there? What is, no collection takes that was decided before
 * this. Throws STALE_LAYOUT as a PUT does.
 */
const KeepRequest = Type.Object({ ids: Ids, layout: Type.Integer({ minimum: 0 }) });
const KeepAnswer = Type.Object({ kept: Type.Array(Type.Boolean()) });

/** The receiver may lack or have damaged copies of these: it looks, and queues what it must fetch. */
const CheckRequest = Type.Object({ ids: Ids });
const CheckAnswer = Type.Object({ queued: Type.Integer() });

/** The sender's digest of each partition (XOR of the ids in it, hex); which of them does the receiver see otherwise? */
const DifferRequest = Type.Object({
  digests: Type.Array(Type.Tuple([Type.Integer({ minimum: 0 }), Type.String()]), { maxItems: 1024 }),
  /** Count anew: set in the first message of a comparison, which must see all that was acknowledged before it. */
  fresh: Type.Boolean(),
});
const DifferAnswer = Type.Object({ partitions: Partitions });

/** The receiver's ids in these partitions, ascending after `after`. */
const ListRequest = Type.Object({ partitions: Partitions, after: Type.Union([Id, Type.Null()]) });
const ListAnswer = Type.Object({ ids: Ids, more: Type.Boolean() });

/** Is the receiver, in this life, at uploads of these users? */
const UploadsRequest = Type.Object({ users: Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 64 }) });
const UploadsAnswer = Type.Object({ underWay: Type.Array(Type.Boolean()) });

/** As `chunk.have` of whole copies, as `stripe.have` of the receiver's share of a stripe, and so on. */
export const chunkMethods = {
  have: { request: HaveRequest, answer: HaveAnswer },
  keep: { request: KeepRequest, answer: KeepAnswer },
  check: { request: CheckRequest, answer: CheckAnswer },
  differ: { request: DifferRequest, answer: DifferAnswer },
  list: { request: ListRequest, answer: ListAnswer },
  uploads: { request: UploadsRequest, answer: UploadsAnswer },
} as const;

/** Throws BAD_REQUEST for what is not of the schema. */
export const parseMessage = <S extends TSchema>(what: string, schema: S, body: unknown): Static<S> => {
  if (Check(schema, body)) return body as Static<S>;
  throw new ShoalError('BAD_REQUEST', `Cannot read a message as ${what}: it does not match its schema`);
};
