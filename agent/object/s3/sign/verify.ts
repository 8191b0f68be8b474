/** Does the claim hold? Its time tells nothing of a key; whatever does comes after the signature. */
import { matchesPath } from '../../../http/access-rule.ts';
import type { Principal } from '../../../http/port.ts';
import { s3Error } from '../s3-error.ts';
import type { ChunkSeal } from './aws-chunked.ts';
import type { Claim, ClaimV2, ClaimV4 } from './claim.ts';
import { clockSkewMs } from './limits.ts';
import { headFields, mismatchFields } from './mismatch.ts';
import type { RawAsk } from './raw-ask.ts';
import { signV2, stringsToSignV2 } from './signature-v2.ts';
import { canonicalRequests, sameText, scopeOf, signingKey, signText, stringToSign } from './signature-v4.ts';

const mismatch = (claim: Claim, toSign: string, canonical?: string): never => {
  throw s3Error('SignatureDoesNotMatch', undefined, {
    fields: {
      ...mismatchFields({ toSign, signature: claim.signature }),
      ...headFields(claim.access, canonical),
    },
  });
};

/** What a proxy or a thief adds to a signed request must not count. */
const checkAllSigned = (ask: RawAsk, { signedHeaders }: ClaimV4): void => {
  const unsigned = [...ask.headers.keys()].filter(
    (name) => name.startsWith('x-amz-') && name !== 'x-amz-content-sha256' && !signedHeaders.includes(name),
  );
  if (unsigned.length > 0)
    throw s3Error('AccessDenied', 'There were headers present in the request which were not signed', {
      fields: { HeadersNotSigned: unsigned.join(', ') },
    });
};

/** Throws RequestTimeTooSkewed; AccessDenied for an address that is not good yet, or no longer. */
export const checkTime = (claim: Claim, nowMs: number): void => {
  const time = (atMs: number): string => new Date(atMs).toISOString();
  const expired = (endMs: number): never => {
    throw s3Error('AccessDenied', 'Request has expired', {
      fields: { Expires: time(endMs), ServerTime: time(nowMs) },
    });
  };
  if (claim.place === 'header') {
    if (Math.abs(nowMs - claim.atMs) > clockSkewMs)
      throw s3Error('RequestTimeTooSkewed', undefined, {
        fields: {
          RequestTime: time(claim.atMs),
          ServerTime: time(nowMs),
          MaxAllowedSkewMilliseconds: String(clockSkewMs),
        },
      });
  } else if (claim.version === 2) {
    if (nowMs >= claim.atMs) expired(claim.atMs);
  } else {
    if (claim.atMs - nowMs > clockSkewMs) throw s3Error('AccessDenied', 'Request is not valid yet');
    const endMs = claim.atMs + (claim.expiresSeconds ?? 0) * 1000;
    if (nowMs >= endMs) expired(endMs);
  }
};

/** Throws SignatureDoesNotMatch. `bucket`: that of the host. */
export const checkV2 = (ask: RawAsk, claim: ClaimV2, secret: string, bucket: string): undefined => {
  const candidates = stringsToSignV2(ask, claim, bucket);
  const [toSign = ''] = candidates;
  if (!candidates.some((one) => sameText(signV2(secret, one), claim.signature))) mismatch(claim, toSign);
};

/** What chunks are signed with hereafter. Throws SignatureDoesNotMatch; AccessDenied where `x-amz-*` is not signed. */
export const checkV4 = (ask: RawAsk, claim: ClaimV4, secret: string, contentSha256: string): ChunkSeal => {
  const key = signingKey(secret, claim);
  const candidates = canonicalRequests(ask, claim, contentSha256);
  const holds = candidates.some((one) => sameText(signText(key, stringToSign(claim, one)), claim.signature));
  const [canonical = ''] = candidates;
  if (!holds) mismatch(claim, stringToSign(claim, canonical), canonical);
  checkAllSigned(ask, claim);
  return {
    ...{ key, time: claim.time, scope: scopeOf(claim), signature: claim.signature },
    told: headFields(claim.access, canonical),
  };
};

/** A key that was limited to some calls is good for those of `object-store`, by their S3 path. */
export const checkRules = ({ accessRules }: Principal, { method, path }: RawAsk): void => {
  if (!accessRules) return;
  const isAllowed = accessRules.some(
    (rule) =>
      ['s3', 'object-store'].includes(rule.service) && rule.method === method && matchesPath(rule.path, path),
  );
  if (!isAllowed) throw s3Error('AccessDenied', 'None of the access rules of this key allows the call');
};
