/**
 * Where sagas keep their progress: one row a saga in the local key-value store, written before and after each step.
 *
 *   acting 0 → acting 1 → … → acting n ─────────────→ done
 *       └────────┴──────────────┴→ undoing i → … → undoing 0 → done with a failure
 */
import { codec } from '../../proto/codec.ts';
import type { KeyValue } from '../store/key-value.ts';

export interface StoredFailure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface SagaRecord {
  readonly kind: string;
  readonly state: unknown;
  readonly phase: 'acting' | 'undoing' | 'done';
  /** Acting: the step to run next. Undoing: the step to undo next. */
  readonly step: number;
  readonly failure?: StoredFailure;
  /** Wall time; 0 until done. */
  readonly finishedAtMs: number;
}

export interface SagaStore {
  get(id: string): SagaRecord | undefined;
  list(): readonly { readonly id: string; readonly record: SagaRecord }[];
  /** False, and nothing written, when the id is taken. */
  create(id: string, record: SagaRecord): Promise<boolean>;
  save(id: string, record: SagaRecord): Promise<void>;
  forget(ids: readonly string[]): Promise<void>;
}

const records = codec<SagaRecord>('saga');
const prefix = 'saga/';
const keyOf = (id: string): Uint8Array => Buffer.from(prefix + id);
/** The byte after "/" ends the range of all keys with the prefix. */
const everything = { from: Buffer.from('saga/'), to: Buffer.from('saga0') };

export const openSagaStore = (keyValue: KeyValue): SagaStore => ({
  get(id) {
    const bytes = keyValue.get(keyOf(id));
    return bytes && records.decode(bytes);
  },
  list: () =>
    [...keyValue.range(everything)].map(({ key, value }) => ({
      id: Buffer.from(key).toString().slice(prefix.length),
      record: records.decode(value),
    })),
  create: (id, record) =>
    keyValue.transact((writer) => {
      if (writer.get(keyOf(id))) return false;
      writer.put(keyOf(id), records.encode(record));
      return true;
    }),
  save: (id, record) => keyValue.transact((writer) => writer.put(keyOf(id), records.encode(record))),
  forget: (ids) =>
    keyValue.transact((writer) => {
      for (const id of ids) writer.delete(keyOf(id));
    }),
});
