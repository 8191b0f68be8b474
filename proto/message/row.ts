/**
 * A row of a table as it travels between hosts: its name, and what an owner holds of it. A peer is on the roster but may be wrong or
 * hostile: `table.ts` checks these shapes on both sides before a value is used.
 */
import { type Static, type TSchema, Type } from 'typebox';
import type { HostId } from '../ids.ts';
import { stampCountMax } from '../stamp.ts';

/** Longer than any bound of `agent/table/limits.ts`: those give the better message. */
export const Name = Type.String({ maxLength: 4_096 });
export const Bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({}),
  (value) => value instanceof Uint8Array,
  () => 'must be bytes',
);
export const OrNull = <S extends TSchema>(schema: S) => Type.Union([schema, Type.Null()]);
export const Host = Type.Unsafe<HostId>(Type.String({ minLength: 1, maxLength: 64 }));
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
/** Leaves room above: whoever meets the highest must still be able to go higher. */
const Round = Type.Integer({ minimum: 0, maximum: 2 ** 52 });
export const PartitionNumber = Type.Integer({ minimum: 0, maximum: 65_535 });
/** 16 bytes of BLAKE3. */
export const Digest = Type.Refine(
  Bytes,
  // Refinements are all asked, also behind one that failed.
  (value) => value instanceof Uint8Array && value.length === 16,
  () => 'must have 16 bytes',
);

/** Some 140,000 years: room above for who must write over it. */
export const WallMs = Type.Integer({ minimum: 0, maximum: 2 ** 52 });
const StampCount = Type.Integer({ minimum: 0, maximum: stampCountMax });
export const Stamp = Type.Object({ wallMs: WallMs, count: StampCount, host: Host });
export const Ballot = Type.Object({ round: Round, host: Host, run: Count });
export const Lineage = Type.Unsafe<readonly number[]>(Type.Array(Count, { maxItems: 64 }));
export const Accepted = Type.Object({ ballot: Ballot, value: OrNull(Bytes), lineage: Lineage });

/** Rows that a row brings along, by name. */
export const alongMax = 8;
const rowInTable = { table: Name, sortKey: Name };
const LwwRow = Type.Object({
  kind: Type.Literal('lww'),
  stamp: Stamp,
  weight: Type.Number(),
  value: OrNull(Bytes),
  brings: Type.Optional(Type.Array(Type.Object(rowInTable), { maxItems: alongMax })),
});
/** A row that is brought along, under the partition key of the row that brings it. */
export const Along = Type.Object({ ...rowInTable, state: LwwRow });
export type Along = Static<typeof Along>;

/** What an owner holds of a row. */
export const RowState = Type.Union([
  LwwRow,
  Type.Object({
    kind: Type.Literal('register'),
    promised: OrNull(Ballot),
    accepted: OrNull(Accepted),
  }),
]);
export type RowState = Static<typeof RowState>;

export const group = { table: Name, partitionKey: Name };
export const NamedGroup = Type.Object(group);
export type NamedGroup = Static<typeof NamedGroup>;
export const row = { ...group, sortKey: Name };

/** A row that travels by itself, with its name. */
export const NamedRow = Type.Object({ ...row, state: RowState });
export type NamedRow = Static<typeof NamedRow>;
