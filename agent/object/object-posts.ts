/** What is said of an object after it was stored, by POST and by S3's settings of one object: kept in rows of their own. */

import type { ObjectParts, ObjectTurns, Place } from './object-turn.ts';
import { noObject } from './object-versions.ts';
import type { NewFacts } from './objects.ts';
import { type ObjectRow, postKey } from './records.ts';

/** What Swift does not know of, and so must not lose. */
const s3FactsOf = ({ owner, grants, grantsAreAll, tags }: ObjectRow): Partial<NewFacts> => ({
  ...{ owner, grants, grantsAreAll },
  tags: tags ?? {},
});

export const openObjectPosts = (
  { runtime, records, containers }: Pick<ObjectParts, 'runtime' | 'records' | 'containers'>,
  { run, expireLater }: Pick<ObjectTurns, 'run' | 'expireLater'>,
  /** Throws NOT_FOUND. */
  get: (place: Place, versionId?: string) => Promise<ObjectRow>,
) => {
  const { objects, posts } = records;
  /** Before a post, so that whoever begins to read after it has ended looks for it. */
  const expectPosts = async ({ isUnposted, project, container, id }: Place): Promise<void> => {
    if (isUnposted) await containers.expectPosts(project, container, id);
  };

  return {
    /** Replaces metadata and kept headers. Throws NOT_FOUND. */
    async post(place: Place, factsOf: (old: ObjectRow) => NewFacts): Promise<void> {
      await expectPosts(place);
      const row = await get(place);
      const key = postKey(place.name, row.upload);
      const facts = { ...s3FactsOf(row), ...factsOf(row), changedAtMs: runtime.clock.wallMs() };
      await expireLater(place, { ...facts, upload: row.upload });
      await posts.put(place.id, key, { ...facts, upload: row.upload });
      const now = await objects.get(place.id, place.name);
      // Replaced meanwhile: the post is void, as if it had come before the new upload.
      if (now?.upload !== row.upload) await posts.delete(place.id, key);
    },

    /** Changes what does not count as a change of the object: its time stays. Throws NOT_FOUND. */
    amend: (
      place: Place,
      versionId: string | undefined,
      change: (old: ObjectRow) => Partial<NewFacts>,
    ): Promise<ObjectRow> =>
      run(place, async () => {
        await expectPosts(place);
        const row = await get(place, versionId);
        const { contentType, kept, metadata, deleteAtSeconds, changedAtMs, upload } = row;
        const changed = change(row);
        const facts = {
          contentType,
          kept,
          metadata,
          deleteAtSeconds,
          changedAtMs,
          ...s3FactsOf(row),
          ...changed,
        };
        const key = postKey(place.name, upload);
        await posts.put(place.id, key, { ...facts, upload });
        // Replaced meanwhile by another host: nothing is left that it could be said of.
        if (row.versionId === undefined && (await objects.get(place.id, place.name))?.upload !== upload) {
          await posts.delete(place.id, key);
          throw noObject(place.name);
        }
        return { ...row, ...changed };
      }),
  };
};
