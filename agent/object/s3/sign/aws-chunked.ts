/**
 * The body of a sender that does not know its hash beforehand:
 *
 *     SIZE-IN-HEX[;chunk-signature=HEX64] CRLF  that many bytes CRLF
 *     ...
 *     0[;chunk-signature=HEX64] CRLF  [name:value CRLF]... [x-amz-trailer-signature:HEX64 CRLF]  CRLF
 *
 * Each signature takes in the one before, the first that of the request's head, so none can be left out, repeated or
 * moved. Bytes are handed on as they come: what was handed on counts only when the stream ends without an error.
 * An empty line ends the trailers, or the end of the body does, and whatever comes behind it is nobody's. Some senders have
 * a line feed before the CR LF of a trailer (minio-go): it is space around its value.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, sigv4-streaming-trailers.html
 */
import { createHash } from 'node:crypto';
import { type S3Fields, s3Error } from '../s3-error.ts';
import { type ByteReader, byteReader } from './byte-reader.ts';
import { chunkLineBytesMax, signedChunkBytesMin, trailerLinesMax } from './limits.ts';
import { mismatchFields } from './mismatch.ts';
import { sameText, signText } from './signature-v4.ts';

/** What signs a chunk beside its bytes. */
export interface ChunkSeal {
  readonly key: Uint8Array;
  readonly time: string;
  readonly scope: string;
  /** Of the request's head. */
  readonly signature: string;
  /** To whoever signed them otherwise: about the head. */
  readonly told: S3Fields;
}

export interface ChunkedOptions {
  /** X-Amz-Decoded-Content-Length. */
  readonly bytes: number;
  /** Absent: chunks are not signed. */
  readonly seal?: ChunkSeal;
  /** Trailers that may follow the last chunk; a sealed one's are signed. Absent: the form of the body has none. */
  readonly announced?: readonly string[];
  /** Told each, checked already, before the stream ends. */
  onTrailer(name: string, value: string): void;
}

const sha256Empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const trailerSignature = 'x-amz-trailer-signature';

/** What is no chunk is to S3 the end of the body before its time. */
const incomplete = (): never => {
  throw s3Error('IncompleteBody', 'The request body terminated unexpectedly');
};
const otherLength = (expected: number, provided: number): never => {
  throw s3Error('IncompleteBody', undefined, {
    fields: { NumberBytesExpected: String(expected), NumberBytesProvided: String(provided) },
  });
};
const badTrailer = (): never => {
  throw s3Error('MalformedTrailerError');
};

const parseChunkHead = (line: string): { readonly size: number; readonly signature: string | undefined } => {
  const [, size = '', signature] =
    /^([\da-f]{1,12})[ \t]*(?:;[ \t]*chunk-signature[ \t]*=[ \t]*([^;\s]+)[ \t]*)?$/i.exec(line) ?? [];
  if (size === '') incomplete();
  return { size: Number.parseInt(size, 16), signature };
};

/** Checks signatures in the order in which they chain. */
const sealChain = ({ key, time, scope, signature: seed, told }: ChunkSeal) => {
  let last = seed;
  const check = (lines: readonly string[], signature: string = incomplete()): void => {
    const toSign = [lines[0], time, scope, last, ...lines.slice(1)].join('\n');
    const expected = signText(key, toSign);
    if (!sameText(expected, signature))
      throw s3Error('SignatureDoesNotMatch', undefined, {
        fields: { ...mismatchFields({ toSign, signature }), ...told },
      });
    last = expected;
  };
  return {
    chunk: (hash: string, signature: string | undefined): void =>
      check(['AWS4-HMAC-SHA256-PAYLOAD', sha256Empty, hash], signature),
    trailers: (hash: string, signature: string | undefined): void =>
      check(['AWS4-HMAC-SHA256-TRAILER', hash], signature),
  };
};

/** Of a name that comes twice the last counts. */
const readTrailers = async (reader: ByteReader): Promise<ReadonlyMap<string, string>> => {
  const trailers = new Map<string, string>();
  for (let lines = 0; ; lines++) {
    const line = await reader.line(chunkLineBytesMax, incomplete);
    if (line === undefined || line === '') return trailers;
    if (lines >= trailerLinesMax) badTrailer();
    const at = line.indexOf(':');
    const name = line.slice(0, Math.max(0, at)).trim().toLowerCase();
    if (name === '') badTrailer();
    trailers.set(name, line.slice(at + 1).trim());
  }
};

const hashOfTrailers = (trailers: ReadonlyMap<string, string>): string => {
  const hash = createHash('sha256');
  for (const [name, value] of [...trailers].sort(([a], [b]) => (a < b ? -1 : 1)))
    if (name !== trailerSignature) hash.update(`${name}:${value}\n`, 'latin1');
  return hash.digest('hex');
};

/** The bytes inside. Throws InvalidChunkSizeError, IncompleteBody, SignatureDoesNotMatch, MalformedTrailerError. */
export async function* decodeChunked(
  source: AsyncIterable<Uint8Array>,
  { bytes, seal, announced, onTrailer }: ChunkedOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = byteReader(source);
  const chain = seal && sealChain(seal);
  let left = bytes;
  try {
    let before = { bytes: signedChunkBytesMin, count: 0 };
    for (;;) {
      const head = await reader.line(chunkLineBytesMax, incomplete);
      const { size, signature } = parseChunkHead(head ?? incomplete());
      if (size > left) otherLength(bytes, bytes - left + size);
      // Else a signature could be asked for every byte. S3's own bound.
      if (chain && before.bytes < signedChunkBytesMin && size > 0)
        throw s3Error('InvalidChunkSizeError', undefined, {
          fields: { Chunk: String(before.count + 1), BadChunkSize: String(before.bytes) },
        });
      before = { bytes: size, count: before.count + 1 };
      const hash = chain && createHash('sha256');
      for (let rest = size; rest > 0; ) {
        const piece = (await reader.some(rest)) ?? incomplete();
        hash?.update(piece);
        rest -= piece.length;
        yield piece;
      }
      left -= size;
      if (hash) chain.chunk(hash.digest('hex'), signature);
      if (size === 0) break;
      const end = await reader.line(0, incomplete);
      if (end === undefined) incomplete();
    }
    if (left !== 0) chain ? incomplete() : otherLength(bytes, bytes - left);
    const trailers = await readTrailers(reader);
    // A form that signs its trailers has some.
    if (chain && announced?.length === 0) incomplete();
    if ([...trailers.keys()].some((name) => name !== trailerSignature && !announced?.includes(name)))
      badTrailer();
    if (chain && announced) chain.trailers(hashOfTrailers(trailers), trailers.get(trailerSignature));
    for (const [name, value] of trailers) if (name !== trailerSignature) onTrailer(name, value);
  } finally {
    await reader.close();
  }
}
