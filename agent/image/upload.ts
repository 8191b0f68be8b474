/**
 * Bytes into an image. The register decides who may send: `queued -> saving` under an upload id, renewed while
 * bytes flow, `saving -> active` only by the same id. An agent that is killed stops renewing; after the lease the
 * image is queued again for everyone, and a late winner of the old upload finds its id gone and cleans up. What was stored by one that
 * was killed is given back by its next life (`judge-image.ts`).
 */
import { ShoalError } from '../../proto/error.ts';
import { newUuid, type Uuid } from '../../proto/ids.ts';
import { claimed } from '../chunk/claimed.ts';
import type { Content, ContentStore } from '../chunk/port.ts';
import type { Principal } from '../http/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { ImageRows } from './images.ts';
import { inspectStream } from './inspect.ts';
import { claimImage, isUpload } from './judge-image.ts';
import { imageBytesMax, uploadRenewMs } from './limits.ts';
import type { Manifests } from './manifest.ts';
import { chunkUser, type ImageRow, imagePartition, isSaving, type Records, statusOf } from './records.ts';

export interface ImageUpload {
  readonly source: AsyncIterable<Uint8Array>;
  /** What the client announced. */
  readonly bytes?: number;
  readonly signal: AbortSignal;
}

const lost = (id: Uuid): ShoalError =>
  new ShoalError(
    'GONE',
    `Image ${id} could not be found after upload. The image may have been deleted during the upload, cleaning up the chunks uploaded.`,
  );

export const openUploads = (
  {
    runtime,
    records: { images },
    manifests,
    content,
    rows,
  }: {
    readonly runtime: Runtime;
    readonly records: Records;
    readonly manifests: Manifests;
    readonly content: ContentStore;
    readonly rows: ImageRows;
  },
  settings: {
    /** May bytes be of another harmless format than declared? Glance's `require_image_format_match`, reversed. */
    readonly lenient: boolean;
  },
) => {
  const log = runtime.log.with({ part: 'image' });
  const { clock, timers } = runtime;

  /** Throws CONFLICT unless nobody sends or sent. */
  const begin = (principal: Principal, id: string, upload: Uuid): Promise<ImageRow> =>
    rows.change(principal, id, (old) => {
      if (isUpload(old, upload)) return old;
      const nowMs = clock.wallMs();
      if (statusOf(old, nowMs) !== 'queued')
        throw new ShoalError(
          'CONFLICT',
          isSaving(old, nowMs)
            ? `Image ${old.id} is being uploaded already`
            : `Image status transition from ${statusOf(old, nowMs)} to saving is not allowed`,
        );
      if (old.containerFormat === null || old.diskFormat === null)
        throw new ShoalError(
          'BAD_REQUEST',
          'Properties disk_format, container_format must be set prior to saving data.',
        );
      return { ...old, status: 'saving', upload: { id: upload, renewedAtMs: nowMs } };
    });

  /**
   * Back to queued, if it is still ours. True: the register has said that this upload is not and will not be the
   * image's. What fails here is mended by the lease.
   */
  const giveUp = (id: Uuid, upload: Uuid): Promise<boolean> =>
    images
      .change(imagePartition, id, (old) =>
        old && isUpload(old, upload) ? { ...old, status: 'queued', upload: null } : old,
      )
      .then(
        (row) => row?.data?.upload !== upload,
        (thrown) => {
          log.warn('upload not taken back', { id, error: String(thrown) });
          return false;
        },
      );

  const giveBack = (id: Uuid, upload: Uuid, bytes: Content): Promise<void> =>
    content
      .release(bytes, chunkUser(id, upload))
      .then(() => manifests.delete(id, upload))
      .catch((thrown) => log.warn('chunks not released', { id, upload, error: String(thrown) }));

  /** Renews until it is stopped; aborts the upload when it is not ours any more. */
  const keepAlive = (id: Uuid, upload: Uuid, outer: AbortSignal) => {
    const stop = new AbortController();
    const abort = (): void => stop.abort(outer.reason);
    if (outer.aborted) abort();
    outer.addEventListener('abort', abort, { once: true });
    let cancel = (): void => {};
    const renew = async (): Promise<void> => {
      const row = await images
        .change(imagePartition, id, (old) =>
          old && isUpload(old, upload)
            ? { ...old, upload: { id: upload, renewedAtMs: clock.wallMs() } }
            : old,
        )
        .catch((thrown) => {
          // A quorum that is missing for a moment is no reason to end; the next renewal may come through.
          log.warn('upload not renewed', { id, error: String(thrown) });
          return null;
        });
      if (row !== null && !isUpload(row, upload)) stop.abort(lost(id));
      else if (!stop.signal.aborted) cancel = timers.after(uploadRenewMs, () => void renew());
    };
    cancel = timers.after(uploadRenewMs, () => void renew());
    return {
      signal: stop.signal,
      [Symbol.dispose]() {
        stop.abort(new ShoalError('ABORTED', 'The upload is over'));
        cancel();
        outer.removeEventListener('abort', abort);
      },
    };
  };

  /** `stored` is told of the bytes before anything else can fail. */
  const store = async (
    row: ImageRow,
    upload: Uuid,
    asked: ImageUpload,
    stored: (content: Content) => void,
  ): Promise<ImageRow> => {
    using alive = keepAlive(row.id, upload, asked.signal);
    const { stream, virtualBytes } = inspectStream(asked.source, { ...row, lenient: settings.lenient });
    const written = await content.write(stream, {
      user: chunkUser(row.id, upload),
      claim: claimImage(row.id, upload),
      bytesMax: imageBytesMax,
      digests: ['md5', 'sha512'],
      signal: alive.signal,
    });
    stored(written.content);
    if (asked.bytes !== undefined && asked.bytes !== written.length)
      throw new ShoalError('ABORTED', `Cannot store ${written.length} bytes: ${asked.bytes} were announced`);
    const data = {
      upload,
      bytes: written.length,
      md5: written.digests.md5 ?? '',
      sha512: written.digests.sha512 ?? '',
      virtualBytes: virtualBytes(),
    };
    await manifests.put(row.id, upload, written.content);
    const atMs = clock.wallMs();
    const done = await images.change(imagePartition, row.id, (old) => {
      if (old?.data?.upload === upload) return old;
      if (!old || !isUpload(old, upload)) throw lost(row.id);
      if (old.diskFormat !== row.diskFormat || old.containerFormat !== row.containerFormat)
        throw new ShoalError(
          'CONFLICT',
          `Cannot finish image ${row.id}: its format was changed during the upload`,
        );
      return { ...old, status: 'active', upload: null, data, updatedAtMs: atMs };
    });
    return done ?? row;
  };

  return {
    /** Throws NOT_FOUND, FORBIDDEN, CONFLICT, BAD_REQUEST, UNSUPPORTED_MEDIA, TOO_LARGE, ABORTED, GONE. */
    async upload(principal: Principal, id: string, asked: ImageUpload): Promise<ImageRow> {
      const upload = newUuid();
      const row = await begin(principal, id, upload);
      let kept: Content | undefined;
      try {
        return await claimed({ content, log }, chunkUser(row.id, upload), () =>
          store(row, upload, asked, (bytes) => {
            kept = bytes;
          }),
        );
      } catch (thrown) {
        // After a missed quorum the image may be active all the same: only the register's word gives bytes back.
        const over = await giveUp(row.id, upload);
        if (kept && over) await giveBack(row.id, upload, kept);
        throw thrown;
      }
    },
  };
};

export type Uploads = ReturnType<typeof openUploads>;
