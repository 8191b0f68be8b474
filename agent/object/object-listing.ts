/** The objects of a container in order, as they look to a reader: with what POSTs said, without the expired. */
import type { Uuid } from '../../proto/ids.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Page, TableRange } from '../table/port.ts';
import { listingPageRows } from './limits.ts';
import {
  type ContainerRow,
  isExpired,
  type ObjectRow,
  type PostRow,
  postKey,
  type Records,
  withPost,
} from './records.ts';
import { type Step, type WalkOptions, walk } from './walk.ts';

/** Posts to the objects of a page, by their own keys. */
const postsOf = async (
  records: Records,
  id: Uuid,
  page: Page<ObjectRow>,
): Promise<ReadonlyMap<string, PostRow>> => {
  const found = new Map<string, PostRow>();
  const first = page.entries[0]?.sortKey;
  const last = page.entries.at(-1)?.sortKey;
  if (first === undefined || last === undefined) return found;
  const forward = Buffer.compare(Buffer.from(first), Buffer.from(last)) <= 0;
  const [low, high] = forward ? [first, last] : [last, first];
  let after = low;
  for (;;) {
    // A post's key is its object's name, NUL and more: the last one's stand before name and 0x01.
    const posts = await records.posts.range(id, { after, before: `${high}\x01`, limit: listingPageRows });
    for (const { sortKey, row } of posts.entries) found.set(sortKey, row);
    const lastKey = posts.entries.at(-1)?.sortKey;
    if (!posts.more || lastKey === undefined) return found;
    after = lastKey;
  }
};

export const walkObjects = (
  { records, clock }: { readonly records: Records; readonly clock: Clock },
  { id, isUnposted }: Pick<ContainerRow, 'id' | 'isUnposted'>,
  options: WalkOptions,
): AsyncGenerator<Step<ObjectRow>, void, undefined> => {
  const range = async (wanted: TableRange): Promise<Page<ObjectRow>> => {
    const page = await records.objects.range(id, wanted);
    if (isUnposted) return page;
    const posts = await postsOf(records, id, page);
    return {
      more: page.more,
      entries: page.entries.map(({ sortKey, row }) => ({
        sortKey,
        row: withPost(row, posts.get(postKey(sortKey, row.upload))),
      })),
    };
  };
  return walk(range, options, (row) => !isExpired(row, clock.wallMs()));
};
