/**
 * What a retired directory holds is mended into the others: from it while it can be read, else from other hosts. What
 * cannot even be listed any more is found by comparison with them.
 */
import type { ChunkId } from '../../proto/ids.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { idsPerMessageMax } from './limits.ts';

export const queueRetired = async (
  files: Pick<ChunkFiles, 'list'>,
  enqueue: (ids: readonly ChunkId[]) => Promise<void>,
): Promise<void> => {
  let page: ChunkId[] = [];
  for await (const id of files.list(undefined, 'retired')) {
    page.push(id);
    if (page.length < idsPerMessageMax) continue;
    await enqueue(page);
    page = [];
  }
  await enqueue(page);
};
