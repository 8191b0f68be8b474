/**
 * What a request says about its body, and the body checked against all of it while it streams. A body that is not
 * what was said throws where it would have ended, so whoever stores it discards it.
 */
import { createHash } from 'node:crypto';
import { s3Error } from '../s3-error.ts';
import { type ChunkSeal, decodeChunked } from './aws-chunked.ts';
import { checksumHeader, isChecksumValue, openChecksum } from './checksum.ts';
import { announcedTrailers, type GivenChecksum, givenChecksum } from './given-checksum.ts';
import type { Headers } from './headers.ts';

export interface Payload {
  /** Decoded and checked. Once. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Decoded; undefined: the sender does not say. */
  readonly bytes: number | undefined;
  readonly checksum: GivenChecksum | undefined;
}

export const unsignedPayload = 'UNSIGNED-PAYLOAD';

/** `X-Amz-Content-Sha256`: a hash, or one of these. */
const forms = {
  'UNSIGNED-PAYLOAD': { isChunked: false, isSealed: false, hasTrailers: false },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { isChunked: true, isSealed: false, hasTrailers: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { isChunked: true, isSealed: true, hasTrailers: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { isChunked: true, isSealed: true, hasTrailers: true },
} as const;

const isForm = (text: string): text is keyof typeof forms => Object.hasOwn(forms, text);
const isHash = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text);

/** Throws InvalidArgument, NotImplemented. */
export const checkForm = (contentSha256: string): void => {
  if (isHash(contentSha256) || isForm(contentSha256)) return;
  if (contentSha256.startsWith('STREAMING-AWS4-ECDSA')) throw s3Error('NotImplemented');
  throw s3Error(
    'InvalidArgument',
    `x-amz-content-sha256 must be ${Object.keys(forms).join(', ')}, or a valid sha256 value.`,
    { fields: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: contentSha256.slice(0, 128) } },
  );
};

const isLength = (text: string | undefined): text is string => /^\d{1,15}$/.test(text ?? '');

const announcedBytes = (text: string | undefined, header: string): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text))
    throw s3Error(
      'InvalidArgument',
      `Cannot read ${header} ${JSON.stringify(text.slice(0, 64))}: it is a number`,
    );
  return Number(text);
};

interface Expected {
  readonly bytes: number | undefined;
  /** Lower-case hex. */
  readonly sha256: string | undefined;
  /** Its value is asked for when the source has ended. */
  readonly checksum: GivenChecksum | undefined;
}

const otherHash = (claimed: string | undefined, found: string | undefined): never => {
  throw s3Error('XAmzContentSHA256Mismatch', undefined, {
    fields: { ClientComputedContentSHA256: claimed ?? '', S3ComputedContentSHA256: found ?? '' },
  });
};

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
  if (found !== sha256?.toLowerCase()) otherHash(sha256, found);
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

/**
 * A body that comes as it is, under a signature that knows no chunks: in an address, or of version 2. A form of chunks is to it
 * a hash that no body has.
 */
export const openPlainPayload = (
  stream: AsyncIterable<Uint8Array>,
  headers: Headers,
  contentSha256: string,
): Payload => {
  const { 'x-amz-decoded-content-length': decoded, 'content-length': length } = headers;
  const isChunked = isForm(contentSha256) && forms[contentSha256].isChunked;
  if (!isChunked) return openPayload(stream, headers, contentSha256, undefined);
  if (!isLength(decoded)) throw s3Error('MissingContentLength');
  if (length !== undefined && decoded !== length)
    throw s3Error('IncompleteBody', undefined, {
      fields: { NumberBytesExpected: decoded, NumberBytesProvided: length },
    });
  const { body, ...rest } = openPayload(stream, headers, unsignedPayload, undefined);
  return { ...rest, body: checked(body, { bytes: undefined, sha256: contentSha256, checksum: undefined }) };
};

/** `seal` is absent where nobody signed. */
export const openPayload = (
  stream: AsyncIterable<Uint8Array>,
  headers: Headers,
  contentSha256: string,
  seal: ChunkSeal | undefined,
): Payload => {
  const length = announcedBytes(headers['content-length'], 'Content-Length');
  const hasBody = headers['transfer-encoding'] !== undefined || (length ?? 0) > 0;
  const sha256 = isForm(contentSha256) ? undefined : contentSha256;
  if (length === 0 && !hasBody && sha256 !== undefined && sha256.toLowerCase() !== emptyHash)
    otherHash(sha256, emptyHash);
  const given = givenChecksum(headers);
  const names = announcedTrailers(headers, given);
  const form = isForm(contentSha256) ? forms[contentSha256] : forms['UNSIGNED-PAYLOAD'];
  if (!form.isChunked) {
    if (names.length > 0) throw s3Error('MalformedTrailerError');
    // Nothing said is not the same as empty: whoever stores a body wants to hear its length.
    return {
      body: checked(stream, { bytes: length, sha256, checksum: given }),
      bytes: length,
      checksum: given,
    };
  }
  if (form.isSealed && !seal) throw s3Error('AccessDenied', 'Chunks are signed, the request is not');
  const decoded = headers['x-amz-decoded-content-length'];
  if (!isLength(decoded)) throw s3Error('MissingContentLength');
  const bytes = Number(decoded);
  // The length of what is inside is signed, that of the body need not be.
  if (!hasBody) throw s3Error('IncompleteBody');
  const trailers = new Map<string, string>();
  const [name] = form.hasTrailers ? names : [];
  const checksum =
    name === undefined
      ? given
      : {
          name,
          get value() {
            return trailers.get(checksumHeader(name)) ?? '';
          },
        };
  async function* opened() {
    yield* decodeChunked(stream, {
      bytes,
      ...(form.isSealed && seal ? { seal } : {}),
      ...(form.hasTrailers ? { announced: names.map(checksumHeader) } : {}),
      onTrailer: (trailer, value) => void trailers.set(trailer, value),
    });
    if (name === undefined) return;
    if (!trailers.has(checksumHeader(name))) throw s3Error('MalformedTrailerError');
    if (!isChecksumValue(name, checksum?.value ?? ''))
      throw s3Error('InvalidRequest', `Value for ${checksumHeader(name)} trailing header is invalid.`);
  }
  return { body: checked(opened(), { bytes, sha256: undefined, checksum }), bytes, checksum };
};
