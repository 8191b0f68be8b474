/**
 * Who signed a form: an owner signs a policy, in base64, and puts it into a page; whoever fills in the page's form may
 * do what the policy says, until it expires.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html
 */
import type { Principal } from '../../../http/port.ts';
import { s3Error } from '../s3-error.ts';
import type { SignInParts } from '../sign-in.ts';
import { signV2 } from './signature-v2.ts';
import { sameText, signingKey, signText } from './signature-v4.ts';

/** By lower-case name. */
export type FormFields = ReadonlyMap<string, string>;

/** Undefined: nobody signed it. Throws AccessDenied, InvalidArgument, InvalidAccessKeyId, SignatureDoesNotMatch. */
export type SignForm = (fields: FormFields) => Promise<Principal | undefined>;

interface FormClaim {
  readonly access: string;
  readonly signature: string;
  sign(secret: string, policy: string): string;
}

const wanted = (fields: FormFields, name: string): string => {
  const value = fields.get(name);
  if (!value)
    throw s3Error('InvalidArgument', `Bucket POST must contain a field named '${name}'.`, {
      fields: { ArgumentName: name, ArgumentValue: '' },
    });
  return value;
};

const claimOf = (fields: FormFields): FormClaim => {
  if (fields.has('awsaccesskeyid'))
    return { access: wanted(fields, 'awsaccesskeyid'), signature: wanted(fields, 'signature'), sign: signV2 };
  if (wanted(fields, 'x-amz-algorithm') !== 'AWS4-HMAC-SHA256')
    throw s3Error('InvalidArgument', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"');
  const scope = wanted(fields, 'x-amz-credential').split('/');
  const [day = '', region = '', service, end] = scope.splice(-4);
  if (service !== 's3' || end !== 'aws4_request' || scope.length === 0)
    throw s3Error(
      'InvalidArgument',
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/aws4_request"',
    );
  wanted(fields, 'x-amz-date');
  return {
    access: scope.join('/'),
    signature: wanted(fields, 'x-amz-signature'),
    sign: (secret, policy) => signText(signingKey(secret, { day, region }), policy),
  };
};

/** The key that it names, right or wrong. */
export const accessOfForm = (fields: FormFields): string | undefined =>
  fields.get('awsaccesskeyid') ?? fields.get('x-amz-credential')?.split('/')[0];

export const openSignForm =
  ({ secretOf }: Pick<SignInParts, 'secretOf'>): SignForm =>
  async (fields) => {
    const policy = fields.get('policy');
    if (policy === undefined) {
      if (['signature', 'x-amz-signature', 'awsaccesskeyid'].some((name) => fields.has(name)))
        wanted(fields, 'policy');
      return undefined;
    }
    const { access, signature, sign } = claimOf(fields);
    const found = await secretOf(access);
    if (!found) throw s3Error('InvalidAccessKeyId', undefined, { fields: { AWSAccessKeyId: access } });
    if (!sameText(sign(found.secret, policy), signature))
      throw s3Error('SignatureDoesNotMatch', undefined, {
        fields: { AWSAccessKeyId: access, StringToSign: policy, SignatureProvided: signature },
      });
    if (found.principal.accessRules) throw s3Error('AccessDenied', 'A key with access rules signs no forms');
    return found.principal;
  };
