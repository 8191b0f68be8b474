/** An image's bytes over HTTP. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { type ApiRequest, isAdmin, principalOf } from '../http/port.ts';
import { imageBytesMax } from './limits.ts';
import { statusOf } from './records.ts';
import { imageOf, record, type Serve } from './serve-images.ts';

const announcedBytes = (request: ApiRequest): number | undefined => {
  const length = request.headers['content-length'];
  if (length === undefined) return undefined;
  if (Number(length) > imageBytesMax)
    throw new ShoalError(
      'TOO_LARGE',
      `The incoming image is too large: an image has at most ${imageBytesMax} bytes`,
    );
  return Number(length);
};

export const uploadImage: Serve = async (context, request) => {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/octet-stream')
    throw new ShoalError(
      'UNSUPPORTED_MEDIA',
      `Invalid content type ${type ?? ''}: send application/octet-stream`,
    );
  const bytes = announcedBytes(request);
  const id = imageOf(request);
  try {
    const row = await context.uploads.upload(principalOf(request), id, {
      source: request.stream,
      signal: request.signal,
      ...(bytes === undefined ? {} : { bytes }),
    });
    record(context, request, 'image.upload', row.id, 'done', { bytes: row.data?.bytes ?? 0 });
  } catch (thrown) {
    if (hasCode(thrown, 'UNSUPPORTED_MEDIA'))
      record(context, request, 'image.upload', id, 'refused', { reason: thrown.message });
    throw thrown;
  }
  return {};
};

interface Part {
  readonly start: number;
  readonly end: number;
}

/** One range; several are not served, which RFC 9110 lets a server ignore. Throws RANGE_NOT_SATISFIABLE. */
const partOf = (header: string | undefined, bytes: number): Part | undefined => {
  if (header === undefined) return undefined;
  const [, first = '', last = ''] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header) ?? [];
  if (first === '' && last === '') {
    if (header.includes(',')) return undefined;
    throw new ShoalError('RANGE_NOT_SATISFIABLE', `Cannot read the range ${JSON.stringify(header)}`);
  }
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1);
  if (start < end) return { start, end };
  throw new ShoalError(
    'RANGE_NOT_SATISFIABLE',
    `No byte of the image is in the range ${header}: it has ${bytes}`,
  );
};

export const downloadImage: Serve = async (context, request) => {
  const principal = principalOf(request);
  const row = await context.rows.show(principal, imageOf(request));
  if (statusOf(row, context.runtime.clock.wallMs()) === 'deactivated' && !isAdmin(principal))
    throw new ShoalError(
      'FORBIDDEN',
      `The requested image has been deactivated. Image data download is forbidden.`,
    );
  if (!row.data) return { status: 204 };
  const { bytes, md5, upload } = row.data;
  const part = partOf(request.headers.range, bytes);
  const content = await context.manifests.get(row.id, upload);
  const { start, end } = part ?? { start: 0, end: bytes };
  return {
    ...(part ? { status: 206 } : {}),
    headers: {
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(end - start),
      'Content-MD5': md5,
      ...(part ? { 'Content-Range': `bytes ${start}-${end - 1}/${bytes}` } : {}),
    },
    body: context.content.read(content, { start, end, signal: request.signal }),
  };
};
