/** Reads every chunk here, slowly, so that damage is found while good copies are left; carries on after a restart. */
import { codec } from '../../proto/codec.ts';
import type { ChunkId } from '../../proto/ids.ts';
import type { KeyValue } from '../store/key-value.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { scrubStoreEvery } from './limits.ts';
import type { Throttle } from './throttle.ts';

const positionCodec = codec<{ readonly after: ChunkId }>('scrub position');
const positionKey = new TextEncoder().encode('position');

/** One walk from the stored position to the end. Damage goes the files' own way: quarantine and repair. */
export const scrub = async (
  {
    files,
    store,
    throttle,
  }: { readonly files: ChunkFiles; readonly store: KeyValue; readonly throttle: Throttle },
  signal: AbortSignal,
): Promise<void> => {
  const stored = store.get(positionKey);
  let seen = 0;
  for await (const id of files.list(stored && positionCodec.decode(stored).after)) {
    const bytes = await files.read(id).catch(() => undefined);
    await throttle.take(bytes?.length ?? 0, signal);
    seen += 1;
    if (seen % scrubStoreEvery === 0)
      await store.transact((writer) => writer.put(positionKey, positionCodec.encode({ after: id })));
  }
  await store.transact((writer) => writer.delete(positionKey));
};
