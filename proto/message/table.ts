/**
 * What owners of rows and those who ask them say to each other: rpc `table.ask` carries a batch of operations and
 * is answered by as many answers. A peer is on the roster but may be wrong or hostile: shapes are checked
 * on both sides before a value is used.
 */
import { type Static, Type } from 'typebox';
import {
  Accepted,
  Along,
  alongMax,
  Ballot,
  Bytes,
  Count,
  Digest,
  group,
  Host,
  Lineage,
  Name,
  NamedGroup,
  NamedRow,
  OrNull,
  PartitionNumber,
  RowState,
  row,
  Stamp,
  WallMs,
} from './row.ts';

/** Heirs that one round of collection may find grown. */
export const growingHeirsMax = 256;
/** Whether the group's rows may be on their way to other owners (agent/table/fence.ts); absent: they never are. */
const expects = { expects: Type.Optional(Type.Enum(['open', 'closed', 'unborn'])) };

const RegisterRequest = Type.Union([
  Type.Object({ kind: Type.Literal('read') }),
  Type.Object({ kind: Type.Literal('prepare'), ballot: Ballot }),
  Type.Object({ kind: Type.Literal('accept'), accepted: Accepted, next: OrNull(Ballot) }),
]);
const RegisterReply = Type.Union([
  Type.Object({ kind: Type.Literal('state'), accepted: OrNull(Accepted) }),
  Type.Object({ kind: Type.Literal('promise'), ballot: Ballot, accepted: OrNull(Accepted) }),
  Type.Object({ kind: Type.Literal('accepted'), ballot: Ballot, next: OrNull(Ballot) }),
  Type.Object({ kind: Type.Literal('conflict'), ballot: Ballot, promised: Ballot }),
]);

/** Operations by name, each with the shape of its answer. */
export const operations = {
  /** An lww row, null where there is none, and the owner's clock. `value`: the row itself, not only its mark. */
  get: {
    ask: Type.Object({
      do: Type.Literal('get'),
      ...row,
      ...expects,
      value: Type.Boolean(),
      /** With the value: what it brings along as well. */
      companions: Type.Optional(Type.Boolean()),
    }),
    answer: Type.Object({
      wallMs: WallMs,
      row: OrNull(Type.Object({ mark: Digest, stamp: Stamp, state: Type.Optional(RowState) })),
      /** Of the partition: what is not newer and not here is gone. Absent: 0. */
      cutoff: Type.Optional(WallMs),
      /** Of the partition: this owner takes no new row with a stamp up to here. Absent: 0. */
      closed: Type.Optional(WallMs),
      /** As this owner holds them. */
      along: Type.Optional(Type.Array(Along, { maxItems: alongMax })),
    }),
  },
  /**
   * `repair`: the stamp is an existing row's, to be taken as it is or outdone, not a new one to be judged. `along`: rows of the
   * same owners that are to be on disk whenever this one is, written in the same transaction.
   */
  put: {
    ask: Type.Object({
      do: Type.Literal('put'),
      ...row,
      ...expects,
      stamp: Stamp,
      weight: Type.Number(),
      value: OrNull(Bytes),
      repair: Type.Boolean(),
      along: Type.Optional(Type.Array(Along, { maxItems: alongMax })),
    }),
    answer: Type.Union([
      Type.Object({ kind: Type.Literal('held') }),
      Type.Object({ kind: Type.Literal('newer'), stamp: Stamp }),
    ]),
  },
  /** To the acceptor. */
  register: {
    ask: Type.Object({ do: Type.Literal('register'), ...row, request: RegisterRequest }),
    answer: RegisterReply,
  },
  /**
   * To another owner, from one that lost its disk: note this life of it and promise the ballot for all registers of the
   * partition. Answer: a higher promise that stands, and then nothing was noted; or null.
   */
  recall: {
    ask: Type.Object({
      do: Type.Literal('recall'),
      partition: PartitionNumber,
      life: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
      ballot: Ballot,
    }),
    answer: Type.Object({ promised: OrNull(Ballot) }),
  },
  /**
   * To an owner that shall run the change: set `value` if the digest of the present one is `expected`. What makes it the
   * same change wherever it runs: agent/register/change.ts, `SharedChange`. `set` is null: only make the owners agree.
   * `isLoser`: others were first before; keep the turn for me if that is so again.
   */
  change: {
    ask: Type.Object({
      do: Type.Literal('change'),
      ...row,
      isLoser: Type.Boolean(),
      set: OrNull(
        Type.Object({
          expected: OrNull(Digest),
          value: Bytes,
          replaces: OrNull(Count),
          base: OrNull(Lineage),
        }),
      ),
    }),
    /** What stands, and is chosen. */
    answer: Type.Object({ kind: Type.Enum(['done', 'stale']), value: OrNull(Bytes), lineage: Lineage }),
  },
  /** `from` and `to` are UTF-8 sort keys. `values`: with the rows themselves, not only their marks. */
  range: {
    ask: Type.Object({
      do: Type.Literal('range'),
      ...group,
      ...expects,
      from: Bytes,
      to: OrNull(Bytes),
      reverse: Type.Boolean(),
      limit: Type.Integer({ minimum: 1, maximum: 100_000 }),
      values: Type.Boolean(),
      /** With marks that leave out the row's name, so that they can be compared with those of another group. */
      nameless: Type.Optional(Type.Boolean()),
    }),
    answer: Type.Object({
      rows: Type.Array(Type.Object({ sortKey: Name, mark: Digest, state: Type.Optional(RowState) })),
      /** The range holds nothing after the last row. */
      complete: Type.Boolean(),
      /** Of all rows of the group, as they were then: that of `tally`. */
      digest: Type.Optional(Digest),
    }),
  },
  tally: {
    ask: Type.Object({ do: Type.Literal('tally'), ...group, ...expects }),
    answer: Type.Object({ rows: Type.Number(), weight: Type.Number(), digest: Digest }),
  },
  /** To an owner: compare this partition with these others and bring all to the same state. */
  reconcile: {
    ask: Type.Object({
      do: Type.Literal('reconcile'),
      partition: PartitionNumber,
      with: Type.Array(Host, { maxItems: 64 }),
    }),
    answer: Type.Null(),
  },
  /** What of a partition was collected. */
  cutoff: {
    ask: Type.Object({ do: Type.Literal('cutoff'), partition: PartitionNumber }),
    answer: Type.Object({ cutoff: WallMs }),
  },
  /**
   * To an owner, from the one that collects tombstones: this is how far the partition has come; and, where `fence` is there,
   * take no new rows up to its time in this epoch, or (`isOld`) only say whether that has stood all the while.
   */
  collect: {
    ask: Type.Object({
      do: Type.Literal('collect'),
      partition: PartitionNumber,
      state: Type.Object({ epoch: Count, decided: Count, cutoff: WallMs }),
      fence: OrNull(
        Type.Object({
          layout: Count,
          upTo: WallMs,
          isOld: Type.Boolean(),
          /** Fences of heirs for which cutoffs count from this round's end on. */
          grows: Type.Optional(Type.Array(NamedGroup, { maxItems: growingHeirsMax })),
        }),
      ),
    }),
    answer: Type.Object({ wallMs: WallMs, stands: Type.Boolean() }),
  },
  /** `digests`: the asker's Merkle roots, 16 bytes for each partition. Answer: the partitions that differ. */
  roots: {
    ask: Type.Object({
      do: Type.Literal('roots'),
      partitions: Type.Array(PartitionNumber, { maxItems: 4_096 }),
      digests: Bytes,
    }),
    answer: Type.Array(PartitionNumber),
  },
  /** The 64 children of a node, 16 bytes each. Level 0 has the children of the root. */
  nodes: {
    ask: Type.Object({
      do: Type.Literal('nodes'),
      partition: PartitionNumber,
      level: Type.Integer({ minimum: 0, maximum: 1 }),
      index: Type.Integer({ minimum: 0, maximum: 63 }),
    }),
    answer: Bytes,
  },
  /** Key digests and marks of a leaf's rows, 32 bytes for each, after the key digest `after`. */
  leaf: {
    ask: Type.Object({
      do: Type.Literal('leaf'),
      partition: PartitionNumber,
      leaf: Type.Integer({ minimum: 0, maximum: 4_095 }),
      after: OrNull(Digest),
    }),
    answer: Type.Object({ rows: Bytes, complete: Type.Boolean() }),
  },
  /** Rows by key digest, as many of the first as fit; a row that is not there is skipped. */
  fetch: {
    ask: Type.Object({
      do: Type.Literal('fetch'),
      partition: PartitionNumber,
      keys: Type.Array(Digest, { maxItems: 1_024 }),
    }),
    answer: Type.Object({ rows: Type.Array(NamedRow), /** Keys that were looked at. */ taken: Count }),
  },
  /** Rows to merge. Answer: indices of registers that could not be taken, because a higher ballot is promised. */
  push: {
    ask: Type.Object({
      do: Type.Literal('push'),
      partition: PartitionNumber,
      rows: Type.Array(NamedRow, { maxItems: 1_024 }),
    }),
    answer: Type.Object({ refused: Type.Array(Count) }),
  },
} as const;

type Operations = typeof operations;
export type OperationName = keyof Operations;
export type Operation<Name extends OperationName = OperationName> = {
  [N in Name]: Static<Operations[N]['ask']>;
}[Name];
export type AnswerOf<Name extends OperationName> = Static<Operations[Name]['answer']>;

export const Batch = Type.Object({
  /** The oldest layout version that one of the operations was made for. */
  layout: Count,
  operations: Type.Array(Type.Union(Object.values(operations).map(({ ask }) => ask)), { maxItems: 1_024 }),
});

const Failure = Type.Object({ code: Name, message: Name });
export const BatchAnswer = Type.Object({
  answers: Type.Array(
    Type.Union([
      Type.Object({ value: Type.Unknown() }),
      Type.Object({ error: Failure }),
      /** Not looked at, because the answer grew too large: ask again. */
      Type.Object({ again: Type.Literal(true) }),
    ]),
  ),
  /** Owners that were reborn, as far as this one has noted it (agent/register/lives.ts). */
  lives: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Count)),
});
