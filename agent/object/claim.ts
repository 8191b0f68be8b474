/**
 * Where the row of an upload will stand, said before there is one: an agent that dies leaves its chunks to whoever finds out that
 * no row names them (`judge-upload.ts`, `judge-part.ts`).
 */
import type { Uuid } from '../../proto/ids.ts';
import { claimed } from '../chunk/claimed.ts';
import type { Claim, ContentStore } from '../chunk/port.ts';
import type { Log } from '../runtime/ports.ts';
import { chunkUser, type ObjectRow, partKey } from './records.ts';

export const uploadClaims = 'object';
export const partClaims = 'object-part';

/** `chunk/claimed.ts` for the user that an upload is. */
export const settleUploads =
  (parts: { readonly content: ContentStore; readonly log: Log }) =>
  <T>(upload: Uuid, work: () => Promise<T>): Promise<T> =>
    claimed(parts, chunkUser(upload), work);

interface Named {
  readonly project: string;
  readonly container: string;
  readonly id: Uuid;
  readonly name: string;
}

/** `versionId`: it brings a version along, which has a key of its own. */
export const claimUpload = ({ project, container, id, name }: Named, versionId?: string): Claim => ({
  ...{ of: uploadClaims, id, name },
  more: { project, container, ...(versionId !== undefined && { versionId }) },
});

/** Before its row is put: where its version will stand is known only then. What came in parts owes nothing itself. */
export const claimVersion = async (
  content: ContentStore,
  place: Named,
  { versionId, upload, content: bytes, parts, long }: ObjectRow,
): Promise<void> => {
  if (versionId !== undefined && bytes.kind === 'chunks' && !parts && !long)
    await content.claim(chunkUser(upload), claimUpload(place, versionId));
};

/** @param upload the one that the part is of */
export const claimPart = (
  { project, container, id, name }: Named,
  upload: Uuid,
  part: { readonly number: number; readonly upload: Uuid },
): Claim => ({
  ...{ of: partClaims, id: upload, name: partKey(part.number, part.upload) },
  more: { project, container, id, name },
});
