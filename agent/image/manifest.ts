/** An image's content in as many rows as it takes: a row has a bound, an image of 1 TiB has 262,144 chunks. */
import { ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import type { Content } from '../chunk/port.ts';
import { walkRows } from '../table/walk-rows.ts';
import { manifestChunksMax, manifestRowsMax } from './limits.ts';
import type { Records } from './records.ts';

const pageKey = (upload: Uuid, page: number): string => `${upload}/${String(page).padStart(6, '0')}`;

const pagesOf = (content: Content): readonly Content[] => {
  if (content.kind === 'inline' || content.chunks.length <= manifestChunksMax) return [content];
  const pages: Content[] = [];
  for (let at = 0; at < content.chunks.length; at += manifestChunksMax)
    pages.push({ kind: 'chunks', chunks: content.chunks.slice(at, at + manifestChunksMax) });
  return pages;
};

export const openManifests = ({ manifests }: Pick<Records, 'manifests'>) => {
  const keysOf = async (id: Uuid, upload: Uuid): Promise<{ key: string; content: Content }[]> => {
    const found: { key: string; content: Content }[] = [];
    for await (const { sortKey, row } of walkRows(manifests, id, {
      prefix: `${upload}/`,
      limit: manifestRowsMax,
    }))
      found.push({ key: sortKey, content: row.content });
    return found;
  };

  const find = async (id: Uuid, upload: Uuid): Promise<Content | undefined> => {
    const pages = await keysOf(id, upload);
    const [first] = pages;
    if (!first || pages.length === 1) return first?.content;
    const chunks = pages.flatMap(({ content }) => (content.kind === 'chunks' ? content.chunks : []));
    return { kind: 'chunks', chunks };
  };

  return {
    async put(id: Uuid, upload: Uuid, content: Content): Promise<void> {
      for (const [page, part] of pagesOf(content).entries())
        await manifests.put(id, pageKey(upload, page), { content: part });
    },
    find,
    /** Throws DAMAGED: a record that says it has bytes has them. */
    async get(id: Uuid, upload: Uuid): Promise<Content> {
      const content = await find(id, upload);
      if (!content)
        throw new ShoalError('DAMAGED', `Cannot read image ${id}: the list of its chunks is missing`);
      return content;
    },
    async delete(id: Uuid, upload: Uuid): Promise<void> {
      for (const { key } of await keysOf(id, upload)) await manifests.delete(id, key);
    },
  };
};

export type Manifests = ReturnType<typeof openManifests>;
