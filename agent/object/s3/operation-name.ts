/** What a server access log calls a request: `REST.GET.OBJECT`. Amazon's names. Pure. */
import type { Address } from './address.ts';

/** By the name in the query. */
const ofBucket: Readonly<Record<string, string>> = {
  '': 'BUCKET',
  'list-type': 'BUCKET',
  delete: 'MULTI_OBJECT_DELETE',
  logging: 'LOGGING_STATUS',
  'object-lock': 'OBJECT_LOCK_CONFIGURATION',
  ownershipControls: 'OWNERSHIP_CONTROLS',
  policy: 'BUCKETPOLICY',
  policyStatus: 'POLICY_STATUS',
  publicAccessBlock: 'PUBLIC_ACCESS_BLOCK',
  requestPayment: 'REQUEST_PAYMENT',
  versions: 'BUCKETVERSIONS',
};

const ofObject: Readonly<Record<string, string>> = {
  '': 'OBJECT',
  partNumber: 'OBJECT',
  attributes: 'OBJECT_ATTRIBUTES',
  tagging: 'OBJECT_TAGGING',
  uploadId: 'UPLOAD',
};

const named = (names: Readonly<Record<string, string>>, subresource: string): string =>
  names[subresource] ?? subresource.toUpperCase().replaceAll('-', '_');

/** @param subresource that makes another call of it, '' where there is none */
export const operationName = (
  method: string,
  { key }: Pick<Address, 'key'>,
  subresource: string,
  isCopy: boolean,
): string => {
  if (method === 'OPTIONS') return 'REST.OPTIONS.PREFLIGHT';
  // A form's key stands in its body.
  if (method === 'POST' && subresource === '') return 'REST.POST.OBJECT';
  if (method === 'PUT' && key !== '' && (subresource === 'uploadId' || (subresource === '' && isCopy)))
    return `REST.${isCopy ? 'COPY' : 'PUT'}.${subresource === '' ? 'OBJECT' : 'PART'}`;
  return `REST.${method}.${named(key === '' ? ofBucket : ofObject, subresource)}`;
};
