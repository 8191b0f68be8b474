/** The parts of uploads that are not objects yet: kept one by one, and given back once nobody needs them. */
import { ShoalError } from '../../proto/error.ts';
import type { Uuid } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { walkRows } from '../table/walk-rows.ts';
import { listingPageRows, partsReleasedMax } from './limits.ts';
import { partsOf } from './long-parts.ts';
import type { Place } from './object-turn.ts';
import { chunkUser, multipartKey, type ObjectRow, type PartRow, partKey, type Records } from './records.ts';

export const noUpload = (upload: string): ShoalError =>
  new ShoalError(
    'NOT_FOUND',
    `There is no upload in parts ${JSON.stringify(upload)}: it was completed or aborted.`,
  );

/** What the row says of a chunk and of a part: an id of 64 digits, a UUID, numbers and the names of fields. */
const chunkListedBytes = 80;
const partListedBytes = 180;

/** Of a part in the list of its object. */
export const listedBytes = ({ content }: Pick<PartRow, 'content'>): number =>
  partListedBytes + (content.kind === 'chunks' ? content.chunks.length : 0) * chunkListedBytes;

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
  /** Of a long object: what it uses stays where it is. */
  const dropUnused = async (upload: Uuid, part: PartRow, used: ReadonlySet<Uuid>): Promise<void> => {
    if (!used.has(part.upload)) await drop(upload, part, false);
  };

  return {
    walk,

    /** All of an upload; the bytes of those that the object uses stay. What fails here is unused room. */
    async dropAll(upload: Uuid, row?: Pick<ObjectRow, 'parts' | 'long'>): Promise<void> {
      const used = new Set(row && partsOf(row)?.map((part) => part.upload));
      await mapLimit(walk(upload), partsReleasedMax, (part) =>
        row?.long ? dropUnused(upload, part, used) : drop(upload, part, used.has(part.upload)),
      ).catch((thrown) => log.warn('parts not given back', { upload, error: String(thrown) }));
    },

    /** Throws NOT_FOUND when its upload is closing or gone; the part is given back then. */
    async keep(place: Place, upload: Uuid, part: PartRow): Promise<PartRow> {
      const key = partKey(part.number, part.upload);
      await parts.put(upload, key, part);
      const now = await multiparts.get(place.id, multipartKey(place.name, upload));
      if (now && !now.isClosing) return part;
      // While it closes, who closes it finds the part and gives it back.
      if ((!now || now.isAborted) && (await parts.get(upload, key))) await drop(upload, part, false);
      throw noUpload(upload);
    },
  };
};
