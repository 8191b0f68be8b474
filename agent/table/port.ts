/**
 * Replicated rows, named by (table, partition key, sort key). A table is four facts: name, the two keys and how
 * versions merge; quorum, repair, sync and collection are written once for all of them.
 *
 *  - rows (last writer wins): a hybrid-logical-clock stamp decides. A write asks a quorum for the newest stamp and
 *    goes above it, so a write that begins after another was acknowledged always wins.
 *  - registers: compare-and-set per row by CASPaxos; for all that must not race.
 *
 * Reads and ranges are linearizable: what was acknowledged before a read began is seen by it.
 * Every call may throw QUORUM_MISSED; after it a change may or may not have happened.
 */
import type { Stamp } from '../../proto/stamp.ts';

export interface TableRange {
  /** Sort keys after this one (in the direction of the walk), excluded. */
  readonly after?: string;
  /** End, excluded. */
  readonly before?: string;
  readonly prefix?: string;
  readonly reverse?: boolean;
  /** Rows at most. */
  readonly limit: number;
}

export interface Entry<Row> {
  readonly sortKey: string;
  readonly row: Row;
}

export interface Page<Row> {
  /** In byte order of the UTF-8 sort keys. */
  readonly entries: readonly Entry<Row>[];
  /** Does the range hold more rows after the last entry? */
  readonly more: boolean;
}

/** Sums over all rows of one partition key, kept incrementally by each owner. */
export interface Tally {
  readonly rows: number;
  /** Sum of what the schema's `weight` gives per row. */
  readonly weight: number;
}

export interface RowSchema<Row> {
  readonly name: string;
  /** What a row adds to `Tally.weight`, e.g. an object's bytes. Default 0. */
  weight?(row: Row): number;
  /**
   * Where a partition key has many rows, they get owners of their own range by range (docs/design/0016-split.md). Rows whose
   * sort keys agree up to their first NUL stay together, and with those of sub-tables that split too. No NUL is in the partition key.
   */
  readonly splits?: boolean;
}

export interface RowForPut<Row> {
  readonly row: Row | undefined;
  /** To be called once. */
  put(row: Row): Promise<void>;
  /** In place of `put`: the stamp for a `putAt`. To be called once. */
  stamp(): Stamp;
}

/** A row of a table, to be written along with one of another. */
export interface Companion {
  readonly table: string;
  readonly sortKey: string;
  /** null: its deletion. */
  readonly value: Uint8Array | null;
  readonly weight: number;
}

export interface Rows<Row> {
  get(partitionKey: string, sortKey: string): Promise<Row | undefined>;
  put(partitionKey: string, sortKey: string, row: Row): Promise<void>;
  /** `get`, and a `put` that costs a round trip less. No lock: of two that do so side by side neither may see the other. */
  getForPut(partitionKey: string, sortKey: string): Promise<RowForPut<Row>>;
  /**
   * A put (undefined: a deletion) whose stamp was taken before, by `getForPut`. Whoever has row and stamp may do it, and
   * do it again: it is one put, which changes nothing any more once a later one was acknowledged. A stamp is good for half
   * an hour (`stampLastsMs`): a later put may meet owners that have collected deleted rows, and is refused.
   *
   * `along`: rows of this table's sub-tables (`NAME/...`) with the same partition key and stamp, written with it in one
   * message to each owner and one transaction there. Who sees the row sees them, or what came later in their place; they
   * may be seen before it. A stamp that is asked for this row is new enough for theirs where nobody has written them before.
   */
  putAt(
    partitionKey: string,
    sortKey: string,
    row: Row | undefined,
    stamp: Stamp,
    along?: readonly Companion[],
  ): Promise<void>;
  /** For `putAt` of the table whose sub-table this is. */
  companion(sortKey: string, row: Row | undefined): Companion;
  /** Idempotent. Leaves a tombstone until every owner has it. */
  delete(partitionKey: string, sortKey: string): Promise<void>;
  range(partitionKey: string, range: TableRange): Promise<Page<Row>>;
  /** In time independent of the number of rows. */
  tally(partitionKey: string): Promise<Tally>;
  /**
   * Stands for all rows of the partition key: two that are equal, and nothing was changed from the one to the other. In time
   * independent of the number of rows. Undefined where it cannot be said now, as while a change is under way.
   */
  digest(partitionKey: string): Promise<string | undefined>;
}

export interface RegisterSchema {
  readonly name: string;
}

export interface Registers<Row> {
  get(partitionKey: string, sortKey: string): Promise<Row | undefined>;
  /**
   * Compare-and-set: `next` gets the current row (undefined: none) and returns the new one (undefined: delete).
   * It may be called several times and must be pure; what it throws comes out and changes nothing. Returning
   * `current` itself changes nothing either. Resolves with the row that stands afterwards.
   * Throws CONTENDED when too many others changed the same row.
   */
  change(
    partitionKey: string,
    sortKey: string,
    next: (current: Row | undefined) => Row | undefined,
  ): Promise<Row | undefined>;
  range(partitionKey: string, range: TableRange): Promise<Page<Row>>;
}

export interface Tables {
  /** Each schema is opened once, before the agent serves. */
  rows<Row>(schema: RowSchema<Row>): Rows<Row>;
  registers<Row>(schema: RegisterSchema): Registers<Row>;
}

/** For who walks all rows of a table, each of them at one host. */
export interface LedKeys {
  /** Partition keys of a table without ranges of whose owners this host is the first that seems to be there. */
  keysLed(table: string): AsyncIterable<string>;
}
