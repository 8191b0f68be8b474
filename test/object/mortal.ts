/** Agents that are killed at a chosen call of their tables or their content: the call is made, and nobody hears of it, nor of any later one. */
import type { ContentStore } from '../../agent/chunk/port.ts';
import { openContainers } from '../../agent/object/containers.ts';
import { openMultiparts } from '../../agent/object/multipart.ts';
import type { Place } from '../../agent/object/object-turn.ts';
import { openObjectRows } from '../../agent/object/objects.ts';
import type { PartRow, Records } from '../../agent/object/records.ts';
import { openSeals } from '../../agent/object/seal.ts';
import { ShoalError } from '../../proto/error.ts';
import { pieces } from '../conform/content.ts';
import { fakeRuntime } from '../fake/http.ts';

const never = new Promise<never>(() => {});

type Method = (...words: unknown[]) => unknown;

/** After so many calls all that it was given is out of reach. `died` resolves then. */
export const mortality = (callsMax: number) => {
  let calls = 0;
  const { promise: died, resolve } = Promise.withResolvers<'killed'>();
  const isDead = (): boolean => calls >= callsMax;
  const mortal = <T extends object>(thing: T): T =>
    new Proxy(thing, {
      get(target, key) {
        const found: unknown = Reflect.get(target, key);
        if (typeof found !== 'function' || key === 'companion' || key === 'codes' || key === 'read')
          return found;
        return async (...words: readonly unknown[]): Promise<unknown> => {
          if (isDead()) return never;
          calls += 1;
          const isLast = isDead();
          const answer = await Promise.resolve((found as Method).apply(target, [...words])).catch(
            (thrown: unknown) => {
              if (isLast || isDead()) return undefined;
              throw thrown;
            },
          );
          if (isLast) resolve('killed');
          return isLast || isDead() ? never : answer;
        };
      },
    });
  return { mortal, died };
};

/** An object service without its doors. */
export const openAgent = (
  records: Records,
  content: ContentStore,
  {
    callsMax = Number.POSITIVE_INFINITY,
    listBytesMax,
  }: { readonly callsMax?: number; readonly listBytesMax?: number } = {},
) => {
  const { mortal, died } = mortality(callsMax);
  const own = Object.fromEntries(
    Object.entries(records).map(([name, table]) => [name, mortal(table as object)]),
  ) as unknown as Records;
  const runtime = fakeRuntime();
  const { clock } = runtime;
  const containers = openContainers({ records: own, clock }, async () => false);
  const parts = {
    ...{ runtime, records: own, content: mortal(content), containers },
    ...{ seals: openSeals(Buffer.alloc(32, 7), runtime.chance, false), tell: async () => {} },
  };
  const objects = openObjectRows(parts);
  const multiparts = openMultiparts({ ...parts, objects, listBytesMax });
  return { objects, multiparts, containers, died };
};

export type Agent = ReturnType<typeof openAgent>;

export const facts = { contentType: 'text/plain', kept: {}, metadata: {}, deleteAtSeconds: null };

export const uploadOf = (agent: Agent, place: Place) =>
  agent.multiparts.create(place, {
    ...{ facts, initiator: null, seal: undefined, storageClass: undefined, code: undefined },
  });

export const putPart = (agent: Agent, place: Place, upload: string, number: number, bytes: Uint8Array) =>
  agent.multiparts.put(place, upload, {
    ...{ number, source: pieces(bytes), bytes: bytes.length, bytesMax: 1e6 },
    signal: new AbortController().signal,
    sum: () => undefined,
    open: () => undefined,
  });

/** Of the first part alone. */
export const joinedParts = {
  choose: (parts: readonly PartRow[]) => {
    if (parts.length === 0) throw new ShoalError('BAD_REQUEST', 'There are no parts');
    return parts.slice(0, 1);
  },
  etagOf: () => 'e-1',
  checksumOf: () => undefined,
};
