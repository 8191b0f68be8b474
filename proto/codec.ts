/**
 * Bytes on disk and wire: one version byte, then msgpack. The version belongs to the shape of the record, not
 * to this file: a type that changes keeps its old shape beside it and a `migrate` from each older version.
 */
import { Packr } from 'msgpackr';
import { ShoalError } from './error.ts';
import { plainFault } from './plain.ts';

const packr = new Packr({
  useRecords: false,
  // A field of that name is data, not a method.
  useToJSON: false,
  int64AsType: 'number',
  mapsAsObjects: true,
  encodeUndefinedAsNil: false,
});

/** `migrate[i]` turns the shape of version `i + 1` into that of version `i + 2`; the newest version is `migrate.length + 1`. */
export interface Codec<T> {
  encode(value: T): Uint8Array;
  /** What begins at `from`, default 0. Throws DAMAGED on bytes that no version of this codec wrote. */
  decode(bytes: Uint8Array, from?: number): T;
}

export const codec = <T>(name: string, migrate: readonly ((old: never) => unknown)[] = []): Codec<T> => {
  const newest = migrate.length + 1;
  return {
    encode(value) {
      const body = packr.pack(value);
      const bytes = new Uint8Array(body.length + 1);
      bytes[0] = newest;
      bytes.set(body, 1);
      return bytes;
    },
    decode(bytes, from = 0) {
      const version = bytes[from] ?? 0;
      if (version < 1 || version > newest)
        throw new ShoalError(
          'DAMAGED',
          `Cannot read ${name}: version ${version}, this agent knows 1 to ${newest}`,
        );
      const fault = plainFault(bytes, from + 1);
      if (fault) throw new ShoalError('DAMAGED', `Cannot read ${name}: ${bytes.length} bytes, ${fault}`);
      let value: unknown;
      try {
        value = packr.unpack(bytes, { start: from + 1 });
      } catch (cause) {
        throw new ShoalError('DAMAGED', `Cannot read ${name}: ${bytes.length} bytes that are not msgpack`, {
          cause,
        });
      }
      for (const step of migrate.slice(version - 1)) value = step(value as never);
      return value as T;
    },
  };
};
