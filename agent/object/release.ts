/** Giving back the chunks of objects that are no more. */
import type { Uuid } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Content, ContentStore } from '../chunk/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { partsReleasedMax } from './limits.ts';
import { partContents } from './part-contents.ts';
import { openParts } from './parts.ts';
import {
  chunkUser,
  holderOf,
  multipartKey,
  type ObjectFacts,
  type ObjectRow,
  type Records,
} from './records.ts';

export const openReleases = ({
  runtime,
  records,
  content,
}: {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly content: ContentStore;
}) => {
  const log = runtime.log.with({ part: 'object' });

  /** What fails here is an unused reference, which costs room and nothing else. */
  const releaseContent = async (bytes: Content, upload: Uuid): Promise<void> => {
    if (bytes.kind === 'inline') return;
    await content
      .release(bytes, chunkUser(upload))
      .catch((thrown) => log.warn('chunks not released', { upload, error: String(thrown) }));
  };

  /** Gives back an object's chunks. Nobody may put the object together again from its parts after that. */
  const release = async (
    { id, name }: { readonly id: Uuid; readonly name: string },
    row: Omit<ObjectRow, keyof ObjectFacts>,
  ): Promise<void> => {
    const { content: bytes, upload, heldBy, parts, long } = row;
    if (bytes.kind === 'inline') return;
    if (!parts && !long) return releaseContent(bytes, holderOf(row));
    let stood = false;
    await records.multiparts.change(id, multipartKey(name, upload), (old) => {
      stood = old !== undefined;
      return undefined;
    });
    const own = openParts({ runtime, records, content });
    if (!parts) return own.dropAll(upload);
    // Whoever completed it died before that was done with: parts that it does not use are there still.
    if (stood) await own.dropAll(upload, row);
    if (heldBy) return releaseContent(bytes, heldBy);
    await mapLimit(partContents(bytes.chunks, parts), partsReleasedMax, (part) =>
      releaseContent(part.content, part.upload),
    );
  };

  return { release, releaseContent };
};
