/**
 * Moves an object's bytes to what another policy keeps them as, in the background. The object stays the same upload, with the
 * same posts, locks and ETag; only where its bytes are changes:
 *
 *     kept anew, for a user of their own ── still the same row? decided at its register ── row put ── old chunks given back
 *                                              \___ no: the new chunks are given back
 *
 * An agent that dies on the way leaves the old row or the new one, each with its chunks, and what was kept for a row that never came
 * is given back (`judge-upload.ts`); a sweep that finds the old one begins anew. The register is what a racing PUT meets too, so no move ever brings back what was overwritten.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newUuid } from '../../proto/ids.ts';
import type { Code } from '../../proto/policy.ts';
import { claimUpload } from './claim.ts';
import type { ObjectParts, ObjectTurns, Place } from './object-turn.ts';
import type { StorageClass } from './policy.ts';
import { chunkUser, type ObjectRow } from './records.ts';

export const openObjectMoves = (
  { content, containers }: Pick<ObjectParts, 'content' | 'containers'>,
  { run, replace, settled, release, releaseContent }: ObjectTurns,
) => ({
  /** Not for versions, which have a second row. Throws PRECONDITION_FAILED when it is another object now. */
  async move(
    place: Place,
    row: ObjectRow,
    to: { readonly code: Code | undefined; readonly storageClass: StorageClass | undefined },
    signal: AbortSignal,
  ): Promise<void> {
    if (row.long)
      throw new ShoalError('PRECONDITION_FAILED', 'The parts of a long object stay where they came to');
    const heldBy = newUuid();
    const claim = claimUpload(place);
    const moved = await content.rekeep(row.content, chunkUser(heldBy), to.code, signal, claim);
    const judge = async ({ row: now }: { readonly row: ObjectRow | undefined }): Promise<ObjectRow> => {
      if (now?.upload !== row.upload || now.heldBy !== row.heldBy)
        throw new ShoalError('PRECONDITION_FAILED', 'It was replaced meanwhile');
      const { storageClass: _before, ...rest } = now;
      return {
        ...rest,
        content: moved,
        heldBy,
        ...(to.storageClass && { storageClass: to.storageClass }),
      };
    };
    const put = async (): Promise<void> => {
      try {
        if (!place.isGuarded) await containers.guard(place.project, place.container, place.id);
        await replace({ ...place, isGuarded: true }, judge, async () => []);
      } catch (thrown) {
        // Otherwise it is not known whether the row was put.
        if (hasCode(thrown, 'PRECONDITION_FAILED', 'NOT_FOUND', 'CONTENDED', 'BUSY'))
          await releaseContent(moved, heldBy);
        throw thrown;
      }
    };
    // Over also where its turn never comes, for too many wait.
    await settled(heldBy, () =>
      run(place, async () => {
        await put();
        await release(place, row);
      }),
    );
  },
});
