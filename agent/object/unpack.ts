/**
 * The files of an archive, one after the other as its bytes come in: tar, and tar within gzip or bzip2. Nothing is
 * kept: a file that is not read holds up those behind it, and with them the sender.
 */
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import { hasCode, ShoalError } from '../../proto/error.ts';
import { bunzip } from './bunzip.ts';

export const archiveKinds = ['tar', 'tar.gz', 'tar.bz2'] as const;
export type ArchiveKind = (typeof archiveKinds)[number];

export interface PackedFile {
  /** As the archive has it, without `./` and slashes in front. */
  readonly name: string;
  readonly bytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

const invalid = (cause: unknown): ShoalError =>
  cause instanceof ShoalError
    ? cause
    : new ShoalError('BAD_REQUEST', `Invalid Tar File: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });

/**
 * Folders, links and devices are left out. What a caller does not read of a file is skipped.
 * Throws BAD_REQUEST at damage, and what the source throws.
 */
export async function* unpack(
  source: AsyncIterable<Uint8Array>,
  kind: ArchiveKind,
): AsyncGenerator<PackedFile, void, undefined> {
  const files = extract();
  let failure: unknown;
  const bytes = Readable.from(kind === 'tar.bz2' ? bunzip(source) : source, { objectMode: false });
  const done = (thrown?: Error | null): void => {
    failure = thrown ?? undefined;
  };
  if (kind === 'tar.gz') pipeline(bytes, createGunzip(), files, done);
  else pipeline(bytes, files, done);
  try {
    for await (const entry of files) {
      const { name, type, size = 0 } = entry.header;
      const isFile = type === 'file' || type === 'contiguous-file';
      if (isFile)
        yield { name: name.replace(/^(\.?\/)+/, ''), bytes: size, body: entry as AsyncIterable<Uint8Array> };
      entry.resume();
    }
  } catch (thrown) {
    // A source that broke off, or said no, is not the archive's fault.
    throw invalid(hasCode(failure, 'ABORTED', 'CLIENT_TIMEOUT', 'BUSY') ? failure : thrown);
  } finally {
    bytes.destroy();
  }
}
