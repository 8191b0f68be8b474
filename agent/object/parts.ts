/** The parts of uploads that are not objects yet: kept one by one, and given back once nobody needs them. */
import { ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { walkRows } from '../table/walk-rows.ts';
import { listingPageRows, partListBytesMax, partsReleasedMax } from './limits.ts';
import type { Place } from './object-turn.ts';
import { chunkUser, multipartKey, type PartRow, partKey, type Records } from './records.ts';

export const noUpload = (upload: string): ShoalError =>
  new ShoalError(
    'NOT_FOUND',
    `There is no upload in parts ${JSON.stringify(upload)}: it was completed or aborted.`,
  );

/** What the row says of a chunk and of a part: an id of 64 digits, a UUID, numbers and the names of fields. */
const chunkListedBytes = 80;
const partListedBytes = 180;

/** Throws TOO_LARGE. One row holds the list. At parts of 8 MiB it ends at some 25 GiB, at parts of 64 MiB at 40 GiB. */
export const checkListed = (parts: readonly PartRow[]): void => {
  const bytes = parts.reduce(
    (sum, { content }) =>
      sum + partListedBytes + (content.kind === 'chunks' ? content.chunks.length : 0) * chunkListedBytes,
    0,
  );
  if (bytes > partListBytesMax)
    throw new ShoalError(
      'TOO_LARGE',
      `Cannot join ${parts.length} parts: the list of their chunks has ${bytes} bytes, at most ${partListBytesMax}`,
    );
};

export const openParts = ({
  runtime,
  records: { multiparts, parts },
  content,
}: {
  readonly runtime: Runtime;
  readonly records: Pick<Records, 'multiparts' | 'parts'>;
  readonly content: ContentStore;
}) => {
  const log = runtime.log.with({ part: 'multipart' });

  /** By their numbers; behind the key `from`. */
  async function* walk(upload: Uuid, from?: string): AsyncGenerator<PartRow, void, undefined> {
    const range = { limit: listingPageRows, ...(from === undefined ? {} : { after: from }) };
    for await (const { row } of walkRows(parts, upload, range)) yield row;
  }

  const drop = async (upload: Uuid, part: PartRow, isUsed: boolean): Promise<void> => {
    if (!isUsed) await content.release(part.content, chunkUser(part.upload));
    await parts.delete(upload, partKey(part.number, part.upload));
  };

  return {
    walk,

    /** All of an upload; the bytes of those that are `used` stay. What fails here is unused room. */
    dropAll: (upload: Uuid, used: ReadonlySet<Uuid> = new Set()): Promise<unknown> =>
      mapLimit(walk(upload), partsReleasedMax, (part) => drop(upload, part, used.has(part.upload))).catch(
        (thrown) => log.warn('parts not given back', { upload, error: String(thrown) }),
      ),

    /** Throws NOT_FOUND when its upload is closing or gone; the part is given back then. */
    async keep(place: Place, upload: Uuid, part: PartRow): Promise<PartRow> {
      const key = partKey(part.number, part.upload);
      await parts.put(upload, key, part);
      const now = await multiparts.get(place.id, multipartKey(place.name, upload));
      if (now && !now.isClosing) return part;
      // While it closes, who closes it finds the part and gives it back.
      if (!now && (await parts.get(upload, key))) await drop(upload, part, false);
      throw noUpload(upload);
    },
  };
};
