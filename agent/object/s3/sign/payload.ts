/**
 * What a request says about its body, and the body checked against all of it while it streams. A body that is not
 * what was said throws where it would have ended, so whoever stores it discards it.
 */
import { createHash } from 'node:crypto';
import { s3Error } from '../s3-error.ts';
import { type ChunkSeal, decodeChunked } from './aws-chunked.ts';
import {
  type ChecksumName,
  checksumHeader,
  checksumNames,
  checksumOfHeader,
  isChecksumValue,
  openChecksum,
} from './checksum.ts';
import type { Headers } from './headers.ts';

export interface GivenChecksum {
  readonly name: ChecksumName;
  /** Base64. One that comes behind the body is '' until the body has ended. */
  readonly value: string;
}

export interface Payload {
  /** Decoded and checked. Once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Decoded; undefined: the sender does not say. */
  readonly bytes: number | undefined;
  readonly checksum: GivenChecksum | undefined;
}

/** `X-Amz-Content-Sha256`: a hash, or one of these. */
const forms = {
  'UNSIGNED-PAYLOAD': { isChunked: false, isSealed: false, hasTrailers: false },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { isChunked: true, isSealed: false, hasTrailers: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { isChunked: true, isSealed: true, hasTrailers: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { isChunked: true, isSealed: true, hasTrailers: true },
} as const;

const isForm = (text: string): text is keyof typeof forms => Object.hasOwn(forms, text);
const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

/** Throws InvalidArgument, NotImplemented. */
export const checkForm = (contentSha256: string): void => {
  if (isHash(contentSha256) || isForm(contentSha256)) return;
  if (contentSha256.startsWith('STREAMING-AWS4-ECDSA')) throw s3Error('NotImplemented');
  throw s3Error(
    'InvalidArgument',
    `x-amz-content-sha256 must be ${Object.keys(forms).join(', ')}, or a valid sha256 value.`,
  );
};

const announcedBytes = (text: string | undefined, header: string): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw s3Error(
      'InvalidArgument',
      `Cannot read ${header} ${JSON.stringify(text.slice(0, 64))}: it is a number`,
    );
  return Number(text);
};

/** At most one may be given. */
const givenChecksum = (headers: Headers): GivenChecksum | undefined => {
  const given = checksumNames.flatMap((name) => {
    const value = headers[checksumHeader(name)];
    return value === undefined ? [] : [{ name, value: value.trim() }];
  });
  const [first, second] = given;
  if (second)
    throw s3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  if (first && !isChecksumValue(first.name, first.value))
    throw s3Error('InvalidRequest', `Value for ${checksumHeader(first.name)} header is invalid.`);
  return first;
};

interface Expected {
  readonly bytes: number | undefined;
  /** Lower-case hex. */
  readonly sha256: string | undefined;
  /** Its value is asked for when the source has ended. */
  readonly checksum: GivenChecksum | undefined;
}

async function* checked(
  source: AsyncIterable<Uint8Array>,
  { bytes, sha256, checksum }: Expected,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = sha256 === undefined ? undefined : createHash('sha256');
  const running = checksum && openChecksum(checksum.name);
  let length = 0;
  for await (const piece of source) {
    length += piece.length;
    hash?.update(piece);
    running?.update(piece);
    yield piece;
  }
  if (bytes !== undefined && length !== bytes) throw s3Error('IncompleteBody');
  const found = hash?.digest('hex');
  if (found !== sha256)
    throw s3Error('XAmzContentSHA256Mismatch', undefined, {
      fields: { ClientComputedContentSHA256: sha256 ?? '', S3ComputedContentSHA256: found ?? '' },
    });
  if (checksum && running?.finish() !== checksum.value)
    throw s3Error('BadDigest', `The ${checksum.name} you specified did not match the calculated checksum.`);
}

/** A body of which nothing but its checksum was said. Throws InvalidRequest at once, BadDigest in place of its end. */
export const checkedBody = (
  source: AsyncIterable<Uint8Array>,
  headers: Headers,
): Pick<Payload, 'body' | 'checksum'> => {
  const checksum = givenChecksum(headers);
  return { body: checked(source, { bytes: undefined, sha256: undefined, checksum }), checksum };
};

const emptyHash = createHash('sha256').digest('hex');

/** `seal` is absent where nobody signed. */
export const openPayload = (
  stream: AsyncIterable<Uint8Array>,
  headers: Headers,
  contentSha256: string,
  seal: ChunkSeal | undefined,
): Payload => {
  checkForm(contentSha256);
  const length = announcedBytes(headers['content-length'], 'Content-Length');
  const hasBody = headers['transfer-encoding'] !== undefined || (length ?? 0) > 0;
  const sha256 = isHash(contentSha256) ? contentSha256 : undefined;
  if (!hasBody && sha256 !== undefined && sha256 !== emptyHash) throw s3Error('XAmzContentSHA256Mismatch');
  const given = givenChecksum(headers);
  const form = isForm(contentSha256) ? forms[contentSha256] : forms['UNSIGNED-PAYLOAD'];
  if (!form.isChunked) {
    const bytes = hasBody ? length : 0;
    return { body: checked(stream, { bytes, sha256, checksum: given }), bytes, checksum: given };
  }
  if (form.isSealed && !seal) throw s3Error('AccessDenied', 'Chunks are signed, the request is not');
  const bytes = announcedBytes(headers['x-amz-decoded-content-length'], 'x-amz-decoded-content-length');
  if (bytes === undefined) throw s3Error('MissingContentLength');
  // The length of what is inside is signed, that of the body need not be.
  if (!hasBody) throw s3Error('IncompleteBody');
  const announced = form.hasTrailers
    ? (headers['x-amz-trailer'] ?? '').split(',').flatMap((header) => checksumOfHeader(header) ?? [])
    : [];
  if (announced.length + (given ? 1 : 0) > 1)
    throw s3Error('InvalidRequest', 'Expecting a single checksum, in a header or a trailer.');
  const trailers = new Map<string, string>();
  const [name] = announced;
  const checksum =
    name === undefined
      ? given
      : {
          name,
          get value() {
            return trailers.get(checksumHeader(name)) ?? '';
          },
        };
  async function* decoded() {
    yield* decodeChunked(stream, {
      bytes: bytes ?? 0,
      ...(form.isSealed && seal ? { seal } : {}),
      hasTrailers: form.hasTrailers,
      onTrailer: (trailer, value) => void trailers.set(trailer, value),
    });
    if (name !== undefined && !isChecksumValue(name, checksum?.value ?? ''))
      throw s3Error(
        'MalformedTrailerError',
        `The trailer ${checksumHeader(name)} is missing or no checksum.`,
      );
  }
  return { body: checked(decoded(), { bytes, sha256: undefined, checksum }), bytes, checksum };
};
