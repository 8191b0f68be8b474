/**
 * The rows of the image service.
 *
 *   image            register  "image" / id               all but the bytes; small, so that lists are cheap
 *   image-manifest   rows      id / upload "/" page       where the bytes of one upload are, 4,096 chunks a row
 *
 *              PUT file                bytes stored, formats agree
 *   queued ----------------> saving --------------------------------> active <----> deactivated
 *      ^                       |                                        |
 *      '---- failed, refused, -'                      DELETE: deleted --'--> row gone
 *            lease ran out
 *
 * All images stand under one partition key: a list sees what was created before it began, in one range read.
 * Its price (every list reads every image's row, some 1 KiB) is paid in `docs/design/0010-object-and-image.md`.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Content } from '../chunk/port.ts';
import type { Registers, Rows, Tables } from '../table/port.ts';
import { uploadLeaseMs } from './limits.ts';

export type Visibility = 'public' | 'private' | 'shared' | 'community';
export type ImageStatus = 'queued' | 'saving' | 'active' | 'deactivated';

/** What is known of the bytes once they are all there. */
interface ImageData {
  readonly upload: Uuid;
  readonly bytes: number;
  readonly md5: string;
  readonly sha512: string;
  /** Bytes that a guest sees; null where the format does not say. */
  readonly virtualBytes: number | null;
}

export interface ImageRow {
  readonly id: Uuid;
  /** Drawn by the call that created it: tells a repeated creation from a second one with the same id. */
  readonly birth: Uuid;
  readonly name: string | null;
  /** Project id. */
  readonly owner: string;
  readonly visibility: Visibility;
  readonly protected: boolean;
  readonly hidden: boolean;
  readonly containerFormat: string | null;
  readonly diskFormat: string | null;
  readonly minDiskGiB: number;
  readonly minRamMiB: number;
  /** deleted: hidden from everyone while its bytes are given back. */
  readonly status: ImageStatus | 'deleted';
  /** Who is sending bytes, while `saving`. */
  readonly upload: { readonly id: Uuid; readonly renewedAtMs: number } | null;
  readonly data: ImageData | null;
  readonly tags: readonly string[];
  readonly properties: Readonly<Record<string, string>>;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface ManifestRow {
  readonly content: Content;
}

export interface Records {
  readonly images: Registers<ImageRow>;
  readonly manifests: Rows<ManifestRow>;
}

export const imagePartition = 'image';
export const chunkUser = (id: Uuid, upload: Uuid): string => `image:${id}:${upload}`;

export const openRecords = (tables: Tables): Records => ({
  images: tables.registers<ImageRow>({ name: 'image' }),
  manifests: tables.rows<ManifestRow>({ name: 'image-manifest' }),
});

/** Is somebody sending its bytes now? A killed agent's upload counts until its lease has run out. */
export const isSaving = (row: ImageRow, nowMs: number): boolean =>
  row.status === 'saving' && row.upload !== null && nowMs - row.upload.renewedAtMs < uploadLeaseMs;

/** As clients see it: an upload that died leaves the image as it was before. */
export const statusOf = (row: ImageRow, nowMs: number): ImageStatus | 'deleted' =>
  row.status === 'saving' && !isSaving(row, nowMs) ? 'queued' : row.status;
