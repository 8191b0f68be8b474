/**
 * The local key-value port: ordered bytes to bytes, one writer, snapshot reads. `lmdb-key-value.ts` is the real
 * one; `memory-key-value.ts` serves tests and the simulator. Suite: `test/conform/key-value.ts`.
 */
export interface KeyRange {
  /** First key, included. */
  readonly from?: Uint8Array;
  /** End, excluded. */
  readonly to?: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

export interface KeyValueReader {
  /** The bytes stay valid only until the next await; copy what must live longer. */
  get(key: Uint8Array): Uint8Array | undefined;
  range(range: KeyRange): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
}

/** What is put is the store's until the transaction has ended: nobody may change those bytes. */
export interface KeyValueWriter extends KeyValueReader {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}

export interface KeyValue extends KeyValueReader {
  /**
   * Runs `work` synchronously inside one write transaction and resolves with its result once that is on disk
   * (fsync). Transactions that come at the same time share one fsync. A throw inside undoes this transaction
   * alone and rejects with what was thrown. A full disk rejects with DISK_FULL.
   */
  transact<T>(work: (writer: KeyValueWriter) => T): Promise<T>;
  close(): Promise<void>;
}
