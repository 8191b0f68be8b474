/** The headers of a request as a service reads them, and what those about its body say. */
import { s3Error } from '../s3-error.ts';
import { checksumOfHeader } from './checksum.ts';
import type { Claim } from './claim.ts';
import type { RawAsk } from './raw-ask.ts';
import { isHoisted } from './signature-v2.ts';

export type Headers = Readonly<Record<string, string>>;

/**
 * What came twice is joined with `, `. `x-amz-*` parameters of a signed address count as headers, as SDKs put them
 * there, but for checksums: an address is signed before its body is known, and SDKs put that of an empty one into it.
 * `aws-chunked`, which says how the body travels, is gone from content-encoding, as SDKs say it of other bodies too.
 */
export const joinedHeaders = (ask: RawAsk, claim: Claim | undefined): Headers => {
  const headers: Record<string, string> = {};
  if (claim?.place === 'query')
    for (const [name, value] of new URLSearchParams(ask.query)) {
      const lower = name.toLowerCase();
      if (lower === 'x-amz-sdk-checksum-algorithm' || checksumOfHeader(lower)) continue;
      if (claim.version === 4 ? lower.startsWith('x-amz-') : isHoisted(name)) headers[lower] = value;
    }
  for (const [name, values] of ask.headers) headers[name] = values.join(', ');
  const encodings = headers['content-encoding']?.split(',').map((encoding) => encoding.trim());
  if (encodings?.some((encoding) => encoding.toLowerCase() === 'aws-chunked')) {
    const others = encodings.filter((encoding) => encoding.toLowerCase() !== 'aws-chunked');
    if (others.length > 0) headers['content-encoding'] = others.join(', ');
    else delete headers['content-encoding'];
  }
  return headers;
};

/** Those that are about the body. A completion of parts tells the checksum of the object, and its body is a list. */
export const bodyHeaders = (
  { method, query }: Pick<RawAsk, 'method' | 'query'>,
  headers: Headers,
): Headers =>
  method === 'POST' && new URLSearchParams(query).has('uploadId')
    ? Object.fromEntries(Object.entries(headers).filter(([name]) => !name.includes('checksum')))
    : headers;

/** X-Amz-Content-Sha256. Throws InvalidRequest. */
export const contentHashOf = (claim: Claim | undefined, headers: Headers): string => {
  const given = headers['x-amz-content-sha256'];
  if (given === undefined && claim?.version === 4 && claim.place === 'header')
    throw s3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  return given ?? 'UNSIGNED-PAYLOAD';
};

/** Content-MD5 as lower-case hex. Throws InvalidDigest. */
export const md5Of = (headers: Headers): string | undefined => {
  const header = headers['content-md5'];
  if (header === undefined) return undefined;
  const bytes = Buffer.from(header, 'base64');
  if (bytes.length !== 16 || bytes.toString('base64') !== header.trim()) throw s3Error('InvalidDigest');
  return bytes.toString('hex');
};
