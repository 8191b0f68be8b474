/**
 * What each data directory was when it was last used, kept where the rows are. When it is that no more its disk is not
 * mounted: the folder below would be filled in its place, and the system's disk with it.
 */
import type { KeyValue } from '../store/key-value.ts';
import type { DataDirectory, DirectoryKind } from './data-directory.ts';

const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];
const parseKind = (text: string): DirectoryKind => (text === 'mount' ? 'mount' : 'folder');

export const directoryMemory = (store: KeyValue) => ({
  known: (): ReadonlyMap<string, DirectoryKind> =>
    new Map(
      Array.from(store.range({}), ({ key, value }) => [
        decoder.decode(key),
        parseKind(decoder.decode(value)),
      ]),
    ),
  /** On disk when it resolves. */
  async remember(directories: readonly Pick<DataDirectory, 'path' | 'kind' | 'retired'>[]): Promise<void> {
    await store.transact((writer) => {
      for (const { path, kind, retired } of directories)
        if (retired === undefined) writer.put(encoder.encode(path), encoder.encode(kind));
    });
  },
});
