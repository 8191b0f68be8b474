/** What is told to whoever signed otherwise, so that they see where: Amazon's elements. */
import type { S3Fields } from '../s3-error.ts';

const bytesOf = (text: string): string =>
  Buffer.from(text, 'latin1')
    .toString('hex')
    .replaceAll(/..(?!$)/g, '$& ');

export const mismatchFields = ({
  toSign,
  signature,
}: {
  readonly toSign: string;
  readonly signature: string;
}): S3Fields => ({
  StringToSign: toSign,
  SignatureProvided: signature,
  StringToSignBytes: bytesOf(toSign),
});

/** Of the head of the request. Signatures of version 2 have no canonical one. */
export const headFields = (access: string, canonical: string | undefined): S3Fields => ({
  AWSAccessKeyId: access,
  ...(canonical === undefined
    ? {}
    : { CanonicalRequest: canonical, CanonicalRequestBytes: bytesOf(canonical) }),
});
