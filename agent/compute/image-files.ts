/**
 * Images as files of this host, for machines to stand on. A file bears the SHA-512 of its bytes as its name and is
 * whole or not there: it grows under a temporary name, is checked, and renamed. Nobody ever writes to it again.
 *
 * An interrupted fetch begins anew (rejected: going on where it ended, which would have to read and hash the first
 * part again from a disk that may have lost it).
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, statfs, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { ShoalError } from '../../proto/error.ts';
import { syncFolder } from '../base/atomic-file.ts';
import { serial } from '../base/serial.ts';
import type { Content, ContentStore } from '../chunk/port.ts';
import type { Principal } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import { imageFetchesMax, imageIdleMs, imageReserveBytes } from './limits.ts';

/** What compute sees of an image. */
export interface BootImage {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly diskFormat: string | null;
  readonly minDiskGiB: number;
  readonly minRamMiB: number;
  /** Null until its bytes are there. */
  readonly data: {
    readonly bytes: number;
    readonly sha512: string;
    readonly virtualBytes: number | null;
  } | null;
}

/** What compute needs of the image service. */
export interface BootImages {
  /** Throws NOT_FOUND, also for one that the caller may not see. */
  get(principal: Principal, id: string): Promise<BootImage>;
  /** For a host that builds: any image. Throws NOT_FOUND, CONFLICT. */
  open(id: string): Promise<{ readonly record: BootImage; readonly content: Content }>;
}

export interface ImageFile {
  readonly path: string;
  readonly format: 'qcow2' | 'raw';
  /** Of the disk that it describes. */
  readonly virtualBytes: number;
}

export interface ImageFiles {
  /** Fetched at most once at a time; throws what the image service throws, DAMAGED, DISK_FULL, BAD_REQUEST. */
  fetch(imageId: string, signal: AbortSignal): Promise<ImageFile>;
  /** Removes what is in no use and idle, and what fetches that died left. */
  prune(pathsInUse: ReadonlySet<string>): Promise<void>;
}

export const bootFormats = ['qcow2', 'raw'] as const;
export const isBootFormat = (format: string | null): format is 'qcow2' | 'raw' =>
  bootFormats.includes(format as 'qcow2');

export const openImageFiles = (
  parts: {
    readonly runtime: Runtime;
    readonly images: Pick<BootImages, 'open'>;
    readonly content: Pick<ContentStore, 'read'>;
  },
  settings: { readonly directory: string },
): ImageFiles => {
  const { directory } = settings;
  const running = new Map<string, Promise<void>>();
  const lanes = Array.from({ length: imageFetchesMax }, (_, lane) => serial(`image lane ${lane}`, 256));
  let nextLane = 0;

  const download = async (
    path: string,
    image: BootImage,
    data: NonNullable<BootImage['data']>,
    read: () => AsyncIterable<Uint8Array>,
  ): Promise<void> => {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const { bavail, bsize } = await statfs(directory);
    if (bavail * bsize < data.bytes + imageReserveBytes)
      throw new ShoalError(
        'DISK_FULL',
        `Cannot fetch image ${image.id}: ${data.bytes} bytes do not fit on this host's disk`,
      );
    const temporary = `${path}.${crypto.randomUUID()}.tmp`;
    const file = await open(temporary, 'wx', 0o600);
    try {
      const hash = createHash('sha512');
      for await (const piece of read()) {
        hash.update(piece);
        await file.writeFile(piece);
      }
      const found = hash.digest('hex');
      if (found !== data.sha512)
        throw new ShoalError('DAMAGED', `Cannot use image ${image.id}: its bytes do not have its checksum`);
      await file.sync();
      await rename(temporary, path);
      await syncFolder(directory);
    } catch (thrown) {
      await rm(temporary, { force: true });
      const { code } = thrown as NodeJS.ErrnoException;
      if (code === 'ENOSPC')
        throw new ShoalError('DISK_FULL', `Cannot fetch image ${image.id}: the disk is full`, {
          cause: thrown,
        });
      throw thrown;
    } finally {
      await file.close();
    }
  };

  return {
    async fetch(imageId, signal) {
      const { record, content } = await parts.images.open(imageId);
      const { data, diskFormat } = record;
      if (!data || !isBootFormat(diskFormat))
        throw new ShoalError(
          'BAD_REQUEST',
          `Cannot boot image ${imageId} of format ${diskFormat}: it must be active and ${bootFormats.join(' or ')}`,
        );
      const path = join(directory, `${data.sha512}.${diskFormat}`);
      const file = { path, format: diskFormat, virtualBytes: data.virtualBytes ?? data.bytes };
      const now = new Date(parts.runtime.clock.wallMs());
      if (await stat(path).catch(() => undefined)) {
        await utimes(path, now, now);
        return file;
      }
      // Whoever comes later shares the fetch; when it fails they fail with it, and their keepers try again.
      const lane = lanes[nextLane++ % lanes.length];
      const fetching =
        running.get(path) ??
        (lane ?? serial('image', 1))
          .run(() => download(path, record, data, () => parts.content.read(content, { signal })))
          .finally(() => running.delete(path));
      running.set(path, fetching);
      await fetching;
      return file;
    },
    async prune(pathsInUse) {
      const nowMs = parts.runtime.clock.wallMs();
      for (const name of await readdir(directory).catch(() => [])) {
        const path = join(directory, name);
        const target = name.endsWith('.tmp') ? path.split('.').slice(0, -2).join('.') : path;
        if (pathsInUse.has(path) || running.has(target)) continue;
        const idleMs = nowMs - ((await stat(path).catch(() => undefined))?.mtimeMs ?? nowMs);
        if (idleMs > imageIdleMs || name.endsWith('.tmp')) await rm(path, { force: true });
      }
    },
  };
};
