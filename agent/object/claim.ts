/**
 * Where the row of an upload will stand, said before there is one: an agent that dies leaves its chunks to whoever finds out that
 * no row names them (`judge-upload.ts`, `judge-part.ts`).
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Claim } from '../chunk/port.ts';
import { partKey } from './records.ts';

export const uploadClaims = 'object';
export const partClaims = 'object-part';

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

/** @param upload the one that the part is of */
export const claimPart = (
  { project, container, id, name }: Named,
  upload: Uuid,
  part: { readonly number: number; readonly upload: Uuid },
): Claim => ({
  ...{ of: partClaims, id: upload, name: partKey(part.number, part.upload) },
  more: { project, container, id, name },
});
