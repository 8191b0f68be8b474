/**
 * Are the bytes the image's, of an upload whose agent died before it knew? The register says so, or that they never will be: an
 * upload that it still waits for is taken back there, and whatever that agent has on its way expects the register as it was.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Claim, Judge } from '../chunk/port.ts';
import type { Manifests } from './manifest.ts';
import { type ImageRow, imagePartition, type Records } from './records.ts';

export const imageClaims = 'image';

export const claimImage = (id: Uuid, upload: Uuid): Claim => ({ of: imageClaims, id, name: upload });

export const isUpload = (row: ImageRow | undefined, upload: string): boolean =>
  row?.status === 'saving' && row.upload?.id === upload;

export const judgeImage =
  ({
    images,
    manifests,
  }: Pick<Records, 'images'> & { readonly manifests: Pick<Manifests, 'delete'> }): Judge =>
  async ({ id, name: upload }, _user, endedMs) => {
    if (endedMs === null)
      return (await images.get(imagePartition, id))?.data?.upload === upload ? true : undefined;
    const row = await images.change(imagePartition, id, (old) =>
      old && isUpload(old, upload) ? { ...old, status: 'queued', upload: null } : old,
    );
    if (row?.data?.upload === upload) return true;
    await manifests.delete(id as Uuid, upload as Uuid);
    return false;
  };
