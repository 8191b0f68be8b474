/**
 * Who calls, and a body that is what its sender signed:
 *
 *     raw request --> claim --> time --> key's secret --> signature --> caller, body
 *
 * Nothing of the request is read before its signature holds, and no byte of its body before somebody asks for one.
 * Keys are asked for on every request (identity keeps them for seconds and drops them by gossip), so one that was
 * deleted, or whose user or project was disabled, opens no door any more.
 */

import type { Principal } from '../../http/port.ts';
import type { Clock } from '../../runtime/ports.ts';
import { s3Error } from './s3-error.ts';
import { parseClaim } from './sign/claim.ts';
import type { GivenChecksum } from './sign/given-checksum.ts';
import { bodyHeaders, contentHashOf, type Headers, joinedHeaders, md5Of } from './sign/headers.ts';
import { checkForm, openPayload, openPlainPayload, unsignedPayload } from './sign/payload.ts';
import { rawAsk } from './sign/raw-ask.ts';
import { checkRules, checkTime, checkV2, checkV4 } from './sign/verify.ts';

export interface SignInParts {
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Identity's `ec2Secret`. */
  secretOf(access: string): Promise<{ readonly secret: string; readonly principal: Principal } | undefined>;
}

/** As `IncomingMessage` has it. */
export interface Incoming {
  readonly method: string;
  /** Undecoded, with its query. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** Read once, by whoever reads `body`. */
  readonly stream: AsyncIterable<Uint8Array>;
  /** The bucket that the host names, '' in path style. Only signatures of version 2 depend on it. */
  readonly hostBucket: string;
}

export interface SignedIn {
  /** Undefined: anonymous. */
  readonly principal: Principal | undefined;
  /** The access key. */
  readonly access: string | undefined;
  /** That the caller signed for, e.g. `us-east-1`; any is taken. */
  readonly region: string | undefined;
  /** Lower-case names; `sign/headers.ts` says how they are joined. To be used in place of those that came. */
  readonly headers: Headers;
  /**
   * Decoded. Throws in place of its end when it is not what was signed, or not as long, or its checksum is not that
   * of header or trailer: SignatureDoesNotMatch, XAmzContentSHA256Mismatch, BadDigest, IncompleteBody. Content-MD5 is
   * left to whoever reads it, as a store computes the MD5 anyway; `wholeBody` checks it.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** Of the decoded body; undefined: the sender does not say, as where there is none. */
  readonly bytes: number | undefined;
  /** Content-MD5, lower-case hex. */
  readonly md5: string | undefined;
  /** The x-amz-checksum-* that came and was checked: stored with the object. A trailer's value is '' before the end of the body. */
  readonly checksum: GivenChecksum | undefined;
}

export type SignIn = (incoming: Incoming) => Promise<SignedIn>;

/**
 * Throws AccessDenied, InvalidAccessKeyId, SignatureDoesNotMatch, RequestTimeTooSkewed, AuthorizationHeaderMalformed,
 * AuthorizationQueryParametersError, InvalidArgument, InvalidRequest, InvalidDigest, MissingContentLength, and what
 * `secretOf` throws (QUORUM_MISSED).
 */
export const openSignIn =
  ({ clock, secretOf }: SignInParts): SignIn =>
  async ({ method, url, rawHeaders, stream, hostBucket }) => {
    const ask = rawAsk(method, url, rawHeaders);
    const claim = parseClaim(ask);
    const headers = joinedHeaders(ask, claim);
    const contentSha256 = contentHashOf(claim, headers);
    // Elsewhere it is a hash, whatever it says.
    if (claim?.version === 4 && claim.place === 'header') checkForm(contentSha256);
    const facts = { headers, md5: md5Of(headers) };
    // Of a body that nobody reads S3 does not look at the hash, though it is signed.
    const isRead = method === 'GET' || method === 'HEAD';
    const bodyHash = isRead ? unsignedPayload : contentSha256;
    if (!claim)
      return {
        ...facts,
        principal: undefined,
        access: undefined,
        region: undefined,
        ...openPayload(stream, bodyHeaders(ask, headers), bodyHash, undefined),
      };
    const { access } = claim;
    checkTime(claim, clock.wallMs());
    const found = await secretOf(access);
    if (!found) throw s3Error('InvalidAccessKeyId', undefined, { fields: { AWSAccessKeyId: access } });
    const seal =
      claim.version === 4
        ? checkV4(ask, claim, found.secret, contentSha256)
        : checkV2(ask, claim, found.secret, hostBucket);
    // There is nobody here who gives out temporary keys.
    if (headers['x-amz-security-token'] !== undefined) throw s3Error('InvalidSecurity');
    checkRules(found.principal, ask);
    const said = bodyHeaders(ask, headers);
    return {
      ...facts,
      principal: found.principal,
      access,
      region: claim.version === 4 ? claim.region : undefined,
      ...(claim.place === 'header' && seal
        ? openPayload(stream, said, bodyHash, seal)
        : openPlainPayload(stream, said, bodyHash)),
    };
  };
