/** What the tests of signatures share: AWS's example key, a body in pieces, and the code of a refusal. */
import type { ExecutionContext } from 'ava';
import { s3CodeOf } from '../../../agent/object/s3/s3-error.ts';
import { type Incoming, openSignIn } from '../../../agent/object/s3/sign-in.ts';
import { asShoalError } from '../../../proto/error.ts';
import { fakePrincipal } from '../../fake/http.ts';

export const access = 'AKIAIOSFODNN7EXAMPLE';
export const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
export const principal = fakePrincipal('member:p1');

/** As many bytes at a time as asked, so that every cut is tried. */
export async function* pieces(body: Uint8Array | string, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

export interface Sample {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  readonly hostBucket?: string;
  readonly pieceBytes?: number;
}

const hasLength = (headers: Sample['headers']): boolean =>
  Object.keys(headers).some((name) => /^(content-length|transfer-encoding)$/i.test(name));

export const incoming = ({ method, url, headers, body, hostBucket = '', pieceBytes }: Sample): Incoming => ({
  method,
  url,
  rawHeaders: Object.entries({
    ...(body === undefined || hasLength(headers)
      ? {}
      : { 'content-length': String(Buffer.byteLength(body)) }),
    ...headers,
  }).flat(),
  stream: pieces(body ?? '', pieceBytes),
  hostBucket,
});

export const signInAt = (time: string) =>
  openSignIn({
    clock: { wallMs: () => Date.parse(time) },
    secretOf: async (key) => (key === access ? { secret, principal } : undefined),
  });

export const read = async (body: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
};

/** S3's code of what `work` throws; '' when it does not. */
export const refusal = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return '';
  } catch (thrown) {
    return s3CodeOf(asShoalError(thrown));
  }
};

export const isRefused = async (
  t: ExecutionContext,
  code: string,
  work: () => Promise<unknown>,
  why?: string,
): Promise<void> => {
  t.is(await refusal(work), code, why);
};
